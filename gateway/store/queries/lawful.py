"""Lawful requests for passes, and the passes that one is about: of named gates and hours, never of a person."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from gateway.store import tables as t

_d = t.disclosures.c


def add(connection: Connection, values: Mapping[str, Any]) -> int:
    return int(connection.execute(insert(t.disclosures).values(**values).returning(_d.id)).scalar_one())


def one(connection: Connection, number: int) -> Row[Any] | None:
    return connection.execute(select(t.disclosures).where(_d.id == number)).one_or_none()


def newest(connection: Connection, limit: int) -> Sequence[Any]:
    """The newest requests, without their files."""
    columns = [column for column in t.disclosures.columns if column.name != "file"]
    kept = _d.file.is_not(None).label("kept")
    return connection.execute(select(*columns, kept).order_by(_d.id.desc()).limit(limit)).all()


def decide(connection: Connection, number: int, values: Mapping[str, Any]) -> bool:
    """Decide a request that waits; False where somebody was first."""
    done = connection.execute(update(t.disclosures).where(_d.id == number, _d.state == "waiting").values(**values))
    return done.rowcount == 1


def forget_files(connection: Connection, before: int) -> int:
    """Delete what was handed over before that instant (ms); how many files."""
    old = (_d.decided < before, _d.file.is_not(None))
    return connection.execute(update(t.disclosures).where(*old).values(file=None)).rowcount


def released(connection: Connection, since: int, until: int) -> int:
    """How many were released in [since, until)."""
    where = (_d.state == "released", _d.decided >= since, _d.decided < until)
    return int(connection.execute(select(func.count()).select_from(t.disclosures).where(*where)).scalar_one())


def told(connection: Connection, person: int) -> Sequence[Any]:
    """Releases that may be told and in which a pass of this person may be: of their communities, by what is kept."""
    e = t.enrolments.c
    here = select(e.community).where(e.person == person)
    where = (_d.state == "released", _d.tell, _d.community.in_(here))
    columns = (_d.document, _d.authority, _d.community, _d.since, _d.until, _d.decided)
    return connection.execute(select(*columns).where(*where).order_by(_d.id)).all()


def passes_of_gates(
    connection: Connection, community: str, portals: Sequence[str], since: int, until: int
) -> Sequence[Any]:
    """The passes of these gates in [since, until), in their order; with whose they are, and what is still sealed."""
    s, c, p = t.swipes.c, t.credentials.c, t.persons.c
    return connection.execute(
        select(
            s.at, s.portal, s.direction, s.verdict, s.kind, s.station, s.epoch, s.seq, s.sealed,
            p.id.label("person"), p.kind.label("document"), p.name, p.number,
        )
        .outerjoin(t.credentials, (c.community == s.community) & (c.token == s.token))
        .outerjoin(t.persons, p.id == c.person)
        .where(s.community == community, s.portal.in_(list(portals)), s.at >= since, s.at < until)
        .order_by(s.at, s.id)
    ).all()  # fmt: skip
