"""Hand-overs of the shift (交接班), kept on this station for thirty days in a small file of their own.

The centre has what was said, too, for the property, in the stream of swipes and as long.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.station.spool import set_aside
from gateway.station.spool_file import Connection

KEPT_MS = 30 * 86_400_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS shifts (
    no INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, said TEXT NOT NULL
) STRICT
"""
_NO_DATABASE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Handover(Struct, frozen=True):
    """One hand-over: by whom to whom, what was said, and the figures of the shift. Instants are ms, UTC."""

    at: int
    since: int
    by: str
    to: str
    note: str
    figures: dict[str, int]
    """Verdicts, openings by hand and the like, by the key of their text."""
    troubles: list[str]
    """What was out of order, by device."""
    no: int = 0


class ShiftLog:
    """The file at `path`, from any thread. Each call raises sqlite3.Error when the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, handover: Handover) -> int:
        """Keep a hand-over and forget those that are too old. Its number."""
        said = msgspec.json.encode(handover).decode()
        with closing(self._connect()) as connection, connection:
            row = connection.execute("INSERT INTO shifts (at, said) VALUES (?, ?)", (handover.at, said))
            connection.execute("DELETE FROM shifts WHERE at < ?", (handover.at - KEPT_MS,))
            return int(row.lastrowid or 0)

    def recent(self, limit: int) -> list[Handover]:
        """The newest hand-overs, newest first."""
        return self._read("SELECT no, said FROM shifts ORDER BY no DESC LIMIT ?", limit)

    def found(self, no: int) -> Handover | None:
        return next(iter(self._read("SELECT no, said FROM shifts WHERE no = ?", no)), None)

    def _read(self, query: str, value: int) -> list[Handover]:
        with closing(self._connect()) as connection:
            rows = connection.execute(query, (value,)).fetchall()
        return [msgspec.structs.replace(msgspec.json.decode(said, type=Handover), no=no) for no, said in rows]

    def _connect(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _NO_DATABASE:
                raise
        set_aside(self._path)
        return self._open()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=1.0, factory=Connection)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection
