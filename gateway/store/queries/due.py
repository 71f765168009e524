"""Whom a new day may concern, although nothing came of them: (community, person)."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Exists, Select, and_, or_, select

from gateway.store import tables as t

_e, _r, _l, _d, _t = t.enrolments.c, t.registrations.c, t.residents.c, t.dwellings.c, t.leases.c
Whom = set[tuple[str, int]]


def unregistered(connection: Connection, today: date) -> Whom:
    """Residents who are enrolled now and not registered there today."""
    now = (_e.role == 0, _e.since <= today, or_(_e.until.is_(None), _e.until >= today))
    registered = _registered(_e.community, _e.person, today)
    return _whom(connection, select(_e.community, _e.person).where(*now, ~registered))


def moved_out(connection: Connection, today: date) -> Whom:
    """Those who live there no more and are registered there still."""
    other = t.residents.alias()
    again = select(other.c.id).where(
        other.c.person == _l.person, other.c.community == _l.community, other.c.until.is_(None)
    )
    query = select(_l.community, _l.person).where(_l.until <= today, ~again.exists())
    return _whom(connection, query.where(_registered(_l.community, _l.person, today)))


def to_recheck(connection: Connection, today: date, rented: date, others: date) -> Whom:
    """Residents who are registered there, and of whom nothing says that it was looked after `rented` or `others`.

    `rented` for whoever rents, `others` for the others: the last day after which it is due again.
    """
    days = (_l.checked_on, _l.confirmed_on, _d.checked_on)

    def before(day: date) -> ColumnElement[bool]:
        return and_(*(or_(one.is_(None), one <= day) for one in days))

    rents = or_(_l.stay == "rented", _d.use == "rented")
    query = (
        select(_l.community, _l.person)
        .outerjoin(t.dwellings, _d.id == _l.dwelling)
        .where(_l.until.is_(None), or_(before(others), and_(rents, before(rented))))
        .where(_registered(_l.community, _l.person, today))
    )
    return _whom(connection, query)


def to_ask_about(connection: Connection, today: date) -> Whom:
    """Those whose lease, or whose confirmation as service staff, has ended before today; and whoever is asked about."""
    ended = select(_t.community, _t.tenant).where(_t.until < today, _t.tenant.is_not(None))
    undecided = ended.where(or_(_t.decision.is_(None), _t.decision == "renewed"))
    staff = select(_e.community, _e.person).where(_e.confirmed_until < today, _e.role == 3, _e.ended_on.is_(None))
    asked = select(t.questions.c.community, t.questions.c.person).where(t.questions.c.is_open)
    return _whom(connection, undecided) | _whom(connection, staff) | _whom(connection, asked)


def _whom(connection: Connection, query: Select[Any]) -> Whom:
    return {(community, person) for community, person in connection.execute(query)}


def _registered(community: ColumnElement[str], person: ColumnElement[int], today: date) -> Exists:
    holds = (_r.since <= today, or_(_r.until.is_(None), _r.until >= today))
    return select(_r.id).where(_r.person == person, _r.community == community, *holds).exists()
