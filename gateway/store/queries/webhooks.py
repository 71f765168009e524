"""Events for the webhooks of police stations: those that are due, what became of each, and endpoints that are gone."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from gateway.store import tables as t
from gateway.store.queries.writing import upsert

WAITING, DELIVERED, DEAD = "waiting", "delivered", "dead"
_w = t.webhook_events.c


def add(connection: Connection, values: dict[str, Any]) -> int:
    """Put an event of a station at the end of its queue, due at once."""
    row = {"state": WAITING, "due": values["created"]} | values
    return int(connection.execute(insert(t.webhook_events).values(**row).returning(_w.id)).scalar_one())


def due(connection: Connection, police_station: str, now: int, limit: int) -> Sequence[Row[Any]]:
    """Events whose time has come, oldest first; of one slip only the first that waits: none overtakes another."""
    other = t.webhook_events.alias()
    before = (
        select(other.c.id)
        .where(other.c.slip == _w.slip, other.c.police_station == _w.police_station, other.c.id < _w.id)
        .where(other.c.state == WAITING)
    )
    return connection.execute(
        select(t.webhook_events)
        .where(_w.police_station == police_station, _w.state == WAITING, _w.due <= now, ~before.exists())
        .order_by(_w.id)
        .limit(limit)
    ).all()


def tried(connection: Connection, row: Row[Any], values: dict[str, Any]) -> bool:
    """Note what came of a try; False where somebody else has tried it meanwhile."""
    done = connection.execute(
        update(t.webhook_events)
        .where(_w.id == row.id, _w.tries == row.tries, _w.state == WAITING)
        .values(tries=row.tries + 1, **values)
    )
    return done.rowcount == 1


def give_up(connection: Connection, police_station: str, problem: str, besides: str) -> int:
    """Give up all that waits for a station, but for events of the kind `besides`; how many those are."""
    done = connection.execute(
        update(t.webhook_events)
        .where(_w.police_station == police_station, _w.state == WAITING, _w.kind != besides)
        .values(state=DEAD, problem=problem)
    )
    return int(done.rowcount)


def give_up_unreachable(connection: Connection, with_webhook: Collection[str]) -> int:
    """Give up all that waits for a station whose webhook was taken away; how many those are."""
    done = connection.execute(
        update(t.webhook_events)
        .where(_w.state == WAITING, _w.police_station.not_in(sorted(with_webhook)))
        .values(state=DEAD, problem="no_webhook")
    )
    return int(done.rowcount)


def replay(connection: Connection, police_station: str, number: int | None, now: int) -> int:
    """Have one event that does not wait, or all that are dead, delivered again under their ids; how many."""
    which = _w.state == DEAD if number is None else (_w.id == number) & (_w.state != WAITING)
    done = connection.execute(
        update(t.webhook_events)
        .where(_w.police_station == police_station, which)
        .values(state=WAITING, tries=0, due=now, problem="")
    )
    return int(done.rowcount)


def one(connection: Connection, police_station: str, number: int) -> Row[Any] | None:
    query = select(t.webhook_events).where(_w.id == number, _w.police_station == police_station)
    return connection.execute(query).one_or_none()


def listed(
    connection: Connection, police_station: str, limit: int, before: int | None, state: str | None
) -> Sequence[Row[Any]]:
    """Events of a station, newest first."""
    query = select(t.webhook_events).where(_w.police_station == police_station).order_by(_w.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_w.id < before)
    if state is not None:
        query = query.where(_w.state == state)
    return connection.execute(query).all()


def counts(connection: Connection, police_station: str) -> dict[str, int]:
    """How many events of a station are in each state."""
    query = select(_w.state, func.count()).where(_w.police_station == police_station).group_by(_w.state)
    return dict.fromkeys((WAITING, DELIVERED, DEAD), 0) | {row[0]: row[1] for row in connection.execute(query)}


def forget(connection: Connection, delivered_before: int, dead_before: int) -> None:
    """Delete what was delivered, and what was given up, before those instants."""
    for state, before in ((DELIVERED, delivered_before), (DEAD, dead_before)):
        connection.execute(delete(t.webhook_events).where(_w.state == state, _w.created < before))


def gone(connection: Connection, police_station: str, url: str) -> bool:
    """Whether the endpoint of a station has said that it is gone for good."""
    e = t.webhook_endpoints.c
    query = select(e.gone).where(e.police_station == police_station, e.url == url)
    return connection.execute(query).first() is not None


def set_gone(connection: Connection, police_station: str, url: str, now: int | None) -> None:
    """Note that an endpoint is gone, or (`now` None) that it answers again."""
    if now is None:
        e = t.webhook_endpoints.c
        connection.execute(delete(t.webhook_endpoints).where(e.police_station == police_station))
    else:
        row = {"police_station": police_station, "url": url, "gone": now}
        upsert(connection, t.webhook_endpoints, [row], ["police_station"])
