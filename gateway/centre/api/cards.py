"""Cards and enrolments over the API: issue, return, replace; end for one of four reasons; confirm service staff."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from gateway.centre.api.access import Access, Problems, by_of, within
from gateway.centre.api.register import Community
from gateway.centre.api.residents import PersonId, known_here
from gateway.centre.cards import Cards, Ending
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import cards as card_rows
from rules.identity import BadNumber, canonical
from rules.model import Credential, CredentialKind


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CardView(BaseModel):
    id: int
    kind: str
    lost: bool
    issued_on: date | None
    returned_on: date | None


class IssueBody(_Body):
    """A card to issue; the one that it replaces is returned with it, or was lost."""

    kind: Literal["card-uid", "wiegand-26", "wiegand-n", "em", "id-chip"]
    number: Annotated[str, Field(min_length=4, max_length=64)]
    replaces: Annotated[int | None, Field(ge=1, le=2**53)] = None


class EndBody(_Body):
    """One of the four reasons; there is no other. A second person says the same where the first is told to wait."""

    why: Ending
    document: Annotated[str, Field(max_length=64)] = ""


class StaffBody(_Body):
    until: date


def make_cards(
    database: Database, master: Master, access: Access, now: Callable[[], int], changed: Callable[[], None]
) -> APIRouter:
    """The router. `changed` is called after commits that changed the register."""
    router = APIRouter(prefix="/api/v1/communities/{community}", route_class=Problems, tags=["cards"])
    cards = Cards(master)
    desk = access.allow("property", "reviewer", "administrator")

    @router.get("/residents/{person}/cards")
    def cards_of(community: Community, person: PersonId, client: Annotated[ApiClient, Depends(desk)]) -> list[CardView]:
        """Somebody's cards that were not returned."""
        within(client, community)
        with database.read() as connection:
            known_here(connection, community, person, client)
            rows = card_rows.cards_of(connection, community, person)
        return [CardView.model_validate(row, from_attributes=True) for row in rows]

    @router.post("/residents/{person}/cards", status_code=201)
    def issue(
        community: Community,
        person: PersonId,
        body: IssueBody,
        client: Annotated[ApiClient, Depends(access.allow("property"))],
    ) -> dict[str, int]:
        """Issue a card (补卡 where it replaces one)."""
        within(client, community)
        kind = CredentialKind(body.kind)
        try:
            credential = Credential(kind, canonical(kind, body.number))
        except BadNumber as error:
            raise HTTPException(422, str(error)) from None
        with database.write() as connection:
            known_here(connection, community, person, client)
            card = cards.issue(connection, by_of(client, now()), community, person, credential, replaces=body.replaces)
        changed()
        return {"id": card}

    @router.post("/cards/{card}/return", status_code=204)
    def take_back(
        community: Community, card: PersonId, client: Annotated[ApiClient, Depends(access.allow("property"))]
    ) -> None:
        """Note that a card was returned (退卡)."""
        within(client, community)
        with database.write() as connection:
            row = card_rows.card(connection, community, card)
            known_here(connection, community, row.person if row is not None else 0, client)
            cards.take_back(connection, by_of(client, now()), community, card)
        changed()

    @router.post("/residents/{person}/end")
    def end(
        community: Community,
        person: PersonId,
        body: EndBody,
        client: Annotated[ApiClient, Depends(access.allow("property"))],
    ) -> dict[str, bool]:
        """End an enrolment for one of four reasons; `ended` is false where a second person has to say the same."""
        within(client, community)
        with database.write() as connection:
            known_here(connection, community, person, client)
            ended = cards.end(connection, by_of(client, now()), community, person, body.why, body.document)
        changed()
        return {"ended": ended}

    @router.post("/staff/{person}/confirm", status_code=204)
    def confirm(
        community: Community,
        person: PersonId,
        body: StaffBody,
        client: Annotated[ApiClient, Depends(access.allow("property"))],
    ) -> None:
        """A household confirms its service staff, for up to six months."""
        within(client, community)
        with database.write() as connection:
            known_here(connection, community, person, client)
            cards.confirm_staff(connection, by_of(client, now()), community, person, body.until)
        changed()

    return router
