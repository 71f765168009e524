"""Leases of dwellings, and those that end soon."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from gateway.store import tables as t


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
    """Leases of people who live here that end by that day and of which nothing is decided, soonest first.

    With the dwelling's parts, and the tenant's kind, name and whether they are protected.
    """
    c, d, p = t.leases.c, t.dwellings.c, t.persons.c
    return connection.execute(
        select(t.leases, d.building, d.unit, d.room, p.name.label("tenant_name"), p.protected)
        .join(t.dwellings, d.id == c.dwelling)
        .outerjoin(t.persons, p.id == c.tenant)
        .where(c.community == community, c.until <= until, c.decision.is_(None))
        .order_by(c.until, c.id)
        .limit(limit)
    ).all()
