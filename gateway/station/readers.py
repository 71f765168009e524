"""Devices under supervision: one thread each, reopened with back-off, said once when down and once when back."""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from drivers.api import (
    CardGone,
    CardRead,
    Credential,
    DeviceFact,
    Driver,
    Emit,
    FaultOver,
    LinkLost,
    Noise,
    ReaderEvent,
    ReaderFault,
    Remedy,
    StreamDriver,
    Verdict,
)
from drivers.stream import StreamLink
from gateway.station.console.view import Device, Health
from gateway.station.orders import Orders

log = logging.getLogger(__name__)

BACKOFF_S = (0.2, 0.5, 1.0)
"""A device that is plugged in again is used within two seconds, its own greeting included."""
SAME_S, RETURN_S = 10.0, 2.0
"""A card that lay there when the line went for less than `SAME_S`, and lies there still, is not read twice: it is the
first that is read then, and within `RETURN_S`."""
STALE_S = 15.0
"""A device that can say that it is there, and has not for so long, is uncertain."""


class Link(Protocol):
    """A device on its line; `run` blocks and raises LinkLost when the line is gone."""

    def run(self, emit: Emit, stop: threading.Event) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """What a device is and where it stands. `portal` is None for an output.

    `silent`: it says nothing of its own accord, so that an open line is all that can be known of it. `sees_lying` is
    that of its driver.
    """

    id: str
    kind: str
    portal: str | None
    silent: bool = False
    sees_lying: bool = False
    driver: str = ""
    line: str = ""
    name: str = ""
    """What people at the gate call it, or ""."""


class Supervised:
    """One device on a thread of its own. `make` opens it afresh; `heard` is told of every card read."""

    def __init__(
        self,
        place: Place,
        make: Callable[[], Link],
        *,
        heard: Callable[[str, CardRead, float], None] = lambda _id, _card, _mono: None,
        changed: Callable[[], None] = lambda: None,
        counted: Callable[[str, ReaderEvent], None] = lambda _id, _event: None,
        away: Callable[[str], None] = lambda _id: None,
    ) -> None:
        self.place = place
        self._make = make
        self._heard = heard
        self._changed = changed
        self._counted = counted
        self._away = away
        self._link: Link | None = None
        self._tries = 0
        self._lock = threading.Lock()
        self._health = Health.UNKNOWN
        self._since: datetime | None = None
        self._last: datetime | None = None
        self._last_mono = 0.0
        self._speaks = False
        self._lying: Credential | None = None
        self._lost: float | None = None
        self._back: float | None = None
        self._reads = 0
        self._last_read: datetime | None = None
        self._facts: dict[str, str] = {}
        self._noise = 0
        self._faults = 0
        self._trouble = ""
        self._standing: dict[str, str] = {}
        self._blind = False
        self._orders = Orders(f"{place.kind} {place.id}")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"device {place.id}", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def link(self) -> Link | None:
        """The open line, or None while there is none."""
        return self._link

    @property
    def can_open(self) -> bool:
        """Whether it is an output that is there, and that nothing is known to be wrong with."""
        return hasattr(self._link, "open") and self._health is Health.OK

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._orders.end()

    def join(self) -> None:
        if self._thread.ident is not None:
            self._thread.join(3)

    def identify(self) -> bool:
        """Have the device blink or beep, so that one finds it; False when it is away or cannot. Never hangs."""
        link = self._link
        return hasattr(link, "identify") and self._ask(link, lambda: bool(link.identify()))  # type: ignore[union-attr]

    def signal(self, verdict: Verdict) -> None:
        """Tell the person at a reader the verdict, where the reader can and is there. Never blocks."""
        link = self._link
        if isinstance(link, StreamLink):
            link.signal(verdict)
        elif link is not None and hasattr(link, "signal"):
            self._orders.tell(lambda: link.signal(verdict))

    def open(self, seconds: float) -> bool:
        """Close a relay for so many seconds; False when its line is down, or nothing says that it did. Never hangs."""
        link = self._link
        return hasattr(link, "open") and self._ask(link, lambda: link.open(seconds))  # type: ignore[union-attr]

    def _ask(self, link: Link | None, act: Callable[[], object]) -> bool:
        """Our own loop takes an order at once; what a library does with it is not known."""
        return act() is not False if isinstance(link, StreamLink) else self._orders.ask(act)

    def view(self) -> Device:
        """What the status strip shows; a device that should speak and is silent is uncertain."""
        with self._lock:
            health = self._health
            if health is Health.OK and self._speaks and time.monotonic() - self._last_mono > STALE_S:
                health = Health.UNCERTAIN
            return Device(
                self.place.id,
                self.place.kind,
                self.place.portal,
                health,
                self._since,
                self._last,
                self._noise,
                self._faults,
                self._trouble,
                name=self.place.name,
                driver=self.place.driver,
                line=self.place.line,
                reads=self._reads,
                last_read=self._last_read,
                facts=tuple(self._facts.items()),
            )

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._standing.clear()
                self._link = self._make()
                self._link.run(self._emit, self._stop)
                if not self._stop.is_set():
                    self._down("ended", "its driver ended by itself")
            except LinkLost as error:
                self._down("link_lost", str(error))
            except (Exception, SystemExit):  # a bug in one driver must not take the other gates with it
                log.exception("%s %s crashed", self.place.kind, self.place.id)
                self._down("crashed", "see the log")
            finally:
                self._link = None
            self._lost = self._lost or time.monotonic()
            wait = BACKOFF_S[min(self._tries, len(BACKOFF_S) - 1)]
            self._tries += 1
            self._stop.wait(wait * random.uniform(0.7, 1.0))  # noqa: S311 - jitter, not a secret

    def _emit(self, event: ReaderEvent) -> None:
        self._counted(self.place.id, event)
        if isinstance(event, Noise):
            with self._lock:
                self._noise += 1
            return
        self._blind = False
        if isinstance(event, ReaderFault) and self._fails(event):
            return
        self._is_back()
        self._take(event)
        if self._standing:
            self._unwell(speaks=not self.place.silent)
        else:
            self._up(speaks=not self.place.silent, trouble=event.code if isinstance(event, ReaderFault) else "")

    def _fails(self, fault: ReaderFault) -> bool:
        """Count a fault; True when it puts the device down."""
        with self._lock:
            self._faults += 1
        if fault.remedy is not Remedy.CALL_TECHNICIAN or fault.of_card:
            return False
        if fault.stands:
            self._standing[fault.code] = fault.detail
        self._down(fault.code, fault.detail)
        return True

    def _take(self, event: ReaderEvent) -> None:
        match event:
            case FaultOver():
                self._standing.pop(event.code, None)
            case DeviceFact():
                with self._lock:
                    new = self._facts.get(event.name) != event.value
                    self._facts[event.name] = event.value
                if new:
                    log.info("%s %s: %s %s", self.place.kind, self.place.id, event.name, event.value)
            case CardGone(sure=True):
                self._lying = None
            case CardRead():
                self._read(event)

    def _is_back(self) -> None:
        """Note when a line that went for a moment is heard again."""
        if self._lost is not None:
            now = time.monotonic()
            self._back = now if now - self._lost < SAME_S else None
            self._lost = None

    def _read(self, card: CardRead) -> None:
        """Hand a card on, unless it is the one that lay there all along while its line was away."""
        now = time.monotonic()
        back = self.place.sees_lying and self._back is not None and now - self._back < RETURN_S
        same = back and card.credential == self._lying
        self._lying, self._back = card.credential, None
        if same:
            return
        with self._lock:
            self._reads += 1
            self._last_read = datetime.now(UTC)
        self._heard(self.place.id, card, now)

    def _note(self, now: datetime, *, speaks: bool) -> None:
        self._last, self._last_mono = now, time.monotonic()
        self._speaks = self._speaks or speaks
        self._tries = 0

    def _unwell(self, *, speaks: bool) -> None:
        """It is heard, and a fault stands."""
        trouble, why = next(iter(self._standing.items()))
        with self._lock:
            self._note(datetime.now(UTC), speaks=speaks)
        self._down(trouble, why, blind=False)

    def _up(self, *, speaks: bool, trouble: str) -> None:
        now = datetime.now(UTC)
        with self._lock:
            was, was_trouble = self._health, self._trouble
            self._health, self._trouble = Health.OK, trouble
            self._note(now, speaks=speaks)
            if was is not Health.OK:
                self._since = now
        if was is Health.DOWN:
            log.info("%s %s is back", self.place.kind, self.place.id)
        if was is not Health.OK or was_trouble != trouble:
            self._changed()

    def _down(self, trouble: str, why: str, *, blind: bool = True) -> None:
        """`blind`: what its contacts do is not known from now on, until they are told again."""
        with self._lock:
            was, was_trouble = self._health, self._trouble
            self._health, self._trouble = Health.DOWN, trouble
            if was is not Health.DOWN:
                self._since = datetime.now(UTC)
        if was is not Health.DOWN:
            log.warning("%s %s is down: %s", self.place.kind, self.place.id, why)
        if blind and not self._blind:
            self._blind = True
            self._away(self.place.id)
        if was is not Health.DOWN or was_trouble != trouble:
            self._changed()


def open_driver(driver: Driver, url: str, settings: object, baud: int | None) -> Link:
    """A fresh line to a device."""
    if isinstance(driver, StreamDriver):
        return StreamLink(driver, url, settings, baud)
    return driver.make(url, settings)
