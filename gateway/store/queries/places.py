"""The places that an account may be confined to: communities, streets, police stations."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from gateway.store import tables as t


def all_of(connection: Connection) -> list[tuple[str, str]]:
    """Each scope with how it is shown; communities first."""
    c = t.communities.c
    communities = connection.execute(select(c.id, c.name).order_by(c.id)).all()
    found = [(row.id, f"{row.name} ({row.id})") for row in communities]
    for column in (c.street, c.police_station):
        found += [(one, one) for one in connection.execute(select(column).distinct().order_by(column)).scalars()]
    return found


def communities(connection: Connection) -> Sequence[Row[Any]]:
    """Each community with how many dwellings and stations it has."""
    c = t.communities.c
    dwellings = select(func.count()).where(t.dwellings.c.community == c.id).scalar_subquery()
    stations = select(func.count()).where(t.stations.c.community == c.id).scalar_subquery()
    query = select(t.communities, dwellings.label("dwellings"), stations.label("stations"))
    return connection.execute(query.order_by(c.street, c.name)).all()
