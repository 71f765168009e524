"""Visitors over the API: passes with their codes, and leaving."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.centre.api.access import Access, Problems, by_of, within
from gateway.centre.api.leases import Number, Room, dwelling_of
from gateway.centre.api.register import Community
from gateway.centre.visitors import Visit, Visitors
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import visiting


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


_Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2100, 1, 1, tzinfo=UTC))]


class VisitBody(_Body):
    """Whom somebody expects, or who stands at the gate. Name and phone may be left out."""

    since: _Moment
    until: _Moment
    host: Room | None = None
    kind: Literal["expected", "walk_in"] = "expected"
    name: Annotated[str, Field(max_length=120)] = ""
    phone: Annotated[str, Field(max_length=20, pattern=r"^[0-9+ -]*$")] = ""
    party: Annotated[int, Field(ge=1, le=50)] = 1


class PassView(BaseModel):
    """A pass without name and phone."""

    id: int
    kind: str
    building: str | None
    unit: str | None
    room: str | None
    party: int
    since: datetime
    until: datetime
    arrived: datetime | None
    left: datetime | None
    left_how: str | None


def make_visitors(
    database: Database, master: Master, access: Access, now: Callable[[], int], changed: Callable[[], None]
) -> APIRouter:
    """The router. `changed` is called after commits that changed the register."""
    router = APIRouter(prefix="/api/v1/communities/{community}", route_class=Problems, tags=["visitors"])
    visitors = Visitors(master)
    property_ = access.allow("property")

    @router.post("/visitors", status_code=201)
    def expect(
        community: Community, body: VisitBody, client: Annotated[ApiClient, Depends(property_)]
    ) -> dict[str, str | int]:
        """Enter a visitor; the answer has the code that opens the gate, once."""
        within(client, community)
        with database.write() as connection:
            host = None if body.host is None else dwelling_of(connection, community, body.host)
            visit = Visit(
                int(body.since.timestamp() * 1000),
                int(body.until.timestamp() * 1000),
                host,
                body.kind,
                body.name.strip(),
                body.phone.strip(),
                body.party,
            )
            number, code = visitors.expect(connection, by_of(client, now()), community, visit)
        changed()
        return {"id": number, "code": code}

    @router.get("/visitors")
    def passes(
        community: Community,
        client: Annotated[ApiClient, Depends(property_)],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    ) -> list[PassView]:
        """Passes, newest first."""
        within(client, community)
        with database.read() as connection:
            rows = visiting.expected(connection, community, limit, before)
        return [PassView.model_validate(_plain(row)) for row in rows]

    @router.post("/visitors/{number}/leave", status_code=204)
    def leave(community: Community, number: Number, client: Annotated[ApiClient, Depends(property_)]) -> None:
        """Note that a visitor has left."""
        within(client, community)
        with database.write() as connection:
            visitors.leave(connection, by_of(client, now()), community, number)
        changed()

    return router


def _plain(row: Any) -> dict[str, Any]:
    instants = {name: _instant(getattr(row, name)) for name in ("since", "until", "arrived", "left")}
    return dict(row._asdict()) | instants


def _instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
