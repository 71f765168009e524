"""The durable spool: every decided swipe, on disk before its verdict is signalled, until the centre has settled it.

SQLite in WAL mode with `synchronous=FULL`: a commit has been through fdatasync when it returns. One thread writes (the
recorder's); any thread may read over a connection of its own. What is stored holds tokens and seals, never an identity.
"""

import contextlib
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.wire import Held, StreamAck, SwipeRecord, encode

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


class SpoolBroken(Exception):
    """The spool's file cannot be opened or read: not a database, or damaged."""


@dataclass(frozen=True, slots=True)
class Cover:
    """What the centre has settled of one epoch: 1…`upto`, and the ranges beyond it."""

    upto: int = 0
    ranges: tuple[tuple[int, int], ...] = ()

    def holds(self, seq: int) -> bool:
        return seq <= self.upto or any(first <= seq <= last for first, last in self.ranges)

    def merged(self, ack: StreamAck) -> "Cover":
        """The larger of what is known and what an ack says: within one centre epoch an ack never goes backwards."""
        upto = max(self.upto, ack.upto)
        ranges: list[tuple[int, int]] = []
        for first, last in sorted([*self.ranges, *ack.ranges]):
            if first <= upto + 1:
                upto = max(upto, last)
            elif ranges and first <= ranges[-1][1] + 1:
                ranges[-1] = (ranges[-1][0], max(ranges[-1][1], last))
            else:
                ranges.append((first, last))
        return Cover(upto, tuple(ranges))


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

    Raises:
        SpoolBroken: see there; `set_aside` moves the file away.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.epoch = secrets.token_hex(8)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._writer = _connect(path)
            self._writer.executescript(_SCHEMA)
            with self._transaction():
                started = int(time.time() * 1000)
                done = self._writer.execute("INSERT INTO epochs (epoch, started) VALUES (?, ?)", (self.epoch, started))
                self._no = done.lastrowid
        except sqlite3.DatabaseError as error:
            raise SpoolBroken(f"{path}: {error}") from error

    def record(self, swipes: Sequence[tuple[SwipeRecord, bool]]) -> None:
        """Commit swipes of this epoch, each with whether its verdict was shown before; durable on return.

        Raises:
            sqlite3.Error: nothing of it was stored; it may be tried again.
        """
        rows = [(self._no, swipe.seq, swipe.at, encode(swipe), int(late)) for swipe, late in swipes]
        with self._transaction():
            self._writer.executemany("INSERT OR IGNORE INTO swipes VALUES (?, ?, ?, ?, ?)", rows)
            self._writer.execute("UPDATE epochs SET last = max(last, ?) WHERE no = ?", (rows[-1][1], self._no))

    def mark_late(self, seqs: Sequence[int]) -> None:
        """Remember that these verdicts were shown before they were on disk."""
        with self._transaction():
            self._writer.executemany(
                "UPDATE swipes SET late = 1 WHERE epoch = ? AND seq = ?", [(self._no, s) for s in seqs]
            )

    def declare_lost(self, first: int, last: int, reason: str) -> None:
        """Remember that swipes of this epoch were dropped, until the centre has settled that they are lost."""
        with self._transaction():
            self._writer.execute("INSERT OR REPLACE INTO lost VALUES (?, ?, ?, ?)", (self._no, first, last, reason))
            self._writer.execute("UPDATE epochs SET last = max(last, ?) WHERE no = ?", (last, self._no))

    def cover(self, centre_epoch: str, covers: dict[str, Cover]) -> None:
        """Remember what the centre has settled, as of this centre epoch."""
        with self._transaction():
            self._writer.execute("INSERT OR REPLACE INTO centre VALUES (1, ?)", (centre_epoch,))
            self._writer.executemany(
                "UPDATE epochs SET upto = ?, ranges = ? WHERE epoch = ?",
                [(c.upto, encode(c.ranges).decode(), epoch) for epoch, c in covers.items()],
            )

    def forget(self, before: int) -> int:
        """Delete settled swipes from before `before` (ms), and epochs that are empty since. Returns how many swipes."""
        gone = 0
        with self._transaction():
            for info in self._epochs(self._writer):
                for first, last in ((1, info.cover.upto), *info.cover.ranges):
                    done = self._writer.execute(
                        "DELETE FROM swipes WHERE epoch = ? AND seq BETWEEN ? AND ? AND at < ?",
                        (info.no, first, last, before),
                    )
                    gone += done.rowcount
            self._writer.execute(
                "DELETE FROM epochs WHERE started < ? AND no < (SELECT max(no) FROM epochs WHERE no < ?)"
                " AND NOT EXISTS (SELECT 1 FROM swipes WHERE swipes.epoch = no)"
                " AND NOT EXISTS (SELECT 1 FROM lost WHERE lost.epoch = no)",
                (before, self._no),
            )
        return gone

    def reader(self) -> "SpoolReader":
        """A view for another thread, over a connection of its own."""
        return SpoolReader(_connect(self.path), self.epoch)

    def close(self) -> None:
        self._writer.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    @staticmethod
    def _epochs(connection: sqlite3.Connection) -> list[EpochInfo]:
        rows = connection.execute(
            "SELECT no, epoch, (SELECT min(seq) FROM swipes WHERE epoch = no), "
            "(SELECT max(seq) FROM swipes WHERE epoch = no), last, upto, ranges FROM epochs ORDER BY no"
        )
        return [
            EpochInfo(no, epoch, first or 0, last or 0, ever, Cover(upto, _ranges(ranges)))
            for no, epoch, first, last, ever, upto, ranges in rows
        ]


class SpoolReader:
    """Questions about the spool for one thread that does not write it."""

    def __init__(self, connection: sqlite3.Connection, epoch: str) -> None:
        self._connection = connection
        self._epoch = epoch

    def epochs(self) -> list[EpochInfo]:
        """Every epoch in the spool, oldest first, this process's last."""
        return Spool._epochs(self._connection)  # noqa: SLF001 - one reading of the table, in one place

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

    def unsettled(self, covers: dict[str, Cover]) -> int:
        """How many swipes the spool holds that `covers` do not."""
        count = 0
        for info in self.epochs():
            cover = covers.get(info.epoch, info.cover)
            row = self._connection.execute(
                "SELECT count(*) FROM swipes WHERE epoch = ? AND seq > ?", (info.no, cover.upto)
            ).fetchone()
            count += row[0] - sum(last - first + 1 for first, last in cover.ranges)
        return max(count, 0)

    def close(self) -> None:
        self._connection.close()


def set_aside(path: Path) -> Path:
    """Move a broken spool and its companions out of the way, and keep them for a technician. Returns the new path."""
    aside = path.with_name(f"{path.name}.broken-{int(time.time())}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _ranges(text: str) -> tuple[tuple[int, int], ...]:
    return msgspec.json.decode(text, type=tuple[tuple[int, int], ...])


def _restored(record: bytes, late: int) -> SwipeRecord:
    swipe = msgspec.json.decode(record, type=SwipeRecord)
    return msgspec.structs.replace(swipe, recorded=False) if late else swipe
