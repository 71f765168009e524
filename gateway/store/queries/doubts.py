"""What the street looks at again in a community: one phone of many, records made in haste, records without a visit."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, or_, select

from gateway.store import tables as t

PHONE_OF = 5
"""So many people with one phone number, or more, are looked at."""
IN_HASTE, HASTE_MS = 10, 600_000
"""More records than this within so long, of one collector."""
DECLARED = "declaration "
"""What was collected by a declaration begins so; it needs no visit."""

_r, _p, _c, _v = t.residents.c, t.persons.c, t.cases.c, t.visits.c
_e, _SAME_DWELLING = t.case_events.c, t.cases.alias("of_the_dwelling")


def phones(connection: Connection, community: str, limit: int) -> Sequence[Any]:
    """Phones (encrypted) of five or more people who live here now, and of how many; most first."""
    people, first = func.count(func.distinct(_p.id)).label("people"), func.min(_p.id).label("first")
    shared = (
        select(people, first)
        .join(t.residents, _r.person == _p.id)
        .where(_r.community == community, _r.until.is_(None), _p.phone_lookup.is_not(None), _p.merged_into.is_(None))
        .group_by(_p.phone_lookup)
        .having(people >= PHONE_OF)
        .subquery()
        .c
    )
    query = select(_p.phone, shared.people).where(_p.id == shared.first)
    return connection.execute(query.order_by(shared.people.desc(), shared.first).limit(limit)).all()


def in_haste(connection: Connection, community: str, since: int, limit: int) -> Sequence[Any]:
    """Collectors of more than ten records in ten minutes since an instant, how often, and when last."""
    before = func.lag(_e.at, IN_HASTE).over(partition_by=_e.actor, order_by=(_e.at, _e.id)).label("before")
    collected = (
        select(_e.actor, _e.at, before)
        .join(t.cases, _c.id == _e["case"])
        .where(_c.community == community, _e.act == "collect", _e.at >= since, ~_e.actor.startswith(DECLARED))
        .subquery()
        .c
    )
    query = select(collected.actor, func.count().label("times"), func.max(collected.at).label("last"))
    query = query.where(collected.at - collected.before <= HASTE_MS).group_by(collected.actor)
    return connection.execute(query.order_by(func.max(collected.at).desc()).limit(limit)).all()


def without_visit(connection: Connection, community: str, since: int, limit: int) -> Sequence[Any]:
    """Cases that a collector whom they were assigned to has collected since then, and nobody had been there.

    A visit for any case of the dwelling will do: a household is one form.
    """
    other = _SAME_DWELLING.c
    visited = (
        select(_v.id)
        .join_from(t.visits, _SAME_DWELLING, other.id == _v["case"])
        .where(or_(other.id == _c.id, other.dwelling == _c.dwelling), _v.at <= _e.at)
    )
    query = (
        select(_c.id.label("case"), _e.actor, func.max(_e.at).label("at"))
        .join(t.case_events, _e["case"] == _c.id)
        .where(_c.community == community, _c.collector.is_not(None), _e.act == "collect", _e.at >= since)
        .where(~_e.actor.startswith(DECLARED), ~visited.exists())
        .group_by(_c.id, _e.actor)
    )
    return connection.execute(query.order_by(_c.id.desc()).limit(limit)).all()
