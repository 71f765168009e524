"""Passes of visitors, and what the gates have recorded of their codes."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from gateway.store import tables as t

_MOST = 1000


def add(connection: Connection, values: dict[str, Any]) -> int:
    return int(connection.execute(insert(t.visitors).values(**values).returning(t.visitors.c.id)).scalar_one())


def found(connection: Connection, community: str, number: int) -> Row[Any] | None:
    v = t.visitors.c
    return connection.execute(select(t.visitors).where(v.id == number, v.community == community)).one_or_none()


def under_way(connection: Connection) -> Sequence[Row[Any]]:
    """Passes whose visitors have not left, those that end first before the others."""
    v = t.visitors.c
    return connection.execute(select(t.visitors).where(v.left.is_(None)).order_by(v.until, v.id).limit(_MOST)).all()


def seen(connection: Connection, community: str, person: int, since: int) -> tuple[int | None, int | None]:
    """When a code came in first, and when it went out last with no entry after that (ms); None where it did not."""
    s, c = t.swipes.c, t.credentials.c
    tokens = select(c.token).where(c.community == community, c.person == person).scalar_subquery()
    granted = (s.community == community, s.token.in_(tokens), s.at >= since, s.verdict != "refuse")
    way = select(func.min(s.at), func.max(s.at)).where(*granted)
    first_in, last_in = connection.execute(way.where(s.direction == "in")).one()
    _, last_out = connection.execute(way.where(s.direction == "out")).one()
    return first_in, last_out if last_out is not None and last_out > (last_in or 0) else None


def codes(connection: Connection, community: str, person: int) -> Sequence[Row[Any]]:
    """The codes of a visitor that still open."""
    c = t.credentials.c
    where = (c.community == community, c.person == person, c.returned_on.is_(None))
    return connection.execute(select(t.credentials).where(*where)).all()


def expected(connection: Connection, community: str, limit: int, before: int | None) -> Sequence[Row[Any]]:
    """Passes newest first, with the host's dwelling."""
    v, d = t.visitors.c, t.dwellings.c
    query = (
        select(t.visitors, d.building, d.unit, d.room)
        .outerjoin(t.dwellings, d.id == v.host)
        .where(v.community == community)
        .order_by(v.id.desc())
        .limit(limit)
    )
    return connection.execute(query if before is None else query.where(v.id < before)).all()
