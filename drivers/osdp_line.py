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
from itertools import count
from queue import Queue
from typing import Any

from drivers.api import LinkLost
from drivers.osdp_commands import Command
from drivers.stream import Transport, opened

log = logging.getLogger(__name__)

REFRESH_S = 0.02
"""libosdp wants to be called every 50 ms; it is called as soon as bytes come or a command waits, and so often else."""
GATHER_S = 0.1
"""Readers that start together are waited for, so that the first is not disturbed by the second."""
RETRY_S = 0.5
"""A reader without a secure channel for so long is asked afresh."""
SUSPECT_RETRY_S = 5.0
"""The same for one that does not hold our key."""
REFUSALS = 2
"""A restart in the middle of a handshake looks like a wrong key, once."""
HELD = 4096

_channels = count(1)


@dataclass(frozen=True, slots=True)
class Secure:
    """The secure channel stands; `identity` is what the reader says of itself."""

    identity: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Refused:
    """The reader answers and does not hold our key."""


@dataclass(frozen=True, slots=True)
class Said:
    """An event of libosdp, as it came."""

    event: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """The line is gone, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Switched:
    """The reader took a command for its relay, or did not."""

    output: int
    done: bool


Mail = Secure | Refused | Said | Switched | Ended


class Wire:
    """What libosdp reads and writes: never blocks. A distinct `id` tells it which readers share a line."""

    def __init__(self) -> None:
        self.id = next(_channels)
        self.inbox = bytearray()
        self.outbox = bytearray()

    def read(self, most: int) -> bytes:
        taken = bytes(self.inbox[:most])
        del self.inbox[:most]
        return taken

    def write(self, data: bytes) -> int:
        self.outbox += data
        return len(data)

    def flush(self) -> None:
        self.inbox.clear()


@dataclass(slots=True)
class Seat:
    """One reader's place on a line. `heard` is when it last answered, in monotonic seconds."""

    line: "Line"
    address: int
    key: bytes = field(repr=False)
    mail: Queue[Mail] = field(default_factory=Queue)
    heard: float = 0.0
    secure: bool = False
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
        self._tail = b""
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
                    seat.wanted, seat.secure, seat.heard, seat.since, seat.refusals = True, False, 0.0, 0.0, 0
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
        early = hear(self._wire, transport)
        with self._lock:
            seats, changed, self._changed = self._seats.copy(), self._changed, False
            orders = list(self._orders)
            self._orders.clear()
        if changed:
            self._build(seats)
        for seat, command in orders:
            if seat.secure and seat in seats:
                self._panel.submit_command(seats.index(seat), dict(command))
        self._listen(early + exchange(self._panel, self._wire, transport), seats)
        now = time.monotonic()
        secure = self._panel.sc_status()
        for index, seat in enumerate(seats):
            self._tend(index, seat, now, secure=bool(secure >> index & 1))

    def _listen(self, data: bytes, seats: list[Seat]) -> None:
        """Note who answers: a reply begins by 53 and the address with its top bit."""
        recent, now = self._tail + data, time.monotonic()
        for seat in seats:
            if bytes([0x53, seat.address | 0x80]) in recent:
                seat.heard = now
        self._tail = recent[-1:]

    def _build(self, seats: list[Seat]) -> None:
        library = self._library
        library.set_loglevel(library.LOG_EMERG)
        self._wire.flush()
        flags = library.FLAG_ENFORCE_SECURE | library.FLAG_ENABLE_NOTIFICATION
        self._panel = library.ControlPanel([description(s.address, s.key, flags, self._wire) for s in seats])
        self._panel.set_event_callback(lambda index, event: self._event(seats[index], event))
        self._panel.set_command_completion_callback(
            lambda index, command, status: self._completed(seats[index], command, status)
        )
        for seat in seats:
            seat.secure = seat.recycling = False
            seat.since = time.monotonic()

    def _event(self, seat: Seat, event: Mapping[str, Any]) -> int:
        library = self._library
        if event["event"] != library.EVENT_NOTIFICATION:
            if seat.secure:
                seat.mail.put(Said(event))
        elif event["type"] == library.EVENT_NOTIFICATION_PD_STATUS and not event["arg0"]:
            self._failed(seat)
        return 0

    def _completed(self, seat: Seat, command: Command, status: int) -> int:
        if command["command"] == self._library.CMD_OUTPUT:
            seat.mail.put(Switched(int(str(command["output_no"])), status == self._library.COMPLETION_OK))
        return 0

    def _failed(self, seat: Seat) -> None:
        if seat.secure or seat.heard < seat.since:
            return
        seat.refusals += 1
        if seat.refusals == REFUSALS:
            seat.mail.put(Refused())

    def _tend(self, index: int, seat: Seat, now: float, *, secure: bool) -> None:
        """Bring a reader's place in libosdp to where it should be."""
        if secure and seat.wanted and not seat.secure:
            seat.refusals = 0
            seat.mail.put(Secure(self._panel.get_pd_id(index)))
        if seat.secure and not secure:
            seat.since = now
        seat.secure = secure and seat.wanted
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


def description(address: int, key: bytes, flags: int, wire: Wire) -> dict[str, object]:
    """A reader, as libosdp wants it described; who it is it says itself."""
    unknown = dict.fromkeys(("version", "model", "vendor_code", "serial_number", "firmware_version"), 0)
    return {"name": f"reader-{address}", "address": address, "flags": flags, "scbk": key, "channel": wire} | unknown


def hear(wire: Wire, transport: Transport, seconds: float = 0.0) -> bytes:
    """Hand over what came, or comes within so long; return that.

    Before libosdp works it is to have what came meanwhile: a program that was held up must not miss an answer.
    """
    data = transport.read(seconds, to_write=bool(wire.outbox))
    wire.inbox += data
    del wire.inbox[:-HELD]
    return data


def exchange(panel: Any, wire: Wire, transport: Transport) -> bytes:
    """Let libosdp work once, write what it says, and wait briefly for what comes; return that."""
    panel.refresh()
    if wire.outbox:
        del wire.outbox[: transport.write(bytes(wire.outbox))]
    return hear(wire, transport, REFRESH_S)


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
