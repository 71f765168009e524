"""Stations, their streams, the swipes they sent, and what could not be taken."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, bindparam, delete, func, insert, select, text, update

from gateway.store import tables as t
from gateway.store.queries.people import Token
from gateway.store.queries.sums import sums, total
from gateway.store.queries.writing import upsert

_AT_ONCE = 500
"""Rows that one query names: SQLite takes 32,766 values."""
TALLIED = "figures.upto"
"""Setting: the swipes with ids up to this one are counted in `traffic_days`."""
QUARANTINE_KEPT = 1000
"""Messages of one sender that stay noted as set aside: a flood cannot fill the disk, nor push out another's."""


@dataclass(frozen=True, slots=True)
class Stream:
    """How far an epoch of a station is settled: 1…`upto`, and the ranges beyond it. `claimed` is its known last seq."""

    upto: int
    ranges: tuple[tuple[int, int], ...]
    claimed: int = 0
    missing_since: int | None = None
    """Since when (ms) something up to `claimed` is not settled."""
    boot: str = ""
    """The running of the station's machine in which the epoch was."""
    greeted: bool = False
    """Whether a hello of this epoch was looked at."""


_LOCKED_STREAMS = (
    select(t.streams)
    .where(t.streams.c.station == bindparam("station"), t.streams.c.epoch.in_(bindparam("epochs", expanding=True)))
    .order_by(t.streams.c.epoch)
    .with_for_update()
)
_MARKED = (
    select(t.swipes.c.community, t.swipes.c.token)
    .distinct()
    .where(
        t.swipes.c.token.in_(bindparam("tokens", expanding=True)),
        t.swipes.c.at >= bindparam("since"),
        t.swipes.c.at < bindparam("until"),
        text(t.MARKED),
    )
)


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


def highest(connection: Connection) -> int:
    """The highest id of a swipe; 0 where there is none."""
    return int(connection.execute(select(func.coalesce(func.max(t.swipes.c.id), 0))).scalar_one())


def extent(connection: Connection) -> tuple[int, int]:
    """How far the database is: the highest id of a swipe, and the sum of what its streams have settled."""
    upper, lower = connection.execute(select(*sums(t.streams.c.upto))).one()
    return highest(connection), total(upper, lower)


def put_communities(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Create or change compounds: id, name, street, police_station, portals."""
    upsert(connection, t.communities, rows, ["id"])


def communities(connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(select(t.communities).order_by(t.communities.c.id)).all()


def community(connection: Connection, name: str, *, lock: bool = False) -> Row[Any] | None:
    """A community; with `lock`, nobody else changes it or its register before the transaction ends."""
    query = select(t.communities).where(t.communities.c.id == name)
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def put_station(connection: Connection, name: str, community_id: str, generation: int, at: int) -> None:
    row = {"name": name, "community": community_id, "generation": generation, "enrolled_at": at}
    upsert(connection, t.stations, [row], ["name"])


def stations(connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(select(t.stations).order_by(t.stations.c.name)).all()


def said_by(connection: Connection, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What is kept of the last status of each of these stations that has said one."""
    c = t.stations.c
    asked = select(c.name, c.status).where(c.name.in_(names), c.status.is_not(None))
    return {row.name: row.status for row in connection.execute(asked) if row.status} if names else {}


def began(connection: Connection, station: str, epochs: Sequence[str]) -> dict[str, int]:
    """When (ms) each of these epochs of a station began, as far as is known."""
    c = t.streams.c
    asked = select(c.epoch, c.first_heard).where(c.station == station, c.epoch.in_(epochs))
    return {row.epoch: row.first_heard for row in connection.execute(asked)}


def station_said(connection: Connection, name: str, at: int | None, status: dict[str, Any]) -> None:
    """Keep a station's last status; `at` is None where the station did not say it just now (retained, or a will)."""
    values: dict[str, Any] = {"status": status} if at is None else {"heard_at": at, "status": status}
    connection.execute(update(t.stations).where(t.stations.c.name == name).values(**values))


def locked_streams(connection: Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Stream]:
    """Those streams of (station, epoch) that are known, locked until the transaction ends; `keys` rise."""
    found: dict[tuple[str, str], Stream] = {}
    for station, group in groupby(keys, lambda key: key[0]):
        epochs = [epoch for _, epoch in group]
        for i in range(0, len(epochs), _AT_ONCE):
            asked = {"station": station, "epochs": epochs[i : i + _AT_ONCE]}
            found |= {(station, row.epoch): stream_of(row) for row in connection.execute(_LOCKED_STREAMS, asked)}
    return found


def new_since(connection: Connection, station: str, since: int) -> int:
    """How many epochs of a station began since then, as far as is known."""
    c = t.streams.c
    asked = select(func.count()).select_from(t.streams).where(c.station == station, c.first_heard >= since)
    return connection.execute(asked).scalar_one()


def save_streams(
    connection: Connection, streams: dict[tuple[str, str], Stream], now: int, begun: Mapping[tuple[str, str], int]
) -> None:
    """Save how far streams are settled; one that is new began when `begun` says, or now, at the box of today."""
    c = t.stations.c
    named = {station for station, _ in streams}
    boxes = {
        row.name: row.generation
        for row in connection.execute(select(c.name, c.generation).where(c.name.in_(sorted(named))))
    }
    rows = [
        {
            "station": station,
            "epoch": epoch,
            "first_heard": begun.get((station, epoch), now),
            "upto": stream.upto,
            "ranges": [list(r) for r in stream.ranges],
            "claimed": stream.claimed,
            "missing_since": stream.missing_since,
            "boot": stream.boot,
            "generation": boxes[station],
            "greeted": stream.greeted,
        }
        for (station, epoch), stream in streams.items()
    ]
    upsert(connection, t.streams, rows, ["station", "epoch"], only_new=["first_heard", "generation"])


def epoch_before(connection: Connection, station: str, epoch: str) -> str | None:
    """The epoch of a station that began last before this one, of those in which it recorded anything.

    Not of a box before this one. An epoch that was never heard of begins now.
    """
    c = t.streams.c
    began = select(c.first_heard).where(c.station == station, c.epoch == epoch).scalar_subquery()
    before = c.first_heard < func.coalesce(began, c.first_heard + 1)
    recorded = c.station == station, c.epoch != epoch, c.claimed > 0, c.generation == _generation(station), before
    return connection.execute(select(c.epoch).where(*recorded).order_by(c.first_heard.desc()).limit(1)).scalar()


def add_swipes(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(t.swipes), list(rows))


def add_lost(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    upsert(connection, t.lost, rows, ["station", "epoch", "first"])


def add_quarantine(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Note messages that were set aside. Of each sender the newest `QUARANTINE_KEPT` stay."""
    if not rows:
        return
    connection.execute(insert(t.quarantine), list(rows))
    q = t.quarantine.c
    for station in {row["station"] for row in rows}:
        last = select(q.id).where(q.station.is_not_distinct_from(station)).order_by(q.id.desc())
        beyond = connection.execute(last.offset(QUARANTINE_KEPT).limit(1)).scalar()
        if beyond is not None:
            connection.execute(delete(t.quarantine).where(q.station.is_not_distinct_from(station), q.id <= beyond))


def marked(connection: Connection, tokens: Sequence[Token], since: int, until: int) -> set[Token]:
    """Those (community, token) that a swipe in [since, until) has flagged, or met unknown or expired."""
    found: set[Token] = set()
    for i in range(0, len(tokens), _AT_ONCE):
        plain = [token for _, token in tokens[i : i + _AT_ONCE]]
        asked = {"tokens": plain, "since": since, "until": until}
        found |= {(community, token) for community, token in connection.execute(_MARKED, asked)}
    return found.intersection(tokens)


def forget_token(connection: Connection, community_id: str, token: bytes) -> None:
    """Leave of a token's swipes in a community what can be counted, and neither whose they are nor what was read."""
    swipes = t.swipes.c
    where = (swipes.community == community_id, swipes.token == token)
    connection.execute(update(t.swipes).where(*where).values(token=None, sealed=None))


def newest_seal(connection: Connection, community_id: str, token: bytes) -> Seal | None:
    """What the last swipe of a token that carries a seal gave."""
    swipes = t.swipes.c
    row = connection.execute(
        select(swipes.station, swipes.epoch, swipes.seq, swipes.sealed)
        .where(swipes.community == community_id, swipes.token == token, swipes.sealed.is_not(None))
        .order_by(swipes.at.desc(), swipes.station, swipes.epoch, swipes.seq.desc())
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


def outbox_topics(connection: Connection) -> set[str]:
    """The topics of what is to be published and has not been."""
    return set(connection.execute(select(t.outbox.c.topic).where(t.outbox.c.delivered.is_(None)).distinct()).scalars())


def outbox_waiting_under(connection: Connection, begin: str) -> int:
    """How many messages wait whose topics begin so."""
    o = t.outbox.c
    waiting = (
        select(func.count())
        .select_from(t.outbox)
        .where(o.delivered.is_(None), o.topic.startswith(begin, autoescape=True))
    )
    return int(connection.execute(waiting).scalar_one())


def add_outbox(connection: Connection, topic: str, payload: bytes, slip: str | None, now: int) -> None:
    connection.execute(insert(t.outbox).values(topic=topic, payload=payload, slip=slip, created=now))


def outbox_delivered(connection: Connection, ids: Sequence[int], now: int) -> None:
    connection.execute(update(t.outbox).where(t.outbox.c.id.in_(ids)).values(delivered=now))


def forget_delivered(connection: Connection, before: int) -> None:
    """Delete what was delivered before that instant from the outbox."""
    connection.execute(delete(t.outbox).where(t.outbox.c.delivered < before))


def count_swipes(connection: Connection, since: int) -> tuple[int, int]:
    """How many swipes were received since then, and how many were stored so far: by days, and those not tallied yet."""
    s, d = t.swipes.c, t.traffic_days.c
    recent = select(func.count()).select_from(t.swipes).where(s.received >= since)
    days = select(func.coalesce(func.sum(d.granted + d.attended + d.refused), 0))
    rest = select(func.count()).select_from(t.swipes).where(s.id > int(get_setting(connection, TALLIED) or 0))
    return connection.execute(recent).scalar_one(), int(
        connection.execute(days).scalar_one() + connection.execute(rest).scalar_one()
    )


def stream_of(row: Row[Any]) -> Stream:
    """A row of the table as a stream."""
    return Stream(row.upto, _pairs(row.ranges), row.claimed, row.missing_since, row.boot, row.greeted)


def _generation(station: str) -> ScalarSelect[Any]:
    return select(t.stations.c.generation).where(t.stations.c.name == station).scalar_subquery()


def _pairs(ranges: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((first, last) for first, last in ranges)
