"""Declarations and requests over the API, for whoever decides them: read with a note, confirm, reject, answer."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.centre.api.access import Access, Problems, by_of, within
from gateway.centre.api.register import Community
from gateway.centre.api.residents import PersonId, known_here
from gateway.centre.declarations import Declarations
from gateway.centre.own_data import OwnData
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import declared

Number = Annotated[int, Path(ge=1, le=2**53)]


class WaitingView(BaseModel):
    """A declaration that waits, without whom it is about."""

    id: int
    by: str
    move: str
    building: str
    unit: str
    room: str
    day: date
    official: str | None
    created: datetime


class DeclarationView(WaitingView):
    """A declaration with whom it is about: reading it is noted."""

    kind: str
    number: str
    name: str
    phone: str
    declarer: str
    declarer_phone: str
    until: date | None


class RejectBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    why: Annotated[str, Field(min_length=1, max_length=200)]


class CodeBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    code: Annotated[str, Field(pattern=r"^[0-9]{8}$")]
    """What stands on the page of whoever is there."""


class AnswerBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    done: bool
    why: Annotated[str, Field(max_length=200)] = ""


class RequestView(BaseModel):
    id: int
    person: int
    kind: str
    text: str
    created: datetime
    due: date


def make_decided(
    database: Database,
    access: Access,
    now: Callable[[], int],
    declarations: Declarations,
    own_data: OwnData,
    changed: Callable[[], None],
) -> APIRouter:
    """The router. `changed` is called after commits that changed the register."""
    router = APIRouter(prefix="/api/v1/communities/{community}", route_class=Problems, tags=["declarations"])
    reviewer = access.allow("reviewer")

    @router.get("/declarations")
    def waiting(
        community: Community,
        client: Annotated[ApiClient, Depends(reviewer)],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[WaitingView]:
        """Declarations that wait, oldest first."""
        within(client, community)
        with database.read() as connection:
            rows = declared.waiting(connection, community, limit)
        return [WaitingView.model_validate(_plain(row)) for row in rows]

    @router.get("/declarations/{number}")
    def read(community: Community, number: Number, client: Annotated[ApiClient, Depends(reviewer)]) -> DeclarationView:
        """A declaration with whom it is about."""
        within(client, community)
        with database.write() as connection:
            declared.declaration_here(connection, community, number)
            row, said = declarations.read(connection, by_of(client, now()), number)
        names = ("kind", "number", "name", "phone", "declarer", "declarer_phone")
        return DeclarationView.model_validate(_plain(row) | {name: getattr(said, name) for name in names})

    @router.post("/declarations/{number}/confirm")
    def confirm(
        community: Community, number: Number, client: Annotated[ApiClient, Depends(reviewer)]
    ) -> dict[str, int | None]:
        """Confirm it: the register has it, and `case`, if one follows, is collected."""
        within(client, community)
        with database.write() as connection:
            declared.declaration_here(connection, community, number)
            case = declarations.confirm(connection, by_of(client, now()), number)
        changed()
        return {"case": case}

    @router.post("/declarations/{number}/reject", status_code=204)
    def reject(
        community: Community, number: Number, body: RejectBody, client: Annotated[ApiClient, Depends(reviewer)]
    ) -> None:
        """Reject it with a reason; what it said of people is gone."""
        within(client, community)
        with database.write() as connection:
            declared.declaration_here(connection, community, number)
            declarations.reject(connection, by_of(client, now()), number, body.why)

    @router.post("/residents/{person}/code", status_code=204)
    def code(
        community: Community,
        person: PersonId,
        body: CodeBody,
        client: Annotated[ApiClient, Depends(access.allow("property", "reviewer"))],
    ) -> None:
        """Open the page with this code for somebody who has just presented their own card: it shows them their data."""
        within(client, community)
        with database.write() as connection:
            known_here(connection, community, person, client)
            own_data.open(connection, by_of(client, now()), community, person, body.code)

    @router.get("/requests")
    def requests(
        community: Community,
        client: Annotated[ApiClient, Depends(reviewer)],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[RequestView]:
        """What people ask about their own data, the most urgent first."""
        within(client, community)
        with database.read() as connection:
            rows = declared.requests(connection, community, limit)
        return [
            RequestView(
                id=row.id,
                person=row.person,
                kind=row.kind,
                text=own_data.asked(row),
                created=datetime.fromtimestamp(row.created / 1000, UTC),
                due=row.due,
            )
            for row in rows
        ]

    @router.post("/requests/{number}/answer", status_code=204)
    def answer(
        community: Community, number: Number, body: AnswerBody, client: Annotated[ApiClient, Depends(reviewer)]
    ) -> None:
        """Answer a request: done, or refused with the reason."""
        within(client, community)
        with database.write() as connection:
            own_data.decide(connection, by_of(client, now()), community, number, done=body.done, why=body.why)

    return router


def _plain(row: Any) -> dict[str, Any]:
    said = dict(row._asdict())
    return said | {"created": datetime.fromtimestamp(row.created / 1000, UTC)}
