"""OSDP readers that share a line: one control panel and one thread for each line, however many readers are on it.

libosdp keeps a reader that failed offline for minutes; here it is taken off and put back at once, until it is heard.
What a reader says and how it fares goes into the mailbox of its seat; nothing here knows what it means.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Queue
from typing import Any

from drivers.api import LinkLost
from drivers.osdp_commands import Command
from drivers.osdp_wire import Wire, copied, description, exchange, hear
from drivers.stream import Transport, opened

log = logging.getLogger(__name__)

GATHER_S = 0.1
"""Readers that start together are waited for, so that the first is not disturbed by the second."""
RETRY_S = 0.5
"""A reader without a secure channel for so long is asked afresh."""
SUSPECT_RETRY_S = 5.0
"""The same for one that does not hold our key."""
REFUSALS = 2
"""A restart in the middle of a handshake looks like a wrong key, once."""
AWAY_S = 3.0
"""Who presented a card to a reader that was not heard for so long may have left; one lost answer is no absence."""
EMPTYING_S = 5.0
"""A reader that has something to say at each question for so long is not emptying what it kept."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The secure channel stands, and what the reader kept while it was away has been said.

    `identity` is what it says of itself, `contacts` how many it says that it has.
    """

    identity: Mapping[str, int]
    contacts: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The reader answers and does not hold our key."""


@dataclass(frozen=True, slots=True)
class Said:
    """An event of libosdp, as it came. `late`: the reader kept it while it was away."""

    event: Mapping[str, Any] = field(repr=False)
    late: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """The line is gone, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Switched:
    """The reader took a command for its relay, or did not."""

    output: int
    done: bool


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The reader did not say how it is, or how its contacts are: which of them is `what`."""

    what: int


Mail = Ready | Refused | Said | Switched | Unanswered | Ended


@dataclass(slots=True)
class Seat:
    """One reader's place on a line. `heard` is when it last answered, in monotonic seconds.

    It is `ready` once it has answered that there is nothing new, since it was away last. `attended` is when it last
    answered in a secure channel.
    """

    line: "Line"
    address: int
    key: bytes = field(repr=False)
    mail: Queue[Mail] = field(default_factory=Queue)
    heard: float = 0.0
    attended: float = 0.0
    secure: bool = False
    ready: bool = False
    emptied: bool = False
    wanted: bool = True
    since: float = 0.0
    refusals: int = 0
    recycling: bool = False

    def order(self, command: Command) -> bool:
        """Send a command at once; False when there is no secure channel: nothing is kept for later."""
        return self.secure and self.line.order(self, command)

    @property
    def suspect(self) -> bool:
        return self.refusals >= REFUSALS


class Line:
    """A line while it has readers; its thread alone touches libosdp."""

    def __init__(self, library: Any, url: str, baud: int) -> None:
        self.baud = baud
        self._library = library
        self.url = url
        self._seats: list[Seat] = []
        self._orders: deque[tuple[Seat, Command]] = deque(maxlen=64)
        self._changed = True
        self._stop = False
        self._ended: Ended | None = None
        self._lock = threading.Lock()
        self._pulled, self._pushed = os.pipe()
        os.set_blocking(self._pulled, False)
        os.set_blocking(self._pushed, False)
        self._thread = threading.Thread(target=self._run, name=f"osdp {url}", daemon=True)
        self._panel: Any = None
        self._wire = Wire()
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._ended is None

    def sit(self, address: int, key: bytes) -> Seat:
        """Take a place, which may be one that was left before. On a line that has ended meanwhile, one is told so."""
        seat = self._seat(address, key)
        with self._lock:
            if self._ended is not None:
                seat.mail.put(self._ended)
        return seat

    def _seat(self, address: int, key: bytes) -> Seat:
        with self._lock:
            for seat in self._seats:
                if (seat.address, seat.key) == (address, key) and not seat.wanted:
                    seat.mail = Queue()
                    seat.wanted, seat.secure, seat.ready = True, False, False
                    seat.heard, seat.attended, seat.since, seat.refusals = 0.0, 0.0, 0.0, 0
                    return seat
            if any(seat.address == address and seat.wanted for seat in self._seats):
                raise ValueError(f"two readers have the address {address} on one line")
            self._seats = [seat for seat in self._seats if seat.address != address]
            seat = Seat(self, address, key)
            self._seats.append(seat)
            self._changed = True
            return seat

    def rise(self, seat: Seat) -> bool:
        """Leave a place; True when nobody sits here any more."""
        with self._lock:
            seat.wanted = seat.secure = False
            return not any(one.wanted for one in self._seats)

    def order(self, seat: Seat, command: Command) -> bool:
        with self._lock:
            self._orders.append((seat, command))
            self._nudge()
        return True

    def close(self) -> None:
        """End the thread; the line is free when this returns."""
        with self._lock:
            self._stop = True
            self._nudge()
        self._thread.join()
        os.close(self._pulled)
        os.close(self._pushed)

    def _nudge(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._pushed, b"!")

    def _run(self) -> None:
        why = "the line was closed"
        try:
            with opened(self.url, self.baud, self._pulled) as transport:
                transport.read(GATHER_S, to_write=False)
                while not self._stop:
                    self._turn(transport)
        except LinkLost as error:
            why = str(error)
        except Exception as error:  # a bug here must not take the other lines with it
            log.exception("the OSDP line %s crashed", self.url)
            why = f"its thread crashed: {type(error).__name__}"
        finally:
            self._panel = None
            with self._lock:
                self._stop, self._ended = True, Ended(why)
                for seat in self._seats:
                    seat.secure = False
                    seat.mail.put(self._ended)

    def _turn(self, transport: Transport) -> None:
        hear(self._wire, transport)
        with self._lock:
            seats, changed, self._changed = self._seats.copy(), self._changed, False
            orders = list(self._orders)
            self._orders.clear()
        if changed:
            self._build(seats)
        for seat, command in orders:
            if seat.secure and seat in seats:
                self._panel.submit_command(seats.index(seat), dict(command))
        now = time.monotonic()
        for seat in seats:
            if seat.secure and now - seat.attended > AWAY_S:
                seat.since, seat.ready, seat.emptied = now, False, False
                self._wire.forget()
        exchange(self._panel, self._wire, transport)
        now = time.monotonic()
        self._note_answers(seats, now)
        secure = self._panel.sc_status()
        for index, seat in enumerate(seats):
            self._tend(index, seat, now, secure=bool(secure >> index & 1))

    def _note_answers(self, seats: list[Seat], now: float) -> None:
        """Note who answered; behind libosdp, which has told of what was in the same answers."""
        by_address = {seat.address: seat for seat in seats}
        for answer in self._wire.answers():
            if (seat := by_address.get(answer.address)) is not None:
                seat.heard = now
                if seat.secure:
                    seat.attended = now
                    seat.emptied = seat.emptied or answer.nothing_new

    def _build(self, seats: list[Seat]) -> None:
        library = self._library
        library.set_loglevel(library.LOG_EMERG)
        self._wire.flush()
        flags = library.FLAG_ENFORCE_SECURE | library.FLAG_ENABLE_NOTIFICATION
        self._panel = library.ControlPanel([description(s.address, s.key, flags, self._wire) for s in seats])
        self._panel.set_event_callback(lambda index, event: self._event(seats[index], copied(event)))
        self._panel.set_command_completion_callback(
            lambda index, command, status: self._completed(seats[index], command, status)
        )
        for seat in seats:
            seat.secure = seat.ready = seat.recycling = False
            seat.since = time.monotonic()

    def _event(self, seat: Seat, event: Mapping[str, Any]) -> int:
        library = self._library
        if event["event"] != library.EVENT_NOTIFICATION:
            if seat.secure:
                seat.mail.put(Said(event, late=not seat.ready))
        elif event["type"] == library.EVENT_NOTIFICATION_PD_STATUS and not event["arg0"]:
            self._failed(seat)
        return 0

    def _completed(self, seat: Seat, command: Command, status: int) -> int:
        if command["command"] == self._library.CMD_OUTPUT:
            seat.mail.put(Switched(int(str(command["output_no"])), status == self._library.COMPLETION_OK))
        elif command["command"] == self._library.CMD_STATUS and status != self._library.COMPLETION_OK:
            seat.mail.put(Unanswered(int(str(command["type"]))))
        return 0

    def _failed(self, seat: Seat) -> None:
        """Its channel was not made: for want of an answer, which says nothing, or because of what it answered."""
        if seat.secure or seat.heard < seat.since or seat.address not in self._wire.shook:
            return
        seat.refusals += 1
        if seat.refusals == REFUSALS:
            seat.mail.put(Refused())

    def _tend(self, index: int, seat: Seat, now: float, *, secure: bool) -> None:
        """Bring a reader's place in libosdp to where it should be."""
        if secure != seat.secure:
            seat.since, seat.ready, seat.emptied = now, False, now - seat.attended <= AWAY_S
            seat.refusals = 0 if secure else seat.refusals
        seat.secure = secure and seat.wanted
        if seat.secure and not seat.ready and (seat.emptied or now - seat.since > EMPTYING_S):
            seat.ready = True
            contacts = self._panel.check_capability(index, self._library.CAP_CONTACT_STATUS_MONITORING)[1]
            seat.mail.put(Ready(self._panel.get_pd_id(index), contacts))
        enabled = self._panel.is_pd_enabled(index)
        if not seat.wanted or seat.recycling:
            if enabled:
                self._panel.disable_pd(index)
            seat.recycling = seat.recycling and enabled
        elif not enabled:
            if self._panel.enable_pd(index):
                seat.since = now
        elif not secure and now - seat.since > (SUSPECT_RETRY_S if seat.suspect else RETRY_S):
            seat.recycling, seat.since = True, now


_open: dict[str, Line] = {}
_opening = threading.Lock()


def join(library: Any, url: str, baud: int, address: int, key: bytes) -> Seat:
    """Take a place on a line, opening it where nobody has.

    Raises:
        ValueError: the line runs at another speed, or the address is taken.
    """
    with _opening:
        line = _open.get(url)
        if line is not None and not line.alive:
            line.close()
            line = None
        if line is None:
            line = _open[url] = Line(library, url, baud)
        if line.baud != baud:
            raise ValueError("readers on one line have one speed")
        return line.sit(address, key)


def leave(seat: Seat) -> None:
    """Leave a place; the last one closes the line."""
    with _opening:
        if seat.line.rise(seat) and _open.get(line_url := seat.line.url) is seat.line:
            del _open[line_url]
            seat.line.close()
