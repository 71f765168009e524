"""OSDP readers (IEC 60839-11-5) on RS-485 or TCP, by libosdp and always encrypted; the only door to libosdp.

A URL is a line and an address: `/dev/ttyUSB0#1`, `socket://host:4001#1`; readers with one line share its panel.
libosdp is an optional extra: without it the reader is down and says why, and all else goes on.
"""

import re
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from threading import Event
from typing import Any, Literal, get_args

from drivers import lines, wiegand
from drivers.api import (
    CardRead,
    Credential,
    CredentialKind,
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
from drivers.osdp_commands import here_i_am, pulse, told
from drivers.osdp_line import Ended, Mail, Refused, Said, Seat, Secure, Switched, join, leave
from rules.identity import BadNumber, canonical

DEFAULT_KEY = b"0123456789:;<=>?"
"""SCBK-D of the standard: known to everybody, so it protects nothing."""
Baud = Literal[9600, 19200, 38400, 57600, 115200, 230400]
BAUDS: tuple[int, ...] = get_args(Baud)
LONGEST_TEXT = 32
SILENT_S = 3.0
"""A reader that answers nothing for so long is gone; it is polled about twenty times a second."""
LOOK_S = 0.1
HEARTBEAT_S = 5.0
KEYS_S = 10.0
INSTALL_S = 300.0
LONGEST_CODE = 20
_ADDRESSES = range(127)


@dataclass(frozen=True, slots=True)
class Settings:
    """`key` is the reader's own SCBK, 32 hexadecimal digits, or `key_file` holds it.

    `order` and `also` are those of Wiegand cards. `grant`, `attend`, `refuse` are shown, a line break begins the next
    row; "" shows nothing. `output`, counted from 0, is the relay that opens a portal whose opener is this reader.
    `inputs` contacts are followed from the first one on; each is unknown until one of them moves.
    """

    key: str = field(default="", repr=False)
    key_file: str = ""
    baud: Baud = 9600
    order: Literal["as-sent", "reversed"] = "as-sent"
    also: tuple[int, ...] = ()
    led: bool = True
    buzzer: bool = True
    grant: str = "请通行"
    attend: str = "请稍候\n门岗马上为您开门"
    refuse: str = "此卡不可用\n请到门岗"
    output: int = 0
    inputs: int = 0

    def __post_init__(self) -> None:
        self.secret()
        for name in ("grant", "attend", "refuse"):
            rows = getattr(self, name).split("\n")
            if any(len(row.encode()) > LONGEST_TEXT for row in rows):
                raise ValueError(f"{name}: a row has at most {LONGEST_TEXT} bytes of UTF-8, ten Chinese characters")
        if not 0 <= self.output <= 15:
            raise ValueError("output: must be between 0 and 15")
        if not 0 <= self.inputs <= 16:
            raise ValueError("inputs: must be between 0 and 16")

    def secret(self) -> bytes:
        """Return the key.

        Raises:
            ValueError: there is none, or one that protects nothing.
        """
        if bool(self.key) == bool(self.key_file):
            raise ValueError("key: give key or key_file, one of them; a reader is never used without a key of its own")
        return checked_key(self.key or _read_key(self.key_file))


def _read_key(path: str) -> str:
    try:
        shared = Path(path).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        text = Path(path).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError("key_file: cannot be read") from None
    if shared:
        raise ValueError("key_file: others may read it; run chmod 600 on it")
    return text


def checked_key(text: str) -> bytes:
    """Return a key from its 32 hexadecimal digits.

    Raises:
        ValueError: it is none, or one that everybody knows.
    """
    if not re.fullmatch(r"[0-9A-Fa-f]{32}", text):
        raise ValueError("key: must be 32 hexadecimal digits")
    key = bytes.fromhex(text)
    if key == DEFAULT_KEY or len(set(key)) == 1:
        raise ValueError("key: this one is known to everybody; draw one at random for each reader")
    return key


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


class Keypad:
    """Keys as they are pressed: a code of 8 digits or more, ended by # (or 0D), is a visitor's; * (or 7F) clears."""

    def __init__(self) -> None:
        self._digits = ""
        self._at = 0.0

    def press(self, keys: bytes, now: float) -> Iterator[ReaderEvent]:
        """Take keys; yield a read, or how many were in vain."""
        if now - self._at > KEYS_S:
            yield from self._clear("keys without an end")
        self._at = now
        for key in keys.decode("ascii", "replace"):
            if "0" <= key <= "9" and len(self._digits) < LONGEST_CODE:
                self._digits += key
            elif key in "#\r" and len(self._digits) >= 8:
                code, self._digits = self._digits, ""
                yield _card(CredentialKind.VISITOR, code)
            else:
                yield from self._clear("keys that are no code")

    def _clear(self, why: str) -> Iterator[ReaderEvent]:
        if self._digits:
            yield Noise(len(self._digits), why)
        self._digits = ""


def _card(kind: CredentialKind, text: str, bits: str | None = None) -> ReaderEvent:
    try:
        return CardRead(Credential(kind, canonical(kind, text)), raw_bits=bits)
    except BadNumber:
        return ReaderFault("bad_number", Remedy.NOT_A_SUPPORTED_CARD, "this number is no identity")


def raw_card(data: bytes, length: int, settings: wiegand.Settings, *, parity: bool) -> ReaderEvent:
    """Return what a raw card means. Without Wiegand `parity`, 32, 56 or 80 bits are a UID of 4, 7 or 10 bytes."""
    if not 0 < length <= min(8 * len(data), wiegand.LONGEST_BITS):
        return Noise(len(data), "a card of impossible length")
    bits = "".join(f"{byte:08b}" for byte in data)[:length]
    if not parity and length in (32, 56, 80):
        return _card(CredentialKind.CARD_UID, wiegand.uid(data[: length // 8], settings.order), bits)
    return wiegand.card_of(bits, settings)


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
                for event in self._meaning(osdp, mail):
                    emit(event)
            now = time.monotonic()
            if isinstance(mail, Secure):
                said = now
                seat.order(
                    {"command": osdp.CMD_STATUS, "type": osdp.STATUS_REPORT_LOCAL, "report": b"", "nr_entries": 0}
                )
            if now - max(begun, seat.heard) > SILENT_S:
                raise LinkLost("the reader does not answer")
            if seat.secure and now - said > HEARTBEAT_S:
                said = now
                emit(Online())

    def _meaning(self, osdp: Any, mail: Mail) -> Iterator[ReaderEvent]:
        match mail:
            case Secure(identity):
                yield Online()
                yield DeviceFact("osdp_identity", identity_of(identity))
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
            case Said(event):
                yield from self._event(osdp, event)

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
    "osdp", Settings, OsdpReader, opens=True, takes=takes, terms=lambda settings: f"{settings.baud} baud"
)
