"""Insert-or-update in both dialects."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    keys: Sequence[str],
    *,
    only_new: Sequence[str] = (),
) -> None:
    """Insert rows; where one with the same `keys` stands, set its other columns to the row's, but for `only_new`."""
    if rows:
        rest = tuple(name for name in rows[0] if name not in (*keys, *only_new))
        connection.execute(_statement(connection.dialect.name, table, tuple(keys), rest), list(rows))


@lru_cache(maxsize=64)
def _statement(dialect: str, table: Table, keys: tuple[str, ...], rest: tuple[str, ...]) -> Insert:
    """Made once for each kind of row: naming the columns costs more than storing a swipe."""
    statement: sqlite.Insert | postgresql.Insert
    statement = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    if not rest:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_={name: statement.excluded[name] for name in rest})
