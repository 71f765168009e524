"""What is known of the clocks of stations, and the swipes whose time waits for it."""

from sqlalchemy import Connection, insert, select, update

from gateway.store import tables as t

SYNCED = "synced"


def note(connection: Connection, station: str, boot: str, offset: int, now: int) -> bool:
    """Keep wall clock minus monotonic clock (ms) of one start of a station's machine; False when it is known."""
    if offset_of(connection, station, boot) is not None:
        return False
    connection.execute(insert(t.clocks).values(station=station, boot=boot, offset=offset, noted=now))
    return True


def offset_of(connection: Connection, station: str, boot: str) -> int | None:
    c = t.clocks.c
    return connection.execute(select(c.offset).where(c.station == station, c.boot == boot)).scalar()


def correct(connection: Connection, station: str, boot: str, difference: int) -> list[bytes]:
    """Put right the time of swipes of that start that a clock gave which was not synchronised.

    Returns the tokens that they are about.
    """
    s = t.swipes.c
    epochs = select(t.streams.c.epoch).where(t.streams.c.station == station, t.streams.c.boot == boot)
    waiting = (s.station == station) & s.epoch.in_(epochs) & (s.clock != SYNCED) & s.said_at.is_(None)
    tokens = list(connection.execute(select(s.token).where(waiting, s.token.is_not(None)).distinct()).scalars())
    connection.execute(update(t.swipes).where(waiting).values(said_at=s.at, at=s.mono + difference))
    return sorted(tokens)
