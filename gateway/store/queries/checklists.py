"""The lists that were made for police stations (核查清单)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, select

from gateway.store import tables as t
from gateway.store.queries.writing import upsert

_KEYS = ("police_station", "day")


def police_stations(connection: Connection) -> list[str]:
    """Every police station that a compound belongs to."""
    c = t.communities.c
    return list(connection.execute(select(c.police_station).distinct().order_by(c.police_station)).scalars())


def communities_of(connection: Connection, police_station: str) -> list[str]:
    c = t.communities.c
    return list(connection.execute(select(c.id).where(c.police_station == police_station).order_by(c.id)).scalars())


def last(connection: Connection, police_station: str) -> Row[Any] | None:
    """The list of the newest day."""
    p = t.police_lists.c
    query = select(t.police_lists).where(p.police_station == police_station)
    return connection.execute(query.order_by(p.day.desc()).limit(1)).one_or_none()


def one(connection: Connection, police_station: str, day: date) -> Row[Any] | None:
    p = t.police_lists.c
    query = select(t.police_lists).where(p.police_station == police_station, p.day == day)
    return connection.execute(query).one_or_none()


def before(connection: Connection, police_station: str, day: date) -> Row[Any] | None:
    """The newest list of a day before that one."""
    p = t.police_lists.c
    query = select(t.police_lists).where(p.police_station == police_station, p.day < day)
    return connection.execute(query.order_by(p.day.desc()).limit(1)).one_or_none()


def made(connection: Connection, police_station: str, limit: int) -> Sequence[Row[Any]]:
    """The newest lists, newest first."""
    p = t.police_lists.c
    query = select(t.police_lists).where(p.police_station == police_station)
    return connection.execute(query.order_by(p.day.desc()).limit(limit)).all()


def put(connection: Connection, values: dict[str, Any]) -> None:
    """Note that a list was made, or made again."""
    upsert(connection, t.police_lists, [values], _KEYS)
