"""What can still be read of a spool that broke: taken over into the one that replaced it; the rest is declared lost.

It goes on where a process that ended left off: a file is done with when its name says so.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from gateway.ranges import Range, outside, runs
from gateway.station import wreck
from gateway.station.spool import CHECKED_AT_START, Spool, SpoolBroken, add_lost, set_aside
from gateway.station.spool_file import (
    TABLES,
    add_epoch,
    connect,
    damage,
    epoch_row,
    epoch_rows,
    is_broken,
    lost_rows,
    move_epoch,
)
from gateway.station.spool_reader import epochs_of
from gateway.wire import SwipeRecord

log = logging.getLogger(__name__)

REASON = "spool_broken"
KEPT = 2
"""Broken files that are kept for a technician; older ones are deleted, so that they do not fill the disk."""
_DONE = ".salvaged"

Work = Callable[[Spool], None]


def open_spool(path: Path, boot: str, drops_first: Sequence[str]) -> Spool:
    """The spool; a broken file is set aside and a new one begun, so that the gate goes on."""
    try:
        return Spool(path, boot=boot, drops_first=drops_first)
    except SpoolBroken as error:
        aside = set_aside(path)
        log.error("the spool is broken and was set aside as %s: %s", aside, error)  # noqa: TRY400 - the reason helps
    spool = Spool(path, boot=boot, drops_first=drops_first)
    try:
        carry_over(aside, spool)
    except sqlite3.Error as error:
        log.error("the chain of epochs could not be taken over: %s", error)  # noqa: TRY400 - the reason helps
    return spool


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


def carry_over(aside: Path, spool: Spool, recorded: int = 0) -> None:
    """Take over the chain of epochs, what was settled and what was lost: little, and what the next hello tells.

    Of the epoch that runs, `recorded` is the last swipe, whatever the broken file says.
    """
    wreck.mend_head(aside)
    try:
        with closing(connect(aside, "ro", 0.0)) as old:
            rows, lost, centre = wreck.epochs(old), wreck.losses(old), wreck.centre_epoch(old)
    except sqlite3.Error as error:
        log.warning("the chain of epochs cannot be read in %s: %s", aside.name, error)
        return
    with spool.transaction() as writer:
        known = {row.epoch: row for row in epoch_rows(writer)}
        lowest = min(row.no for row in known.values())
        for row in reversed(rows):
            if row.epoch not in known:
                lowest -= 1
                known[row.epoch] = row._replace(no=lowest, last=0)
                add_epoch(writer, known[row.epoch])
            last = recorded if row.epoch == spool.epoch else row.last
            move_epoch(writer, known[row.epoch]._replace(last=last, upto=row.upto, ranges=row.ranges))
        names = {row.no: row.epoch for row in rows}
        for loss in lost:
            if loss.epoch in names:
                add_lost(writer, known[names[loss.epoch]].no, [(loss.first, loss.last)], loss.reason)
        if centre is not None:
            writer.execute("INSERT OR IGNORE INTO centre VALUES (1, ?)", (centre,))


def salvage(path: Path, do: Callable[[Work], bool]) -> int:
    """Take over what is not settled from every broken file beside the spool at `path`; then declare the rest lost.

    `do` has a piece of work done by the spool's writer, and is False when it could not be. Returns how many swipes.
    """
    taken = 0
    waiting = [file for file in broken(path) if not file.name.endswith(_DONE)]
    for aside in waiting:
        for epoch, piece in wreck.swipes(aside):
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
        row = epoch_row(writer, epoch)
    if row is not None:
        spool.adopt(row.no, piece)


def _declare_rest(spool: Spool) -> None:
    """Every number up to the last one of its epoch is here, settled or lost: whatever is neither, is lost now."""
    with spool.transaction() as writer:
        for info in epochs_of(writer):
            known: list[int] = []
            for table in TABLES:
                query = f"SELECT seq FROM {table} WHERE epoch = ?"
                known += [seq for (seq,) in writer.execute(query, (info.no,))]
            there = runs(known)
            gone = [(row.first, row.last) for row in lost_rows(writer, "WHERE epoch = ? ORDER BY first", (info.no,))]
            rest = [part for gap in info.cover.gaps(1, info.ever_last) for part in _beyond(gap, there, gone)]
            add_lost(writer, info.no, rest, REASON)


def _beyond(span: Range, there: list[Range], gone: list[Range]) -> list[Range]:
    return [part for part in outside(span, there) for part in outside(part, gone)]


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
