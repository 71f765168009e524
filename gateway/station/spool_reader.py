"""Questions about the spool, over a connection that cannot write: for every thread but the recorder's."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from gateway.ranges import Range
from gateway.station.cover import Cover
from gateway.station.spool_file import TABLES, EpochRow, checksum, connect, corrupt, epoch_rows, is_broken, lost_rows
from gateway.wire import Held, SwipeRecord


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
    boot: str = ""
    """The running of the machine in which it was, by whose monotonic clock its swipes are timed."""


class Source(Protocol):
    """The spool that is read, as its reader sees it."""

    path: Path
    epoch: str
    generation: int
    suspect: str


class SpoolReader:
    """For one thread; each call may raise sqlite3.Error. A damage that is met is told to the spool's writer."""

    def __init__(self, spool: Source) -> None:
        self._spool = spool
        self._opened: sqlite3.Connection | None = None
        self._generation = spool.generation
        self.unreadable: list[tuple[str, int]] = []
        """(epoch, seq) of the records that are not as they were written, for whoever can declare them lost."""

    @contextlib.contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        """The connection to the file as it is now."""
        if self._generation != self._spool.generation:
            self.close()
            self._generation = self._spool.generation
        try:
            if self._opened is None:
                self._opened = connect(self._spool.path, "ro", 2.0)
            yield self._opened
        except sqlite3.DatabaseError as error:
            if is_broken(error) and self._generation == self._spool.generation:
                self._spool.suspect = str(error)
            raise

    def epochs(self) -> list[EpochInfo]:
        """Every epoch in the spool, oldest first, this process's last."""
        with self._asking() as connection:
            return epochs_of(connection)

    def held(self) -> list[Held]:
        """Every epoch in which anything was recorded or lost. What is not here any more is settled or declared lost."""
        return [Held(e.epoch, e.first or e.ever_last, e.ever_last) for e in self.epochs() if e.ever_last]

    def previous(self) -> tuple[str, int] | None:
        """The last epoch before this process's in which anything was recorded, with its highest seq.

        Where nothing ever was, the epoch before this one and 0.
        """
        before = [e for e in self.epochs() if e.epoch != self._spool.epoch]
        found = [e for e in before if e.ever_last] or before
        return (found[-1].epoch, found[-1].ever_last) if found else None

    def centre_epoch(self) -> str:
        """The centre epoch of the last acknowledgement, or "" before the first."""
        with self._asking() as connection:
            row = connection.execute("SELECT epoch FROM centre").fetchone()
        return row[0] if row else ""

    def swipes(self, info: EpochInfo, span: Range, limit: int) -> list[SwipeRecord]:
        """At most `limit` swipes of an epoch within `span`, rising; what the disk has changed is noted and left out.

        Fewer than `limit` only where there are no more.
        """
        found: list[SwipeRecord] = []
        after = span[0] - 1
        while len(found) < limit:
            with self._asking() as connection:
                rows = connection.execute(_SWIPES, (*(info.no, after, span[1]) * 2, limit)).fetchall()
                for seq, record, late, crc in rows:
                    after = seq
                    swipe = restored(info.no, seq, record, late, crc)
                    if swipe is not None:
                        found.append(swipe)
                    elif misplaced(info.no, record, late, crc) is None:
                        self.unreadable.append((info.epoch, seq))
                    else:
                        raise corrupt(f"a swipe of epoch {info.no} lies under another's number")
            if len(rows) < limit:
                break
        return found[:limit]

    def lost(self) -> list[tuple[str, int, int, str]]:
        """What was declared lost: (epoch, first, last, reason), oldest first."""
        with self._asking() as connection:
            names = {row.no: row.epoch for row in epoch_rows(connection)}
            rows = lost_rows(connection, "ORDER BY epoch, first")
        return [(names[row.epoch], row.first, row.last, row.reason) for row in rows if row.epoch in names]

    def lost_in(self, info: EpochInfo, span: Range, limit: int) -> list[tuple[int, int, str]]:
        """The first losses of an epoch that reach into a span: (first, last, reason)."""
        where = "WHERE epoch = ? AND first <= ? AND last >= ? ORDER BY first LIMIT ?"
        with self._asking() as connection:
            rows = lost_rows(connection, where, (info.no, span[1], span[0], limit))
        return [(row.first, row.last, row.reason) for row in rows]

    def count(self, info: EpochInfo, span: Range) -> int:
        """How many swipes of an epoch the spool holds within a span; as slow as the span is full."""
        with self._asking() as connection:
            return sum(
                connection.execute(
                    f"SELECT count(*) FROM {table} WHERE epoch = ? AND seq BETWEEN ? AND ?",
                    (info.no, *span),
                ).fetchone()[0]
                for table in TABLES
            )

    def unsettled(self, covers: dict[str, Cover] | None = None) -> int:
        """How many swipes the spool holds that `covers` do not; without it, that were not settled when last told.

        It looks at every one of them: a question for the start.
        """
        total = 0
        for info in self.epochs():
            cover = info.cover if covers is None else covers.get(info.epoch, Cover())
            total += sum(self.count(info, gap) for gap in cover.gaps(info.first, info.last))
        return total

    def close(self) -> None:
        if self._opened is not None:
            opened, self._opened = self._opened, None
            with contextlib.suppress(sqlite3.Error):  # of a broken file
                opened.close()


_SWIPES = (
    "SELECT seq, record, late, crc FROM plain WHERE epoch = ? AND seq > ? AND seq <= ? UNION ALL"
    " SELECT seq, record, late, crc FROM swipes WHERE epoch = ? AND seq > ? AND seq <= ? ORDER BY 1 LIMIT ?"
)


def epochs_of(connection: sqlite3.Connection) -> list[EpochInfo]:
    """Every epoch in a file, oldest first. Raises as `epoch_rows` does."""
    return [info_of(connection, row) for row in epoch_rows(connection)]


def info_of(connection: sqlite3.Connection, row: EpochRow) -> EpochInfo:
    """What the file holds of an epoch."""
    ends = [f"(SELECT {end}(seq) FROM {table} WHERE epoch = ?1)" for end in ("min", "max") for table in TABLES]
    *firsts, last_1, last_2 = connection.execute(f"SELECT {', '.join(ends)}", (row.no,)).fetchone()
    first, last = min(filter(None, firsts), default=0), max(last_1 or 0, last_2 or 0)
    return EpochInfo(row.no, row.epoch, first, last, row.last, Cover(row.upto, ranges_of(row.ranges)), row.boot)


def restored(no: int, seq: int, record: bytes, late: int, crc: int | None) -> SwipeRecord | None:
    """The swipe that a row holds, or None when it is not what was written: the disk has changed it.

    A row of the version before has no checksum.
    """
    if crc is not None and crc != checksum(no, seq, late, record):
        return None
    return _swipe(seq, record, late)


def misplaced(no: int, record: bytes, late: int, crc: int | None) -> SwipeRecord | None:
    """The swipe that a row holds, whatever number the row is found under; None when the row was changed otherwise."""
    try:
        seq = msgspec.json.decode(record, type=SwipeRecord).seq
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return _swipe(seq, record, late) if crc == checksum(no, seq, late, record) else None


def _swipe(seq: int, record: bytes, late: int) -> SwipeRecord | None:
    try:
        swipe = msgspec.json.decode(record, type=SwipeRecord)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if swipe.seq != seq:
        return None
    return msgspec.structs.replace(swipe, recorded=False) if late else swipe


def ranges_of(text: str) -> tuple[Range, ...]:
    """Ranges as they are kept in a row."""
    try:
        return msgspec.json.decode(text, type=tuple[Range, ...])
    except msgspec.MsgspecError:
        return ()  # what is not known to be settled is sent again
