"""What the street looks at again, over the API: records that may have been made up rather than collected."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from gateway.centre import oversight
from gateway.centre.api.access import Access, Problems, within
from gateway.centre.api.register import Community
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database


class PhoneView(BaseModel):
    """One phone number of so many people who live here. Neither it nor they are said."""

    people: int


class HasteView(BaseModel):
    """More than ten records of one collector within ten minutes: how many, from when to when."""

    collector: str
    records: int
    since: datetime
    until: datetime


class UnvisitedView(BaseModel):
    """A case that was collected although nobody of the dwelling had been met."""

    case: int
    collector: str
    at: datetime


class DoubtsView(BaseModel):
    """None of it proves anything: it says where to look. `unvisited` holds the newest 50 of `unvisited_count`."""

    phones: list[PhoneView]
    haste: list[HasteView]
    unvisited: list[UnvisitedView]
    unvisited_count: int


def make_doubts(database: Database, master: Master, access: Access, now: Callable[[], int]) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1/communities/{community}", route_class=Problems, tags=["work"])

    @router.get("/doubts")
    def found(community: Community, client: Annotated[ApiClient, Depends(access.allow("street"))]) -> DoubtsView:
        """One phone for five people or more, more than ten records in ten minutes, and what was collected unvisited."""
        within(client, community)
        with database.read() as connection:
            hints = oversight.hints(connection, master, [community], now())
        return DoubtsView(
            phones=[PhoneView(people=len(one.people)) for one in hints.phones],
            haste=[
                HasteView(collector=one.who, records=one.records, since=one.since, until=one.until)
                for one in hints.quick
            ],
            unvisited=[UnvisitedView(case=one.case, collector=one.who, at=one.at) for one in hints.unvisited],
            unvisited_count=hints.unvisited_of.get(community, 0),
        )

    return router
