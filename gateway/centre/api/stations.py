"""Stations over the API: how each is, what is missing of it, and a person's word that it will not come."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from gateway.centre import gaps
from gateway.centre.api.access import Access, Problems, within
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import streams
from gateway.web.centre_view import Hole, StationRow

StationId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class StationView(BaseModel):
    """A station as the centre knows it. `readers` and figures are unknown (null) while it is silent."""

    id: str
    community: str
    freshness: str
    heard: datetime | None
    readers: dict[str, str]
    spool_depth: int | None
    unrecorded: int | None
    roster_version: int | None
    roster_newest: int | None
    missing: int
    missing_since: datetime | None
    lost: int
    troubles: list[str]
    clock: str
    skew_seconds: float | None


class GapView(BaseModel):
    """A range that is missing or lost, or a trouble of the whole station; `accepted_by` null while it is open."""

    kind: Hole
    since: datetime
    epoch: str
    first: int
    last: int
    reason: str
    accepted_by: str | None
    accepted_at: datetime | None


class Acceptance(BaseModel):
    """All that is open of one kind is accepted, in the name of the client and of a person."""

    model_config = ConfigDict(extra="forbid")

    kind: Hole
    person: Annotated[str, Field(max_length=40)] = ""


def make_stations(
    database: Database,
    access: Access,
    rows: Callable[[], list[StationRow]],
    now: Callable[[], int],
    changed: Callable[[], None],
) -> APIRouter:
    """The router. `rows` is what the stations page shows; `changed` is called after a commit."""
    router = APIRouter(prefix="/api/v1/stations", route_class=Problems, tags=["stations"])
    readers = access.allow("administrator", "property")

    @router.get("")
    def stations(client: Annotated[ApiClient, Depends(readers)]) -> list[StationView]:
        """The stations in the client's scope."""
        with database.read() as connection:
            where = {row.name: row.community for row in streams.stations(connection)}
        return [_view(row) for row in rows() if client.scope in ("", where.get(row.id))]

    @router.get("/{station}/gaps")
    def listed(station: StationId, client: Annotated[ApiClient, Depends(readers)]) -> list[GapView]:
        """What is open of a station, then what was accepted; of each kind the newest 200."""
        with database.read() as connection:
            within(client, _community(connection, station))
            found = gaps.listed(connection, station)
        return [
            GapView(
                kind=one.kind,
                since=datetime.fromtimestamp(one.since / 1000, UTC),
                epoch=one.epoch,
                first=one.first,
                last=one.last,
                reason=one.reason,
                accepted_by=one.accepted_by,
                accepted_at=None if one.accepted_at is None else datetime.fromtimestamp(one.accepted_at / 1000, UTC),
            )
            for one in found
        ]

    @router.post("/{station}/accept")
    def accept(
        station: StationId, body: Acceptance, client: Annotated[ApiClient, Depends(access.allow("administrator"))]
    ) -> dict[str, int]:
        """Accept all that is open of one kind. What comes all the same is stored like any other swipe."""
        who = f"{client.name}: {body.person}" if body.person else client.name
        with database.write() as connection:
            within(client, _community(connection, station))
            number = gaps.accept(connection, station, body.kind, who[:64], now())
        changed()
        return {"accepted": number}

    return router


def _community(connection: Connection, station: str) -> str:
    for row in streams.stations(connection):
        if row.name == station:
            return str(row.community)
    raise LookupError("there is no such station")


def _view(row: StationRow) -> StationView:
    return StationView(
        id=row.id,
        community=row.community,
        freshness=row.freshness.value,
        heard=row.heard,
        readers={reader.id: reader.health for reader in row.readers},
        spool_depth=row.spool_depth,
        unrecorded=row.unrecorded,
        roster_version=row.roster_version,
        roster_newest=row.roster_newest,
        missing=row.gaps,
        missing_since=row.gaps_since,
        lost=row.lost,
        troubles=list(row.troubles),
        clock=row.clock,
        skew_seconds=row.skew,
    )
