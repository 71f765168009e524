"""What guards did, and who lives behind a door that one of them named."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from gateway.store import tables as t

_g, _e, _d = t.gate_acts.c, t.enrolments.c, t.dwellings.c


def add(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(t.gate_acts).values(**row))


def enrolled_in(connection: Connection, community: str, dwelling: int) -> Sequence[Row[Any]]:
    """The persons whose enrolment in a dwelling has not ended."""
    where = (_e.community == community, _e.dwelling == dwelling, _e.ended_on.is_(None))
    return connection.execute(select(t.persons).join(t.enrolments, _e.person == t.persons.c.id).where(*where)).all()


def marked_since(connection: Connection, community: str, since: int) -> int:
    """How many cards were marked lost by what guards reported after an instant (ms)."""
    where = (_g.community == community, _g.kind == "lost_card", _g.outcome == "marked_lost", _g.done_at >= since)
    return connection.execute(select(func.count()).select_from(t.gate_acts).where(*where)).scalar_one()


def listed(
    connection: Connection, community: str, *, state: str, kind: str, limit: int, before: int | None
) -> Sequence[Row[Any]]:
    """Acts in a community, newest first, with the dwelling's parts; of one state or kind where it is named."""
    query = (
        select(t.gate_acts, _d.building, _d.unit, _d.room)
        .outerjoin(t.dwellings, _d.id == _g.dwelling)
        .where(_g.community == community)
        .order_by(_g.id.desc())
        .limit(limit)
    )
    if state:
        query = query.where(_g.state == state)
    if kind:
        query = query.where(_g.kind == kind)
    return connection.execute(query if before is None else query.where(_g.id < before)).all()


def close(connection: Connection, community: str, number: int, outcome: str, actor: str, now: int) -> bool:
    """Note that an open act was dealt with; False where there is none."""
    done = {"state": "done", "outcome": outcome, "done_by": actor, "done_at": now}
    where = (_g.id == number, _g.community == community, _g.state == "open")
    return connection.execute(update(t.gate_acts).where(*where).values(**done)).rowcount == 1


def found(connection: Connection, community: str, number: int) -> Row[Any] | None:
    where = (_g.id == number, _g.community == community)
    return connection.execute(select(t.gate_acts).where(*where)).one_or_none()


def forget_names(connection: Connection, before: int) -> None:
    """Erase the names and dwellings in acts that are older than this instant (ms)."""
    old = (_g.at < before, _g.name.is_not(None) | _g.said.is_not(None) | _g.dwelling.is_not(None))
    connection.execute(update(t.gate_acts).where(*old).values(name=None, said=None, dwelling=None))
