"""What happened at doors, kept on this station: a bounded SQLite file of its own, so that it never holds a swipe.

One thread writes, any may read. A disk that is full or away costs nobody anything: what cannot be written is held, as
much as `HELD`, and written when it can be; a damaged file is set aside and a new one begun.
"""

import logging
import sqlite3
import threading
from collections import deque
from pathlib import Path

from gateway.station.door import DoorEvent, Happening
from gateway.station.spool import set_aside
from gateway.station.spool_file import Connection

log = logging.getLogger(__name__)

KEPT = 20_000
"""Rows on disk, the oldest go first: some 2 MB, and a month of a door whose button is pushed 600 times a day."""
HELD = 1_000
SHOWN = 100
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    no INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, portal TEXT NOT NULL, what TEXT NOT NULL
) STRICT;
"""


class DoorLog:
    """The file at `path`. Nothing here raises; `trouble` says why it cannot be written, or ""."""

    def __init__(self, path: Path, *, kept: int = KEPT) -> None:
        self._path = path
        self._kept = kept
        self._waiting: deque[DoorEvent] = deque(maxlen=HELD)
        self._lock = threading.Lock()
        self.trouble = ""
        self._recent: deque[DoorEvent] = deque(self._load(), maxlen=SHOWN)

    def add(self, event: DoorEvent) -> None:
        """Keep an event: at once in what is shown, on disk as soon as the disk takes it."""
        with self._lock:
            self._recent.appendleft(event)
        self._waiting.append(event)
        self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        try:
            self._write(list(self._waiting))
        except (sqlite3.Error, OSError) as error:
            if not self.trouble:
                log.warning("door events cannot be written, and are held: %s", error)
            self.trouble = f"cannot be written: {error}"
        else:
            self.trouble = ""
            self._waiting.clear()

    def recent(self, limit: int) -> list[DoorEvent]:
        """The newest events, newest first."""
        with self._lock:
            return list(self._recent)[:limit]

    def counted(self, since: int, until: int) -> dict[tuple[str, Happening], int]:
        """How often each thing happened at each portal from `since` to before `until` (ms), as far as it is on disk.

        Raises:
            sqlite3.Error: the file cannot be read now.
        """
        connection = self._connect()
        try:
            rows = connection.execute(
                "SELECT portal, what, count(*) FROM events WHERE at >= ? AND at < ? GROUP BY portal, what",
                (since, until),
            ).fetchall()
        finally:
            connection.close()
        return {(portal, Happening(what)): n for portal, what, n in rows if what in _KNOWN}

    def _write(self, events: list[DoorEvent]) -> None:
        connection = self._connect()
        try:
            with connection:
                connection.executemany(
                    "INSERT INTO events (at, portal, what) VALUES (?, ?, ?)",
                    [(one.at, one.portal, one.what.value) for one in events],
                )
                connection.execute("DELETE FROM events WHERE no <= (SELECT max(no) FROM events) - ?", (self._kept,))
        finally:
            connection.close()

    def _load(self) -> list[DoorEvent]:
        try:
            return self._read()
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                self.trouble = f"cannot be read: {error}"
                return []
            log.warning("the door events are damaged and were set aside as %s", set_aside(self._path))
            return []

    def _read(self) -> list[DoorEvent]:
        connection = self._connect()
        try:
            rows = connection.execute("SELECT at, portal, what FROM events ORDER BY no DESC LIMIT ?", (SHOWN,))
            return [DoorEvent(at, portal, Happening(what)) for at, portal, what in rows if what in _KNOWN]
        finally:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=1.0, factory=Connection)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


_KNOWN = frozenset(one.value for one in Happening)
