"""What can still be read of a spool that broke: taken over into the one that replaced it; the rest is declared lost.

It goes on where a process that ended left off: a file is done with when its name says so.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from gateway.ranges import Range, outside, runs
from gateway.station.spool import CHECKED_AT_START, Spool, add_lost, damage
from gateway.station.spool_reader import TABLES, connect, epochs_of, is_broken, restored
from gateway.wire import SwipeRecord, encode

log = logging.getLogger(__name__)

REASON = "spool_broken"
AT_ONCE = 200
KEPT = 2
"""Broken files that are kept for a technician; older ones are deleted, so that they do not fill the disk."""
_DONE = ".salvaged"
_PROBED = 1_000_000
"""Swipes that are asked for one by one behind a page that cannot be read."""

Work = Callable[[Spool], None]
_Row = tuple[int, bytes, int]


class Keeper:
    """Looks through a large file once, and salvages whenever one was replaced. Run `run` on a thread of its own."""

    def __init__(self, spool: Spool, do: Callable[[Work], bool], salvaged: Callable[[], None] = lambda: None) -> None:
        self._spool = spool
        self._do = do
        self._salvaged = salvaged
        self._wake = threading.Event()
        self._wake.set()

    def replaced(self) -> None:
        """A broken file was set aside. From any thread."""
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        try:
            self._look_through()
        except sqlite3.Error as error:
            log.warning("the spool could not be looked through: %s", error)
        while not stop.is_set():
            if self._wake.wait(0.5):
                self._wake.clear()
                try:
                    salvage(self._spool.path, self._do)
                    self._salvaged()
                except OSError as error:
                    log.warning("a broken spool waits to be salvaged: %s", error)

    def _look_through(self) -> None:
        """What `Spool` does at its start with a file that is small."""
        if not self._spool.path.exists() or self._spool.path.stat().st_size <= CHECKED_AT_START:
            return
        try:
            with closing(connect(self._spool.path, "ro", 2.0)) as connection:
                found = damage(connection)
        except sqlite3.DatabaseError as error:
            found = str(error) if is_broken(error) else ""
        if found:
            self._spool.suspect = found


def broken(path: Path) -> list[Path]:
    """The broken files beside the spool at `path`, newest first."""
    found = [file for file in path.parent.glob(f"{path.name}.broken-*") if not file.name.endswith(("-wal", "-shm"))]
    return sorted(found, key=lambda file: file.name.removesuffix(_DONE), reverse=True)


def carry_over(aside: Path, spool: Spool) -> None:
    """Take over the chain of epochs, what was settled and what was lost: little, and what the next hello tells."""
    try:
        with closing(connect(aside, "ro", 0.0)) as old:
            infos = epochs_of(old)
            started = dict(old.execute("SELECT epoch, started FROM epochs").fetchall())
            lost = old.execute("SELECT epoch, first, last, reason FROM lost").fetchall()
            centre = old.execute("SELECT epoch FROM centre").fetchone()
    except sqlite3.Error as error:
        log.warning("the chain of epochs cannot be read in %s: %s", aside.name, error)
        return
    with spool.transaction() as writer:
        numbers = dict(writer.execute("SELECT epoch, no FROM epochs").fetchall())
        lowest = min(numbers.values())
        for info in reversed(infos):
            if info.epoch not in numbers:
                lowest -= 1
                numbers[info.epoch] = lowest
                row = (lowest, info.epoch, started[info.epoch], info.boot)
                writer.execute("INSERT INTO epochs (no, epoch, started, boot) VALUES (?, ?, ?, ?)", row)
            writer.execute(
                "UPDATE epochs SET last = max(last, ?), upto = ?, ranges = ? WHERE epoch = ?",
                (info.ever_last, info.cover.upto, encode(info.cover.ranges).decode(), info.epoch),
            )
        names = {info.no: info.epoch for info in infos}
        for no, first, last, reason in lost:
            if no in names:
                add_lost(writer, numbers[names[no]], [(first, last)], reason)
        if centre is not None:
            writer.execute("INSERT OR IGNORE INTO centre VALUES (1, ?)", centre)


def salvage(path: Path, do: Callable[[Work], bool]) -> int:
    """Take over what is not settled from every broken file beside the spool at `path`; then declare the rest lost.

    `do` has a piece of work done by the spool's writer, and is False when it could not be. Returns how many swipes.
    """
    taken = 0
    waiting = [file for file in broken(path) if not file.name.endswith(_DONE)]
    for aside in waiting:
        for epoch, piece in _rescued(aside):
            if not do(partial(_adopt, epoch=epoch, piece=piece)):
                return taken
            taken += len(piece)
    if waiting and do(_declare_rest):
        log.info("%d swipes were taken over from broken spools", taken)
        for aside in waiting:
            _mark_done(aside)
        for old in broken(path)[KEPT:]:
            _with_companions(old, lambda file: file.unlink(missing_ok=True))
    return taken


def _adopt(spool: Spool, epoch: str, piece: list[tuple[SwipeRecord, bool]]) -> None:
    with spool.transaction() as writer:
        row = writer.execute("SELECT no FROM epochs WHERE epoch = ?", (epoch,)).fetchone()
    if row is not None:
        spool.adopt(row[0], piece)


def _declare_rest(spool: Spool) -> None:
    """Every number up to the last one of its epoch is here, settled or lost: whatever is neither, is lost now."""
    with spool.transaction() as writer:
        for info in epochs_of(writer):
            known: list[int] = []
            for table in TABLES:
                query = f"SELECT seq FROM {table} WHERE epoch = ?"
                known += [seq for (seq,) in writer.execute(query, (info.no,))]
            there = runs(known)
            gone = writer.execute("SELECT first, last FROM lost WHERE epoch = ? ORDER BY first", (info.no,)).fetchall()
            rest = [part for gap in info.cover.gaps(1, info.ever_last) for part in _beyond(gap, there, gone)]
            add_lost(writer, info.no, rest, REASON)


def _beyond(span: Range, there: list[Range], gone: list[Range]) -> list[Range]:
    return [part for part in outside(span, there) for part in outside(part, gone)]


def _rescued(aside: Path) -> Iterator[tuple[str, list[tuple[SwipeRecord, bool]]]]:
    """(epoch, swipes) in pieces: what was not settled and can be read."""
    try:
        with closing(connect(aside, "ro", 0.0)) as old:
            for info in epochs_of(old):
                for table in TABLES:
                    for gap in info.cover.gaps(1, info.ever_last):
                        for rows in _rows(old, table, info.no, gap):
                            found = [(restored(seq, record, 0), bool(late)) for seq, record, late in rows]
                            piece = [(swipe, late) for swipe, late in found if swipe is not None]
                            if piece:
                                yield info.epoch, piece
    except sqlite3.Error as error:
        log.warning("no more can be read of %s: %s", aside.name, error)


def _rows(old: sqlite3.Connection, table: str, no: int, span: Range) -> Iterator[list[_Row]]:
    """The rows of a span in pieces; where one cannot be read, those behind it are asked for one by one."""
    query = f"SELECT seq, record, late FROM {table} WHERE epoch = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
    after, last = span[0] - 1, span[1]
    while after < last:
        rows, damaged = _until_damage(old, query, (no, after, last, AT_ONCE))
        if damaged:
            row = _next_readable(old, table, no, (rows[-1][0] if rows else after) + 1, last)
            rows += [row] if row is not None else []
        if rows:
            yield rows
        if not rows or not (damaged or len(rows) == AT_ONCE):
            return
        after = rows[-1][0]


def _until_damage(old: sqlite3.Connection, query: str, values: tuple[int, ...]) -> tuple[list[_Row], bool]:
    """The rows of a query up to the first that cannot be read, and whether there was one."""
    rows: list[_Row] = []
    try:
        for row in old.execute(query, values):
            rows.append(row)  # noqa: PERF402 - what came before the damage counts
    except sqlite3.Error:
        return rows, True
    return rows, False


def _next_readable(old: sqlite3.Connection, table: str, no: int, first: int, last: int) -> _Row | None:
    query = f"SELECT seq, record, late FROM {table} WHERE epoch = ? AND seq = ?"
    for seq in range(first, min(last, first + _PROBED) + 1):
        rows, _ = _until_damage(old, query, (no, seq))
        if rows:
            return rows[0]
    return None


def _mark_done(aside: Path) -> None:
    _with_companions(aside, lambda file: file.rename(file.with_name(_done_name(file.name))) if file.exists() else None)


def _done_name(name: str) -> str:
    for suffix in ("-wal", "-shm"):
        if name.endswith(suffix):
            return name.removesuffix(suffix) + _DONE + suffix
    return name + _DONE


def _with_companions(file: Path, do: Callable[[Path], object]) -> None:
    for suffix in ("", "-wal", "-shm"):
        do(file.with_name(file.name + suffix))
