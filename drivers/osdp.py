"""OSDP readers (IEC 60839-11-5) on RS-485 or TCP, by libosdp and always encrypted; the only door to libosdp.

A URL is a line and an address: `/dev/ttyUSB0#1`, `socket://host:4001#1`; readers with one line share its panel.
libosdp is an optional extra: without it the reader is down and says why, and all else goes on.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from queue import Empty
from threading import Event
from typing import Any

from drivers import lines, wiegand
from drivers.api import (
    DeviceFact,
    Emit,
    FaultOver,
    Input,
    LinkLost,
    NativeDriver,
    Noise,
    Online,
    OutputState,
    ReaderEvent,
    ReaderFault,
    Remedy,
    Taken,
    Verdict,
)
from drivers.osdp_cards import Keypad, raw_card
from drivers.osdp_commands import LONGEST_S, again, here_i_am, how_is, pulse, told
from drivers.osdp_line import (
    SUSPECT_RETRY_S,
    Ended,
    Mail,
    Ready,
    Refused,
    Said,
    Seat,
    Switched,
    Unanswered,
    join,
    leave,
)
from drivers.osdp_settings import Settings

SILENT_S = 3.0
"""A reader that answers nothing for so long is gone; it is polled about twenty times a second.

One that does not hold our key is not asked for `SUSPECT_RETRY_S` at a time, and is not gone for that.
"""
CHANNEL_S = 10.0
"""A reader that answers, and with which no secure channel is had for so long, is on a line that garbles or is slow."""
LOOK_S = 0.1
HEARTBEAT_S = 5.0
ASKED = 2
"""So often a reader that does not answer is asked how it is, and how its contacts are."""
_ADDRESSES = range(127)


def library() -> Any:
    """Return libosdp.

    Raises:
        LinkLost: libosdp is not installed; the message says how to.
    """
    try:
        import osdp_sys  # noqa: PLC0415 - an optional extra, wanted only where there is such a reader
    except ImportError as error:
        raise LinkLost(f"libosdp is missing: pip install 'xiaoqu-gateway[osdp]' ({error})") from error
    return osdp_sys


def split_url(url: str) -> tuple[str, int]:
    """Return the line and the address of a reader's URL.

    Raises:
        ValueError: it has none.
    """
    line, mark, address = url.rpartition("#")
    if not mark or not line or not re.fullmatch(r"[0-9]{1,3}", address) or int(address) not in _ADDRESSES:
        raise ValueError("url: an OSDP reader's is LINE#ADDRESS, the address from 0 to 126")
    return line, int(address)


def takes(url: str) -> Taken:
    """Return the line and the place on it of a reader's URL.

    Raises:
        ValueError: it has none, or the line can never be opened.
    """
    line, address = split_url(url)
    lines.check(line)
    return Taken(line, f"address {address}")


class OsdpReader:
    """One reader on its line. What happens to it disturbs none of its neighbours."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._line, self._address = split_url(url)
        self._settings = settings
        self._cards = wiegand.Settings(settings.order, settings.also)
        self._seat: Seat | None = None
        self._keypad = Keypad()
        self._local: dict[str, bool] = {}
        self._contacts: dict[int, bool] = {}
        self._unanswered: Counter[int] = Counter()
        self._late_cards = 0
        self._late_reports: dict[int, Mapping[str, Any]] = {}

    def signal(self, verdict: Verdict) -> None:
        """Show the verdict by lamp, buzzer and text; nothing is kept for a reader that is away."""
        seat = self._seat
        if seat is not None and seat.secure:
            for command in told(library(), self._settings, verdict):
                seat.order(command)

    def open(self, seconds: float) -> bool:
        """Switch the reader's relay on for so long. False while the reader is away: nothing will open."""
        seat = self._seat
        return seat is not None and seat.order(pulse(library(), self._settings.output, seconds))

    def identify(self) -> bool:
        """Blink and beep so that one finds it. False when it may do neither, or is away."""
        seat = self._seat
        if seat is None or not seat.secure:
            return False
        return all([seat.order(one) for one in here_i_am(library(), self._settings)] or [False])

    def run(self, emit: Emit, stop: Event) -> None:
        """Read cards until `stop`.

        Raises:
            LinkLost: there is no libosdp, the line is gone, or the reader answers nothing.
            ValueError: another reader has the same address, or the line another speed.
        """
        osdp = library()
        seat = join(osdp, self._line, self._settings.baud, self._address, self._settings.secret())
        self._seat = seat
        try:
            self._serve(osdp, seat, emit, stop)
        finally:
            self._seat = None
            leave(seat)

    def _serve(self, osdp: Any, seat: Seat, emit: Emit, stop: Event) -> None:
        begun, said = time.monotonic(), 0.0
        while not stop.is_set():
            try:
                mail = seat.mail.get(timeout=LOOK_S)
            except Empty:
                mail = None
            if mail is not None:
                for event in self._meaning(osdp, seat, mail):
                    emit(event)
            now = time.monotonic()
            if isinstance(mail, Ready):
                said = now
            _hold(seat, begun, now)
            if seat.ready and now - said > HEARTBEAT_S:
                said = now
                emit(Online())

    def _meaning(self, osdp: Any, seat: Seat, mail: Mail) -> Iterator[ReaderEvent]:
        match mail:
            case Ready(identity, contacts):
                yield Online()
                yield DeviceFact("osdp_identity", identity_of(identity))
                yield from self._states(osdp, seat, contacts)
                yield from self._present_again(osdp, seat)
            case Unanswered(what):
                self._unanswered[what] += 1
            case Refused():
                self._contacts.clear()
                why = "the reader answers and does not hold our key; the secure channel was refused"
                yield ReaderFault("key_mismatch", Remedy.CALL_TECHNICIAN, why)
            case Switched(output, done):
                if done:
                    yield OutputState(output, on=True, confirmed=True)
                else:
                    yield ReaderFault("refused", Remedy.CALL_TECHNICIAN, "the reader did not switch its relay")
            case Ended(why):
                raise LinkLost(why)
            case Said(event, late):
                yield from (self._late if late else self._event)(osdp, event)

    def _states(self, osdp: Any, seat: Seat, contacts: int) -> Iterator[ReaderEvent]:
        """Tell the newest state that was kept, and ask for what it is now.

        A reader that refuses to say loses its channel by that (libosdp), so it is asked twice at most; then what is
        asked for is unknown until it changes.
        """
        reports, self._late_reports = self._late_reports, {}
        for event in reports.values():
            yield from self._event(osdp, event)
        wanted = [osdp.STATUS_REPORT_LOCAL]
        if self._settings.inputs:
            yield DeviceFact("contacts", str(contacts))
            wanted += [osdp.STATUS_REPORT_INPUT] * (contacts > 0)
        for what in wanted:
            if self._unanswered[what] < ASKED:
                seat.order(how_is(osdp, what))

    def _late(self, osdp: Any, event: Mapping[str, Any]) -> Iterator[ReaderEvent]:
        """What happened while the reader was away opens nothing: who stood there may have left."""
        if event["event"] == osdp.EVENT_CARDREAD:
            self._late_cards += 1
        elif event["event"] == osdp.EVENT_KEYPRESS:
            yield Noise(len(event["data"]), "keys that were pressed while the reader was away")
        elif event["event"] == osdp.EVENT_STATUS:
            self._late_reports[event["type"]] = event

    def _present_again(self, osdp: Any, seat: Seat) -> Iterator[ReaderEvent]:
        """Count the cards that came too late, and ask whoever still stands there."""
        late, self._late_cards = self._late_cards, 0
        for _ in range(late):
            yield ReaderFault("late_card", Remedy.PRESENT_AGAIN, "the card was presented while the reader was away")
        if late:
            for command in again(osdp, self._settings):
                seat.order(command)

    def _event(self, osdp: Any, event: Mapping[str, Any]) -> Iterator[ReaderEvent]:
        if event["event"] == osdp.EVENT_CARDREAD:
            if event["format"] == osdp.CARD_FMT_ASCII:
                yield Noise(len(event["data"]), "a card as text, which the standard withdrew")
            else:
                parity = event["format"] == osdp.CARD_FMT_RAW_WIEGAND
                yield raw_card(event["data"], event["length"], self._cards, parity=parity)
        elif event["event"] == osdp.EVENT_KEYPRESS:
            yield from self._keypad.press(event["data"], time.monotonic())
        elif event["event"] == osdp.EVENT_STATUS and event["type"] == osdp.STATUS_REPORT_LOCAL:
            yield from self._state(event["report"])
        elif event["event"] == osdp.EVENT_STATUS and event["type"] == osdp.STATUS_REPORT_INPUT:
            yield from self._inputs(event["report"])

    def _inputs(self, report: bytes) -> Iterator[ReaderEvent]:
        """Tell what is new; a reader reports all its contacts when one of them moves."""
        for channel, byte in enumerate(report[: self._settings.inputs]):
            if self._contacts.get(channel) != bool(byte):
                self._contacts[channel] = bool(byte)
                yield Input(channel, bool(byte))

    def _state(self, report: bytes) -> Iterator[ReaderEvent]:
        for (code, why), byte in zip(LOCAL, report, strict=False):
            if bool(byte) and not self._local.get(code):
                yield ReaderFault(code, Remedy.CALL_TECHNICIAN, why, stands=True)
                yield from (Input(channel, closed) for channel, closed in self._contacts.items())
            elif not byte and self._local.get(code):
                yield FaultOver(code)
            self._local[code] = bool(byte)


def _hold(seat: Seat, begun: float, now: float) -> None:
    """Hold a reader since `begun` to what it must do: answer, and in a secure channel."""
    if now - max(begun, seat.heard) > SILENT_S + (SUSPECT_RETRY_S if seat.suspect else 0.0):
        raise LinkLost("the reader does not answer")
    if not seat.suspect and now - max(begun, seat.attended) > CHANNEL_S:
        raise LinkLost("the reader answers, and no secure channel comes about: the line garbles, or is slow")


LOCAL = (("tamper", "the reader's housing was opened"), ("power", "the reader's power is failing"))


def identity_of(identity: Mapping[str, int]) -> str:
    """What a reader says of itself, as one line."""
    version = identity["firmware_version"]
    firmware = ".".join(str(version >> shift & 0xFF) for shift in (16, 8, 0))
    return (
        f"vendor {identity['vendor_code']:06X} model {identity['model']} version {identity['version']} "
        f"serial {identity['serial_number']} firmware {firmware}"
    )


DRIVER = NativeDriver(
    "osdp",
    Settings,
    OsdpReader,
    opens=True,
    longest_s=LONGEST_S,
    takes=takes,
    terms=lambda settings: f"{settings.baud} baud",
)
