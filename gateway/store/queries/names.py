"""Other names that are said of known people, and who of these is known in more than one community."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Label, Row, delete, select, union

from gateway.store import tables as t
from gateway.store.queries.writing import upsert

_CHUNK = 500


def known_elsewhere(connection: Connection, persons: Sequence[int], community: str) -> set[int]:
    """Who of these lives, is enrolled or is registered in another community, or did so."""
    found: set[int] = set()
    for start in range(0, len(persons), _CHUNK):
        part = persons[start : start + _CHUNK]
        each = [
            select(table.c.person).where(table.c.person.in_(part), table.c.community != community)
            for table in (t.residents, t.enrolments, t.registrations)
        ]
        found |= set(connection.execute(union(*each)).scalars())
    return found


def said_by(community: str | ColumnElement[str]) -> Label[bytes]:
    """Beside a row of persons, as `said_name`: what a community itself calls them, where that is not what is known."""
    n = t.names.c
    said = select(n.name).where(n.community == community, n.person == t.persons.c.id)
    return said.scalar_subquery().label("said_name")


def say(connection: Connection, community: str, rows: Sequence[dict[str, Any]]) -> None:
    """Keep other names of people (person, name, said, said_by); the newest of each."""
    upsert(connection, t.names, [{"community": community} | row for row in rows], ["community", "person"])


def waiting(connection: Connection, community: str, limit: int, after: int) -> Sequence[Row[Any]]:
    """Other names that a community has said, with the known ones, oldest first; `after` is the id to go on above."""
    n, p = t.names.c, t.persons.c
    query = select(t.names, p.name.label("known")).join(t.persons, p.id == n.person)
    return connection.execute(query.where(n.community == community, n.id > after).order_by(n.id).limit(limit)).all()


def one(connection: Connection, community: str, number: int) -> Row[Any] | None:
    n = t.names.c
    query = select(t.names).where(n.id == number, n.community == community)
    return connection.execute(query.with_for_update()).one_or_none()


def decided(connection: Connection, number: int) -> None:
    """Forget another name: it was taken, or it was wrong."""
    connection.execute(delete(t.names).where(t.names.c.id == number))
