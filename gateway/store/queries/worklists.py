"""Lists of open cases for whoever has something to do: a worker tonight, a reviewer, the gate."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Select, case, func, or_, select

from gateway.store import tables as t
from gateway.store.queries import names
from rules.cases import CaseState
from rules.model import CaseKind

_c, _d, _p, _v, _s = t.cases.c, t.dwellings.c, t.persons.c, t.visits.c, t.deputies.c
_WAITING = (CaseState.OPEN.value, CaseState.COLLECTED.value, CaseState.REVIEWED.value)


def _open(*columns: Any) -> Select[Any]:
    """Open cases with their dwelling's parts and whatever is needed of the person."""
    return (
        select(t.cases, _d.building, _d.unit, _d.room, _p.name, names.said_by(_c.community), *columns)
        .outerjoin(t.dwellings, _d.id == _c.dwelling)
        .outerjoin(t.persons, _p.id == _c.person)
        .where(_c.is_open)
    )


def to_visit(
    connection: Connection, who: str, today: date, community: str, limit: int, *, protected: bool = False
) -> Sequence[Row[Any]]:
    """Cases to be visited that are assigned to somebody, or to whoever's deputy they are there today.

    None that is paused; `protected`: also of protected records.
    """
    states = (CaseState.ASSIGNED.value, CaseState.VISITED.value)
    stands_in = (_s.deputy == who, _s.since <= today, _s.until >= today)
    whose = select(_s.worker).where(_s.community == _c.community, *stands_in)
    own = or_(_c.collector == who, _c.collector.in_(whose))
    query = _open().where(own, _c.state.in_(states), ~_c.paused).order_by(_c.id).limit(limit)
    if not protected:
        query = query.where(or_(_p.id.is_(None), ~_p.protected))
    return connection.execute(query.where(_c.community == community) if community else query).all()


def filed(connection: Connection, community: str, today: date, limit: int) -> Sequence[Row[Any]]:
    """Cases that wait for a receipt of the police, by the day on which they are due."""
    late = case((_c.due < today, True), else_=False)
    query = _open(late.label("overdue")).where(_c.community == community, _c.state == CaseState.FILED.value)
    return connection.execute(query.order_by(_c.due, _c.id).limit(limit)).all()


def to_review(connection: Connection, community: str, today: date, limit: int) -> Sequence[Row[Any]]:
    """Cases that wait for a reviewer: an objection first, then by the day on which they are due."""
    late = case((_c.due < today, True), else_=False)
    query = _open(late.label("overdue")).where(
        or_(_c.paused, _c.state.in_(_WAITING)), _c.kind != CaseKind.GATE_QUERY.value
    )
    query = query.order_by(_c.paused.desc(), _c.due, _c.id).limit(limit)
    return connection.execute(query.where(_c.community == community) if community else query).all()


def to_ask(connection: Connection, community: str, limit: int) -> Sequence[Row[Any]]:
    """Open questions of the gate, oldest first."""
    query = select(t.cases).where(_c.is_open, _c.kind == CaseKind.GATE_QUERY.value).order_by(_c.id).limit(limit)
    return connection.execute(query.where(_c.community == community) if community else query).all()


def visited(connection: Connection, cases: Sequence[int]) -> dict[int, Any]:
    """Of each of these cases that was visited: how often nobody was met, the last visit, whether a card was left."""
    missed = func.sum(case((_v.met, 0), else_=1)).label("missed")
    left = func.max(case((_v.notice_left, 1), else_=0)).label("notice_left")
    query = select(_v.case, missed, func.max(_v.at).label("last"), left).where(_v.case.in_(cases)).group_by(_v.case)
    return {row.case: row for row in connection.execute(query).all()} if cases else {}


def at_one_door(connection: Connection, row: Row[Any]) -> Sequence[Row[Any]]:
    """The other open cases that are to be visited at the dwelling of this one; none of a protected record."""
    states = (CaseState.ASSIGNED.value, CaseState.VISITED.value)
    which = (_c.is_open, _c.dwelling == row.dwelling, _c.id != row.id, _c.state.in_(states), ~_p.protected)
    query = select(t.cases).join(t.persons, _p.id == _c.person).where(*which).order_by(_c.id)
    return connection.execute(query).all() if row.dwelling is not None else ()


def of_persons(
    connection: Connection, community: str, persons: Sequence[int], *, protected: bool
) -> Sequence[Row[Any]]:
    """The open cases of these people in a community, by number; `protected`: also of protected records."""
    which = (_c.is_open, _c.community == community, _c.person.in_(persons))
    query = select(t.cases).join(t.persons, _p.id == _c.person).where(*which).order_by(_c.id)
    return connection.execute(query if protected else query.where(~_p.protected)).all()
