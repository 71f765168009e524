"""Wiegand frames from a serial adapter: one frame a line, ended by CR, LF or both; `Settings.form` says in which form.

    bits         00101101000000001010001000   the bits, in the order of their pulses
                 26:0B40288                   number of bits, colon, the same bits as one right-aligned hexadecimal
    decimal-8    09000324, 090,00324          a W26 as three digits of facility and five of number, its parity gone
    decimal-10   0078750403                   the 32 data bits of a W34 as one decimal number, their parity gone

W26: even parity over the first 12 data bits in front, odd over the last 12 behind; 8 bits facility, 16 bits number.
W34: the same over 16 and 16; the 32 data bits are mostly a card's four-byte UID, in an order that differs by reader.
Any other length comes of a pulse that was lost or added, unless `Settings.also` names it: then it is kept as it is.
Source: readers' data sheets; the two lengths and parities in four independent ones.
"""

import re
from dataclasses import dataclass
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
from drivers.framing import Lines
from rules.identity import BadNumber, canonical

LONGEST_BITS = 256
KEYS = (4, 8)
"""Frames of a keypad: one key each."""

ZEROS = ReaderFault("bad_number", Remedy.NOT_A_SUPPORTED_CARD, "the same number on many cards is no identity")

_BITS = re.compile(r"[01]+")
_EIGHT = re.compile(r"([0-9]{3})[, ]?([0-9]{5})")
_TEN = re.compile(r"[0-9]{10}")
_COUNTED = re.compile(r"([0-9]{1,3}):([0-9A-Fa-f]+)")


@dataclass(frozen=True, slots=True)
class Settings:
    """`order`: whether the four bytes of a W34 are as sent over the air or reversed. `also`: other lengths to accept.

    `form`: what the adapter says of a frame.
    """

    order: Literal["as-sent", "reversed"] = "as-sent"
    also: tuple[int, ...] = ()
    form: Literal["bits", "decimal-8", "decimal-10"] = "bits"

    def __post_init__(self) -> None:
        if wrong := [length for length in self.also if length in (*KEYS, 26, 34) or not 1 <= length <= LONGEST_BITS]:
            raise ValueError(f"also: {wrong[0]} is no other length: they are from 1 to {LONGEST_BITS} bits, keys apart")


class WiegandReader:
    """A Wiegand reader behind an adapter. `raw_bits` of each read are what came."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lines = lines()

    def signal(self, verdict: Verdict) -> None:
        """The adapter has no lamp."""

    def to_send(self, now: float) -> bytes:  # noqa: ARG002 - it is never asked
        """Return nothing: the adapter speaks by itself."""
        return b""

    def receive(self, data: bytes, now: float) -> list[ReaderEvent]:
        """Take what arrived and return what it means."""
        items = self._lines.feed(data, now)
        return [item if isinstance(item, Noise) else meaning(item, self._settings) for item in items]


def lines() -> Lines:
    """What cuts an adapter's bytes into lines."""
    return Lines((b"\r", b"\n"), LONGEST_BITS + 8)


def meaning(line: bytes, settings: Settings) -> ReaderEvent:
    """Return what a line means."""
    bits = bits_of(line) if settings.form == "bits" else _DECIMAL[settings.form](line)
    if bits is None:
        return Noise(len(line), "not a Wiegand line")
    if settings.form == "bits":
        return card_of(bits, settings)
    if "1" not in bits:  # no parity tells a card from nothing at all
        return ZEROS
    return _number_of(bits, bits, settings)


def card_of(bits: str, settings: Settings) -> ReaderEvent:
    """Return what a frame of bits means, the first one first."""
    if len(bits) in KEYS:
        return Noise(len(bits), "a key of a keypad")
    if len(bits) not in (26, 34, *settings.also):
        why = f"{len(bits)} bits: a pulse was lost or added, or `also` does not name this length"
        return ReaderFault("wiegand_length", Remedy.PRESENT_AGAIN, why)
    if len(bits) in (26, 34) and not parity_holds(bits):
        return ReaderFault("wiegand_parity", Remedy.PRESENT_AGAIN, f"parity of {len(bits)} bits is wrong")
    data = bits[1:-1] if len(bits) in (26, 34) else ""
    return _number_of(data, bits, settings)


def _number_of(data: str, bits: str, settings: Settings) -> ReaderEvent:
    """Return the card of 24 or 32 data bits, or of any other frame as it is."""
    kind, text = CredentialKind.WIEGAND_N, f"{len(bits)}:{int(bits, 2):X}"
    if len(data) == 24:
        kind, text = CredentialKind.WIEGAND_26, f"{int(data, 2):06X}"
    elif len(data) == 32:
        kind, text = CredentialKind.CARD_UID, uid(int(data, 2).to_bytes(4, "big"), settings.order)
    try:
        return CardRead(Credential(kind, canonical(kind, text)), raw_bits=bits)
    except BadNumber:
        return ZEROS


def uid(raw: bytes, order: Literal["as-sent", "reversed"]) -> str:
    """Return a card's UID as sent over the air, upper-case hexadecimal, from bytes in a reader's order."""
    return (raw if order == "as-sent" else raw[::-1]).hex().upper()


def bits_of(line: bytes) -> str | None:
    """Return the bits that a line carries, or None when it carries none."""
    text = line.decode("ascii", "replace").strip()
    if _BITS.fullmatch(text):
        return text if len(text) <= LONGEST_BITS else None
    counted = _COUNTED.fullmatch(text)
    if counted is None:
        return None
    count, value = int(counted[1]), int(counted[2], 16)
    if not 1 <= count <= LONGEST_BITS or value >> count:
        return None
    return f"{value:0{count}b}"


def _three_and_five(line: bytes) -> str | None:
    """The 24 data bits of a facility and a number in decimal, or None."""
    found = _EIGHT.fullmatch(line.decode("ascii", "replace").strip())
    if found is None or int(found[1]) > 0xFF or int(found[2]) > 0xFFFF:
        return None
    return f"{int(found[1]):08b}{int(found[2]):016b}"


def _ten(line: bytes) -> str | None:
    """The 32 data bits of a number in decimal, or None."""
    found = _TEN.fullmatch(line.decode("ascii", "replace").strip())
    return f"{int(found[0]):032b}" if found is not None and int(found[0]) < 1 << 32 else None


_DECIMAL = {"decimal-8": _three_and_five, "decimal-10": _ten}


def parity_holds(bits: str) -> bool:
    """Whether the outer bits of a W26 or W34 are right: even over the first half, odd over the second."""
    half = len(bits) // 2
    return bits[:half].count("1") % 2 == 0 and bits[half:].count("1") % 2 == 1


DRIVER = StreamDriver("wiegand", Settings, WiegandReader, 9600, listens_only=True)
