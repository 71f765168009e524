"""What the desk of a property looks at: whom to remind, what waits for it, cards just shown, what its reports count."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, func, select

from gateway.store import tables as t
from gateway.store.queries import names

_DAY_MS = 86_400_000


def to_remind(connection: Connection, community: str, limit: int) -> Sequence[Any]:
    """People of open collection cases by dwelling, but for protected records and children: encrypted name and room."""
    c, d, p = t.cases.c, t.dwellings.c, t.persons.c
    return connection.execute(
        select(p.id.label("person"), p.name, names.said_by(community), d.building, d.unit, d.room)
        .join(t.persons, p.id == c.person)
        .join(t.dwellings, d.id == c.dwelling)
        .where(c.community == community, c.kind == "collection", c.is_open, ~c.paused, ~p.protected)
        .distinct()
        .order_by(d.building, d.unit, d.room, p.id)
        .limit(limit)
    ).all()


def ending(connection: Connection, community: str) -> Sequence[Any]:
    """Enrolments whose end one person has asked for, and which a second one has to ask for too."""
    e, p, d = t.enrolments.c, t.persons.c, t.dwellings.c
    return connection.execute(
        select(e.person, e.ended_why, e.ended_by, p.name, names.said_by(community), d.building, d.unit, d.room)
        .join(t.persons, p.id == e.person)
        .outerjoin(t.dwellings, d.id == e.dwelling)
        .where(e.community == community, e.ended_why.is_not(None), e.ended_on.is_(None), ~p.protected)
        .order_by(e.id)
    ).all()


def staff_ending(connection: Connection, community: str, by: date) -> Sequence[Any]:
    """Service staff whose confirmation by a household ends by that day, soonest first."""
    e, p = t.enrolments.c, t.persons.c
    return connection.execute(
        select(e.person, e.confirmed_until, p.name, names.said_by(community))
        .join(t.persons, p.id == e.person)
        .where(e.community == community, e.role == 3, e.confirmed_until <= by, e.ended_on.is_(None), ~p.protected)
        .order_by(e.confirmed_until, e.id)
    ).all()


def shown_cards(connection: Connection, community: str, since: int, limit: int) -> Sequence[Any]:
    """Cards that a gate did not know, as they came since that instant (ms), newest first; each card once."""
    s = t.swipes.c
    newest = (
        select(func.max(s.id).label("id"))
        .where(s.received >= since, s.community == community, s.sealed.is_not(None), s.token.is_not(None))
        .group_by(s.token)
        .subquery()
    )
    query = select(t.swipes).join(newest, newest.c.id == s.id)
    return connection.execute(query.order_by(s.id.desc()).limit(limit)).all()


def shown_card(connection: Connection, community: str, number: int, since: int) -> Row[Any] | None:
    """One of them by the number of its swipe."""
    s = t.swipes.c
    where = (s.id == number, s.community == community, s.received >= since, s.sealed.is_not(None))
    return connection.execute(select(t.swipes).where(*where)).one_or_none()


def cards_between(connection: Connection, community: str, first: date, last: date) -> Sequence[Any]:
    """Cards issued, replaced or returned in those days, with the dwelling: no name and no number of a card."""
    c, e, d = t.credentials.c, t.enrolments.c, t.dwellings.c
    issued, returned = c.issued_on.between(first, last), c.returned_on.between(first, last)
    return connection.execute(
        select(c.id, c.kind, c.issued_on, c.returned_on, c.replaces, c.lost, d.building, d.unit, d.room)
        .outerjoin(t.enrolments, (e.person == c.person) & (e.community == c.community))
        .outerjoin(t.dwellings, d.id == e.dwelling)
        .where(c.community == community, issued | returned)
        .order_by(c.id)
    ).all()


def visits_between(connection: Connection, community: str, first: int, last: int) -> Sequence[Any]:
    """How many passes were given, for how many people, how many came and how many are known to have left, by kind."""
    v = t.visitors.c
    query = select(
        v.kind, func.count(), func.coalesce(func.sum(v.party), 0), func.count(v.arrived), func.count(v.left)
    ).where(v.community == community, v.since >= first, v.since < last)
    return connection.execute(query.group_by(v.kind).order_by(v.kind)).all()


def passes_between(connection: Connection, community: str, first: int, last: int) -> Sequence[Any]:
    """How many swipes by portal, direction, verdict and what a guard entered by hand: counts alone.

    A swipe is received after it was, but for clocks that were a day wrong at most.
    """
    s = t.swipes.c
    said = (s.portal, s.direction, s.verdict, s.by_hand)
    query = select(*said, func.count().label("times")).where(
        s.received >= first - _DAY_MS, s.community == community, s.at >= first, s.at < last
    )
    return connection.execute(query.group_by(*said).order_by(*said)).all()
