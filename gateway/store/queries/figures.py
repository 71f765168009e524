"""Figures as they are counted and kept: by community and day, with traffic, devices, samples and the use of cards."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select

from gateway.store import tables as t
from gateway.store.queries.populations import POPULATIONS, midnight
from gateway.store.queries.writing import upsert
from rules.indicators import Counts, Indicator, Unknown

_LISTS: Mapping[Indicator, Any] = {
    Indicator.OUTFLOW: t.out_movers,
    Indicator.INFLOW: t.inflow_pushes,
    Indicator.INFLOW_LIVING: t.inflow_pushes,
    Indicator.INFLOW_GONE: t.inflow_pushes,
    Indicator.HUKOU_CHECKED: t.hukou_records,
    Indicator.CANCELLED: t.hukou_records,
    Indicator.PLATES: t.addresses,
    Indicator.REGISTRATION: t.residents,
    Indicator.REGISTRATION_CENTRAL: t.residents,
    Indicator.LINKED: t.residents,
}
"""From which list each is counted: where none was imported there is no figure, and that is not 0."""
IDENTITY_KINDS = ("citizen-id", "id-chip", "pr-2017")


def counted(connection: Connection, indicator: Indicator, day: date) -> dict[str, Counts]:
    """What an indicator counts on a day, by community; communities without any are left out."""
    rows = POPULATIONS[indicator](day).subquery()
    pending = func.sum(rows.c.pending)
    query = select(rows.c.community, func.sum(rows.c.good), func.count() - pending, pending).group_by(rows.c.community)
    return {name: Counts(int(n), int(d), int(p)) for name, n, d, p in connection.execute(query)}


def behind(
    connection: Connection, indicator: Indicator, day: date, community: str, limit: int, after: int
) -> list[int]:
    """The rows of an indicator's denominator that are not good, by their numbers; also those that are pending.

    Raises:
        LookupError: nothing is listed behind this figure: it counts no rows.
    """
    if indicator not in POPULATIONS:
        raise LookupError("there is no list behind this figure")
    rows = POPULATIONS[indicator](day).subquery()
    wanted = (rows.c.community == community, rows.c.good == 0, rows.c.item > after)
    return list(connection.execute(select(rows.c.item).where(*wanted).order_by(rows.c.item).limit(limit)).scalars())


def counted_people(connection: Connection, community: str, day: date) -> Sequence[Any]:
    """Everyone whom the registration rate of a community counts on a day: kind, encrypted number, whether good."""
    rows, p, r = POPULATIONS[Indicator.REGISTRATION](day).subquery(), t.persons.c, t.residents.c
    query = (
        select(p.kind, p.number, rows.c.good)
        .join_from(rows, t.residents, r.id == rows.c.item)
        .join(t.persons, p.id == r.person)
        .where(rows.c.community == community, rows.c.pending == 0)
    )
    return connection.execute(query).all()


def without_list(connection: Connection, indicator: Indicator) -> set[str]:
    """The communities whose list for an indicator was never imported."""
    table = _LISTS.get(indicator)
    if table is None:
        return set()
    c = t.communities.c
    there = select(table.c.id).where(table.c.community == c.id).exists()
    return set(connection.execute(select(c.id).where(~there)).scalars())


def devices(connection: Connection, day: date) -> dict[str, Counts]:
    """Minutes of readers in the month up to a day."""
    d = t.device_days.c
    query = select(d.community, func.sum(d.online), func.sum(d.expected))
    within = query.where(d.day >= day.replace(day=1), d.day <= day).group_by(d.community)
    return {name: Counts(int(n), int(e)) for name, n, e in connection.execute(within)}


def samples(connection: Connection, day: date) -> Sequence[Any]:
    """Sums of the newest field audit of each community that was drawn by a day, of dwellings where somebody answered.

    community, present, registered, records, right, moved_out.
    """
    a, f = t.field_audits.c, t.field_findings.c
    newest = select(func.max(a.id)).where(a.drawn_on <= day).group_by(a.community)
    sums = [func.sum(column) for column in (f.present, f.registered, f.records, f.right, f.moved_out)]
    return connection.execute(
        select(a.community, *sums)
        .join(t.field_findings, f.audit == a.id)
        .where(a.id.in_(newest), f.present.is_not(None), f.found_on <= day)
        .group_by(a.community)
    ).all()


def adults_with_cards(connection: Connection, community: str) -> Sequence[Any]:
    """Everyone enrolled as a resident: person, kind and encrypted number."""
    e, p = t.enrolments.c, t.persons.c
    return connection.execute(
        select(p.id, p.kind, p.number)
        .join(t.enrolments, e.person == p.id)
        .where(e.community == community, e.role == 0, e.ended_on.is_(None), p.merged_into.is_(None))
    ).all()


def users_of_documents(connection: Connection, community: str, day: date) -> set[int]:
    """Who used an ID card or residence permit at a gate in the 30 days up to a day. Nothing of when or where."""
    s, c = t.swipes.c, t.credentials.c
    month = (s.community == community, s.at >= midnight(day, -29), s.at < midnight(day, 1), s.kind.in_(IDENTITY_KINDS))
    tokens = select(s.token).where(*month).distinct().subquery()
    query = select(c.person).distinct().join(tokens, tokens.c.token == c.token).where(c.community == community)
    return set(connection.execute(query).scalars())


def keep(connection: Connection, day: date, name: Indicator, counts: Mapping[str, Counts], now: int) -> None:
    """Keep what was counted of a day."""
    rows = [
        {
            "community": community,
            "name": name.value,
            "day": day,
            "numerator": one.numerator,
            "denominator": one.denominator,
            "pending": one.pending,
            "unknown": None if one.unknown is None else one.unknown.value,
            "counted": now,
        }
        for community, one in sorted(counts.items())
    ]
    upsert(connection, t.figures, rows, ["community", "name", "day"])


def kept(
    connection: Connection,
    day: date,
    communities: Sequence[str] | None = None,
    indicators: Sequence[Indicator] | None = None,
) -> list[Row[Any]]:
    """What was counted of a day; of these communities and indicators alone, where they are named."""
    f = t.figures.c
    query = select(t.figures).where(f.day == day)
    if indicators is not None:
        query = query.where(f.name.in_(indicators))
    return list(connection.execute(query if communities is None else query.where(f.community.in_(communities))).all())


def newest_day(connection: Connection) -> date | None:
    """The day of which figures were counted last."""
    return connection.execute(select(func.max(t.figures.c.day))).scalar()


def days(connection: Connection, name: Indicator, since: date) -> list[date]:
    """The days from then on of which a figure was kept, oldest first."""
    f = t.figures.c
    query = select(f.day).distinct().where(f.name == name.value, f.day >= since).order_by(f.day)
    return list(connection.execute(query).scalars())


def trend(connection: Connection, name: Indicator, since: date) -> Sequence[Any]:
    """Sums over the district by day: day, numerator, denominator, pending."""
    f = t.figures.c
    sums = (func.sum(f.numerator), func.sum(f.denominator), func.sum(f.pending))
    query = select(f.day, *sums).where(f.name == name.value, f.day >= since, f.unknown.is_(None))
    return connection.execute(query.group_by(f.day).order_by(f.day)).all()


def counts_of(row: Any) -> Counts:
    """The counts of a kept row."""
    unknown = None if row.unknown is None else Unknown(row.unknown)
    return Counts(row.numerator, row.denominator, row.pending, unknown)


def communities(connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(select(t.communities).order_by(t.communities.c.id)).all()


def add_traffic(connection: Connection, after: int, upto: int) -> None:
    """Add the swipes with these ids (after … upto] to the days on which they were."""
    day = t.traffic_days
    grouped: dict[tuple[str, date], list[int]] = {}
    for row in connection.execute(_by_day(after, upto)):
        key = (row.community, date.fromordinal(_EPOCH_ORDINAL + int(row.civil_day)))
        counts = grouped.setdefault(key, [0, 0, 0])
        counts[{"grant": 0, "attend": 1}.get(row.verdict, 2)] += int(row[3])
    keys = sorted(grouped)
    standing = {
        (row.community, row.day): row
        for row in connection.execute(select(day).where(day.c.day.in_({key[1] for key in keys}))).all()
    }
    rows = []
    for key in keys:
        before = standing.get(key)
        had = (before.granted, before.attended, before.refused) if before is not None else (0, 0, 0)
        granted, attended, refused = (old + new for old, new in zip(had, grouped[key], strict=True))
        rows.append({"community": key[0], "day": key[1], "granted": granted, "attended": attended, "refused": refused})
    upsert(connection, day, rows, ["community", "day"])


def add_minutes(connection: Connection, day: date, minutes: Mapping[str, tuple[int, int]]) -> None:
    """Add minutes of readers to a day: community -> (online, expected)."""
    d = t.device_days
    standing = {row.community: row for row in connection.execute(select(d).where(d.c.day == day)).all()}
    rows = [
        {
            "community": community,
            "day": day,
            "online": online + (standing[community].online if community in standing else 0),
            "expected": expected + (standing[community].expected if community in standing else 0),
        }
        for community, (online, expected) in sorted(minutes.items())
    ]
    upsert(connection, d, rows, ["community", "day"])


def newest_swipe(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(t.swipes.c.id), 0))).scalar_one())


def times_to_register(connection: Connection, first: date, day: date) -> tuple[dict[int, int], int]:
    """Days from opening to registration -> how many cases opened in a span took so long; and how many are open."""
    c = t.cases.c
    within = (c.opened_on >= first, c.opened_on <= day, c.kind == "collection")
    days = ((c.closed - c.opened) // _DAY_MS).label("days")
    ended = select(days, func.count()).where(*within, c.state == "registered", c.closed.is_not(None))
    done = {int(row[0]): int(row[1]) for row in connection.execute(ended.group_by(days))}
    waiting = connection.execute(select(func.count()).select_from(t.cases).where(*within, c.is_open)).scalar_one()
    return done, int(waiting)


def freeze(connection: Connection, month: date, values: Mapping[str, Any]) -> None:
    connection.execute(insert(t.month_ends).values(month=month, **values))


def month_end(connection: Connection, month: date) -> Row[Any] | None:
    return connection.execute(select(t.month_ends).where(t.month_ends.c.month == month)).one_or_none()


def month_ends(connection: Connection) -> Iterator[Row[Any]]:
    """The month-ends that were frozen, newest first."""
    yield from connection.execute(select(t.month_ends).order_by(t.month_ends.c.month.desc())).all()


_DAY_MS, _CHINA_MS = 86_400_000, 8 * 3_600_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def _by_day(after: int, upto: int) -> Select[Any]:
    s = t.swipes.c
    civil = ((s.at + _CHINA_MS) // _DAY_MS).label("civil_day")
    query = select(s.community, civil, s.verdict, func.count()).where(s.id > after, s.id <= upto)
    return query.group_by(s.community, civil, s.verdict)
