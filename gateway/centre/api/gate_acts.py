"""What guards did at the gates, over the API: hold-open periods, visitors, cards reported lost, new residents."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from gateway.centre.api.access import Access, Problems, within
from gateway.centre.api.leases import Number
from gateway.centre.api.register import Community
from gateway.centre.audit import Who
from gateway.centre.gate_acts import settle, whose
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import gate_acts

Kind = Literal["hold_open", "hold_end", "visitor", "lost_card", "handover", "new_resident"]


class ActView(BaseModel):
    """An act of a guard. `said` is the dwelling as it was written; the parts are those of the dwelling that it is."""

    id: int
    kind: Kind
    at: datetime
    portal: str
    until: datetime | None
    said: str | None
    building: str | None
    unit: str | None
    room: str | None
    state: Literal["noted", "open", "done"]
    outcome: str


class Settled(BaseModel):
    """What the property made of it: the card is marked lost, the person enrolled, or there was nothing to do."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["marked_lost", "enrolled", "nothing"]


def make_gate_acts(
    database: Database, master: Master, access: Access, now: Callable[[], int], changed: Callable[[], None]
) -> APIRouter:
    """The router. `changed` is called after commits."""
    router = APIRouter(prefix="/api/v1/communities/{community}", route_class=Problems, tags=["gate acts"])
    property_ = access.allow("property")

    @router.get("/gate-acts")
    def acts(
        community: Community,
        client: Annotated[ApiClient, Depends(property_)],
        state: Annotated[Literal["", "noted", "open", "done"], Query()] = "",
        kind: Annotated[Kind | Literal[""], Query()] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    ) -> list[ActView]:
        """Acts, newest first. Whose card was reported lost is asked for one at a time, and noted."""
        within(client, community)
        with database.read() as connection:
            rows = gate_acts.listed(connection, community, state=state, kind=kind, limit=limit, before=before)
        return [ActView.model_validate(_plain(row)) for row in rows]

    @router.post("/gate-acts/{number}/name")
    def named(community: Community, number: Number, client: Annotated[ApiClient, Depends(property_)]) -> dict[str, str]:
        """The name that the guard wrote for a lost card; that it was read is noted."""
        within(client, community)
        with database.write() as connection:
            return {"name": whose(connection, master, Who(client.name, client.role, now()), community, number)}

    @router.post("/gate-acts/{number}/done", status_code=204)
    def done(
        community: Community, number: Number, body: Settled, client: Annotated[ApiClient, Depends(property_)]
    ) -> None:
        """Note that an open act was dealt with."""
        within(client, community)
        with database.write() as connection:
            settle(connection, Who(client.name, client.role, now()), community, number, body.outcome)
        changed()

    return router


def _plain(row: Any) -> dict[str, Any]:
    return dict(row._asdict()) | {"at": _instant(row.at), "until": _instant(row.until)}


def _instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
