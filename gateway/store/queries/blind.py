"""Dismissals that are checked again: what was drawn of which month, and what was found."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.store import tables as t

_b, _c, _e, _p, _d = t.blind_checks.c, t.cases.c, t.case_events.c, t.persons.c, t.dwellings.c


def drawn(connection: Connection, month: date) -> bool:
    """Whether it was drawn from a month."""
    return connection.execute(select(t.draws.c.id).where(t.draws.c.month == month)).first() is not None


def dismissed(connection: Connection, since: int, until: int, words: Sequence[str]) -> list[int]:
    """Cases that were dismissed in [since, until) with one of the words, by a person of the community or the street."""
    which = (_c.closed >= since, _c.closed < until, _c.state == "dismissed", _c.how.in_(words))
    return list(connection.execute(select(_c.id).where(*which).order_by(_c.id)).scalars())


def add_draw(connection: Connection, values: dict[str, Any]) -> int | None:
    """Note a draw; None where that month was drawn from."""
    try:
        with connection.begin_nested():
            return int(connection.execute(insert(t.draws).values(**values).returning(t.draws.c.id)).scalar_one())
    except IntegrityError:
        return None


def add_checks(connection: Connection, draw: int, cases: Sequence[int]) -> None:
    if cases:
        connection.execute(insert(t.blind_checks), [{"draw": draw, "case": case} for case in cases])


def waiting(
    connection: Connection, communities: Collection[str], who: str, limit: int, *, protected: bool
) -> Sequence[Any]:
    """Checks that nobody has decided and `who` had no hand in, oldest first; not why and by whom it was dismissed."""
    own = select(_e.id).where(_e.case == _b.case, _e.actor == who)
    query = (
        select(_b.id, _b.case, _c.community, _c.kind, _c.opened_on, _c.dwelling, _d.building, _d.unit, _d.room, _p.name)
        .join(t.cases, _c.id == _b.case)
        .outerjoin(t.persons, _p.id == _c.person)
        .outerjoin(t.dwellings, _d.id == _c.dwelling)
        .where(_b.upheld.is_(None), ~own.exists())
        .order_by(_b.id)
        .limit(limit)
    )
    query = query.where(_c.community.in_(communities)) if communities else query
    return connection.execute(query if protected else query.where(_p.id.is_(None) | ~_p.protected)).all()


def check(connection: Connection, number: int) -> Row[Any] | None:
    return connection.execute(select(t.blind_checks).where(_b.id == number)).one_or_none()


def decide(connection: Connection, number: int, values: dict[str, Any]) -> bool:
    """Decide a check that nobody has decided; False where somebody has."""
    done = connection.execute(update(t.blind_checks).where(_b.id == number, _b.upheld.is_(None)).values(**values))
    return done.rowcount == 1
