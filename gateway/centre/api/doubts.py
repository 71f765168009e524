"""What the street looks at again, over the API: records that may have been made up rather than collected."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from gateway.centre.api.access import Access, Problems, within
from gateway.centre.api.register import Community
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import doubts
from rules.identity import mask_phone

_DAY_MS = 86_400_000
_MOST = 100


class PhoneView(BaseModel):
    """One phone number, masked, of so many people who live here."""

    phone: str
    people: int


class HasteView(BaseModel):
    """A collector of more than ten records within ten minutes: how many came within that time of the tenth before."""

    collector: str
    records: int
    last: datetime


class UnvisitedView(BaseModel):
    """A case that was collected although nobody had been at the dwelling."""

    case: int
    collector: str
    at: datetime


class DoubtsView(BaseModel):
    """None of it proves anything: it says where to look."""

    phones: list[PhoneView]
    haste: list[HasteView]
    unvisited: list[UnvisitedView]


def make_doubts(database: Database, master: Master, access: Access, now: Callable[[], int]) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1/communities/{community}", route_class=Problems, tags=["work"])

    @router.get("/doubts")
    def found(
        community: Community,
        client: Annotated[ApiClient, Depends(access.allow("street"))],
        days: Annotated[int, Query(ge=1, le=400)] = 31,
    ) -> DoubtsView:
        """One phone for five people or more, more than ten records in ten minutes, and what was collected unvisited."""
        within(client, community)
        since = now() - days * _DAY_MS
        with database.read() as connection:
            phones = doubts.phones(connection, community, _MOST)
            haste = doubts.in_haste(connection, community, since, _MOST)
            unvisited = doubts.without_visit(connection, community, since, _MOST)
        return DoubtsView(
            phones=[
                PhoneView(phone=mask_phone(master.show("persons.phone", row.phone)), people=row.people)
                for row in phones
            ],
            haste=[HasteView(collector=row.actor, records=row.times, last=_moment(row.last)) for row in haste],
            unvisited=[UnvisitedView(case=row.case, collector=row.actor, at=_moment(row.at)) for row in unvisited],
        )

    return router


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
