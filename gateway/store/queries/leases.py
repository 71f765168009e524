"""Leases of dwellings, and those that end soon."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, exists, insert, or_, select

from gateway.store import tables as t
from gateway.store.queries import names
from rules.words import Question


def dwelling_rows(connection: Connection, dwelling: int) -> Sequence[Row[Any]]:
    """The dwelling's row, alone."""
    return connection.execute(select(t.dwellings).where(t.dwellings.c.id == dwelling)).all()


def standing(connection: Connection, dwelling: int, tenant: int | None, since: date) -> Row[Any] | None:
    """The lease of this dwelling to this tenant from this day on."""
    lease = t.leases.c
    who = lease.tenant.is_(None) if tenant is None else lease.tenant == tenant
    where = (lease.dwelling == dwelling, lease.since == since, who)
    return connection.execute(select(t.leases).where(*where)).first()


def add(connection: Connection, values: dict[str, Any]) -> int:
    return int(connection.execute(insert(t.leases).values(**values).returning(t.leases.c.id)).scalar_one())


def lease(connection: Connection, community: str, number: int) -> Row[Any] | None:
    c = t.leases.c
    return connection.execute(select(t.leases).where(c.id == number, c.community == community)).one_or_none()


def ending(connection: Connection, community: str, until: date, limit: int) -> Sequence[Row[Any]]:
    """Leases that end by that day, soonest first, unless it is asked already what comes next, or known that they leave.

    With the dwelling's parts, and of a tenant who is enrolled here the name and whether they are protected.
    """
    c, d, p, q, e = t.leases.c, t.dwellings.c, t.persons.c, t.questions.c, t.enrolments.c
    asked = exists().where(
        q.person == c.tenant, q.community == c.community, q.is_open, q.question == Question.LEASE_ENDED
    )
    return connection.execute(
        select(t.leases, d.building, d.unit, d.room, p.name, names.said_by(community), p.protected)
        .join(t.dwellings, d.id == c.dwelling)
        .outerjoin(t.persons, (p.id == c.tenant) & exists().where(e.person == p.id, e.community == community))
        .where(c.community == community, c.until <= until, ~asked)
        .where(or_(c.decision.is_(None), c.decision == "renewed"))
        .order_by(c.until, c.id)
        .limit(limit)
    ).all()
