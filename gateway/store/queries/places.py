"""The places that an account may be confined to: communities, streets, police stations."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from gateway.store import tables as t
from gateway.store.database import Database


def all_of(connection: Connection) -> list[tuple[str, str]]:
    """Each scope with how it is shown; communities first."""
    c = t.communities.c
    communities = connection.execute(select(c.id, c.name).order_by(c.id)).all()
    found = [(row.id, f"{row.name} ({row.id})") for row in communities]
    for column in (c.street, c.police_station):
        found += [(one, one) for one in connection.execute(select(column).distinct().order_by(column)).scalars()]
    return found


def of_street(database: Database, scope: str) -> tuple[str, ...]:
    """The communities of a street, or the one that is named so; where there is none, a name that is no community's."""
    c = t.communities.c
    with database.read() as connection:
        if connection.execute(select(c.id).where(c.id == scope)).first() is not None:
            return (scope,)
        found = connection.execute(select(c.id).where(c.street == scope).order_by(c.id)).scalars()
        return tuple(found) or (scope,)


def communities(connection: Connection) -> Sequence[Row[Any]]:
    """Each community with how many dwellings and stations it has."""
    c = t.communities.c
    homes, boxes = (
        select(table.c.community, func.count().label("number")).group_by(table.c.community).subquery().c
        for table in (t.dwellings, t.stations)
    )
    query = (
        select(
            t.communities,
            func.coalesce(homes.number, 0).label("dwellings"),
            func.coalesce(boxes.number, 0).label("stations"),
        )
        .outerjoin(homes.community.table, homes.community == c.id)
        .outerjoin(boxes.community.table, boxes.community == c.id)
    )
    return connection.execute(query.order_by(c.street, c.name)).all()
