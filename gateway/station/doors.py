"""The doors of a station: contacts become what happened, which is kept and shown; openers are held in hold-open time.

One thread owns all of it. Whoever tells it something never waits for it, and no verdict depends on it.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from drivers.api import Input
from gateway.station.decider import Gate
from gateway.station.door import Contact, Door, DoorEvent, DoorView, Happening, Rules
from gateway.station.events import DoorLog
from rules.model import CIVIL

log = logging.getLogger(__name__)

INBOX = 1_000
"""Contacts, pulses and lines that wait; this thread takes them in milliseconds, so more means that it hangs."""
HOLD_S, HOLD_EVERY_S = 5.0, 2.0
"""In hold-open hours the opener is asked again and again for a little: it closes by itself when nobody asks."""
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Wired:
    """Where a contact is read. `rests_closed`: closed while the door is shut, the button free, no alarm on."""

    device: str
    channel: int
    rests_closed: bool


class Doors:
    """Run `run` on a thread of its own. `wired` has the portals that have contacts; all `gates` may be held open."""

    def __init__(
        self,
        gates: Mapping[str, Gate],
        wired: Mapping[str, Mapping[Contact, Wired]],
        held_after_s: Mapping[str, float],
        kept: DoorLog,
        *,
        hold: Callable[[str, float], bool],
        happened: Callable[[DoorEvent], None],
        weekday: Callable[[datetime], int] = datetime.weekday,
        held: Callable[[str], bool] = lambda _portal: False,
        look_s: float = LOOK_S,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._inbox: queue.Queue[Callable[[], None]] = queue.Queue(INBOX)
        self._gates = gates
        self._wired = wired
        self._doors = {
            portal: Door(Rules(held_after_s[portal], gates[portal].pulse_seconds), contacts)
            for portal, contacts in wired.items()
        }
        self._kept = kept
        self._hold = hold
        self._happened = happened
        self._weekday = weekday
        self._held = held
        self._look_s = look_s
        self._clock = clock
        self._wall = wall
        self._hold_at = 0.0
        self._full = False
        self._views = self._view()

    def heard(self, device: str, contact: Input) -> None:
        """A board read a contact."""
        self._put(partial(self._read, device, contact))

    def away(self, device: str) -> None:
        """A board is down: what its contacts do is not known until they are read again."""
        self._put(partial(self._blind, device))

    def pulsed(self, portal: str, seconds: float) -> None:
        """A portal's opener was asked to close for so long."""
        self._put(partial(self._permit, portal, self._clock() + seconds))

    def view(self) -> tuple[DoorView, ...]:
        """The doors that have contacts, now."""
        return self._views

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.turn()
            except Exception:  # a bug at one door must not take the hold-open hours of the others with it
                log.exception("a door's turn failed")
                stop.wait(LOOK_S)

    def turn(self) -> None:
        """Take what waits, for a moment at most, and see what time has brought."""
        now = self._clock()
        due = [door.due for door in self._doors.values()]
        patience = min([self._look_s, *(max(0.0, at - now) for at in due if at is not None)])
        try:
            act = self._inbox.get(timeout=patience) if patience else self._inbox.get_nowait()
        except queue.Empty:
            pass
        else:
            self._full = False
            act()
        now = self._clock()
        for portal, door in self._doors.items():
            self._say(portal, door.tick(now))
        if now >= self._hold_at:
            self._hold_at = now + HOLD_EVERY_S
            self._hold_open(now)
            self._kept.flush()
        self._views = self._view()

    def _permit(self, portal: str, until: float) -> None:
        if portal in self._doors:
            self._doors[portal].permit(until)

    def _blind(self, device: str) -> None:
        for portal, which, wired in self._contacts():
            if wired.device == device:
                self._doors[portal].blind(which)

    def _read(self, device: str, contact: Input) -> None:
        for portal, which, wired in self._contacts():
            if (wired.device, wired.channel) == (device, contact.channel):
                active = contact.closed is not wired.rests_closed
                self._say(portal, self._doors[portal].contact(which, active, self._clock()))

    def _contacts(self) -> Iterable[tuple[str, Contact, Wired]]:
        for portal, contacts in self._wired.items():
            for which, wired in contacts.items():
                yield portal, which, wired

    def _hold_open(self, now: float) -> None:
        civil = datetime.fromtimestamp(self._wall(), UTC).astimezone(CIVIL)
        for portal, gate in self._gates.items():
            by_hours = any(hours.holds(civil, self._weekday(civil)) for hours in gate.portal.hold_open)
            if by_hours or self._held(portal):
                self._hold(portal, HOLD_S)
                self._permit(portal, now + HOLD_S)  # whether or not the opener could be reached

    def _say(self, portal: str, happenings: Iterable[Happening]) -> None:
        for what in happenings:
            event = DoorEvent(int(self._wall() * 1000), portal, what)
            log.info("portal %s: %s", portal, what)
            self._kept.add(event)
            self._happened(event)

    def _put(self, act: Callable[[], None]) -> None:
        with suppress(queue.Full):
            self._inbox.put_nowait(act)
            return
        if not self._full:
            log.error("the doors' thread hangs: contacts are not followed")
        self._full = True

    def _view(self) -> tuple[DoorView, ...]:
        return tuple(DoorView(portal, door.state, door.fire) for portal, door in self._doors.items())
