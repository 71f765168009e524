"""Two records of one person: whose rows go over to whom, and back."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select, union, update
from sqlalchemy.exc import IntegrityError

from gateway.store import tables as t
from gateway.store.queries.history import By
from gateway.store.queries.writing import upsert

_CHUNK = 500
_OF_A_PERSON: tuple[tuple[Table, str], ...] = (
    (t.enrolments, "person"),
    (t.credentials, "person"),
    (t.registrations, "person"),
    (t.residents, "person"),
    (t.households, "head"),
    (t.leases, "tenant"),
    (t.leases, "landlord"),
    (t.cases, "person"),
    (t.questions, "person"),
    (t.visitors, "person"),
    (t.inflow_pushes, "person"),
    (t.out_movers, "person"),
    (t.hukou_records, "person"),
    (t.codes, "person"),
    (t.names, "person"),
    (t.requests, "person"),
)
"""Every column that says whose a row is. A test holds it against the tables."""


def people_here(connection: Connection, community: str) -> Sequence[Any]:
    """Everyone who lives in a community, or is enrolled or registered there; visitors are not people."""
    p, r = t.persons.c, t.residents.c
    here = union(
        select(r.person).where(r.community == community, r.until.is_(None)),
        select(t.enrolments.c.person).where(t.enrolments.c.community == community),
        select(t.registrations.c.person).where(t.registrations.c.community == community),
    )
    ids = sorted(connection.execute(here).scalars())
    found: list[Any] = []
    for start in range(0, len(ids), _CHUNK):
        query = (
            select(p.id, p.kind, p.name, p.phone_lookup, r.dwelling)
            .outerjoin(t.residents, (r.person == p.id) & (r.community == community) & r.until.is_(None))
            .where(p.id.in_(ids[start : start + _CHUNK]), p.merged_into.is_(None), p.kind != "visitor")
        )
        found += connection.execute(query.order_by(p.id)).all()
    return found


def person(connection: Connection, number: int) -> Row[Any]:
    """The row of a person, locked. LookupError when there is none."""
    row = connection.execute(select(t.persons).where(t.persons.c.id == number).with_for_update()).one_or_none()
    if row is None:
        raise LookupError("there is no such person")
    return row


def move(connection: Connection, gone: int, kept: int) -> dict[str, list[int]]:
    """Give each row of one person to another, but for what the other has already; the ids by table and column."""
    moved: dict[str, list[int]] = {}
    for table, column in _OF_A_PERSON:
        ids = connection.execute(select(table.c.id).where(table.c[column] == gone).order_by(table.c.id)).scalars()
        moved[f"{table.name}.{column}"] = [one for one in list(ids) if _give(connection, table, column, one, kept)]
    return moved


def move_back(connection: Connection, moved: Mapping[str, Sequence[int]], kept: int, gone: int) -> None:
    """Give rows back that went over and are still there."""
    for name, ids in moved.items():
        if name == "protected":
            continue
        table, column = name.split(".")
        own = t.metadata.tables[table]
        where = (own.c.id.in_(list(ids)), own.c[column] == kept)
        connection.execute(update(own).where(*where).values({column: gone}))


def is_of(connection: Connection, community: str, number: int) -> bool:
    """Whether somebody is enrolled or registered in a community, lives there or did, or was merged away there."""
    own = [table for table, column in _OF_A_PERSON if column == "person" and "community" in table.c]
    if any(
        connection.execute(
            select(one.c.id).where(one.c.community == community, one.c.person == number).limit(1)
        ).first()
        for one in own
    ):
        return True
    m = t.merges.c
    kept = connection.execute(select(m.kept).where(m.gone == number, m.undone_at.is_(None)).limit(1)).scalar()
    return kept is not None and is_of(connection, community, kept)


def communities_of(connection: Connection, persons: Sequence[int]) -> list[str]:
    """The communities in which these have credentials."""
    c = t.credentials.c
    return list(connection.execute(select(c.community).distinct().where(c.person.in_(persons))).scalars())


def told_apart(connection: Connection) -> set[tuple[int, int]]:
    """Pairs of records that are of two people, the lower number first."""
    a = t.told_apart.c
    return {(row.first, row.second) for row in connection.execute(select(a.first, a.second))}


def tell_apart(connection: Connection, by: By, first: int, second: int) -> None:
    """Keep that two records are of two people."""
    row = {"first": min(first, second), "second": max(first, second), "at": by.at, "actor": by.actor}
    upsert(connection, t.told_apart, [row], ["first", "second"])


def was_kept(connection: Connection, number: int) -> bool:
    """Whether somebody's record is the one that was kept of two."""
    return connection.execute(select(t.persons.c.id).where(t.persons.c.merged_into == number)).first() is not None


def note(
    connection: Connection, by: By, kept: int, gone: int, moved: Mapping[str, Sequence[int]], *, was_protected: bool
) -> int:
    values = {
        "at": by.at,
        "actor": by.actor,
        "why": by.why,
        "kept": kept,
        "gone": gone,
        "moved": {**moved, "protected": was_protected},
    }
    return int(connection.execute(insert(t.merges).values(**values).returning(t.merges.c.id)).scalar_one())


def merge(connection: Connection, number: int) -> Row[Any] | None:
    return connection.execute(select(t.merges).where(t.merges.c.id == number).with_for_update()).one_or_none()


def standing(connection: Connection, community: str, limit: int) -> Sequence[Row[Any]]:
    """Merges that were not undone, of people who have to do with a community, newest first, among the last of all."""
    m = t.merges.c
    rows = connection.execute(select(t.merges).where(m.undone_at.is_(None)).order_by(m.id.desc()).limit(_CHUNK)).all()
    return list(islice((row for row in rows if is_of(connection, community, row.kept)), limit))


def note_undone(connection: Connection, number: int, by: By) -> None:
    connection.execute(update(t.merges).where(t.merges.c.id == number).values(undone_at=by.at, undone_by=by.actor))


def _give(connection: Connection, table: Table, column: str, number: int, to: int) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(update(table).where(table.c.id == number).values({column: to}))
    except IntegrityError:
        return False
    return True
