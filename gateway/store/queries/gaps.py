"""Holes in what stations sent: missing and lost ranges, troubles of a whole station, and who accepted them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, RowMapping, delete, func, insert, select, update

from gateway.store import tables as t
from gateway.store.queries.streams import Stream, stream_of
from gateway.store.queries.sums import sums, total
from gateway.store.queries.writing import upsert

_SIZE = t.lost.c.last - t.lost.c.first + 1


class Lost(NamedTuple):
    """Swipes of a station that were declared lost: how many, and since when (ms)."""

    station: str
    number: int
    since: int


class LostGroup(NamedTuple):
    """Swipes that one reason lost and one person accepted, or nobody yet: how many, and since when (ms)."""

    accepted_by: str | None
    accepted_at: int | None
    reason: str
    number: int
    since: int


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


def lost_by_station(connection: Connection) -> list[Lost]:
    """Swipes declared lost that nobody has accepted."""
    c = t.lost.c
    asked = select(c.station, func.min(c.declared).label("since"), *sums(_SIZE)).where(c.accepted_at.is_(None))
    return [
        Lost(row.station, total(row.upper, row.lower), row.since)
        for row in connection.execute(asked.group_by(c.station))
    ]


def lost_within(
    connection: Connection, station: str, epoch: str, span: tuple[int, int], *, but: str
) -> Sequence[RowMapping]:
    """The losses of an epoch that reach into a span, locked; not those of the reason `but`."""
    c = t.lost.c
    here = c.station == station, c.epoch == epoch, c.first <= span[1], c.last >= span[0], c.reason != but
    return connection.execute(select(t.lost).where(*here).order_by(c.first).with_for_update()).mappings().all()


def shrink_lost(connection: Connection, row: RowMapping, parts: Sequence[tuple[int, int]]) -> None:
    """Put these parts of a loss in its place; who accepted it stays."""
    connection.execute(delete(t.lost).where(t.lost.c.id == row["id"]))
    rest = {name: value for name, value in row.items() if name != "id"}
    if parts:
        connection.execute(insert(t.lost), [rest | {"first": first, "last": last} for first, last in parts])


def lost_rows(connection: Connection, station: str, *, accepted: bool, limit: int) -> Sequence[Row[Any]]:
    """Ranges that were declared lost or given up, newest first."""
    c = t.lost.c
    open_or_not = c.accepted_at.is_not(None) if accepted else c.accepted_at.is_(None)
    query = select(t.lost).where(c.station == station, open_or_not)
    return connection.execute(query.order_by(c.declared.desc(), c.id.desc()).limit(limit)).all()


def lost_groups(connection: Connection, station: str, limit: int) -> list[LostGroup]:
    """What a station lost or a person gave up, by reason and by who accepted it when: how many, and since when."""
    c = t.lost.c
    since = func.min(c.declared).label("since")
    query = select(c.accepted_by, c.accepted_at, c.reason, since, *sums(_SIZE)).where(c.station == station)
    query = query.group_by(c.accepted_by, c.accepted_at, c.reason).order_by(c.accepted_at.desc(), c.reason)
    return [
        LostGroup(row.accepted_by, row.accepted_at, row.reason, total(row.upper, row.lower), row.since)
        for row in connection.execute(query.limit(limit))
    ]


def accept_lost(connection: Connection, station: str, who: str, now: int) -> int:
    """Accept all that a station declared lost. Returns how many swipes that is."""
    c = t.lost.c
    still_open = (c.station == station) & c.accepted_at.is_(None)
    upper, lower = connection.execute(select(*sums(_SIZE)).where(still_open)).one()
    connection.execute(update(t.lost).where(still_open).values(accepted_by=who, accepted_at=now))
    return total(upper, lower)


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
