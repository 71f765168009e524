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
from gateway.station import keeping, room
from gateway.station.cover import Cover
from gateway.station.keeping import Moment
from gateway.station.spool_file import (
    TABLES,
    EpochRow,
    LostRow,
    add_epoch,
    checksum,
    connect,
    corrupt,
    damage,
    epoch_row,
    epoch_rows,
    lost_rows,
    move_epoch,
    prepare,
    save_lost,
)
from gateway.station.spool_reader import SpoolReader, epochs_of
from gateway.wire import SwipeRecord, encode

log = logging.getLogger(__name__)

CHECKED_AT_START = 64 * 2**20
"""A larger file is looked through on a thread of its own, not before the gate may open: it may take a minute."""

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
            prepare(writer)
            self._no = self._begin(writer)
        except BaseException:
            writer.close()
            raise
        self._writer = writer
        return writer

    def _begin(self, writer: sqlite3.Connection) -> int:
        """The number of this epoch in the file, where it is noted once."""
        known = epoch_rows(writer)
        for row in known:
            if row.epoch == self.epoch:
                return row.no
        no = max((row.no for row in known), default=0) + 1
        writer.execute("BEGIN IMMEDIATE")
        add_epoch(writer, EpochRow(no, self.epoch, int(time.time() * 1000), boot=self._boot))
        writer.execute("COMMIT")
        return no

    def record(self, swipes: Sequence[tuple[SwipeRecord, bool]]) -> None:
        """Commit swipes of this epoch, each with whether its verdict was shown before; durable on return.

        Raises:
            sqlite3.Error: nothing of it was stored; it may be tried again.
        """
        with self.transaction() as writer:
            points.reached(Point.COMMIT_BEGUN)
            self._insert(writer, [(self._no, swipe, late) for swipe, late in swipes])
            reach(writer, self.epoch, swipes[-1][0].seq)
            points.reached(Point.COMMIT_WRITTEN)
        points.reached(Point.COMMITTED)

    def mark_late(self, seqs: Sequence[int]) -> None:
        """Remember that these verdicts were shown before they were on disk."""
        with self.transaction() as writer:
            for table in TABLES:
                writer.executemany(
                    f"UPDATE {table} SET late = 1, crc = checksum(epoch, seq, 1, record)"
                    " WHERE epoch = ? AND seq = ? AND crc = checksum(epoch, seq, late, record)",
                    [(self._no, seq) for seq in seqs],
                )

    def declare_lost(self, first: int, last: int, reason: str) -> None:
        """Remember that swipes of this epoch were dropped, until the centre has settled that they are lost."""
        with self.transaction() as writer:
            add_lost(writer, self._no, [(first, last)], reason)

    def declare_unreadable(self, epoch: str, seqs: Sequence[int]) -> None:
        """Give up records that the disk has changed: they are lost, and what comes after them is not held up."""
        with self.transaction() as writer:
            row = epoch_row(writer, epoch)
            if row is None:
                return
            for table in TABLES:
                writer.executemany(f"DELETE FROM {table} WHERE epoch = ? AND seq = ?", [(row.no, seq) for seq in seqs])
            add_lost(writer, row.no, runs(seqs), "unreadable")

    def cover(self, centre_epoch: str, covers: dict[str, Cover]) -> None:
        """Remember what the centre has settled, as of this centre epoch; under a new one nothing else is settled."""
        with self.transaction() as writer:
            told = self._told
            if writer.execute("SELECT 1 FROM centre WHERE epoch = ?", (centre_epoch,)).fetchone() is None:
                for row in epoch_rows(writer):
                    move_epoch(writer, row._replace(upto=0, ranges="[]"))
                writer.execute("DELETE FROM settled")
                told = {}
            writer.execute("INSERT OR REPLACE INTO centre VALUES (1, ?)", (centre_epoch,))
            for epoch, cover in covers.items():
                if told.get(epoch) != cover and (found := epoch_row(writer, epoch)) is not None:
                    move_epoch(writer, found._replace(upto=cover.upto, ranges=encode(cover.ranges).decode()))
            points.reached(Point.COVER_WRITTEN)
        self._told = dict(covers)

    def forget(self, now: Moment, keep_ms: int) -> int:
        """Delete what was settled `keep_ms` ago, and epochs that are empty since; see `keeping`. Returns how many."""
        with self.transaction() as writer:
            return keeping.forget(writer, self._no, now, keep_ms)

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
            reach(writer, self.epoch, last)

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
                f"INSERT OR IGNORE INTO {table} (epoch, seq, at, record, late, crc) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        no,
                        swipe.seq,
                        swipe.at,
                        data := encode(swipe),
                        int(late),
                        checksum(no, swipe.seq, int(late), data),
                    )
                    for no, swipe, late in rows
                    if room.is_plain(swipe, self._drops_first) is plain
                ],
            )


def add_lost(writer: sqlite3.Connection, no: int, ranges: Sequence[Range], reason: str) -> None:
    """Note ranges of an epoch as lost; those of one reason that touch become one."""
    if not ranges:
        return
    lowest, highest = ranges[0][0], max(last for _, last in ranges)
    where = "WHERE epoch = ? AND reason = ? AND first <= ? AND last >= ?"
    near = [(row.first, row.last) for row in lost_rows(writer, where, (no, reason, highest + 1, lowest - 1))]
    upto, beyond = joined(0, [*near, *ranges])
    writer.executemany("DELETE FROM lost WHERE epoch = ? AND first = ?", [(no, first) for first, _ in near])
    for first, last in [*([(1, upto)] if upto else []), *beyond]:
        save_lost(writer, LostRow(no, first, last, reason))
    (epoch,) = writer.execute("SELECT epoch FROM epochs WHERE no = ?", (no,)).fetchone()
    reach(writer, epoch, highest)


def reach(writer: sqlite3.Connection, epoch: str, last: int) -> None:
    """Note that an epoch was recorded at least so far."""
    row = epoch_row(writer, epoch)
    if row is None:
        raise corrupt(f"epoch {epoch} is not in the file any more")
    if last > row.last:
        move_epoch(writer, row._replace(last=last))


def set_aside(path: Path) -> Path:
    """Move a broken spool and its companions out of the way, and keep them for a technician. Returns the new path."""
    stamp = time.time_ns() // 1_000_000
    aside = path.with_name(f"{path.name}.broken-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def _away(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _AWAY
