"""The rows of the lists that are given out, read a part at a time."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, Table, select

from gateway.store import tables as t
from gateway.store.queries import names

_PART = 500


def _parts(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    yield from connection.execution_options(yield_per=_PART).execute(query)


def _people(table: Table, community: str, *columns: Any) -> Select[Any]:
    p = t.persons.c
    return (
        select(p.name, names.said_by(community), p.kind, p.number, p.phone, *columns)
        .join_from(table, t.persons, p.id == table.c.person)
        .where(table.c.community == community, ~p.protected)
        .order_by(table.c.id)
    )


def residents(connection: Connection, community: str) -> Iterator[Any]:
    """Who lives here now."""
    r, d = t.residents.c, t.dwellings.c
    columns = (r.category, r.relation, r.stay, r.hukou, r.since, r.employment, r.employer, d.building, d.unit, d.room)
    query = _people(t.residents, community, *columns).outerjoin(t.dwellings, d.id == r.dwelling)
    return _parts(connection, query.where(r.until.is_(None)))


def hukou(connection: Connection, community: str) -> Iterator[Any]:
    h = t.hukou_records.c
    checked = (h.status, h.checked_on, h.checked_by, h.reviewed_by, h.reviewed_on)
    columns = (h.head, h.address, *checked, h.to_cancel, h.cancelled_receipt, h.cancelled_on)
    return _parts(connection, _people(t.hukou_records, community, *columns))


def pushes(connection: Connection, community: str) -> Iterator[Any]:
    p = t.inflow_pushes.c
    columns = (p.received_on, p.origin, p.outcome, p.outcome_on, p.reviewed_on, p.reviewed_by)
    return _parts(connection, _people(t.inflow_pushes, community, *columns))


def out_movers(connection: Connection, community: str) -> Iterator[Any]:
    o = t.out_movers.c
    columns = (o.address.label("out_address"), o.phone.label("out_phone"), o.checked_on, o.checked_by)
    return _parts(connection, _people(t.out_movers, community, *columns))


def registrations(connection: Connection, community: str) -> Iterator[Any]:
    """Registrations that hold, or have no end."""
    r = t.registrations.c
    return _parts(
        connection, _people(t.registrations, community, r.since, r.until, r.receipt, r.employment, r.employer)
    )


def addresses(connection: Connection, community: str) -> Iterator[Any]:
    a, d = t.addresses.c, t.dwellings.c
    query = select(a.building, a.unit, a.room, a.code, a.elements, a.plate, a.plate_required, a.plate_on, d.use)
    query = query.outerjoin(t.dwellings, d.address == a.id).where(a.community == community).order_by(a.id)
    return _parts(connection, query)


def slips(connection: Connection, community: str) -> Iterator[Any]:
    """Slips that were sent, with their answers."""
    a = t.alerts.c
    query = select(a.slip, a.answer, a.receipt, a.note, a.answered_by)
    return _parts(connection, query.where(a.community == community, a.sent.is_not(None)).order_by(a.id))


def visitors(connection: Connection, community: str) -> Iterator[Any]:
    v, d = t.visitors.c, t.dwellings.c
    query = select(v.name, v.phone, v.since, v.until, v.party, d.building, d.unit, d.room)
    query = query.outerjoin(t.dwellings, d.id == v.host).where(v.community == community).order_by(v.id)
    return _parts(connection, query)
