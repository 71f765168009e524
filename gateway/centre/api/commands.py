"""Commands to stations over the API: open a portal, have a device show itself, have something read again."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field

from gateway.centre.api.access import Access, Problems, within
from gateway.centre.commands import Commands, Order, state_of
from gateway.communities import Name
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import fleet

StationPath = Annotated[Name, InPath()]
_GIVE = ("property", "administrator")
_SEE = ("property", "street", "administrator")


class CommandBody(BaseModel):
    """`target` is the portal to open, the device that is to show itself, or `roster` or `configuration` to reload."""

    model_config = ConfigDict(extra="forbid")
    act: Literal["open", "identify", "reload"]
    target: Annotated[str, Field(min_length=1, max_length=64)]


class CommandView(BaseModel):
    """A command, who gave it, and what became of it: sent, done, refused, not_sent or unanswered."""

    id: int
    station: str
    act: str
    target: str
    actor: str
    role: str
    issued: datetime
    state: str
    reason: str
    answered: datetime | None
    swipe: str | None
    """Epoch and seq of the swipe that stands for an opening."""


def make_commands(
    database: Database, commands: Commands, access: Access, changed: Callable[[], None], now: Callable[[], int]
) -> APIRouter:
    """The router. `changed` is called after a command was given; `now` is milliseconds, UTC."""
    router = APIRouter(prefix="/api/v1/stations", route_class=Problems, tags=["stations"])

    @router.post("/{station}/commands", status_code=202)
    def give(
        station: StationPath, body: CommandBody, client: Annotated[ApiClient, Depends(access.allow(*_GIVE))]
    ) -> CommandView:
        """Send a command; 409 when the station is not connected. What becomes of it is seen in the list."""
        order = Order(body.act, body.target, client.name, client.role)
        row = commands.give(station, order, lambda community: within(client, community))
        changed()
        return _view(row, now())

    @router.get("/{station}/commands")
    def given(
        station: StationPath,
        client: Annotated[ApiClient, Depends(access.allow(*_SEE))],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    ) -> list[CommandView]:
        """Commands to a station, newest first; `before` is the id to go on below."""
        with database.read() as connection:
            row = fleet.station(connection, station)
            if row is None:
                raise LookupError(station)
            within(client, row.community)
            rows = fleet.commands(connection, station, limit, before)
        at = now()
        return [_view(row, at) for row in rows]

    return router


def _view(row: Any, now: int) -> CommandView:
    return CommandView(
        id=row.id,
        station=row.station,
        act=row.act,
        target=row.target,
        actor=row.actor,
        role=row.role,
        issued=_moment(row.issued),
        state=state_of(row, now),
        reason=row.reason,
        answered=_moment(row.answered) if row.answered is not None else None,
        swipe=f"{row.epoch}/{row.seq}" if row.seq is not None else None,
    )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
