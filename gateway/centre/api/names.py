"""Other names of known numbers over the API: what waits for a reviewer, both names, and which of them holds."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict

from gateway.centre.api.access import Access, Problems, by_of, within
from gateway.centre.api.register import Community
from gateway.centre.persons import Persons
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import names
from rules.identity import mask_name

Number = Annotated[int, Path(ge=1, le=2**53)]


class OtherNameView(BaseModel):
    """A name that somebody said of a known number, and the one that is known; masked in lists."""

    id: int
    person: int
    known: str
    said: str
    said_at: datetime
    said_by: str


class NameBody(BaseModel):
    """Whether the other name is right; otherwise the known one stays."""

    model_config = ConfigDict(extra="forbid")
    take: bool


def make_names(
    database: Database, master: Master, access: Access, now: Callable[[], int], changed: Callable[[], None]
) -> APIRouter:
    """The router. `changed` is called after commits that changed the register."""
    router = APIRouter(prefix="/api/v1/communities/{community}/names", route_class=Problems, tags=["register"])
    persons = Persons(master)
    reviewer = access.allow("reviewer")

    def view(row: Any, known: str, said: str) -> OtherNameView:
        return OtherNameView(
            id=row.id,
            person=row.person,
            known=known,
            said=said,
            said_at=datetime.fromtimestamp(row.said / 1000, UTC),
            said_by=row.said_by,
        )

    @router.get("")
    def waiting(
        community: Community,
        client: Annotated[ApiClient, Depends(reviewer)],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    ) -> list[OtherNameView]:
        """Numbers that this community knows under another name, oldest first, masked."""
        within(client, community)
        with database.read() as connection:
            rows = names.waiting(connection, community, limit, after)
        return [view(row, *masked(master, row)) for row in rows]

    @router.get("/{number}")
    def one(community: Community, number: Number, client: Annotated[ApiClient, Depends(reviewer)]) -> OtherNameView:
        """Both names in full; that they were read is noted."""
        within(client, community)
        with database.write() as connection:
            return view(*persons.names(connection, by_of(client, now()), community, number))

    @router.post("/{number}", status_code=204)
    def decide(
        community: Community, number: Number, body: NameBody, client: Annotated[ApiClient, Depends(reviewer)]
    ) -> None:
        """Take the other name for the person, or leave theirs."""
        within(client, community)
        with database.write() as connection:
            persons.rename(connection, by_of(client, now()), community, number, take=body.take)
        changed()

    return router


def masked(master: Master, row: Any) -> tuple[str, str]:
    """The known and the other name of a row that waits, fit for a list."""
    return mask_name(master.show("persons.name", row.known)), mask_name(master.show("names.name", row.name))
