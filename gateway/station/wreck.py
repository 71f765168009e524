"""What can still be read of the file of a spool that broke, page by page and row by row, and is as it was written.

Nothing here raises over damage: what cannot be read is left out.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.ranges import Range
from gateway.station.cover import Cover
from gateway.station.spool_file import (
    PAGE,
    TABLES,
    EpochRow,
    LostRow,
    checked_epoch,
    checksum,
    columns,
    connect,
    first_page,
    is_epoch,
    is_spool,
)
from gateway.station.spool_reader import misplaced, ranges_of, restored
from gateway.wire import SwipeRecord

log = logging.getLogger(__name__)

AT_ONCE = 200
_PROBED = 1_000_000
"""Swipes that are asked for one by one behind a page that cannot be read."""
_FAR = 2**40

_Row = tuple[int, bytes, int, int | None]


def mend_head(aside: Path) -> None:
    """Give a file whose first page is damaged, and which is nothing to SQLite without it, that of an empty spool."""
    try:
        with closing(connect(aside, "ro", 0.0)) as old:
            if is_spool(old):
                return
    except sqlite3.Error as error:
        log.warning("%s: %s; its first page is replaced", aside.name, error)
    with contextlib.suppress(OSError), aside.open("r+b") as file:  # of a disk that takes nothing, nothing is lost by it
        file.write(first_page(max(aside.stat().st_size // PAGE, 1)))


def epochs(old: sqlite3.Connection) -> list[EpochRow]:
    """Every epoch, oldest first. Of some only the name is known: they count as recorded as far as a swipe is found."""
    found: dict[int, EpochRow] = {}
    for no, epoch, boot, crc in _readable(old, "names", ("no", "epoch", "boot")):
        if crc == checksum(no, epoch, boot) and is_epoch(epoch):
            found[no] = EpochRow(no, epoch, 0, boot=boot)
    checked = "crc" in columns(old, "epochs")
    for *values, crc in _readable(old, "epochs", EpochRow._fields):
        with contextlib.suppress(sqlite3.DatabaseError):
            row = checked_epoch((*values, crc if checked else checksum(*values)))
            found[row.no] = row
    return [row if row.last else row._replace(last=_last(old, row.no)) for _, row in sorted(found.items())]


def losses(old: sqlite3.Connection) -> list[LostRow]:
    """What was declared lost."""
    checked = "crc" in columns(old, "lost")
    rows = _readable(old, "lost", LostRow._fields)
    return [LostRow(*row) for *row, crc in rows if not checked or crc == checksum(*row)]


def centre_epoch(old: sqlite3.Connection) -> str | None:
    """The centre epoch of the last acknowledgement."""
    for epoch, _ in _readable(old, "centre", ("epoch",)):
        return str(epoch) if is_epoch(epoch) else None
    return None


def swipes(aside: Path) -> Iterator[tuple[str, list[tuple[SwipeRecord, bool]]]]:
    """(epoch, swipes) in pieces: what was not settled, each with whether its verdict was shown before."""
    try:
        with closing(connect(aside, "ro", 0.0)) as old:
            for row in epochs(old):
                for table in TABLES:
                    for gap in Cover(row.upto, ranges_of(row.ranges)).gaps(1, row.last):
                        for rows in _rows(old, table, row.no, gap):
                            found = [(_sound(row.no, values), bool(values[2])) for values in rows]
                            piece = [(swipe, late) for swipe, late in found if swipe is not None]
                            if piece:
                                yield row.epoch, piece
    except sqlite3.Error as error:
        log.warning("no more can be read of %s: %s", aside.name, error)


def _readable(old: sqlite3.Connection, table: str, fields: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Fields and checksum of the rows up to the first that cannot be read; what an earlier version had not, is NULL."""
    there = columns(old, table)
    if not there:
        return []
    named = ", ".join(field if field in there else "''" for field in fields)
    query = f"SELECT {named}, {'crc' if 'crc' in there else 'NULL'} FROM {table}"
    return _until_damage(old, query, ())[0]


def _last(old: sqlite3.Connection, no: int) -> int:
    """The last swipe of an epoch that can be found."""
    found = 0
    for table in TABLES:
        try:
            (last,) = old.execute(f"SELECT max(seq) FROM {table} WHERE epoch = ?", (no,)).fetchone()
            found = max(found, last or 0)
        except sqlite3.Error:
            for rows in _rows(old, table, no, (1, _FAR)):
                found = max(found, rows[-1][0])
    return found


def _rows(old: sqlite3.Connection, table: str, no: int, span: Range) -> Iterator[list[_Row]]:
    """The rows of a span in pieces; where one cannot be read, those behind it are asked for one by one."""
    crc = "crc" if "crc" in columns(old, table) else "NULL"
    query = (
        f"SELECT seq, record, late, {crc} FROM {table} WHERE epoch = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
    )
    after, last = span[0] - 1, span[1]
    while after < last:
        rows, damaged = _until_damage(old, query, (no, after, last, AT_ONCE))
        if damaged:
            row = _next_readable(old, query, no, (rows[-1][0] if rows else after) + 1, last)
            rows += [row] if row is not None else []
        if rows:
            yield rows
        if not rows or not (damaged or len(rows) == AT_ONCE):
            return
        after = max((one[0] for one in rows if restored(no, *one) is not None), default=rows[-1][0])


def _sound(no: int, row: _Row) -> SwipeRecord | None:
    return restored(no, *row) or misplaced(no, *row[1:])


def _until_damage(old: sqlite3.Connection, query: str, values: tuple[int, ...]) -> tuple[list[Any], bool]:
    """The rows of a query up to the first that cannot be read, and whether there was one."""
    rows: list[Any] = []
    try:
        for row in old.execute(query, values):
            rows.append(row)  # noqa: PERF402 - what came before the damage counts
    except sqlite3.Error:
        return rows, True
    return rows, False


def _next_readable(old: sqlite3.Connection, query: str, no: int, first: int, last: int) -> _Row | None:
    for seq in range(first, min(last, first + _PROBED) + 1):
        rows, _ = _until_damage(old, query, (no, seq - 1, seq, 1))
        if rows:
            return rows[0]  # type: ignore[no-any-return]
    return None
