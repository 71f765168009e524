"""实地抽查 over the API: draw dwellings by a seed, enter what was found, see both."""

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.centre import field_audits
from gateway.centre.api.access import Access, Problems, by_of, within
from gateway.centre.api.register import Community
from gateway.centre.field_audits import Found
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import audits

Number = Annotated[int, Path(ge=1, le=2**53)]
_People = Annotated[int, Field(ge=0, le=field_audits.MOST_PEOPLE)]


class DrawBody(BaseModel):
    """How many dwellings; the seed may be drawn in front of others and be given here."""

    model_config = ConfigDict(extra="forbid")
    size: Annotated[int, Field(ge=1, le=2000)]
    seed: Annotated[str, Field(max_length=64)] = ""


class FindingBody(BaseModel):
    """What was found at a dwelling; `refused` where nobody was there or let anybody in."""

    model_config = ConfigDict(extra="forbid")
    refused: bool = False
    present: _People = 0
    registered: _People = 0
    records: _People = 0
    right: _People = 0
    moved_out: _People = 0


class AuditView(BaseModel):
    id: int
    seed: str
    population: int
    drawn_on: date
    drawn_by: str


class DwellingView(BaseModel):
    """A drawn dwelling and what was found there; `found_on` None where nobody was yet."""

    dwelling: int
    building: str
    unit: str
    room: str
    found_on: date | None
    refused: bool | None
    present: int | None
    registered: int | None
    records: int | None
    right: int | None
    moved_out: int | None


def make_audits(database: Database, access: Access, now: Callable[[], int], changed: Callable[[], None]) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1/communities/{community}/field-audits", route_class=Problems, tags=["indicators"])
    street = access.allow("street")

    @router.post("", status_code=201)
    def draw(community: Community, body: DrawBody, client: Annotated[ApiClient, Depends(street)]) -> dict[str, int]:
        """Draw dwellings: the same dwellings, size and seed draw the same ones."""
        within(client, community)
        with database.write() as connection:
            number = field_audits.draw(connection, by_of(client, now()), community, body.size, body.seed)
        changed()
        return {"id": number}

    @router.get("")
    def listed(
        community: Community,
        client: Annotated[ApiClient, Depends(access.allow("street", "reviewer"))],
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> list[AuditView]:
        """The audits of a community, newest first, with their seeds."""
        within(client, community)
        with database.read() as connection:
            rows = audits.of(connection, community, limit)
        return [AuditView.model_validate(row, from_attributes=True) for row in rows]

    @router.get("/{number}")
    def findings(
        community: Community, number: Number, client: Annotated[ApiClient, Depends(street)]
    ) -> list[DwellingView]:
        """The drawn dwellings, and what was found."""
        within(client, community)
        with database.read() as connection:
            if audits.audit(connection, community, number) is None:
                raise LookupError("there is no such audit")
            rows = audits.findings(connection, number)
        return [DwellingView.model_validate(row, from_attributes=True) for row in rows]

    @router.put("/{number}/dwellings/{dwelling}", status_code=204)
    def enter(
        community: Community,
        number: Number,
        dwelling: Annotated[int, Path(ge=1, le=2**53)],
        body: FindingBody,
        client: Annotated[ApiClient, Depends(street)],
    ) -> None:
        """Enter what was found at a drawn dwelling."""
        within(client, community)
        found = Found(body.present, body.registered, body.records, body.right, body.moved_out)
        with database.write() as connection:
            said = None if body.refused else found
            field_audits.enter(connection, by_of(client, now()), community, number, dwelling, said)
        changed()

    return router
