"""Questions about the spool, over a connection that cannot write: for every thread but the recorder's."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

from gateway.ranges import Range
from gateway.station.cover import Cover
from gateway.wire import Held, SwipeRecord

TABLES = ("plain", "swipes")
"""Where swipes are, in the order in which a full spool drops them."""


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
        """(epoch, seq) of the records that could not be decoded, for whoever can declare them lost."""

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
        """At most `limit` swipes of an epoch within `span`, rising; what cannot be decoded is noted and left out.

        Fewer than `limit` only where there are no more.
        """
        found: list[SwipeRecord] = []
        after = span[0] - 1
        while len(found) < limit:
            with self._asking() as connection:
                rows = connection.execute(_SWIPES, (*(info.no, after, span[1]) * 2, limit)).fetchall()
            for seq, record, late in rows:
                after = seq
                swipe = restored(seq, record, late)
                if swipe is None:
                    self.unreadable.append((info.epoch, seq))
                else:
                    found.append(swipe)
            if len(rows) < limit:
                break
        return found[:limit]

    def lost(self) -> list[tuple[str, int, int, str]]:
        """What was declared lost: (epoch, first, last, reason), oldest first."""
        with self._asking() as connection:
            return connection.execute(
                "SELECT epochs.epoch, first, lost.last, reason FROM lost JOIN epochs ON no = lost.epoch"
                " ORDER BY no, first"
            ).fetchall()

    def lost_in(self, info: EpochInfo, span: Range, limit: int) -> list[tuple[int, int, str]]:
        """The first losses of an epoch that reach into a span: (first, last, reason)."""
        query = (
            "SELECT first, last, reason FROM lost WHERE epoch = ? AND first <= ? AND last >= ? ORDER BY first LIMIT ?"
        )
        with self._asking() as connection:
            return connection.execute(query, (info.no, span[1], span[0], limit)).fetchall()

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
    "SELECT seq, record, late FROM plain WHERE epoch = ? AND seq > ? AND seq <= ? UNION ALL"
    " SELECT seq, record, late FROM swipes WHERE epoch = ? AND seq > ? AND seq <= ? ORDER BY 1 LIMIT ?"
)


def epochs_of(connection: sqlite3.Connection) -> list[EpochInfo]:
    """Every epoch in a file, oldest first."""
    ends = [f"(SELECT {end}(seq) FROM {table} WHERE epoch = no)" for table in TABLES for end in ("min", "max")]
    rows = connection.execute(f"SELECT no, epoch, {', '.join(ends)}, last, upto, ranges, boot FROM epochs ORDER BY no")
    return [
        EpochInfo(
            no,
            epoch,
            min(filter(None, (first_1, first_2)), default=0),
            max(last_1 or 0, last_2 or 0),
            ever,
            Cover(upto, _ranges(ranges)),
            boot,
        )
        for no, epoch, first_1, last_1, first_2, last_2, ever, upto, ranges, boot in rows
    ]


def restored(seq: int, record: bytes, late: int) -> SwipeRecord | None:
    """The swipe that a row holds, or None when it is not one, or another one: the disk has changed it."""
    try:
        swipe = msgspec.json.decode(record, type=SwipeRecord)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if swipe.seq != seq:
        return None
    return msgspec.structs.replace(swipe, recorded=False) if late else swipe


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
    if mode == "ro":
        return connection
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _ranges(text: str) -> tuple[Range, ...]:
    try:
        return msgspec.json.decode(text, type=tuple[Range, ...])
    except msgspec.MsgspecError:
        return ()  # what is not known to be settled is sent again
