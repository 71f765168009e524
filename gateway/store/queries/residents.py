"""Lists of who is enrolled in a community, and one of them with what belongs to them."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from gateway.store import tables as t
from gateway.store.queries import names as names_of


def _enrolled(community: str, *, protected: bool) -> Select[Any]:
    e, d, p = t.enrolments.c, t.dwellings.c, t.persons.c
    query = (
        select(
            e.id,
            e.person,
            e.role,
            e.since,
            e.until,
            e.confirmed_until,
            e.ended_why,
            e.ended_on,
            p.name,
            names_of.said_by(community),
            p.protected,
            d.building,
            d.unit,
            d.room,
        )
        .join(t.persons, p.id == e.person)
        .outerjoin(t.dwellings, d.id == e.dwelling)
        .where(e.community == community, p.kind != "visitor", p.merged_into.is_(None))
    )
    return query if protected else query.where(~p.protected)


def listed(
    connection: Connection, community: str, limit: int, after: int, *, protected: bool, building: str = ""
) -> Sequence[Row[Any]]:
    """Who is enrolled, by the enrolment's number; visitors are not people. `protected`: also protected records."""
    query = _enrolled(community, protected=protected).where(t.enrolments.c.id > after)
    if building:
        query = query.where(t.dwellings.c.building == building)
    return connection.execute(query.order_by(t.enrolments.c.id).limit(limit)).all()


def one(connection: Connection, community: str, person: int, *, protected: bool) -> Row[Any] | None:
    query = _enrolled(community, protected=protected).where(t.enrolments.c.person == person)
    return connection.execute(query).one_or_none()


def names(connection: Connection, community: str, *, protected: bool) -> Sequence[Any]:
    """Person and encrypted name of everyone who is enrolled, to be searched in memory."""
    e, p = t.enrolments.c, t.persons.c
    query = (
        select(e.person, p.name, names_of.said_by(community))
        .join(t.persons, p.id == e.person)
        .where(e.community == community)
    )
    query = query.where(p.kind != "visitor", p.merged_into.is_(None))
    return connection.execute(query if protected else query.where(~p.protected)).all()


def household(connection: Connection, community: str, dwelling: int) -> Sequence[Row[Any]]:
    """Who lives in a dwelling now, the longest first, with their encrypted names."""
    r, p = t.residents.c, t.persons.c
    return connection.execute(
        select(t.residents, p.name, names_of.said_by(community), p.kind, p.number, p.protected)
        .join(t.persons, p.id == r.person)
        .where(r.community == community, r.dwelling == dwelling, r.until.is_(None))
        .order_by(r.since, r.id)
    ).all()


def staff_ending(connection: Connection, community: str, by: date) -> Sequence[Row[Any]]:
    """Service staff whose confirmation by a household ends by that day."""
    e = t.enrolments.c
    where = (e.community == community, e.role == 3, e.confirmed_until <= by, e.ended_on.is_(None))
    return connection.execute(select(t.enrolments).where(*where).order_by(e.confirmed_until)).all()
