"""The stretches in which clocks of stations were synchronised, and the swipes whose time waits for one."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, insert, select, update

from gateway.store import tables as t

SYNCED = "synced"


@dataclass(frozen=True, slots=True)
class Stretch:
    """From and to when (monotonic ms), and what makes that the time of day at either end (ms)."""

    since: int
    offset: int
    until: int
    until_offset: int


def stretches(connection: Connection, station: str, boot: str) -> list[Stretch]:
    """Those of one start of a station's machine, in their order."""
    c = t.clocks.c
    query = select(c.since, c.offset, c.until, c.until_offset).where(c.station == station, c.boot == boot)
    return [Stretch(*row) for row in connection.execute(query.order_by(c.since))]


def begin(connection: Connection, station: str, boot: str, stretch: Stretch, now: int) -> None:
    values = {"station": station, "boot": boot, "since": stretch.since, "offset": stretch.offset}
    values |= {"until": stretch.until, "until_offset": stretch.until_offset, "noted": now}
    connection.execute(insert(t.clocks).values(**values))


def extend(connection: Connection, station: str, boot: str, stretch: Stretch) -> None:
    c = t.clocks.c
    this = c.station == station, c.boot == boot, c.since == stretch.since
    connection.execute(update(t.clocks).where(*this).values(until=stretch.until, until_offset=stretch.until_offset))


def correct(connection: Connection, station: str, boot: str, before: Stretch | None, after: Stretch) -> list[bytes]:
    """Put right the time of swipes up to `after` that a clock gave which was not synchronised.

    The clock's error is spread evenly over the time from the end of `before`. Returns the tokens that they are about.
    """
    s = t.swipes.c
    epochs = select(t.streams.c.epoch).where(t.streams.c.station == station, t.streams.c.boot == boot)
    waiting = (s.station == station) & s.epoch.in_(epochs) & (s.clock != SYNCED) & s.said_at.is_(None)
    waiting &= s.mono <= after.since
    tokens = list(connection.execute(select(s.token).where(waiting, s.token.is_not(None)).distinct()).scalars())
    right = s.mono + after.offset
    if before is not None and before.until < after.since:
        spread = (s.mono - before.until) * (after.offset - before.until_offset) // (after.since - before.until)
        first = before.until_offset
        right = case((s.mono <= before.until, s.mono + first), else_=s.mono + first + spread)
    connection.execute(update(t.swipes).where(waiting).values(said_at=s.at, at=right))
    return sorted(tokens)


def offset_at(found: Sequence[Stretch], mono: int) -> int | None:
    """What `correct` adds to that instant; None where no stretch has begun after it."""
    after = next((one for one in found if one.since >= mono), None)
    if after is None:
        return None
    before = max((one for one in found if one.since < after.since), key=lambda one: one.since, default=None)
    if before is None or before.until >= after.since:
        return after.offset
    if mono <= before.until:
        return before.until_offset
    drift, span = after.offset - before.until_offset, after.since - before.until
    spread = abs((mono - before.until) * drift) // span  # towards zero, as SQL divides
    return before.until_offset + (spread if drift >= 0 else -spread)
