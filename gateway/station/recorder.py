"""The recorder: the one thread that writes the spool, so that a disk that stalls never holds a gate.

It commits whatever arrived during its last commit (no timer), then signals those verdicts and hands the swipes on.
What cannot be written is kept in memory in order, retried, and beyond `HELD` dropped and declared lost. A file that
turns out to be damaged is replaced between two commits; a file that is full makes room by the order of `room`.
"""

import itertools
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from gateway import points
from gateway.points import Point
from gateway.station import salvage
from gateway.station.cover import Cover
from gateway.station.decider import Outcome
from gateway.station.keeping import this_moment
from gateway.station.spool import Spool
from gateway.station.spool_file import is_broken
from gateway.wire import SwipeRecord

log = logging.getLogger(__name__)

HELD = 10_000
BATCH = 500
_RETRY_S = 0.5
_FORGET_EVERY_S = 3600.0
_DAY_MS = 86_400_000
_REPLACE_EVERY_S = 10.0
"""A disk that breaks every new file is one that cannot be written."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What the centre has acknowledged, to be remembered in the spool."""

    centre_epoch: str
    covers: dict[str, Cover]


class Chore:
    """Work for the thread that writes: salvaged swipes, records that cannot be decoded. Done once, between commits."""

    def __init__(self, work: Callable[[Spool], None], unsettled: int = 0) -> None:
        self.work = work
        self.unsettled = unsettled
        """How many swipes that were in the spool it declares lost."""
        self.over = threading.Event()
        """It was done, or never will be."""
        self.done = False

    def wait(self, stop: threading.Event) -> bool:
        """Wait until it is over or `stop`; whether it was done."""
        while not self.over.wait(0.1):
            if stop.is_set():
                return False
        return self.done


class Recorder:
    """Run `run` on a thread of its own; `add` and `settled` may be called from any thread and never block."""

    def __init__(
        self,
        spool: Spool,
        *,
        pending: MutableMapping[int, Outcome],
        signal: Callable[[Outcome, bool], None],
        committed: Callable[[list[SwipeRecord]], None],
        declared_lost: Callable[[int], None],
        keep_days: float,
        most_held: int = HELD,
        most_bytes: int | None = None,
        replaced: Callable[[], None] = lambda: None,
    ) -> None:
        self._spool = spool
        self._pending = pending
        self._signal = signal
        self._committed = committed
        self._declared_lost = declared_lost
        self._keep_ms = int(keep_days * _DAY_MS)
        self._most_held = most_held
        self._most_bytes = most_bytes
        self._file_replaced = replaced
        self._held: deque[Outcome] = deque()
        self._writing = 0
        self._late: list[int] = []
        self._settled: Settled | None = None
        self._dropped: list[tuple[int, int]] = []
        self._chores: deque[Chore] = deque()
        self._unreadable: set[tuple[str, int]] = set()
        self._crowded = False
        self._replaced_at: float | None = None
        self._aside: Path | None = None
        self._last = 0
        self._wake = threading.Condition()
        self._failing = False
        self._forgot = 0.0
        self.lost = 0
        """Swipes dropped since the start."""
        self.full = False
        """Whether swipes that were not settled had to be dropped for room since the start."""
        self.broken_files = len(salvage.broken(spool.path))
        """Spools that broke, and that nobody has taken away."""

    @property
    def trouble(self) -> str:
        """What is wrong with the spool, or ""."""
        return "the spool cannot be written" if self._failing else ""

    @property
    def troubles(self) -> list[str]:
        """What is wrong with the spool, as codes for the pages."""
        found = {"spool_unwritable": self._failing, "spool_full": self.full, "spool_broken": self.broken_files > 0}
        return [code for code, holds in found.items() if holds]

    def do(self, work: Callable[[Spool], None], unsettled: int = 0) -> Chore:
        """Have work done by the thread that writes, between two commits."""
        chore = Chore(work, unsettled)
        with self._wake:
            self._chores.append(chore)
            self._wake.notify()
        return chore

    def unreadable(self, found: Sequence[tuple[str, int]]) -> None:
        """Declare lost what a reader could not decode: (epoch, seq)."""
        by_epoch: dict[str, list[int]] = {}
        for epoch, seq in found:
            if (epoch, seq) not in self._unreadable:  # met again before it was deleted
                by_epoch.setdefault(epoch, []).append(seq)
        self._unreadable.update(found)
        for epoch, seqs in by_epoch.items():
            log.error("%d records of epoch %s cannot be read and are declared lost", len(seqs), epoch)
            self.lost += len(seqs)
            self.do(partial(Spool.declare_unreadable, epoch=epoch, seqs=seqs), len(seqs))

    def add(self, outcome: Outcome) -> None:
        """Take an outcome to record. When too many wait, the oldest that is not being written is declared lost."""
        with self._wake:
            if len(self._held) >= self._most_held:
                seq = self._held[self._writing].record.seq
                del self._held[self._writing]
                self._dropped = _with(self._dropped, seq)
                self.lost += 1
            self._held.append(outcome)
            self._wake.notify()

    def settled(self, what: Settled) -> None:
        """Remember an acknowledgement; only the newest matters."""
        with self._wake:
            self._settled = what
            self._wake.notify()

    def run(self, stop: threading.Event) -> None:
        """Until `stop`, and then for what is still held, as long as the disk takes it."""
        while not stop.is_set():
            with self._wake:
                if not (self._held or self._settled or self._dropped or self._chores or self._crowded):
                    self._wake.wait(0.5)
            if not self._turn():
                stop.wait(_RETRY_S)
        while self._turn() and self._held:
            pass
        while self._chores:  # whoever waits for one is told that it will not be done
            self._chores.popleft().over.set()

    def _turn(self) -> bool:
        try:
            if self._spool.suspect:
                self._replace(self._spool.suspect)
            if self._aside is not None:
                self._carry_over(self._aside)
            self._write()
            self._keep_room()
            self._forget_old()
        except sqlite3.Error as error:
            self._after(error)
            if not self._failing:
                log.error("the spool cannot be written: %s", error)  # noqa: TRY400 - the reason is all that helps
            self._failing = True
            return False
        except Exception:  # a bug must not end the recording of every swipe after it
            log.exception("the recorder failed")
            return False
        if self._failing:
            log.info("the spool is written again")
        self._failing = False
        return True

    def _write(self) -> None:
        with self._wake:
            batch = list(itertools.islice(self._held, BATCH))
            self._writing = len(batch)
        try:
            if batch:
                self._commit(batch)
        finally:
            self._writing = 0
        if self._late:
            self._spool.mark_late(self._late)
            self._late = []
        self._declare()
        with self._wake:
            settled = self._settled
        if settled is not None:
            self._spool.cover(settled.centre_epoch, settled.covers)
            points.reached(Point.COVER_KEPT)
            with self._wake:
                if self._settled is settled:
                    self._settled = None

        self._do_one()

    def _do_one(self) -> None:
        if not self._chores:
            return
        chore = self._chores[0]
        try:
            chore.work(self._spool)
            chore.done = True
        except sqlite3.Error:
            raise
        except Exception:  # a bug in it must not be met for ever
            log.exception("work on the spool failed")
        self._chores.popleft()
        chore.over.set()
        if chore.unsettled:
            self._declared_lost(chore.unsettled)

    def _keep_room(self) -> None:
        """Drop one piece of what a full spool drops; the next commit does not wait for more."""
        if self._most_bytes is None:
            return
        self._crowded = self._spool.size() > self._most_bytes
        if self._crowded:
            dropped = self._spool.make_room()
            self._crowded = dropped is not None
            if dropped:
                if not self.full:
                    log.error("the spool is full: swipes that are not sent yet are dropped and declared lost")
                self.full = True
                self.lost += dropped
                self._declared_lost(dropped)

    def _after(self, error: sqlite3.Error) -> None:
        """What an error of the spool asks for, besides another try."""
        try:
            if is_broken(error):
                self._replace(str(error))
            elif error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                self._spool.forget_settled()  # the room of what is stored elsewhere, for what is not
        except (sqlite3.Error, AttributeError):
            return  # the same again at the next try

    def _replace(self, why: str) -> None:
        now = time.monotonic()
        if self._replaced_at is not None and now - self._replaced_at < _REPLACE_EVERY_S:
            return
        self._replaced_at = now
        self._aside = self._spool.set_aside(why)
        self.broken_files += 1

    def _carry_over(self, aside: Path) -> None:
        salvage.carry_over(aside, self._spool, self._last)
        self._spool.claim(self._last)
        self._aside = None
        self._file_replaced()

    def _declare(self) -> None:
        with self._wake:
            dropped, self._dropped = self._dropped, []
        try:
            for first, last in dropped:
                self._spool.declare_lost(first, last, "spool_full")
        except sqlite3.Error:
            with self._wake:
                self._dropped = dropped + self._dropped
            raise
        if dropped:
            self._declared_lost(0)

    def _commit(self, batch: Sequence[Outcome]) -> None:
        points.reached(Point.COMMIT_DUE)
        shown = {o.record.seq for o in batch if o.record.seq not in self._pending}
        self._spool.record([(outcome.record, outcome.record.seq in shown) for outcome in batch])
        self._last = batch[-1].record.seq
        with self._wake:
            for _ in batch:
                self._held.popleft()
            self._writing = 0
        late = []
        for outcome in batch:
            if self._pending.pop(outcome.record.seq, None) is not None:
                points.reached(Point.SIGNALLING)
                self._tell(outcome)
                points.reached(Point.SIGNALLED)
            elif outcome.record.seq not in shown:
                late.append(outcome.record.seq)
        self._late += late
        unrecorded = shown.union(late)
        self._committed([_published(o.record, o.record.seq not in unrecorded) for o in batch])
        points.reached(Point.HANDED_ON)

    def _tell(self, outcome: Outcome) -> None:
        try:
            self._signal(outcome, True)
        except Exception:  # one output that fails must not leave the others of this commit untold
            log.exception("a verdict could not be signalled")

    def _forget_old(self) -> None:
        now = time.monotonic()
        if self._forgot and now - self._forgot < _FORGET_EVERY_S:
            return
        self._forgot = now
        self._spool.forget(this_moment(), self._keep_ms)
        points.reached(Point.FORGOTTEN)
        self.broken_files = len(salvage.broken(self._spool.path))


def _with(ranges: list[tuple[int, int]], seq: int) -> list[tuple[int, int]]:
    """The ranges and one seq more."""
    if ranges and ranges[-1][1] == seq - 1:
        return [*ranges[:-1], (ranges[-1][0], seq)]
    return [*ranges, (seq, seq)]


def _published(record: SwipeRecord, recorded: bool) -> SwipeRecord:
    return record if recorded else msgspec.structs.replace(record, recorded=False)
