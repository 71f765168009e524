"""Holes in what stations sent: missing and lost ranges, troubles of a whole station, and who accepted them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from gateway.store import tables as t
from gateway.store.queries.streams import Stream, stream_of
from gateway.store.queries.writing import upsert


def broken_streams(connection: Connection, station: str | None) -> list[tuple[str, str, Stream]]:
    """(station, epoch, stream) wherever something is missing, of one station or of all; the longest missing first."""
    s = t.streams.c
    query = select(t.streams).where(s.missing_since.is_not(None)).order_by(s.missing_since, s.station, s.epoch)
    rows = connection.execute(query if station is None else query.where(s.station == station))
    return [(row.station, row.epoch, stream_of(row)) for row in rows]


def given_up(connection: Connection, station: str | None, reason: str) -> Sequence[Any]:
    c = t.lost.c
    query = select(c.station, c.epoch, c.first, c.last).where(c.reason == reason)
    return connection.execute(query if station is None else query.where(c.station == station)).all()


def add_given_up(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    upsert(connection, t.lost, rows, ["station", "epoch", "first"])


def lost_by_station(connection: Connection) -> Sequence[Any]:
    """Swipes declared lost that nobody has accepted, and since when: station, number, since."""
    c = t.lost.c
    return connection.execute(
        select(c.station, func.sum(c.last - c.first + 1).label("number"), func.min(c.declared).label("since"))
        .where(c.accepted_at.is_(None))
        .group_by(c.station)
    ).all()


def lost_rows(connection: Connection, station: str, *, accepted: bool, limit: int) -> Sequence[Row[Any]]:
    """Ranges that were declared lost or given up, newest first."""
    c = t.lost.c
    open_or_not = c.accepted_at.is_not(None) if accepted else c.accepted_at.is_(None)
    query = select(t.lost).where(c.station == station, open_or_not)
    return connection.execute(query.order_by(c.declared.desc(), c.id.desc()).limit(limit)).all()


def lost_groups(connection: Connection, station: str, limit: int) -> Sequence[Any]:
    """What a station lost or a person gave up, by reason and by who accepted it when: how many, and since when."""
    c = t.lost.c
    number, since = func.sum(c.last - c.first + 1).label("number"), func.min(c.declared).label("since")
    query = select(c.accepted_by, c.accepted_at, c.reason, number, since).where(c.station == station)
    query = query.group_by(c.accepted_by, c.accepted_at, c.reason).order_by(c.accepted_at.desc(), c.reason)
    return connection.execute(query.limit(limit)).all()


def accept_lost(connection: Connection, station: str, who: str, now: int) -> int:
    """Accept all that a station declared lost. Returns how many swipes that is."""
    c = t.lost.c
    still_open = (c.station == station) & c.accepted_at.is_(None)
    number = connection.execute(select(func.coalesce(func.sum(c.last - c.first + 1), 0)).where(still_open)).scalar_one()
    connection.execute(update(t.lost).where(still_open).values(accepted_by=who, accepted_at=now))
    return int(number)


def troubles(connection: Connection, station: str | None, *, accepted: bool) -> Sequence[Row[Any]]:
    """Troubles of a station, or of all, newest first."""
    c = t.troubles.c
    query = select(t.troubles).where(c.accepted_at.is_not(None) if accepted else c.accepted_at.is_(None))
    if station is not None:
        query = query.where(c.station == station)
    return connection.execute(query.order_by(c.since.desc(), c.id.desc())).all()


def add_trouble(connection: Connection, station: str, kind: str, now: int) -> None:
    connection.execute(insert(t.troubles).values(station=station, kind=kind, since=now))


def accept_troubles(connection: Connection, station: str, kind: str, who: str, now: int) -> int:
    """Accept the open troubles of a kind. Returns how many there were."""
    c = t.troubles.c
    still_open = (c.station == station) & (c.kind == kind) & c.accepted_at.is_(None)
    return connection.execute(update(t.troubles).where(still_open).values(accepted_by=who, accepted_at=now)).rowcount
