"""What a slip is made from, and the slips that a police station has before it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from gateway.store import tables as t


def read_at_the_gate(
    connection: Connection, community: str, tokens: Sequence[bytes], since: int
) -> tuple[set[str], int]:
    """By which kinds of credential these tokens were met since then, and the newest roster that it was decided by."""
    s = t.swipes.c
    query = select(s.kind, func.max(s.roster)).where(s.community == community, s.token.in_(tokens), s.at >= since)
    rows = connection.execute(query.group_by(s.kind)).all()
    return {row[0] for row in rows if row[0] is not None}, max((row[1] for row in rows), default=0)


def visits_since(connection: Connection, case: int, since: int) -> int:
    """How many visits to a case were made after that instant."""
    v = t.visits.c
    query = select(func.count()).select_from(t.visits).where(v.case == case, v.at > since)
    return int(connection.execute(query).scalar_one())


def before_the_police(connection: Connection, police_station: str) -> Sequence[Row[Any]]:
    """Slips that a police station has and has not settled, oldest first, with the name of the compound."""
    a, c = t.alerts.c, t.communities.c
    return connection.execute(
        select(t.alerts, c.name.label("community_name"))
        .join(t.communities, c.id == a.community)
        .where(a.police_station == police_station, a.is_open, a.state.in_(("sent", "acknowledged")))
        .order_by(a.id)
    ).all()


def counts(connection: Connection, police_station: str) -> dict[str, int]:
    """How many slips a police station has before it, by state."""
    a = t.alerts.c
    query = select(a.state, func.count()).where(a.police_station == police_station, a.is_open)
    rows = connection.execute(query.where(a.state.in_(("sent", "acknowledged"))).group_by(a.state))
    return {"sent": 0, "acknowledged": 0} | {row[0]: row[1] for row in rows}


def about_the_same(connection: Connection, case: Row[Any]) -> bool:
    """Whether a slip is open about the person of a case in its community; records that were made one count as one."""
    a, c, p = t.alerts.c, t.cases.c, t.persons.c
    record = func.coalesce(p.merged_into, p.id)
    kept = select(record).where(p.id == case.person).scalar_subquery()
    query = (
        select(a.id)
        .join(t.cases, c.id == a.case)
        .join(t.persons, p.id == c.person)
        .where(a.is_open, a.community == case.community, record == kept)
    )
    return connection.execute(query.limit(1)).first() is not None
