"""The durable spool: every decided swipe, on disk before its verdict is signalled, until the centre has settled it.

SQLite in WAL mode with `synchronous=FULL`: a commit has been through fdatasync when it returns. One thread writes (the
recorder's); any thread may read over a connection of its own. What is stored holds tokens and seals, never an identity.

A disk that is full, locked or away does not keep the station from starting: the file is opened again at each use until
it can be had. Only a damaged file is given up.
"""

import contextlib
import logging
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway import points
from gateway.points import Point
from gateway.station.cover import Cover
from gateway.wire import Held, SwipeRecord, encode

log = logging.getLogger(__name__)

_FOREVER = 2**62
_SCHEMA = """
CREATE TABLE IF NOT EXISTS epochs (
    no INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE, started INTEGER NOT NULL,
    last INTEGER NOT NULL DEFAULT 0, upto INTEGER NOT NULL DEFAULT 0, ranges TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE TABLE IF NOT EXISTS swipes (
    epoch INTEGER NOT NULL REFERENCES epochs(no), seq INTEGER NOT NULL, at INTEGER NOT NULL, record BLOB NOT NULL,
    late INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (epoch, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lost (
    epoch INTEGER NOT NULL REFERENCES epochs(no), first INTEGER NOT NULL, last INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (epoch, first)
) STRICT;
CREATE TABLE IF NOT EXISTS centre (one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL) STRICT;
"""


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


@dataclass(frozen=True, slots=True)
class EpochInfo:
    """One process life of the station: `first` and `last` seq in the spool (0, 0 when it holds none)."""

    no: int
    epoch: str
    first: int
    last: int
    ever_last: int
    """The highest seq that was ever recorded, also when it has been deleted since."""
    cover: Cover


class Spool:
    """The file at `path`, opened for one process life, which gets a new random `epoch`.

    `patience_s` is how long a commit waits for another process that holds the file.

    Raises:
        SpoolBroken: see there; `set_aside` moves the file away.
    """

    def __init__(self, path: Path, patience_s: float = 2.0) -> None:
        self.path = path
        self._patience_s = patience_s
        self.epoch = secrets.token_hex(8)
        self._no = 0
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
        writer = _connect(self.path, "rwc", self._patience_s)
        try:
            if (found := writer.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(found)  # noqa: TRY301 - as if the first statement had met it
            writer.executescript(_SCHEMA)
            started = int(time.time() * 1000)
            done = writer.execute("INSERT INTO epochs (epoch, started) VALUES (?, ?)", (self.epoch, started))
        except BaseException:
            writer.close()
            raise
        self._no, self._writer = done.lastrowid or 0, writer
        return writer

    def record(self, swipes: Sequence[tuple[SwipeRecord, bool]]) -> None:
        """Commit swipes of this epoch, each with whether its verdict was shown before; durable on return.

        Raises:
            sqlite3.Error: nothing of it was stored; it may be tried again.
        """
        with self._transaction() as writer:
            points.reached(Point.COMMIT_BEGUN)
            rows = [(self._no, swipe.seq, swipe.at, encode(swipe), int(late)) for swipe, late in swipes]
            writer.executemany("INSERT OR IGNORE INTO swipes VALUES (?, ?, ?, ?, ?)", rows)
            writer.execute("UPDATE epochs SET last = max(last, ?) WHERE no = ?", (rows[-1][1], self._no))
            points.reached(Point.COMMIT_WRITTEN)
        points.reached(Point.COMMITTED)

    def mark_late(self, seqs: Sequence[int]) -> None:
        """Remember that these verdicts were shown before they were on disk."""
        with self._transaction() as writer:
            writer.executemany("UPDATE swipes SET late = 1 WHERE epoch = ? AND seq = ?", [(self._no, s) for s in seqs])

    def declare_lost(self, first: int, last: int, reason: str) -> None:
        """Remember that swipes of this epoch were dropped, until the centre has settled that they are lost."""
        with self._transaction() as writer:
            writer.execute("INSERT OR REPLACE INTO lost VALUES (?, ?, ?, ?)", (self._no, first, last, reason))
            writer.execute("UPDATE epochs SET last = max(last, ?) WHERE no = ?", (last, self._no))

    def cover(self, centre_epoch: str, covers: dict[str, Cover]) -> None:
        """Remember what the centre has settled, as of this centre epoch; under a new one nothing else is settled."""
        with self._transaction() as writer:
            if writer.execute("SELECT 1 FROM centre WHERE epoch = ?", (centre_epoch,)).fetchone() is None:
                writer.execute("UPDATE epochs SET upto = 0, ranges = '[]'")
            writer.execute("INSERT OR REPLACE INTO centre VALUES (1, ?)", (centre_epoch,))
            writer.executemany(
                "UPDATE epochs SET upto = ?, ranges = ? WHERE epoch = ?",
                [(c.upto, encode(c.ranges).decode(), epoch) for epoch, c in covers.items()],
            )
            points.reached(Point.COVER_WRITTEN)

    def forget(self, before: int) -> int:
        """Delete settled swipes from before `before` (ms), and epochs that are empty since. Returns how many swipes."""
        gone = 0
        with self._transaction() as writer:
            for info in _epochs(writer):
                for first, last in ((1, info.cover.upto), *info.cover.ranges):
                    done = writer.execute(
                        "DELETE FROM swipes WHERE epoch = ? AND seq BETWEEN ? AND ? AND at < ?",
                        (info.no, first, last, before),
                    )
                    gone += done.rowcount
            writer.execute(
                "DELETE FROM epochs WHERE started < ? AND no < (SELECT max(no) FROM epochs WHERE no < ?)"
                " AND NOT EXISTS (SELECT 1 FROM swipes WHERE swipes.epoch = no)"
                " AND NOT EXISTS (SELECT 1 FROM lost WHERE lost.epoch = no)",
                (before, self._no),
            )
        return gone

    def reader(self) -> "SpoolReader":
        """A view for another thread, over a connection of its own."""
        return SpoolReader(self.path, self.epoch)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        writer = self._open()
        writer.execute("BEGIN IMMEDIATE")
        try:
            yield writer
            writer.execute("COMMIT")
        except BaseException:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            raise


class SpoolReader:
    """Questions about the spool for one thread that does not write it; each may raise sqlite3.Error."""

    def __init__(self, path: Path, epoch: str) -> None:
        self._path = path
        self._epoch = epoch
        self._opened: sqlite3.Connection | None = None

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = _connect(self._path, "rw", 2.0)
        return self._opened

    def epochs(self) -> list[EpochInfo]:
        """Every epoch in the spool, oldest first, this process's last."""
        return _epochs(self._connection)

    def held(self) -> list[Held]:
        return [Held(e.epoch, e.first, e.last) for e in self.epochs() if e.last]

    def previous(self) -> tuple[str, int] | None:
        """The epoch before this process's, with the highest seq that it recorded."""
        before = [e for e in self.epochs() if e.epoch != self._epoch]
        return (before[-1].epoch, before[-1].ever_last) if before else None

    def centre_epoch(self) -> str:
        """The centre epoch of the last acknowledgement, or "" before the first."""
        row = self._connection.execute("SELECT epoch FROM centre").fetchone()
        return row[0] if row else ""

    def swipes(self, epoch_no: int, after: int, limit: int) -> list[SwipeRecord]:
        """Swipes of an epoch with a seq above `after`, rising."""
        rows = self._connection.execute(
            "SELECT record, late FROM swipes WHERE epoch = ? AND seq > ? ORDER BY seq LIMIT ?", (epoch_no, after, limit)
        )
        return [_restored(record, late) for record, late in rows]

    def lost(self) -> list[tuple[str, int, int, str]]:
        """What was declared lost: (epoch, first, last, reason)."""
        return self._connection.execute(
            "SELECT epochs.epoch, first, lost.last, reason FROM lost JOIN epochs ON no = lost.epoch"
        ).fetchall()

    def unsettled(self, covers: dict[str, Cover] | None = None) -> int:
        """How many swipes the spool holds that `covers` do not; without it, that were not settled when last told."""
        count = 0
        for info in self.epochs():
            cover = info.cover if covers is None else covers.get(info.epoch, Cover())
            spans = ((cover.upto + 1, _FOREVER, 1), *((first, last, -1) for first, last in cover.ranges))
            for first, last, sign in spans:
                row = self._connection.execute(
                    "SELECT count(*) FROM swipes WHERE epoch = ? AND seq BETWEEN ? AND ?", (info.no, first, last)
                ).fetchone()
                count += sign * row[0]
        return count

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()


def set_aside(path: Path) -> Path:
    """Move a broken spool and its companions out of the way, and keep them for a technician. Returns the new path."""
    aside = path.with_name(f"{path.name}.broken-{int(time.time())}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def _away(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _AWAY


def _connect(path: Path, mode: str, patience_s: float) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=patience_s)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _epochs(connection: sqlite3.Connection) -> list[EpochInfo]:
    rows = connection.execute(
        "SELECT no, epoch, (SELECT min(seq) FROM swipes WHERE epoch = no), "
        "(SELECT max(seq) FROM swipes WHERE epoch = no), last, upto, ranges FROM epochs ORDER BY no"
    )
    return [
        EpochInfo(no, epoch, first or 0, last or 0, ever, Cover(upto, _ranges(ranges)))
        for no, epoch, first, last, ever, upto, ranges in rows
    ]


def _ranges(text: str) -> tuple[tuple[int, int], ...]:
    return msgspec.json.decode(text, type=tuple[tuple[int, int], ...])


def _restored(record: bytes, late: int) -> SwipeRecord:
    swipe = msgspec.json.decode(record, type=SwipeRecord)
    return msgspec.structs.replace(swipe, recorded=False) if late else swipe
