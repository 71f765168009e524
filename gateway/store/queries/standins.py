"""Deputies: who stands in for whom, from when until when."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gateway.store import tables as t

_d = t.deputies.c
MOST = 200


def add(connection: Connection, values: dict[str, Any]) -> int:
    return int(connection.execute(insert(t.deputies).values(**values).returning(_d.id)).scalar_one())


def same(connection: Connection, values: dict[str, Any]) -> int | None:
    """The number of one that says just this, where there is one."""
    named = ("community", "worker", "deputy", "since", "until")
    query = select(_d.id).where(*(t.deputies.c[name] == values[name] for name in named)).limit(1)
    return connection.execute(query).scalar()


def end(connection: Connection, community: str, number: int, day: date, worker: str) -> bool:
    """Have it end with the day before `day`; False where it has ended, or is of somebody else than `worker`."""
    which = (_d.id == number, _d.community == community, _d.until >= day, *((_d.worker == worker,) if worker else ()))
    return connection.execute(update(t.deputies).where(*which).values(until=day - timedelta(days=1))).rowcount == 1


def stands_in_for(connection: Connection, community: str, deputy: str, day: date) -> list[str]:
    """Whose deputy somebody is in a community on a day."""
    here = (_d.community == community, _d.deputy == deputy)
    query = select(_d.worker).distinct().where(*here, _d.since <= day, _d.until >= day)
    return list(connection.execute(query.order_by(_d.worker)).scalars())


def holding(connection: Connection, community: str, day: date, worker: str, limit: int) -> Sequence[Row[Any]]:
    """Those that hold on a day or will, soonest first; of or by one person where they are named."""
    query = select(t.deputies).where(_d.community == community, _d.until >= day).order_by(_d.since, _d.id).limit(limit)
    return connection.execute(query.where((_d.worker == worker) | (_d.deputy == worker)) if worker else query).all()
