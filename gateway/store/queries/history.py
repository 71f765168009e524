"""What was changed in the register, by whom, when and why: rows are put by their keys, and each change is noted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, insert, select, tuple_, update

from gateway.store import tables as t
from gateway.store.queries.writing import upsert
from rules.model import CIVIL

_CHUNK = 200
CREATED = {"created": [None, True]}


@dataclass(frozen=True, slots=True)
class By:
    """Who changes something, when (ms, UTC), and why; of what belongs to no community, for which."""

    actor: str
    at: int
    why: str = ""
    community: str | None = None

    @property
    def today(self) -> date:
        """The civil day in Asia/Shanghai on which it is done."""
        return datetime.fromtimestamp(self.at / 1000, UTC).astimezone(CIVIL).date()


def put(
    connection: Connection, by: By, table: Table, rows: Sequence[dict[str, Any]], keys: tuple[str, ...]
) -> dict[tuple[Any, ...], int]:
    """Insert rows, or set what differs in those with the same keys, and note each change; the ids by their keys.

    All rows name the same columns. What is encrypted anew each time is to be passed on as it stood where it says the
    same, or it counts as changed.
    """
    ids: dict[tuple[Any, ...], int] = {}
    for start in range(0, len(rows), _CHUNK):
        ids |= _put(connection, by, table, rows[start : start + _CHUNK], keys)
    return ids


def _put(
    connection: Connection, by: By, table: Table, rows: Sequence[dict[str, Any]], keys: tuple[str, ...]
) -> dict[tuple[Any, ...], int]:
    before = standing(connection, table, keys, [tuple(row[key] for key in keys) for row in rows])
    new = [row for row in rows if tuple(row[key] for key in keys) not in before]
    if new:
        upsert(connection, table, new, list(keys))
        made = standing(connection, table, keys, [tuple(row[key] for key in keys) for row in new])
        note(connection, by, table.name, [(one.id, row_community(one), CREATED) for one in made.values()])
        before |= made
    for row in rows:
        change(connection, by, table, before[tuple(row[key] for key in keys)], row)
    return {key: one.id for key, one in before.items()}


def standing(
    connection: Connection, table: Table, keys: tuple[str, ...], values: Sequence[tuple[Any, ...]]
) -> dict[tuple[Any, ...], Row[Any]]:
    """The rows that stand under these keys."""
    found: dict[tuple[Any, ...], Row[Any]] = {}
    columns = [table.c[key] for key in keys]
    for start in range(0, len(values), _CHUNK):
        part = values[start : start + _CHUNK]
        named = columns[0].in_([one for (one,) in part]) if len(keys) == 1 else tuple_(*columns).in_(part)
        for row in connection.execute(select(table).where(named)):
            found[tuple(getattr(row, key) for key in keys)] = row
    return found


def change(connection: Connection, by: By, table: Table, row: Row[Any], values: Mapping[str, Any]) -> bool:
    """Set what differs in a row, and note it; whether anything did."""
    changes = {name: [getattr(row, name), value] for name, value in values.items() if getattr(row, name) != value}
    if not changes:
        return False
    new = {f"new_{name}": after for name, (_, after) in changes.items()}
    statement = update(table).where(table.c.id == bindparam("row_id"))
    connection.execute(statement.values({name: bindparam(f"new_{name}") for name in changes}), {"row_id": row.id} | new)
    said = {name: [_plain(before), _plain(after)] for name, (before, after) in changes.items()}
    note(connection, by, table.name, [(row.id, row_community(row), said)])
    return True


def note(
    connection: Connection, by: By, subject: str, rows: Sequence[tuple[int, str | None, Mapping[str, Any]]]
) -> None:
    """Note changes of rows of a table: (id, community or None, column -> [before, after])."""
    if rows:
        head = {"at": by.at, "actor": by.actor, "why": by.why, "subject": subject}
        connection.execute(
            insert(t.history),
            [
                head | {"row": number, "community": place or by.community, "changes": dict(said)}
                for number, place, said in rows
            ],
        )


def of(connection: Connection, subject: str, number: int) -> Sequence[Row[Any]]:
    """What was noted of a row, oldest first."""
    h = t.history.c
    return connection.execute(select(t.history).where(h.subject == subject, h.row == number).order_by(h.id)).all()


def row_community(row: Row[Any]) -> str | None:
    """The community that a row belongs to, where it belongs to one."""
    return getattr(row, "community", None)


def _plain(value: Any) -> Any:
    """What JSON can hold; ciphertext as hex."""
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, date) else value
