"""Declarations, codes for one's own data, and requests about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gateway.store import tables as t


def add(connection: Connection, values: Mapping[str, Any]) -> int:
    return int(connection.execute(insert(t.declarations).values(**values).returning(t.declarations.c.id)).scalar_one())


def declaration(connection: Connection, number: int) -> Row[Any] | None:
    return connection.execute(select(t.declarations).where(t.declarations.c.id == number)).one_or_none()


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


def add_code(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(t.codes).values(**values))


def open_session(connection: Connection, lookup: bytes, session: bytes, now: int, expires: int) -> bool:
    """Use a code that is good and unused; False where there is none such."""
    c = t.codes.c
    done = connection.execute(
        update(t.codes)
        .where(c.lookup == lookup, c.session.is_(None), c.expires >= now)
        .values(session=session, expires=expires)
    )
    return done.rowcount == 1


def session(connection: Connection, lookup: bytes, now: int) -> Row[Any] | None:
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


def decide_request(connection: Connection, number: int, values: Mapping[str, Any]) -> bool:
    r = t.requests.c
    done = connection.execute(update(t.requests).where(r.id == number, r.decided.is_(None)).values(**values))
    return done.rowcount == 1


def own(connection: Connection, person: int) -> dict[str, Sequence[Any]]:
    """All that is held about somebody, table by table: their rows, and who changed them."""
    found: dict[str, Sequence[Any]] = {}
    for name in ("enrolments", "residents", "registrations", "credentials", "cases"):
        table = t.metadata.tables[name]
        found[name] = connection.execute(select(table).where(table.c.person == person).order_by(table.c.id)).all()
    leases = t.leases.c
    found["leases"] = connection.execute(
        select(t.leases).where((leases.tenant == person) | (leases.landlord == person))
    ).all()
    return found


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
