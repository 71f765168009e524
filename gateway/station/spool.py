"""The durable spool: every decided swipe, on disk before its verdict is signalled, until the centre has settled it.

SQLite in WAL mode with `synchronous=FULL`: a commit has been through fdatasync when it returns. One thread writes (the
recorder's); any thread may read over a connection of its own. What is stored holds tokens and seals, never an identity.

A disk that is full, locked or away does not keep the station from starting: the file is opened again at each use until
it can be had. A damaged file is set aside and another one begun; `salvage` gets out of it what it can.
"""

import contextlib
import logging
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway import points
from gateway.points import Point
from gateway.ranges import Range, joined, runs
from gateway.station import room
from gateway.station.cover import Cover
from gateway.station.spool_reader import TABLES, SpoolReader, connect, corrupt, epochs_of
from gateway.wire import SwipeRecord, encode

log = logging.getLogger(__name__)

CHECKED_AT_START = 64 * 2**20
"""A larger file is looked through on a thread of its own, not before the gate may open: it may take a minute."""
_ROWS = """(
    epoch INTEGER NOT NULL REFERENCES epochs(no), seq INTEGER NOT NULL, at INTEGER NOT NULL, record BLOB NOT NULL,
    late INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (epoch, seq)
) STRICT, WITHOUT ROWID;
"""
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS epochs (
    no INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE, started INTEGER NOT NULL,
    last INTEGER NOT NULL DEFAULT 0, upto INTEGER NOT NULL DEFAULT 0, ranges TEXT NOT NULL DEFAULT '[]',
    boot TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS swipes {_ROWS}
CREATE TABLE IF NOT EXISTS plain {_ROWS}
CREATE TABLE IF NOT EXISTS lost (
    epoch INTEGER NOT NULL REFERENCES epochs(no), first INTEGER NOT NULL, last INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (epoch, first)
) STRICT;
CREATE TABLE IF NOT EXISTS centre (one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL) STRICT;
"""
"""`plain` holds the swipes that a full spool drops first, apart, so that dropping them frees whole pages."""

_AWAY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)
"""Result codes that speak of the disk and not of what is on it."""


class SpoolBroken(Exception):
    """The spool's file holds no spool: not a database, damaged, or of another make."""


class Spool:
    """The file at `path`, opened for one process life, which gets a new random `epoch`.

    `patience_s` is how long a commit waits for another process that holds the file. `boot` names the running of the
    machine whose monotonic clock the swipes carry. `drops_first`: see `room.is_plain`.

    Raises:
        SpoolBroken: see there; `set_aside` moves the file away.
    """

    def __init__(
        self,
        path: Path,
        patience_s: float = 2.0,
        *,
        boot: str = "",
        drops_first: Sequence[str] = room.DROPS_FIRST,
        epoch: str | None = None,
    ) -> None:
        self.path = path
        self.generation = 0
        """How often the file was replaced: whoever reads opens it again."""
        self.suspect = ""
        """What a reader found wrong with the file; the writer replaces it."""
        self.epoch = epoch or secrets.token_hex(8)
        self._boot = boot
        self._drops_first = frozenset(drops_first)
        self._patience_s = patience_s
        self._no = 0
        self._told: dict[str, Cover] = {}
        self._writer: sqlite3.Connection | None = None
        try:
            self._open()
        except sqlite3.Error as error:
            if not _away(error):
                raise SpoolBroken(f"{path}: {error}") from error
            log.error("the spool cannot be opened yet: %s", error)  # noqa: TRY400 - the reason is all that helps

    def _open(self) -> sqlite3.Connection:
        if self._writer is not None:
            return self._writer
        with contextlib.suppress(OSError):  # what is wrong with the folder, the database says too
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        writer = connect(self.path, "rwc", self._patience_s)
        try:
            if self.path.stat().st_size <= CHECKED_AT_START and (found := damage(writer)):
                raise corrupt(found)  # noqa: TRY301 - as if the first statement had met it
            writer.executescript(_SCHEMA)
            if not any(row[1] == "boot" for row in writer.execute("PRAGMA table_info(epochs)")):
                writer.execute("ALTER TABLE epochs ADD COLUMN boot TEXT NOT NULL DEFAULT ''")
            started = int(time.time() * 1000)
            writer.execute(
                "INSERT OR IGNORE INTO epochs (epoch, started, boot) VALUES (?, ?, ?)",
                (self.epoch, started, self._boot),
            )
            (self._no,) = writer.execute("SELECT no FROM epochs WHERE epoch = ?", (self.epoch,)).fetchone()
        except BaseException:
            writer.close()
            raise
        self._writer = writer
        return writer

    def record(self, swipes: Sequence[tuple[SwipeRecord, bool]]) -> None:
        """Commit swipes of this epoch, each with whether its verdict was shown before; durable on return.

        Raises:
            sqlite3.Error: nothing of it was stored; it may be tried again.
        """
        with self.transaction() as writer:
            points.reached(Point.COMMIT_BEGUN)
            self._insert(writer, [(self._no, swipe, late) for swipe, late in swipes])
            writer.execute("UPDATE epochs SET last = max(last, ?) WHERE no = ?", (swipes[-1][0].seq, self._no))
            points.reached(Point.COMMIT_WRITTEN)
        points.reached(Point.COMMITTED)

    def mark_late(self, seqs: Sequence[int]) -> None:
        """Remember that these verdicts were shown before they were on disk."""
        with self.transaction() as writer:
            for table in TABLES:
                writer.executemany(
                    f"UPDATE {table} SET late = 1 WHERE epoch = ? AND seq = ?",
                    [(self._no, seq) for seq in seqs],
                )

    def declare_lost(self, first: int, last: int, reason: str) -> None:
        """Remember that swipes of this epoch were dropped, until the centre has settled that they are lost."""
        with self.transaction() as writer:
            add_lost(writer, self._no, [(first, last)], reason)

    def declare_unreadable(self, epoch: str, seqs: Sequence[int]) -> None:
        """Give up records that cannot be decoded: they are lost, and what comes after them is not held up."""
        with self.transaction() as writer:
            row = writer.execute("SELECT no FROM epochs WHERE epoch = ?", (epoch,)).fetchone()
            if row is None:
                return
            for table in TABLES:
                writer.executemany(
                    f"DELETE FROM {table} WHERE epoch = ? AND seq = ?",
                    [(row[0], seq) for seq in seqs],
                )
            add_lost(writer, row[0], runs(seqs), "unreadable")

    def cover(self, centre_epoch: str, covers: dict[str, Cover]) -> None:
        """Remember what the centre has settled, as of this centre epoch; under a new one nothing else is settled."""
        with self.transaction() as writer:
            told = self._told
            if writer.execute("SELECT 1 FROM centre WHERE epoch = ?", (centre_epoch,)).fetchone() is None:
                writer.execute("UPDATE epochs SET upto = 0, ranges = '[]'")
                told = {}
            writer.execute("INSERT OR REPLACE INTO centre VALUES (1, ?)", (centre_epoch,))
            writer.executemany(
                "UPDATE epochs SET upto = ?, ranges = ? WHERE epoch = ?",
                [(c.upto, encode(c.ranges).decode(), epoch) for epoch, c in covers.items() if told.get(epoch) != c],
            )
            points.reached(Point.COVER_WRITTEN)
        self._told = dict(covers)

    def forget(self, before: int) -> int:
        """Delete settled swipes from before `before` (ms), and epochs that are empty since. Returns how many swipes."""
        gone = 0
        with self.transaction() as writer:
            for info in epochs_of(writer):
                for first, last in info.cover.spans:
                    for table in TABLES:
                        done = writer.execute(
                            f"DELETE FROM {table} WHERE epoch = ? AND seq BETWEEN ? AND ? AND at < ?",
                            (info.no, first, last, before),
                        )
                        gone += done.rowcount
                if info.no != self._no:
                    _forget_lost(writer, info.no, info.cover, before)
            writer.execute(
                "DELETE FROM epochs WHERE started < ? AND no < (SELECT max(no) FROM epochs WHERE no < ?)"
                " AND no < (SELECT coalesce(max(no), 0) FROM epochs WHERE no < ? AND last > 0)"
                " AND NOT EXISTS (SELECT 1 FROM swipes WHERE swipes.epoch = no)"
                " AND NOT EXISTS (SELECT 1 FROM plain WHERE plain.epoch = no)"
                " AND NOT EXISTS (SELECT 1 FROM lost WHERE lost.epoch = no)",
                (before, self._no, self._no),
            )
        return gone

    def size(self) -> int:
        """Bytes of the file that are in use."""
        writer = self._open()
        pages, free, size = (
            writer.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def make_room(self) -> int | None:
        """Drop a bounded number of swipes, by the order of `room`. Returns how many of them were not settled.

        None when nothing is left to drop.
        """
        with self.transaction() as writer:
            dropped = room.drop(writer, epochs_of(writer))
            if dropped is None:
                return None
            for no, seqs in dropped.items():
                add_lost(writer, no, runs(seqs), "size_limit")
        return sum(len(seqs) for seqs in dropped.values())

    def forget_settled(self) -> bool:
        """Delete a bounded number of settled swipes, however young; whether there were any."""
        with self.transaction() as writer:
            return room.drop_settled(writer, epochs_of(writer)) > 0

    def claim(self, last: int) -> None:
        """Remember that swipes of this epoch were recorded up to this one, wherever they are now."""
        with self.transaction() as writer:
            writer.execute("UPDATE epochs SET last = max(last, ?) WHERE no = ?", (last, self._no))

    def adopt(self, no: int, swipes: Sequence[tuple[SwipeRecord, bool]]) -> None:
        """Take in swipes of an epoch that were salvaged."""
        with self.transaction() as writer:
            self._insert(writer, [(no, swipe, late) for swipe, late in swipes])

    def set_aside(self, why: str) -> Path:
        """Set the broken file aside; the next use begins another one for the same epoch. Returns where it is."""
        self.close()
        aside = set_aside(self.path)
        log.error("the spool is broken and was set aside as %s: %s", aside.name, why)
        self.suspect, self._told = "", {}
        self.generation += 1
        return aside

    def reader(self) -> SpoolReader:
        """A view for another thread, over a connection of its own."""
        return SpoolReader(self)

    def close(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            with contextlib.suppress(sqlite3.Error):  # of a broken file
                writer.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction of the writing thread."""
        writer = self._open()
        writer.execute("BEGIN IMMEDIATE")
        try:
            yield writer
            writer.execute("COMMIT")
        except BaseException:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            raise

    def _insert(self, writer: sqlite3.Connection, rows: Sequence[tuple[int, SwipeRecord, bool]]) -> None:
        for table, plain in zip(TABLES, (True, False), strict=True):
            writer.executemany(
                f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?, ?, ?)",
                [
                    (no, swipe.seq, swipe.at, encode(swipe), int(late))
                    for no, swipe, late in rows
                    if room.is_plain(swipe, self._drops_first) is plain
                ],
            )


def damage(connection: sqlite3.Connection) -> str:
    """What is wrong with the structure of a file, or ""; it is read from end to end."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    return "" if found == "ok" else str(found)


def add_lost(writer: sqlite3.Connection, no: int, ranges: Sequence[Range], reason: str) -> None:
    """Note ranges of an epoch as lost; those of one reason that touch become one."""
    if not ranges:
        return
    lowest, highest = ranges[0][0], max(last for _, last in ranges)
    near = writer.execute(
        "SELECT first, last FROM lost WHERE epoch = ? AND reason = ? AND first <= ? AND last >= ?",
        (no, reason, highest + 1, lowest - 1),
    ).fetchall()
    upto, beyond = joined(0, [*near, *ranges])
    writer.executemany("DELETE FROM lost WHERE epoch = ? AND first = ?", [(no, first) for first, _ in near])
    whole = [*([(1, upto)] if upto else []), *beyond]
    writer.executemany("INSERT OR REPLACE INTO lost VALUES (?, ?, ?, ?)", [(no, a, b, reason) for a, b in whole])
    writer.execute("UPDATE epochs SET last = max(last, ?) WHERE no = ?", (highest, no))


def set_aside(path: Path) -> Path:
    """Move a broken spool and its companions out of the way, and keep them for a technician. Returns the new path."""
    stamp = time.time_ns() // 1_000_000
    aside = path.with_name(f"{path.name}.broken-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def _forget_lost(writer: sqlite3.Connection, no: int, cover: Cover, before: int) -> None:
    """Of an epoch that began before `before`: the losses that the centre has settled."""
    rows = writer.execute(
        "SELECT first, lost.last FROM lost JOIN epochs ON no = lost.epoch WHERE no = ? AND started < ?", (no, before)
    ).fetchall()
    settled = [(no, first) for first, last in rows if cover.holds_all(first, last)]
    writer.executemany("DELETE FROM lost WHERE epoch = ? AND first = ?", settled)


def _away(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _AWAY
