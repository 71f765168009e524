"""Readers and scanners that say a code by themselves, in one of five frames; `Settings.frame` says which.

    text        the text of a QR or bar code, then CR, LF or CR LF     visitor codes: 8 to 20 digits
    stx-hex     02 | 6 hex digits | 2 hex digits | 04                  check: XOR of the six characters
    rdm6300     02 | 10 hex digits | 2 hex digits | 03                 check: XOR of the five bytes; EM4100 cards
    id-12       02 | 10 hex digits | 2 hex digits | CR LF 03           the same inside
    length-xor  02 | length:2 | payload | XOR of the payload | 03      binary; the payload is a UID

Source: vendors' sheets and open programs for each; the bytes of the first published examples are in the tests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Literal

from drivers.api import (
    CardRead,
    Credential,
    CredentialKind,
    Noise,
    ReaderEvent,
    ReaderFault,
    Remedy,
    StreamDriver,
    Verdict,
)
from drivers.framing import MORE, NOT_A_FRAME, Frames, Lines, Shape
from drivers.wiegand import uid
from rules.identity import BadNumber, canonical

FrameName = Literal["text", "stx-hex", "rdm6300", "id-12", "length-xor"]

ENDINGS: dict[str, tuple[bytes, ...]] = {"any": (b"\r", b"\n"), "cr": (b"\r",), "lf": (b"\n",), "crlf": (b"\r\n",)}
LONGEST_PAYLOAD = 64
_HEX = frozenset(b"0123456789ABCDEFabcdef")


@dataclass(frozen=True, slots=True)
class Settings:
    """`suffix` ends a text. `order`: whether a UID's bytes are as sent over the air or reversed."""

    frame: FrameName = "text"
    suffix: Literal["any", "cr", "lf", "crlf"] = "any"
    order: Literal["as-sent", "reversed"] = "as-sent"


class AsciiReader:
    """A reader that speaks by itself when something is presented."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cutter = cutter(settings)

    def signal(self, verdict: Verdict) -> None:
        """Nothing can be said to the person on this line."""

    def to_send(self, now: float) -> bytes:  # noqa: ARG002 - it is never asked
        """Return nothing: the reader speaks by itself."""
        return b""

    def receive(self, data: bytes, now: float) -> list[ReaderEvent]:
        """Take what arrived and return what it means."""
        items = self._cutter.feed(data, now)
        return [item if isinstance(item, Noise) else meaning(item, self._settings) for item in items]


def cutter(settings: Settings) -> Lines | Frames:
    """What cuts a reader's bytes into its texts or frames."""
    return Lines(ENDINGS[settings.suffix], 128) if settings.frame == "text" else Frames(SHAPES[settings.frame])


def meaning(frame: bytes, settings: Settings) -> ReaderEvent:
    """Return what a text or a whole frame means."""
    if settings.frame == "text":
        return _card(CredentialKind.VISITOR, frame.decode("utf-8", "replace"))
    number = payload_of(frame, settings.frame)
    if settings.frame in ("rdm6300", "id-12"):
        return _card(CredentialKind.EM, number.hex().upper())
    return _card(CredentialKind.CARD_UID, uid(number, settings.order))


def payload_of(frame: bytes, name: FrameName) -> bytes:
    """Return the bytes of a card that a whole frame carries."""
    return frame[3:-2] if name == "length-xor" else bytes.fromhex(frame[1 : 1 + _DIGITS[name]].decode("ascii"))


def framed(payload: bytes, name: FrameName) -> bytes:
    """Return the frame that carries so many bytes of a card."""
    if name == "length-xor":
        return b"\x02" + len(payload).to_bytes(2, "big") + payload + bytes([reduce(xor, payload), 3])
    digits = payload.hex().upper().encode("ascii")
    return b"\x02" + digits + f"{_CHECKS[name](digits):02X}".encode("ascii") + _TAILS[name]


def _fixed(name: FrameName) -> Shape:
    """STX, so many hex digits, two hex digits of check, a fixed tail."""
    digits, tail, check = _DIGITS[name], _TAILS[name], _CHECKS[name]
    size = 1 + digits + 2 + len(tail)

    def shape(buffer: bytes) -> int:
        hexes = buffer[1 : 3 + digits]
        if buffer[0] != 2 or not _HEX.issuperset(hexes) or not tail.startswith(buffer[3 + digits : size]):
            return NOT_A_FRAME
        if len(buffer) < size:
            return MORE
        return size if check(hexes[:digits]) == int(hexes[digits:], 16) else NOT_A_FRAME

    return shape


def _xor_of_characters(digits: bytes) -> int:
    return reduce(xor, digits)


def _xor_of_bytes(digits: bytes) -> int:
    return reduce(xor, bytes.fromhex(digits.decode("ascii")))


def _length_xor(buffer: bytes) -> int:
    if buffer[0] != 2:
        return NOT_A_FRAME
    if len(buffer) < 3:
        return MORE
    length = int.from_bytes(buffer[1:3], "big")
    if not 1 <= length <= LONGEST_PAYLOAD:
        return NOT_A_FRAME
    size = 3 + length + 2
    if len(buffer) < size:
        return MORE
    good = buffer[size - 1] == 3 and reduce(xor, buffer[3 : 3 + length]) == buffer[size - 2]
    return size if good else NOT_A_FRAME


_DIGITS: dict[FrameName, int] = {"stx-hex": 6, "rdm6300": 10, "id-12": 10}
_TAILS: dict[FrameName, bytes] = {"stx-hex": b"\x04", "rdm6300": b"\x03", "id-12": b"\r\n\x03"}
_CHECKS: dict[FrameName, Callable[[bytes], int]] = {
    "stx-hex": _xor_of_characters,
    "rdm6300": _xor_of_bytes,
    "id-12": _xor_of_bytes,
}
SHAPES: dict[FrameName, Shape] = {name: _fixed(name) for name in _DIGITS} | {"length-xor": _length_xor}


def _card(kind: CredentialKind, text: str) -> ReaderEvent:
    try:
        return CardRead(Credential(kind, canonical(kind, text)))
    except BadNumber as error:
        return ReaderFault("bad_number", Remedy.NOT_A_SUPPORTED_CARD, str(error))


DRIVER = StreamDriver("ascii-line", Settings, AsciiReader, 9600, listens_only=True)
