"""Stations, their streams, the swipes they sent, and what could not be taken."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from gateway.store import tables as t
from gateway.store.queries.writing import upsert


@dataclass(frozen=True, slots=True)
class Stream:
    """How far an epoch of a station is settled: 1…`upto`, and the ranges beyond it. `claimed` is its known last seq."""

    upto: int
    ranges: tuple[tuple[int, int], ...]
    claimed: int = 0


@dataclass(frozen=True, slots=True)
class Seal:
    """What a reader read of an unknown number, sealed for the centre and bound to one swipe."""

    station: str
    epoch: str
    seq: int
    sealed: bytes


def get_setting(connection: Connection, name: str) -> str | None:
    return connection.execute(select(t.settings.c.value).where(t.settings.c.name == name)).scalar()


def set_setting(connection: Connection, name: str, value: str) -> None:
    upsert(connection, t.settings, [{"name": name, "value": value}], ["name"])


def put_communities(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Create or change compounds: id, name, street, police_station, portals."""
    upsert(connection, t.communities, rows, ["id"])


def communities(connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(select(t.communities).order_by(t.communities.c.id)).all()


def community(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(t.communities).where(t.communities.c.id == name)).one_or_none()


def put_station(connection: Connection, name: str, community_id: str, generation: int, at: int) -> None:
    row = {"name": name, "community": community_id, "generation": generation, "enrolled_at": at}
    upsert(connection, t.stations, [row], ["name"])


def stations(connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(select(t.stations).order_by(t.stations.c.name)).all()


def station_heard(connection: Connection, name: str, at: int, status: dict[str, Any] | None) -> None:
    values: dict[str, Any] = {"heard_at": at} if status is None else {"heard_at": at, "status": status}
    connection.execute(update(t.stations).where(t.stations.c.name == name).values(**values))


def station_trouble(connection: Connection, name: str, trouble: str | None) -> None:
    """Note that a station's chain of epochs broke ("restored_from_image") or that two of it live ("cloned")."""
    connection.execute(update(t.stations).where(t.stations.c.name == name).values(trouble=trouble))


def locked_streams(connection: Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Stream]:
    """The streams of (station, epoch), locked until the transaction ends; one that is new stands at 0."""
    found = {}
    for station, epoch in keys:
        row = connection.execute(
            select(t.streams).where(t.streams.c.station == station, t.streams.c.epoch == epoch).with_for_update()
        ).one_or_none()
        found[station, epoch] = Stream(row.upto, _pairs(row.ranges), row.claimed) if row is not None else Stream(0, ())
    return found


def save_streams(connection: Connection, streams: dict[tuple[str, str], Stream], now: int) -> None:
    for (station, epoch), stream in streams.items():
        values = {"upto": stream.upto, "ranges": [list(r) for r in stream.ranges], "claimed": stream.claimed}
        done = connection.execute(
            update(t.streams).where(t.streams.c.station == station, t.streams.c.epoch == epoch).values(**values)
        )
        if not done.rowcount:
            row = {"station": station, "epoch": epoch, "first_heard": now} | values
            connection.execute(insert(t.streams).values(**row))


def streams_of(connection: Connection, station: str, limit: int) -> list[tuple[str, Stream]]:
    """The newest streams of a station."""
    rows = connection.execute(
        select(t.streams).where(t.streams.c.station == station).order_by(t.streams.c.first_heard.desc()).limit(limit)
    )
    return [(row.epoch, Stream(row.upto, _pairs(row.ranges), row.claimed)) for row in rows]


def add_swipes(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(t.swipes), list(rows))


def add_lost(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    upsert(connection, t.lost, rows, ["station", "epoch", "first"])


def add_quarantine(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(t.quarantine), list(rows))


def passes(connection: Connection, community_id: str, tokens: Sequence[bytes], since: int) -> list[int]:
    """Instants (ms) at which any of the tokens was granted or attended in the community since then."""
    if not tokens:
        return []
    swipes = t.swipes.c
    rows = connection.execute(
        select(swipes.at).where(
            swipes.community == community_id,
            swipes.token.in_(tokens),
            swipes.at >= since,
            swipes.verdict.in_(("grant", "attend")),
        )
    )
    return list(rows.scalars())


def newest_seal(connection: Connection, community_id: str, token: bytes) -> Seal | None:
    """What the last swipe of a token that carries a seal gave."""
    swipes = t.swipes.c
    row = connection.execute(
        select(swipes.station, swipes.epoch, swipes.seq, swipes.sealed)
        .where(swipes.community == community_id, swipes.token == token, swipes.sealed.is_not(None))
        .order_by(swipes.at.desc())
        .limit(1)
    ).one_or_none()
    return Seal(row.station, row.epoch, row.seq, row.sealed) if row is not None else None


def newest_portal(connection: Connection, community_id: str, tokens: Sequence[bytes]) -> str | None:
    """Where any of the tokens was last seen."""
    swipes = t.swipes.c
    return connection.execute(
        select(swipes.portal)
        .where(swipes.community == community_id, swipes.token.in_(tokens))
        .order_by(swipes.at.desc())
        .limit(1)
    ).scalar()


def outbox_waiting(connection: Connection, limit: int) -> Sequence[Row[Any]]:
    """What is to be published and has not been, oldest first."""
    return connection.execute(
        select(t.outbox).where(t.outbox.c.delivered.is_(None)).order_by(t.outbox.c.id).limit(limit)
    ).all()


def add_outbox(connection: Connection, topic: str, payload: bytes, slip: str | None, now: int) -> None:
    connection.execute(insert(t.outbox).values(topic=topic, payload=payload, slip=slip, created=now))


def outbox_delivered(connection: Connection, ids: Sequence[int], now: int) -> None:
    connection.execute(update(t.outbox).where(t.outbox.c.id.in_(ids)).values(delivered=now))


def count_swipes(connection: Connection, since: int) -> tuple[int, int]:
    """How many swipes were received since then, and how many are held in all."""
    recent = select(func.count()).select_from(t.swipes).where(t.swipes.c.received >= since)
    return connection.execute(recent).scalar_one(), connection.execute(
        select(func.count()).select_from(t.swipes)
    ).scalar_one()


def _pairs(ranges: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((first, last) for first, last in ranges)
