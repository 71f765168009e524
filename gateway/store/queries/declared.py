"""Declarations, codes for one's own data, and requests about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from gateway.store import tables as t

AHEAD_MS = 30_000
"""How far the clock of a gate may be ahead of ours."""


def add(connection: Connection, values: Mapping[str, Any]) -> int:
    return int(connection.execute(insert(t.declarations).values(**values).returning(t.declarations.c.id)).scalar_one())


def declaration(connection: Connection, number: int) -> Row[Any] | None:
    return connection.execute(select(t.declarations).where(t.declarations.c.id == number)).one_or_none()


def declaration_here(connection: Connection, community: str, number: int) -> Row[Any]:
    """A declaration of a community, decided or not; LookupError where there is none."""
    row = declaration(connection, number)
    if row is None or row.community != community:
        raise LookupError("there is no such declaration here")
    return row


def by_receipt(connection: Connection, receipt: str) -> Row[Any] | None:
    return connection.execute(select(t.declarations).where(t.declarations.c.receipt == receipt)).one_or_none()


def waiting(connection: Connection, community: str, limit: int) -> Sequence[Row[Any]]:
    """Declarations of a community that nobody has decided, oldest first."""
    d = t.declarations.c
    where = (d.community == community, d.state == "waiting")
    return connection.execute(select(t.declarations).where(*where).order_by(d.id).limit(limit)).all()


def decide(connection: Connection, number: int, values: Mapping[str, Any]) -> bool:
    """Decide a declaration that waits; False where somebody was first. What it said of people goes."""
    d = t.declarations.c
    done = connection.execute(
        update(t.declarations).where(d.id == number, d.state == "waiting").values(said=None, **values)
    )
    return done.rowcount == 1


def add_code(connection: Connection, values: Mapping[str, Any], forget: int) -> None:
    """Keep a code; those that ended before the instant `forget` go."""
    connection.execute(delete(t.codes).where(t.codes.c.expires < forget))
    connection.execute(insert(t.codes).values(**values))


def code(connection: Connection, said: str, now: int) -> Row[Any] | None:
    """A code that was not used and has not ended, locked."""
    c = t.codes.c
    where = (c.code == said, c.person.is_(None), c.expires >= now)
    return connection.execute(select(t.codes).where(*where).with_for_update()).one_or_none()


def open_code(connection: Connection, number: int, values: Mapping[str, Any]) -> None:
    connection.execute(update(t.codes).where(t.codes.c.id == number).values(**values))


def own_swipe(connection: Connection, community: str, person: int, since: int, now: int) -> Row[Any] | None:
    """The last swipe of somebody's own card since then, by both clocks, by which no code was opened."""
    s, c, used = t.swipes.c, t.credentials.c, select(t.codes.c.swipe).where(t.codes.c.swipe.is_not(None))
    theirs = (c.community == community, c.person == person, ~c.lost, c.returned_on.is_(None))
    tokens = list(connection.execute(select(c.token).where(*theirs)).scalars())
    within = (s.at >= since, s.at <= now + AHEAD_MS, s.received >= since, s.id.not_in(used))
    wanted = select(t.swipes).where(s.community == community, s.token.in_(tokens), *within)
    return connection.execute(wanted.order_by(s.at.desc(), s.id.desc()).limit(1)).one_or_none()


def session(connection: Connection, lookup: bytes, now: int) -> Row[Any] | None:
    """The code of a page, opened or not, until it ends."""
    c = t.codes.c
    return connection.execute(select(t.codes).where(c.session == lookup, c.expires >= now)).one_or_none()


def add_request(connection: Connection, values: Mapping[str, Any]) -> int:
    return int(connection.execute(insert(t.requests).values(**values).returning(t.requests.c.id)).scalar_one())


def requests(connection: Connection, community: str, limit: int) -> Sequence[Row[Any]]:
    """Requests of a community that nobody has decided, the most urgent first."""
    r = t.requests.c
    where = (r.community == community, r.decided.is_(None))
    return connection.execute(select(t.requests).where(*where).order_by(r.due, r.id).limit(limit)).all()


def request(connection: Connection, number: int) -> Row[Any] | None:
    return connection.execute(select(t.requests).where(t.requests.c.id == number)).one_or_none()


def request_here(connection: Connection, community: str, number: int) -> Row[Any]:
    """A request to a community, answered or not; LookupError where there is none."""
    row = request(connection, number)
    if row is None or row.community != community:
        raise LookupError("there is no such request here")
    return row


def undecided(connection: Connection, community: str) -> tuple[int, int]:
    """How many declarations and how many requests of a community nobody has decided."""
    d, r = t.declarations.c, t.requests.c
    waits = select(func.count()).where(d.community == community, d.state == "waiting")
    asked = select(func.count()).where(r.community == community, r.decided.is_(None))
    return int(connection.execute(waits).scalar_one()), int(connection.execute(asked).scalar_one())


def decide_request(connection: Connection, number: int, values: Mapping[str, Any]) -> bool:
    r = t.requests.c
    done = connection.execute(update(t.requests).where(r.id == number, r.decided.is_(None)).values(**values))
    return done.rowcount == 1


def own(connection: Connection, person: int) -> dict[str, Sequence[Any]]:
    """All that is held about somebody, table by table: their rows, and who changed them."""
    found: dict[str, Sequence[Any]] = {}
    for name in ("enrolments", "residents", "registrations", "credentials", "cases", "requests"):
        table = t.metadata.tables[name]
        found[name] = connection.execute(select(table).where(table.c.person == person).order_by(table.c.id)).all()
    leases = t.leases.c
    found["leases"] = connection.execute(
        select(t.leases).where((leases.tenant == person) | (leases.landlord == person))
    ).all()
    return found


def own_subjects(connection: Connection, person: int) -> list[str]:
    """What the record of acts calls somebody: themselves, their cases and slips."""
    c, a = t.cases.c, t.alerts.c
    cases = list(connection.execute(select(c.id).where(c.person == person)).scalars())
    slips = connection.execute(select(a.slip).where(a.case.in_(cases))).scalars()
    return [f"persons/{person}", *(f"cases/{one}" for one in cases), *(f"alerts/{one}" for one in slips)]


def own_passes(connection: Connection, person: int, since: int, limit: int) -> Sequence[Any]:
    """Somebody's own passes, newest first: at, portal, direction, verdict. For nobody but themselves."""
    s, c = t.swipes.c, t.credentials.c
    tokens = select(c.community, c.token).where(c.person == person).subquery()
    return connection.execute(
        select(s.at, s.portal, s.direction, s.verdict, s.community)
        .join(tokens, (tokens.c.token == s.token) & (tokens.c.community == s.community))
        .where(s.at >= since)
        .order_by(s.at.desc())
        .limit(limit)
    ).all()


def own_case(connection: Connection, person: int) -> Row[Any] | None:
    """Somebody's open case, if they have one."""
    c = t.cases.c
    return connection.execute(
        select(t.cases).where(c.person == person, c.is_open).order_by(c.id).limit(1)
    ).one_or_none()
