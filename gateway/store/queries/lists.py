"""Lists that came: how far each is, what is wrong in its rows, and which rows of the register a part has touched."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from gateway.store import tables as t

_CHUNK = 500


def begin(connection: Connection, values: Mapping[str, Any]) -> int:
    return int(connection.execute(insert(t.imports).values(**values).returning(t.imports.c.id)).scalar_one())


def one(connection: Connection, number: int) -> Row[Any] | None:
    return connection.execute(select(t.imports).where(t.imports.c.id == number)).one_or_none()


def of(connection: Connection, community: str, limit: int) -> Sequence[Row[Any]]:
    """The lists of a community, newest first."""
    i = t.imports.c
    return connection.execute(
        select(t.imports).where(i.community == community).order_by(i.id.desc()).limit(limit)
    ).all()


def of_kind(connection: Connection, communities: Sequence[str], kind: str, limit: int) -> Sequence[Row[Any]]:
    """The lists of a kind in any of these communities, newest first."""
    i = t.imports.c
    query = select(t.imports).where(i.community.in_(communities), i.kind == kind)
    return connection.execute(query.order_by(i.id.desc()).limit(limit)).all()


def newest_taken(connection: Connection) -> dict[str, tuple[int, int]]:
    """Kind -> when a list of it was taken last (ms), and in how many communities one was."""
    i = t.imports.c
    sums = (func.max(i.finished), func.count(i.community.distinct()))
    rows = connection.execute(select(i.kind, *sums).where(i.state == "taken").group_by(i.kind))
    return {row[0]: (int(row[1] or 0), int(row[2])) for row in rows}


def was_taken(connection: Connection, community: str, digest: str) -> bool:
    """Whether a list with this very content was taken in the community, or is being taken."""
    i = t.imports.c
    where = (i.community == community, i.digest == digest, i.state.in_(("taking", "taken")))
    return connection.execute(select(i.id).where(*where).limit(1)).first() is not None


def in_state(connection: Connection, states: Sequence[str]) -> Sequence[Row[Any]]:
    """The lists in one of these states, oldest first."""
    return connection.execute(select(t.imports).where(t.imports.c.state.in_(states)).order_by(t.imports.c.id)).all()


def change(connection: Connection, number: int, state: str | None, values: Mapping[str, Any]) -> bool:
    """Change a list that is in this state (None: in any); False when it is not any more."""
    i = t.imports.c
    where = (i.id == number,) if state is None else (i.id == number, i.state == state)
    return connection.execute(update(t.imports).where(*where).values(**values)).rowcount == 1


def count(connection: Connection, number: int, **more: int) -> None:
    """Add to what was counted of a list."""
    i = t.imports.c
    values = {name: i[name] + value for name, value in more.items()}
    connection.execute(update(t.imports).where(i.id == number).values(**values))


def add_rows(connection: Connection, number: int, rows: Sequence[dict[str, Any]]) -> None:
    """Note what is said of rows of a list."""
    if rows:
        connection.execute(insert(t.import_rows), [{"import": number} | row for row in rows])


def noted(connection: Connection, number: int) -> int:
    """Of how many rows of a list something is said."""
    r = t.import_rows.c
    return int(connection.execute(select(func.count()).where(r["import"] == number)).scalar_one())


def forget_rows(connection: Connection, number: int) -> None:
    connection.execute(delete(t.import_rows).where(t.import_rows.c["import"] == number))


def rows(connection: Connection, number: int, limit: int, after: int) -> Sequence[Row[Any]]:
    """What is said of rows of a list, in the list's order as far as that goes; `after` is the id to go on above."""
    r = t.import_rows.c
    return connection.execute(
        select(t.import_rows).where(r["import"] == number, r.id > after).order_by(r.id).limit(limit)
    ).all()


def newest_change(connection: Connection) -> int:
    """The number of the newest note of the history."""
    return int(connection.execute(select(func.coalesce(func.max(t.history.c.id), 0))).scalar_one())


def touched(connection: Connection, after: int, actor: str) -> list[tuple[Any, str, list[str]]]:
    """What was noted since then: (person id or place, table, changed columns); "created" alone for a new row."""
    h = t.history.c
    noted = connection.execute(
        select(h.subject, h.row, h.changes).where(h.id > after, h.actor == actor).order_by(h.id)
    ).all()
    found: list[tuple[Any, str, list[str]]] = []
    for subject in {row.subject for row in noted}:
        mine = [row for row in noted if row.subject == subject]
        about = _about(connection, subject, sorted({row.row for row in mine}))
        found += [(about.get(row.row), subject, list(row.changes)) for row in mine]
    return found


def _about(connection: Connection, subject: str, numbers: Sequence[int]) -> dict[int, Any]:
    """Whom or what rows of a table are about: a person's number, a place, or the row itself."""
    table = t.metadata.tables[subject].c
    if subject == "persons":
        return {number: number for number in numbers}
    if "person" in table and subject != "visitors":
        columns: tuple[Any, ...] = (table.person,)
    elif subject in ("addresses", "dwellings"):
        columns = (table.building, table.unit, table.room)
    else:
        return {number: (subject, number) for number in numbers}
    found: dict[int, Any] = {}
    for start in range(0, len(numbers), _CHUNK):
        where = table.id.in_(numbers[start : start + _CHUNK])
        for row in connection.execute(select(table.id, *columns).where(where)):
            found[row.id] = row[1] if len(columns) == 1 else tuple(row[1:])
    return found
