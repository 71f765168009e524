"""Sampled field audits: what was drawn, and what was found."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from gateway.store import tables as t


def dwellings(connection: Connection, community: str) -> list[int]:
    d = t.dwellings.c
    return list(connection.execute(select(d.id).where(d.community == community)).scalars())


def add(connection: Connection, values: Mapping[str, Any], drawn: Sequence[int]) -> int:
    a = t.field_audits
    number = int(connection.execute(insert(a).values(**values).returning(a.c.id)).scalar_one())
    connection.execute(insert(t.field_findings), [{"audit": number, "dwelling": one} for one in drawn])
    return number


def audit(connection: Connection, community: str, number: int) -> Row[Any] | None:
    a = t.field_audits.c
    return connection.execute(select(t.field_audits).where(a.id == number, a.community == community)).one_or_none()


def of(connection: Connection, community: str, limit: int) -> Sequence[Row[Any]]:
    """The audits of a community, newest first."""
    a = t.field_audits.c
    return connection.execute(
        select(t.field_audits).where(a.community == community).order_by(a.id.desc()).limit(limit)
    ).all()


def drawn(connection: Connection, number: int) -> list[int]:
    f = t.field_findings.c
    return list(connection.execute(select(f.dwelling).where(f.audit == number)).scalars())


def finding(connection: Connection, community: str, number: int, dwelling: int) -> Row[Any] | None:
    f, a = t.field_findings.c, t.field_audits.c
    return connection.execute(
        select(t.field_findings)
        .join(t.field_audits, a.id == f.audit)
        .where(f.audit == number, f.dwelling == dwelling, a.community == community)
    ).one_or_none()


def findings(connection: Connection, number: int) -> Sequence[Any]:
    """What was found, with the dwelling's parts."""
    f, d = t.field_findings.c, t.dwellings.c
    return connection.execute(
        select(t.field_findings, d.building, d.unit, d.room)
        .join(t.dwellings, d.id == f.dwelling)
        .where(f.audit == number)
        .order_by(d.building, d.unit, d.room)
    ).all()
