"""What stands behind a figure: the rows that are counted and not good, as places and encrypted names."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from gateway.store import tables as t
from rules.indicators import Indicator

_PEOPLE: Mapping[Indicator, Any] = {
    Indicator.OUTFLOW: t.out_movers,
    Indicator.INFLOW: t.inflow_pushes,
    Indicator.INFLOW_LIVING: t.inflow_pushes,
    Indicator.INFLOW_GONE: t.inflow_pushes,
    Indicator.HUKOU_CHECKED: t.hukou_records,
    Indicator.CANCELLED: t.hukou_records,
}
_RESIDENTS = (Indicator.REGISTRATION, Indicator.REGISTRATION_CENTRAL, Indicator.LINKED)
_CASES = (Indicator.ON_TIME, Indicator.DISMISSED)


_a, _v, _s = t.addresses.c, t.visits.c, t.alerts.c
_PLAIN: Mapping[Indicator, Select[Any]] = {
    Indicator.PLATES: select(_a.id.label("item"), _a.building, _a.unit, _a.room),
    Indicator.TOGETHER: select(_v.id.label("item"), _v["case"]),
    Indicator.ANSWERED: select(_s.id.label("item"), _s.slip),
}


def described(connection: Connection, indicator: Indicator, items: Sequence[int]) -> Sequence[Any]:
    """The rows of these numbers: item, with what there is of name and protected, building, unit, room, case, slip."""
    query = _query(indicator)
    if query is None or not items:
        return []
    return connection.execute(query.where(query.selected_columns.item.in_(list(items))).order_by("item")).all()


def _query(indicator: Indicator) -> Select[Any] | None:
    if indicator in _RESIDENTS:
        return _of_residents()
    if (table := _PEOPLE.get(indicator)) is not None:
        p = t.persons.c
        query = select(table.c.id.label("item"), p.name, p.protected)
        return query.join_from(table, t.persons, p.id == table.c.person)
    if indicator in _CASES:
        c, d = t.cases.c, t.dwellings.c
        query = select(c.id.label("item"), c.id.label("case"), d.building, d.unit, d.room)
        return query.outerjoin(t.dwellings, d.id == c.dwelling)
    return _PLAIN.get(indicator)


def _of_residents() -> Select[Any]:
    r, p, d = t.residents.c, t.persons.c, t.dwellings.c
    query = select(r.id.label("item"), p.name, p.protected, d.building, d.unit, d.room)
    return query.join(t.persons, p.id == r.person).outerjoin(t.dwellings, d.id == r.dwelling)
