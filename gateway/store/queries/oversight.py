"""What a street oversees of its communities: open work, a week's counts, and what the hints of quality are found in."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, case, func, literal, or_, select

from gateway.store import tables as t
from rules.cases import TO_VISIT, CaseState
from rules.model import CaseKind

_c, _d, _p, _v, _e, _r, _a = (
    t.cases.c,
    t.dwellings.c,
    t.persons.c,
    t.visits.c,
    t.case_events.c,
    t.residents.c,
    t.alerts.c,
)
_WORK = _c.kind != CaseKind.GATE_QUERY.value
DECLARED = "declaration "
"""What was collected by a declaration begins so; it needs no visit."""
_OF_THE_DWELLING = t.cases.alias("of_the_dwelling")
_NOT_HIDDEN = or_(_p.id.is_(None), ~_p.protected)


def _sum(holds: Any, name: str) -> Any:
    return func.sum(case((holds, literal(1)), else_=literal(0))).label(name)


def counts(connection: Connection, places: Collection[str], today: date) -> dict[str, Any]:
    """By community: open, unassigned, late, raised (to the street's attention)."""
    columns = (
        func.count().label("open"),
        _sum(_c.state == CaseState.OPEN.value, "unassigned"),
        _sum(_c.due < today, "late"),
        _sum(_c.level == "street", "raised"),
    )
    query = select(_c.community, *columns).where(_c.is_open, _WORK, _c.community.in_(places)).group_by(_c.community)
    return {row.community: row for row in connection.execute(query)}


def jobs(connection: Connection, places: Collection[str], today: date, which: str, limit: int) -> Sequence[Any]:
    """Open cases that somebody can be sent to, the latest due first; none of a protected record.

    `which`: "unassigned", "late", "raised", or "" for all.
    """
    states = [state.value for state in TO_VISIT]
    query = (
        select(t.cases, _d.building, _d.unit, _d.room, _p.name)
        .outerjoin(t.dwellings, _d.id == _c.dwelling)
        .outerjoin(t.persons, _p.id == _c.person)
        .where(_c.is_open, _WORK, _c.state.in_(states), ~_c.paused, _c.community.in_(places), _NOT_HIDDEN)
        .order_by(_c.community, _c.due, _c.id)
        .limit(limit)
    )
    wanted = {
        "unassigned": _c.state == CaseState.OPEN.value,
        "late": _c.due < today,
        "raised": _c.level == "street",
    }
    return connection.execute(query.where(wanted[which]) if which in wanted else query).all()


def slips(connection: Connection, places: Collection[str]) -> Sequence[Any]:
    """Slips that no community decided upon in time, and that the street decides now; none of a protected record."""
    query = (
        select(t.alerts, _d.building, _d.unit, _d.room, _p.name)
        .join(t.cases, _c.id == _a.case)
        .outerjoin(t.dwellings, _d.id == _c.dwelling)
        .outerjoin(t.persons, _p.id == _c.person)
        .where(_a.is_open, _a.state == "proposed", _a.level == "street", _a.community.in_(places), _NOT_HIDDEN)
    )
    return connection.execute(query.order_by(_a.proposed, _a.id)).all()


def opened_and_ended(
    connection: Connection, places: Collection[str], span: tuple[int, int], day: date
) -> dict[str, Any]:
    """By community, of a span (ms): opened, registered, dismissed; standing at its end, and late: due before `day`."""
    since, until = span
    within = and_(_c.closed >= since, _c.closed < until)
    standing = and_(_c.opened < until, or_(_c.is_open, _c.closed >= until))
    columns = (
        _sum(and_(_c.opened >= since, _c.opened < until), "opened"),
        _sum(and_(within, _c.state == CaseState.REGISTERED.value), "registered"),
        _sum(and_(within, _c.state == CaseState.DISMISSED.value), "dismissed"),
        _sum(standing, "standing"),
        _sum(and_(standing, _c.due < day), "late"),
    )
    query = select(_c.community, *columns).where(_WORK, _c.community.in_(places), or_(_c.is_open, _c.closed >= since))
    return {row.community: row for row in connection.execute(query.group_by(_c.community))}


def visited(connection: Connection, places: Collection[str], span: tuple[int, int], roles: str) -> dict[str, Any]:
    """By community, of a span: visits, of those met, and of those with all three `roles` there."""
    met = _v.met
    columns = (func.count().label("visits"), _sum(met, "met"), _sum(and_(met, _v.roles == roles), "together"))
    query = select(_c.community, *columns).join(t.cases, _c.id == _v.case)
    query = query.where(_v.at >= span[0], _v.at < span[1], _c.community.in_(places)).group_by(_c.community)
    return {row.community: row for row in connection.execute(query)}


def phones(connection: Connection, places: Collection[str], least: int) -> Sequence[Any]:
    """People who live here and share a phone with so many others: community, phone_lookup, name and dwelling."""
    lives = (_r.until.is_(None), _r.community.in_(places), _p.phone_lookup.is_not(None), ~_p.protected)
    shared = (
        select(_r.community, _p.phone_lookup)
        .join(t.persons, _p.id == _r.person)
        .where(*lives)
        .group_by(_r.community, _p.phone_lookup)
        .having(func.count(_r.person.distinct()) >= least)
        .subquery()
    )
    s = shared.c
    query = (
        select(_r.community, _p.phone_lookup, _p.name, _d.building, _d.unit, _d.room)
        .select_from(t.residents)
        .join(t.persons, _p.id == _r.person)
        .join(shared, (s.community == _r.community) & (s.phone_lookup == _p.phone_lookup))
        .outerjoin(t.dwellings, _d.id == _r.dwelling)
        .where(*lives)
    )
    return connection.execute(query.order_by(_r.community, _p.phone_lookup, _r.id)).all()


def collections(connection: Connection, places: Collection[str], since: int, but: Collection[str]) -> Sequence[Any]:
    """What accounts but these have collected since then: community, actor, at."""
    query = select(_c.community, _e.actor, _e.at).join(t.cases, _c.id == _e.case)
    query = query.where(*_collected(places, since, but)).order_by(_c.community, _e.actor, _e.at)
    return connection.execute(query).all()


def unvisited(
    connection: Connection, places: Collection[str], since: int, but: Collection[str], limit: int
) -> tuple[dict[str, int], Sequence[Any]]:
    """What they have collected of cases that were somebody's to visit, before anybody of the dwelling was met.

    How many by community, and the newest of them: community, actor, at, case, dwelling; none of a protected record. A
    visit for any case of the dwelling will do: a household is one form.
    """
    o = _OF_THE_DWELLING.c
    met = (
        select(_v.id)
        .join(_OF_THE_DWELLING, o.id == _v.case)
        .where(or_(o.id == _c.id, o.dwelling == _c.dwelling), _v.met, _v.at <= _e.at)
    )
    holds = (*_collected(places, since, but), _c.collector.is_not(None), ~met.exists(), _NOT_HIDDEN)
    joined = (
        t.case_events.join(t.cases, _c.id == _e.case)
        .outerjoin(t.dwellings, _d.id == _c.dwelling)
        .outerjoin(t.persons, _p.id == _c.person)
    )
    counts = select(_c.community, func.count()).select_from(joined).where(*holds).group_by(_c.community)
    newest = select(_c.community, _e.actor, _e.at, _c.id, _d.building, _d.unit, _d.room).select_from(joined)
    newest = newest.where(*holds).order_by(_e.at.desc(), _e.id.desc()).limit(limit)
    return {row[0]: int(row[1]) for row in connection.execute(counts)}, connection.execute(newest).all()


def _collected(places: Collection[str], since: int, but: Collection[str]) -> tuple[Any, ...]:
    declared = _e.actor.startswith(DECLARED)
    return _e.act == "collect", _e.at >= since, ~declared, _e.actor.not_in(but), _c.community.in_(places)
