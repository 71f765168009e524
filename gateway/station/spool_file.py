"""The file of a spool: its tables, the checksum that each row carries, and how it is opened.

SQLite checks how its pages hang together and not what is on them, so a disk that changes a byte is found out here. Rows
of the version before have no checksum; they are believed as they were then.
"""

import contextlib
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gateway import wire

TABLES = ("plain", "swipes")
"""Where swipes are, in the order in which a full spool drops them: what is plain lies apart, and frees whole pages."""
PAGE = 4096
"""Bytes of a page of the file, SQLite's own choice."""
_ROWS = """(
    epoch INTEGER NOT NULL REFERENCES epochs(no), seq INTEGER NOT NULL, at INTEGER NOT NULL, record BLOB NOT NULL,
    late INTEGER NOT NULL DEFAULT 0, crc INTEGER, PRIMARY KEY (epoch, seq)
) STRICT, WITHOUT ROWID;
"""
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS epochs (
    no INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE, started INTEGER NOT NULL,
    last INTEGER NOT NULL DEFAULT 0, upto INTEGER NOT NULL DEFAULT 0, ranges TEXT NOT NULL DEFAULT '[]',
    boot TEXT NOT NULL DEFAULT '', crc INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS names (no INTEGER PRIMARY KEY, epoch TEXT NOT NULL, boot TEXT NOT NULL, crc INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS swipes {_ROWS}
CREATE TABLE IF NOT EXISTS plain {_ROWS}
CREATE TABLE IF NOT EXISTS lost (
    epoch INTEGER NOT NULL REFERENCES epochs(no), first INTEGER NOT NULL, last INTEGER NOT NULL, reason TEXT NOT NULL,
    crc INTEGER, PRIMARY KEY (epoch, first)
) STRICT;
CREATE TABLE IF NOT EXISTS centre (one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS settled (
    id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL REFERENCES epochs(no), wall INTEGER NOT NULL, mono INTEGER NOT NULL,
    boot TEXT NOT NULL, synced INTEGER NOT NULL, upto INTEGER NOT NULL, ranges TEXT NOT NULL
) STRICT;
"""
"""`names` tells of `epochs` once more on a page of its own; `settled` is what was settled at which moment."""


class EpochRow(NamedTuple):
    """One row of `epochs`, in the order of its columns."""

    no: int
    epoch: str
    started: int
    last: int = 0
    upto: int = 0
    ranges: str = "[]"
    boot: str = ""


class LostRow(NamedTuple):
    """One row of `lost`, in the order of its columns."""

    epoch: int
    first: int
    last: int
    reason: str


def checksum(*values: object) -> int:
    """CRC-32 of the values of a row, as SQLite stores it in four bytes; the last may be bytes."""
    *head, last = values
    start = zlib.crc32("\x1f".join(map(str, head)).encode("utf-8", "replace"))
    return zlib.crc32(last if isinstance(last, bytes) else str(last).encode("utf-8", "replace"), start) - 2**31


def prepare(writer: sqlite3.Connection) -> None:
    """Create what is not there, and bring a file of an earlier version up to this one; no swipe is touched."""
    writer.executescript(_SCHEMA)
    if "crc" not in columns(writer, "epochs"):
        _add_checksums(writer)
    if not is_spool(writer):
        raise corrupt("its tables are not what they should be")


def _add_checksums(writer: sqlite3.Connection) -> None:
    writer.execute("BEGIN IMMEDIATE")
    try:
        if "boot" not in columns(writer, "epochs"):
            writer.execute("ALTER TABLE epochs ADD COLUMN boot TEXT NOT NULL DEFAULT ''")
        for table in ("swipes", "plain", "lost", "epochs"):
            if "crc" not in columns(writer, table):
                writer.execute(f"ALTER TABLE {table} ADD COLUMN crc INTEGER")
        for row in writer.execute(f"SELECT {_EPOCH} FROM epochs").fetchall():
            add_epoch(writer, EpochRow(*row))
        for row in writer.execute(f"SELECT {_LOST} FROM lost").fetchall():
            save_lost(writer, LostRow(*row))
        writer.execute("COMMIT")
    except BaseException:
        if writer.in_transaction:
            writer.execute("ROLLBACK")
        raise


_FIELDS = {
    "epochs": {*EpochRow._fields, "crc"},
    "names": {"no", "epoch", "boot", "crc"},
    **{table: {"epoch", "seq", "at", "record", "late", "crc"} for table in TABLES},
    "lost": {*LostRow._fields, "crc"},
    "centre": {"one", "epoch"},
    "settled": {"id", "epoch", "wall", "mono", "boot", "synced", "upto", "ranges"},
}
_BEFORE = {table: fields - {"crc"} for table, fields in _FIELDS.items() if table not in ("names", "settled")}
_EPOCH, _LOST = (", ".join(kind._fields) for kind in (EpochRow, LostRow))


def is_spool(connection: sqlite3.Connection) -> bool:
    """Whether a file has the tables of a spool, as of this version or the one before."""
    expected = _FIELDS if columns(connection, "names") else _BEFORE
    return all(named <= columns(connection, table) for table, named in expected.items())


def first_page(pages: int) -> bytes:
    """The first page of a spool's file of so many pages: where which table begins is the same in all of them."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        prepare(model)
        page = bytearray(model.serialize()[:PAGE])
    page[18:20] = b"\x02\x02"  # write-ahead logging
    page[28:32] = pages.to_bytes(4, "big")
    page[32:40] = bytes(8)  # no list of free pages: nobody writes this file any more
    page[92:96] = page[24:28]  # what makes the number of pages count
    return bytes(page)


def epoch_rows(connection: sqlite3.Connection) -> list[EpochRow]:
    """Every epoch, oldest first.

    Raises:
        sqlite3.DatabaseError: as for any damaged file, also where a row is not as it was written.
    """
    found = connection.execute(f"SELECT {_EPOCH}, crc FROM epochs ORDER BY no").fetchall()
    return [checked_epoch(row) for row in found]


def epoch_row(connection: sqlite3.Connection, epoch: str) -> EpochRow | None:
    """One epoch, or None where there is none of that name; raises as `epoch_rows` does."""
    row = connection.execute(f"SELECT {_EPOCH}, crc FROM epochs WHERE epoch = ?", (epoch,)).fetchone()
    return None if row is None else checked_epoch(row)


def add_epoch(writer: sqlite3.Connection, row: EpochRow) -> None:
    """Write an epoch, in both places."""
    marks = ", ".join("?" * (len(row) + 1))
    writer.execute(f"INSERT OR REPLACE INTO epochs ({_EPOCH}, crc) VALUES ({marks})", (*row, checksum(*row)))
    name = (row.no, row.epoch, row.boot)
    writer.execute("INSERT OR REPLACE INTO names VALUES (?, ?, ?, ?)", (*name, checksum(*name)))


def move_epoch(writer: sqlite3.Connection, row: EpochRow) -> None:
    """Write how far an epoch is recorded and settled."""
    query = "UPDATE epochs SET last = ?, upto = ?, ranges = ?, crc = ? WHERE no = ?"
    writer.execute(query, (row.last, row.upto, row.ranges, checksum(*row), row.no))


def lost_rows(connection: sqlite3.Connection, where: str = "", values: tuple[object, ...] = ()) -> list[LostRow]:
    """What was declared lost; `where` narrows it, orders it and may limit it. Raises as `epoch_rows` does."""
    found = connection.execute(f"SELECT {_LOST}, crc FROM lost {where}", values).fetchall()
    for *row, crc in found:
        if crc != checksum(*row):
            raise corrupt(f"a loss of epoch {row[0]} is not what was written")
    return [LostRow(*row) for *row, _ in found]


def save_lost(writer: sqlite3.Connection, row: LostRow) -> None:
    writer.execute(f"INSERT OR REPLACE INTO lost ({_LOST}, crc) VALUES (?, ?, ?, ?, ?)", (*row, checksum(*row)))


def damage(connection: sqlite3.Connection) -> str:
    """What is wrong with a file, or "": its pages are read from end to end, and every row but those of swipes."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        return str(found)
    if "crc" in columns(connection, "epochs"):
        try:
            epoch_rows(connection)
            lost_rows(connection)
        except sqlite3.DatabaseError as error:
            if not is_broken(error):
                raise
            return str(error)
    return ""


def is_broken(error: sqlite3.Error) -> bool:
    """Whether an error says that what is on the disk is damaged."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def corrupt(why: str) -> sqlite3.DatabaseError:
    """An error as SQLite's own of a damaged file."""
    error = sqlite3.DatabaseError(why)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


class Connection(sqlite3.Connection):
    """One for which names that are no text, which Python cannot even put into an error, are damage like any other."""

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        with _legible():
            return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        with _legible():
            return super().executemany(*arguments)

    def executescript(self, *arguments: Any) -> sqlite3.Cursor:
        with _legible():
            return super().executescript(*arguments)


@contextlib.contextmanager
def _legible() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise corrupt(f"a name in the file is no text: {error.reason}") from error


def connect(path: Path, mode: str, patience_s: float) -> sqlite3.Connection:
    """A connection to a spool's file; `mode` is SQLite's.

    Who only reads opens "ro": the last to close a file that was set aside would otherwise remove, by its old name, the
    write-ahead log of the one that took its place.
    """
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=patience_s, factory=Connection
    )
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    connection.create_function("checksum", -1, checksum, deterministic=True)
    if mode == "ro":
        return connection
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def checked_epoch(row: Sequence[Any]) -> EpochRow:
    """An epoch from its columns and its checksum; raises as `epoch_rows` does."""
    *values, crc = row
    found = EpochRow(*values)
    if crc != checksum(*values) or not is_epoch(found.epoch):
        raise corrupt(f"epoch {found.no} is not what was written")
    return found


def is_epoch(name: str) -> bool:
    """Whether a name is one that the centre takes."""
    try:
        msgspec.convert(name, wire.Epoch)
    except msgspec.ValidationError:
        return False
    return True


def columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """The names of the columns of a table; none where there is no such table."""
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
