"""The ledger of work (台账): visits, and what else was done about cases, within a span of time."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from gateway.store import tables as t
from gateway.store.queries import names

_c, _d, _p, _v, _e = t.cases.c, t.dwellings.c, t.persons.c, t.visits.c, t.case_events.c
_OF_CASE = (
    _c.id.label("case"),
    _c.kind,
    _c.source,
    _c.state,
    _c.due,
    _d.building,
    _d.unit,
    _d.room,
    _p.name,
    names.said_by(_c.community),
)


def visits(
    connection: Connection, community: str, since: int, until: int, *, who: str = "", protected: bool
) -> Sequence[Row[Any]]:
    """Visits in [since, until) in a community, by one account where it is named; `protected`: also such records."""
    columns = (_v.id, _v.at, _v.actor, _v.met, _v.attempt, _v.notice_left, _v.appointment, _v.roles)
    query = select(*columns, *_OF_CASE).select_from(t.visits).join(t.cases, _c.id == _v.case)
    query = query.where(_v.at >= since, _v.at < until).order_by(_v.at, _v.id)
    return connection.execute(_within(query, community, _v.actor == who if who else None, protected=protected)).all()


def acts(
    connection: Connection,
    community: str,
    since: int,
    until: int,
    which: Sequence[str],
    *,
    who: str = "",
    protected: bool,
) -> Sequence[Row[Any]]:
    """The same of other acts about cases."""
    columns = (_e.id, _e.at, _e.actor, _e.act)
    query = select(*columns, *_OF_CASE).select_from(t.case_events).join(t.cases, _c.id == _e.case)
    query = query.where(_e.at >= since, _e.at < until, _e.act.in_(which)).order_by(_e.at, _e.id)
    return connection.execute(_within(query, community, _e.actor == who if who else None, protected=protected)).all()


def _within(query: Select[Any], community: str, whose: Any, *, protected: bool) -> Select[Any]:
    query = query.outerjoin(t.dwellings, _d.id == _c.dwelling).outerjoin(t.persons, _p.id == _c.person)
    query = query.where(_c.community == community)
    if whose is not None:
        query = query.where(whose)
    return query if protected else query.where(_p.id.is_(None) | ~_p.protected)
