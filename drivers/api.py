"""All that the author of a driver imports: events, the two shapes of a driver, and how one is declared.

A byte-stream driver is one class without I/O and without a clock:

    receive(data, now) -> list of events     never raises; called with b"" at least every 50 ms
    to_send(now) -> bytes                    bytes to write now; each byte is returned once
    signal(verdict) -> None                  queue what tells the person the verdict, where the device can

`now` is monotonic seconds. An output driver has `open(seconds, now)` in place of `signal`. A device that can blink or
beep so that one finds it has `identify() -> None` too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from threading import Event
from typing import Any, Protocol

from rules.model import Credential, CredentialKind, Direction, Verdict

__all__ = [
    "TICK_S",
    "CardGone",
    "CardRead",
    "Credential",
    "CredentialKind",
    "DeviceFact",
    "Direction",
    "Driver",
    "Emit",
    "FaultOver",
    "Identity",
    "Input",
    "LinkLost",
    "NativeDriver",
    "NativeReader",
    "Noise",
    "Online",
    "OutputProtocol",
    "OutputState",
    "ReaderEvent",
    "ReaderFault",
    "ReaderProtocol",
    "Remedy",
    "Settings",
    "StreamDriver",
    "Taken",
    "Verdict",
]

TICK_S = 0.05
"""`receive(b"", now)` is called at least this often, so a protocol can keep deadlines without a timer."""


class LinkLost(Exception):
    """The way to the device is gone (unplugged, powered off). Reopening may help."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a document says beyond its number. Only readers set to `read = "identity"` give it; never printed."""

    name: str = field(repr=False)
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CardRead:
    """A reader's report of one presentation. `raw_bits` is kept for bit-oriented lines (Wiegand)."""

    credential: Credential
    identity: Identity | None = None
    raw_bits: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CardGone:
    """The card that was read has left the field, or none lay there when the line was opened.

    Not `sure`: the device finds it no more, which may be so of a card that still lies there.
    """

    sure: bool = True


class Remedy(StrEnum):
    """What the person, or the technician, should do about a fault."""

    PRESENT_AGAIN = "present_again"
    NOT_A_SUPPORTED_CARD = "not_a_supported_card"
    CALL_TECHNICIAN = "call_technician"


@dataclass(frozen=True, slots=True)
class ReaderFault:
    """A card could not be read, or the device says that something is wrong. `detail` never holds card data.

    What only a technician can mend is about the device, which is then down until it is heard again; unless `of_card`
    says that it is about the card that lies there. One that `stands` keeps the device down, whatever else it says,
    until `FaultOver` or until its line is opened anew. Behind any such fault a driver tells all contacts again.
    """

    code: str
    remedy: Remedy
    detail: str
    of_card: bool = False
    stands: bool = False


@dataclass(frozen=True, slots=True)
class FaultOver:
    """The fault of this code, which stood, is over."""

    code: str


@dataclass(frozen=True, slots=True)
class Noise:
    """Bytes that mean nothing. Only their number is kept: they may be part of a card's text."""

    size: int
    why: str


@dataclass(frozen=True, slots=True)
class Online:
    """The device answered, for devices that can say so without a card."""


@dataclass(frozen=True, slots=True)
class DeviceFact:
    """A fact about the device itself (serial number, firmware), fit for logs and registers."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class OutputState:
    """An output was switched: `on` is what the device confirmed, or what was sent where it confirms nothing."""

    channel: int
    on: bool
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Input:
    """A contact that an output board reads: door contact, exit button, fire release."""

    channel: int
    closed: bool


ReaderEvent = CardRead | CardGone | ReaderFault | FaultOver | Noise | Online | DeviceFact | OutputState | Input
Emit = Callable[[ReaderEvent], None]


class ReaderProtocol(Protocol):
    """A reader's wire protocol with no I/O in it: bytes and a clock in, events and bytes out."""

    def receive(self, data: bytes, now: float) -> list[ReaderEvent]: ...

    def to_send(self, now: float) -> bytes: ...

    def signal(self, verdict: Verdict) -> None: ...


class OutputProtocol(Protocol):
    """An output's wire protocol: `open` asks for the relay to be closed for so many seconds, from `now` on."""

    def receive(self, data: bytes, now: float) -> list[ReaderEvent]: ...

    def to_send(self, now: float) -> bytes: ...

    def open(self, seconds: float, now: float) -> None: ...


@dataclass(frozen=True, slots=True)
class StreamDriver:
    """A driver for bytes on a line. `settings` is a frozen dataclass; `make(settings)` gives a fresh protocol.

    `baud` is the default of the line; 8 data bits, no parity, 1 stop bit. `listens_only` says that the device speaks
    only when something is presented, so that its silence means nothing. `sees_lying`: a card that lies there when the
    line is opened is read, and `CardGone` is told.
    """

    name: str
    settings: type[Any]
    make: Callable[[Any], ReaderProtocol] | Callable[[Any], OutputProtocol]
    baud: int = 9600
    listens_only: bool = False
    sees_lying: bool = False


class NativeReader(Protocol):
    """A device behind a library that owns its I/O. `run` blocks until `stop`; LinkLost when the way is gone.

    One that can show which device it is has `identify() -> bool` too, False while it is away.
    """

    def run(self, emit: Emit, stop: Event) -> None: ...

    def signal(self, verdict: Verdict) -> None: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """What of a line a device takes: all of it, or one `place` on it, beside others of the same driver."""

    line: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class NativeDriver:
    """A driver around such a library. `make(url, settings)` gives a fresh reader.

    `opens` says that the reader has `open(seconds) -> bool` too: a relay of its own, which may be a portal's opener. It
    closes for `longest_s` at a time at most. `takes(url)` says what of a line it needs, and raises ValueError for a URL
    that can never be used. `terms(settings)` is what all readers on one line must have alike. `sees_lying` is that of
    `StreamDriver`.
    """

    name: str
    settings: type[Any]
    make: Callable[[str, Any], NativeReader]
    opens: bool = False
    longest_s: float = inf
    sees_lying: bool = False
    takes: Callable[[str], Taken] = Taken
    terms: Callable[[Any], str] = lambda _settings: ""


Driver = StreamDriver | NativeDriver
Settings = Mapping[str, object]
