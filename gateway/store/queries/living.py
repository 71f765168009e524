"""Residents: who lives where, and who did."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from gateway.store import tables as t

_CHUNK = 500


def residing(connection: Connection, community: str, persons: Sequence[int]) -> dict[int, Row[Any]]:
    """The rows of those who live in a community now, by person."""
    r = t.residents.c
    found: dict[int, Row[Any]] = {}
    for start in range(0, len(persons), _CHUNK):
        part = persons[start : start + _CHUNK]
        where = (r.community == community, r.until.is_(None), r.person.in_(part))
        found |= {row.person: row for row in connection.execute(select(t.residents).where(*where))}
    return found


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Add rows; their ids, in order."""
    if not rows:
        return []
    done = connection.execute(insert(t.residents).returning(t.residents.c.id, sort_by_parameter_order=True), list(rows))
    return list(done.scalars())
