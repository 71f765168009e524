"""A gate as a person meets it: a scanner and a relay at the far end of real lines, and a ledger of what opened when."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.station.spool_reader import SpoolReader
from simulators.ascii_line import AsciiDevice
from simulators.line import PtyLine
from simulators.relay import RelayBoard


@dataclass
class SpoolOnDisk:
    """A spool as another program sees it."""

    path: Path
    epoch: str = ""
    generation: int = 0
    suspect: str = ""


@dataclass(frozen=True)
class Shown:
    """A verdict that a person saw. `recorded`: the spool held the swipe at that moment, as read from outside."""

    code: str
    recorded: bool


@dataclass
class Ledger:
    """What the far end of the readers saw. `spool` is where the station's spool is."""

    spool: Callable[[], Path]
    token: Callable[[str], bytes]
    presented: list[str] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _held: set[bytes] = field(default_factory=set)
    _last: dict[int, int] = field(default_factory=dict)

    def opened(self, code: str) -> None:
        """A gate opened for this code just now."""
        with self._lock:
            token = self.token(code)
            recorded = token in self._recorded(token)
            self.shown.append(Shown(code, recorded))

    def tried(self, code: str) -> None:
        with self._lock:
            self.presented.append(code)

    def begin_anew(self) -> None:
        """Forget how far the spool was read: it is another file now."""
        with self._lock:
            self._last.clear()

    def _recorded(self, token: bytes) -> set[bytes]:
        """The tokens in the spool, read on from where the last look ended, unless the token is known already."""
        if token in self._held:
            return self._held
        reader = SpoolReader(SpoolOnDisk(self.spool()))
        with contextlib.suppress(sqlite3.Error), contextlib.closing(reader):
            for info in reader.epochs()[-3:]:
                rows = reader.swipes(info, (self._last.get(info.no, 0) + 1, 2**53), 100_000)
                self._held |= {row.token for row in rows if row.token is not None}
                if rows:
                    self._last[info.no] = rows[-1].seq
        return self._held


LAST_WORDS_S = 0.1
"""What a station wrote before it died reaches the far end of a line by then."""


class Lane:
    """One gate with its devices; they outlive every restart of the station."""

    def __init__(self, name: str, folder: Path, ledger: Ledger) -> None:
        self.name = name
        self.times: list[float] = []
        """Seconds from showing a code to the closing of the relay's contact."""
        self._ledger = ledger
        self._scanner = AsciiDevice()
        self._open, self._shut = threading.Event(), threading.Event()
        self._shut.set()
        self.scanner_line = PtyLine(self._scanner, folder / f"line-scanner-{name}")
        self.relay_line = PtyLine(RelayBoard(switched=self._switched), folder / f"line-relay-{name}")

    def __enter__(self) -> Self:
        self.scanner_line.__enter__()
        self.relay_line.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.scanner_line.close()
        self.relay_line.close()

    def show(self, code: str, within: float = 5.0, alive: Callable[[], bool] = lambda: True) -> bool:
        """Show a code, once the gate is shut; whether it opened in time. What opened is in the ledger.

        Whoever gets no answer must not show another code before the station has been started anew: an answer that
        comes late would be taken for that one's. When the station is not `alive`, nothing more is waited for.
        """
        self._shut.wait(1.0)
        self._open.clear()
        self._ledger.tried(code)
        begun = time.monotonic()
        self._scanner.show(code)
        while not self._open.wait(0.05):
            if time.monotonic() - begun > within:
                return False
            if not alive() and not self._open.wait(LAST_WORDS_S):
                return False
        self.times.append(time.monotonic() - begun)
        self._ledger.opened(code)
        return True

    def walk(
        self, next_code: Callable[[], str], stop: threading.Event, pause_s: float, alive: Callable[[], bool]
    ) -> None:
        """One person after the other, until `stop`, or until somebody gets no answer."""
        while not stop.wait(pause_s) and self.show(next_code(), alive=alive):
            pass

    def _switched(self, _channel: int, on: bool, _at: float) -> None:
        if on:
            self._shut.clear()
            self._open.set()
        else:
            self._shut.set()
