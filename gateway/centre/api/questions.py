"""What the rules ask the property about people, over the API: 租期到期, service staff whose confirmation has ended."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from gateway.centre.api.access import Access, Problems, within
from gateway.centre.api.register import Community
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import questions


class QuestionView(BaseModel):
    """A question about somebody of a dwelling. It is answered by what the register says next, and stops no card."""

    id: int
    question: str
    person: int
    since: date
    building: str | None
    unit: str | None
    room: str | None
    lease: int | None
    """Of `lease_ended`: the lease of which it is to be said what comes next."""


def make_questions(database: Database, access: Access) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1/communities/{community}", route_class=Problems, tags=["questions"])

    @router.get("/questions")
    def listed(
        community: Community,
        client: Annotated[ApiClient, Depends(access.allow("property"))],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    ) -> list[QuestionView]:
        """What is asked in a community, newest first; `before` is the id to go on below."""
        within(client, community)
        with database.read() as connection:
            rows = questions.open_ones(connection, community, limit, before)
        return [
            QuestionView(
                id=row.id,
                question=row.question,
                person=row.person,
                since=row.since,
                building=row.building,
                unit=row.unit,
                room=row.room,
                lease=row.lease,
            )
            for row in rows
        ]

    return router
