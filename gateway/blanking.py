"""What goes over a line without anybody in it: the bytes of nobody's card, which decode as somebody's did.

Of a SAM module's frames, a card's text becomes that of nobody (a number of the same kind, born on 1900-01-01, or blanks
where it could not be trusted); photo and chip serials become zeros. A number or a code from a Wiegand adapter or an
ASCII reader becomes the lowest of its length; one that is no identity becomes zeros, or question marks. Checksums and
parities are made anew, and are wrong where they were. So two cards that a driver takes alike leave the same bytes, and
only the length of a code tells one from another.
Bytes outside good frames may be a part of somebody's card: only their number is kept.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from drivers import ascii_line, ga467, id_text, sam_codes, sam_frames, wiegand
from drivers.api import CardRead, Driver, Noise, ReaderEvent
from drivers.framing import Frames, Lines
from drivers.id_text import CardType, NotACardText
from drivers.sam_frames import Reply

TO, FROM = ">", "<"

_TEXT = slice(7, 263)
_LETTER = slice(248, 250)
_NUMBERS = {
    CardType.RESIDENT: "510099190001010019",
    CardType.HMT_PERMIT: "830000190001019999",
    CardType.PR_2017: "USA110000010104",
    CardType.PR_2023: "911840190001010017",
}
_STATUS, _LENGTHS = 3, 3 + 6


class Blanks(Protocol):
    """One line, both ways."""

    def take(self, direction: str, data: bytes, now: float) -> Iterator[bytes | Noise]:
        """Take bytes of one direction (b"" when there were none); return what they complete, blanked."""


def blanks_for(driver: Driver, settings: Any) -> Blanks:
    """Return what blanks a driver's line.

    Raises:
        LookupError: it is a line of which nothing could be kept; the message says why.
    """
    for known, made in _MADE:
        if driver is known:
            return made(settings)
    why = _REFUSED.get(driver.name, "it is not known what on such a line is personal")
    raise LookupError(f"{why}; only lines of {', '.join(known.name for known, _ in _MADE)} can be recorded")


class SamLine:
    """The line of a SAM module."""

    def __init__(self, _settings: ga467.Settings) -> None:
        self._deframers = {TO: sam_frames.Deframer(), FROM: sam_frames.Deframer()}

    def take(self, direction: str, data: bytes, now: float) -> Iterator[bytes | Noise]:
        for item in self._deframers[direction].feed(data, now):
            yield item if isinstance(item, Noise) else sam_frames.encode(_blanked_frame(direction, item))


def blanked_text(record: bytes) -> bytes:
    """Return the text record of nobody, of the same type; one that cannot be trusted stays so, for its reason."""
    number, valid_from = "", "20200101"
    try:
        number = _NUMBERS[id_text.parse(record).type]
    except NotACardText as error:
        if error.problem == "validity":
            valid_from = "00000000"
    blank = bytearray(b"\x20\x00" * (id_text.SIZE // 2))
    for offset, text in ((122, number), (188, valid_from), (204, id_text.LONG_TERM)):
        raw = text.encode("utf-16-le")
        blank[offset : offset + len(raw)] = raw
    letter = record[_LETTER]
    blank[_LETTER] = letter if letter[0] < 0x80 and not letter[1] else b"?\0"
    return bytes(blank)


def _blanked_frame(direction: str, frame: sam_frames.Frame) -> bytes:
    """The body of a frame without anything of a person."""
    head = 2 if direction == TO else _STATUS
    good = direction == FROM and frame.size > _STATUS and frame.body[2] == sam_codes.DONE
    kind = sam_frames.reply_of(frame) if good else Reply.DONE
    if frame.size <= _STATUS or kind is Reply.SAM_NUMBER:
        return frame.body[: frame.size]
    kept = frame.body[:head]
    if kind is Reply.CARD and frame.size >= sam_frames.KEEP:
        kept = frame.body[: _TEXT.start] + blanked_text(frame.body[_TEXT])
    elif kind is Reply.FINGERPRINT:
        kept = frame.body[:_LENGTHS]
    return kept + bytes(frame.size - len(kept))


class WiegandLine:
    """The line of a Wiegand adapter."""

    def __init__(self, settings: wiegand.Settings) -> None:
        self._settings = settings
        self._lines = wiegand.lines()

    def take(self, _direction: str, data: bytes, now: float) -> Iterator[bytes | Noise]:
        for item in self._lines.feed(data, now):
            yield item if isinstance(item, Noise) else self._blanked(item)

    def _blanked(self, line: bytes) -> bytes | Noise:
        event, text = wiegand.meaning(line, self._settings), line.decode("ascii", "replace").strip()
        if self._settings.form != "bits":
            return event if isinstance(event, Noise) else _digits_of_nobody(text, event) + b"\n"
        bits = wiegand.bits_of(line)
        if bits is None:
            return Noise(len(line), "not a Wiegand line")
        nobody = "0" * len(bits)
        if isinstance(event, CardRead):
            nobody = nobody[2:] + "10" if len(bits) in (26, 34) else nobody[1:] + "1"
        elif event == wiegand.ZEROS:
            nobody = nobody[1:] + "1"  # the parity of no number at all
        _, counted, digits = text.partition(":")
        return (f"{len(bits)}:{int(nobody, 2):0{len(digits)}X}" if counted else nobody).encode("ascii") + b"\n"


def _digits_of_nobody(text: str, event: ReaderEvent) -> bytes:
    """Decimal digits of the same form; the 2 cannot be taken for a bit."""
    last = max(at for at, char in enumerate(text) if char.isdigit())
    digit = "2" if isinstance(event, CardRead) else "0"
    return "".join(digit if at == last else "0" if char.isdigit() else char for at, char in enumerate(text)).encode()


class AsciiLine:
    """The line of a scanner or a card reader that speaks ASCII."""

    def __init__(self, settings: ascii_line.Settings) -> None:
        self._settings = settings
        self._cutter: Lines | Frames = ascii_line.cutter(settings)

    def take(self, _direction: str, data: bytes, now: float) -> Iterator[bytes | Noise]:
        for item in self._cutter.feed(data, now):
            yield item if isinstance(item, Noise) else self._blanked(item)

    def _blanked(self, frame: bytes) -> bytes:
        event = ascii_line.meaning(frame, self._settings)
        if self._settings.frame == "text":
            return _text_of_nobody(frame, event) + ascii_line.ENDINGS[self._settings.suffix][-1]
        number = ascii_line.payload_of(frame, self._settings.frame)
        nobody = bytes(len(number) - 1) + bytes([isinstance(event, CardRead)])
        return ascii_line.framed(nobody, self._settings.frame)


def _text_of_nobody(line: bytes, event: ReaderEvent) -> bytes:
    if isinstance(event, CardRead):
        return b"0" * len(event.credential.number)
    text = line.strip()
    return (b"0" if text.isdigit() else b"?") * len(text)


_MADE: list[tuple[Driver, Callable[[Any], Blanks]]] = [
    (ga467.DRIVER, SamLine),
    (wiegand.DRIVER, WiegandLine),
    (ascii_line.DRIVER, AsciiLine),
]
_REFUSED = {
    "osdp": "an OSDP reader speaks in a secure channel: without its key the bytes tell nothing, and with it everything",
    "pcsc": "a PC/SC reader has no line of its own: pcscd speaks to it",
}
