"""One thread that watches all PC/SC readers of this machine, for as long as somebody asks; it outlives the daemon.

Raw calls and not pyscard's own monitor, which compares cards by their ATR (every ID card has the same) and ends when
pcscd does. pcsc-lite counts every insertion and removal in the upper half of a reader's state: that tells two cards
apart, however quickly they follow one another.
"""

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from drivers.apdu import Lamp

RETRY_S = 0.2
"""Between two tries to reach the service; never less, or a call that is refused at once would spin."""
WAIT_MS = 60_000
MOST = 16
"""Readers that pcsc-lite serves, and entries that one call takes, the pseudo-reader that announces others included."""
ORDERS = 16

_NEWS = "\\\\?PnP?\\Notification"


@dataclass(frozen=True, slots=True)
class Slot:
    """A reader and what lies on it. `count` moves with every insertion and removal in one `life` of the service."""

    life: int
    present: bool
    count: int
    mute: bool
    atr: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """All readers of the machine by name, or why there are none to be seen."""

    slots: Mapping[str, Slot]
    trouble: str = ""


class Mailbox:
    """What one reader's thread waits on: the newest that was seen, and what its lamp is to show."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._seen: Seen | None = None
        self._fresh = False
        self._lamps: deque[Lamp] = deque(maxlen=ORDERS)

    def put(self, seen: Seen) -> None:
        with self._news:
            self._seen, self._fresh = seen, True
            self._news.notify_all()

    def order(self, shown: Lamp) -> None:
        with self._news:
            self._lamps.append(shown)
            self._news.notify_all()

    def take(self, seconds: float) -> tuple[Seen | None, list[Lamp]]:
        """Wait for news at most so long; return the newest state, None when nothing was seen yet, and the orders."""
        with self._news:
            self._news.wait_for(lambda: self._fresh or self._lamps, seconds)
            self._fresh = False
            lamps = list(self._lamps)
            self._lamps.clear()
            return self._seen, lamps


class _Watcher:
    """The thread. `scard` is pyscard's module of raw calls."""

    def __init__(self, scard: Any) -> None:
        self._scard = scard
        self._mailboxes: list[Mailbox] = []
        self._lock = threading.Lock()
        self._last: Seen | None = None
        self._context: Any = None
        self._life = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pcsc-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """End the thread. A cancel that comes between two calls is lost, so it is said until it is heard."""
        self._ending.set()
        while self._thread.is_alive():
            with self._lock:
                if self._context is not None:
                    self._scard.SCardCancel(self._context)
            self._thread.join(0.02)

    def add(self, mailbox: Mailbox) -> None:
        with self._lock:
            self._mailboxes.append(mailbox)
            if self._last is not None:
                mailbox.put(self._last)

    def remove(self, mailbox: Mailbox) -> bool:
        """Return whether somebody is left."""
        with self._lock:
            self._mailboxes.remove(mailbox)
            return bool(self._mailboxes)

    def _publish(self, seen: Seen) -> None:
        with self._lock:
            if seen != self._last:
                self._last = seen
                for mailbox in self._mailboxes:
                    mailbox.put(seen)

    def _run(self) -> None:
        while not self._ending.is_set():
            result, context = self._scard.SCardEstablishContext(self._scard.SCARD_SCOPE_SYSTEM)
            if result != self._scard.SCARD_S_SUCCESS:
                self._publish(Seen({}, "the smart card service (pcscd) does not answer"))
            else:
                self._use(context)
            self._ending.wait(RETRY_S)

    def _use(self, context: Any) -> None:
        self._life += 1
        with self._lock:
            self._context = context
        try:
            self._watch(context)
        finally:
            with self._lock:
                self._context = None
                self._scard.SCardReleaseContext(context)

    def _watch(self, context: Any) -> None:
        """Report until a call fails: then the daemon has gone, or a reader between two calls."""
        known: dict[str, int] = {}
        while not self._ending.is_set():
            result, names = self._scard.SCardListReaders(context, [])
            if result not in (self._scard.SCARD_S_SUCCESS, self._scard.SCARD_E_NO_READERS_AVAILABLE):
                return
            asked = [(name, known.get(name, self._scard.SCARD_STATE_UNAWARE)) for name in names[:MOST]]
            if len(asked) < MOST:
                asked.append((_NEWS, len(names) << 16))
            result, answers = self._scard.SCardGetStatusChange(context, WAIT_MS, asked)
            if result == self._scard.SCARD_E_TIMEOUT:
                continue
            if result != self._scard.SCARD_S_SUCCESS:
                return
            known = {name: state & ~self._scard.SCARD_STATE_CHANGED for name, state, _ in answers if name != _NEWS}
            self._publish(Seen(dict(self._slots(answers))))

    def _slots(self, answers: list[tuple[str, int, list[int]]]) -> Iterator[tuple[str, Slot]]:
        gone = self._scard.SCARD_STATE_UNKNOWN | self._scard.SCARD_STATE_UNAVAILABLE
        for name, state, atr in answers:
            if name != _NEWS and not state & gone:
                present = bool(state & self._scard.SCARD_STATE_PRESENT)
                mute = bool(state & self._scard.SCARD_STATE_MUTE)
                yield name, Slot(self._life, present, state >> 16 & 0xFFFF, mute, bytes(atr) if present else b"")


_guard = threading.Lock()
_running: list[_Watcher] = []


@contextmanager
def watching(scard: Any, mailbox: Mailbox) -> Iterator[None]:
    """Have `mailbox` told of everything seen. The first to ask starts the thread, the last to leave ends it."""
    with _guard:
        if not _running:
            _running.append(_Watcher(scard))
            _running[0].start()
        watcher = _running[0]
        watcher.add(mailbox)
    try:
        yield
    finally:
        with _guard:
            if not watcher.remove(mailbox):
                with suppress(ValueError):
                    _running.remove(watcher)
                watcher.end()
