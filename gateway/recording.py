"""Recordings of a SAM module's line: what went both ways and when, with everything personal blanked.

    # gateway recording 1, ga467
    0.000 > AAAAAA9669000311FFED        to the module, at so many seconds
    0.012 < AAAAAA9669000400009094      from it
    # 0.500 < 17 bytes that are no frame

A card's text becomes that of nobody (a number of the same kind, born on 1900-01-01, or blanks where it could not be
trusted), its photo and chip serials become zeros, and the checksums are made anew: a recording decodes as the line did.
Bytes outside good frames may be a part of somebody's card: only their number is kept.
"""

import re
from collections.abc import Iterator

from drivers import id_text, sam_codes, sam_frames
from drivers.api import Noise
from drivers.id_text import CardType, NotACardText
from drivers.sam_frames import Reply

TITLE = "# gateway recording 1, ga467"
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
_LINE = re.compile(r"\d+\.\d{3} [<>] ([0-9A-F]+)")


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


def _blanked(direction: str, frame: sam_frames.Frame) -> bytes:
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


class Recording:
    """What went over one line, as lines of text. `now` is monotonic seconds; the first is 0."""

    def __init__(self) -> None:
        self._deframers = {TO: sam_frames.Deframer(), FROM: sam_frames.Deframer()}
        self._begun: float | None = None

    def take(self, direction: str, data: bytes, now: float) -> Iterator[str]:
        """Take bytes of one direction (b"" when there were none) and return the lines that they complete."""
        if self._begun is None:
            self._begun = now
        at = f"{now - self._begun:.3f} {direction}"
        for item in self._deframers[direction].feed(data, now):
            if isinstance(item, Noise):
                yield f"# {at} {item.size} bytes that are no frame"
            else:
                yield f"{at} {sam_frames.encode(_blanked(direction, item)).hex().upper()}"


def frames_of(text: str) -> str | None:
    """Return the hexadecimal digits of a recording, in order; None when the text is no recording."""
    if not text.startswith(TITLE):
        return None
    return "\n".join(found[1] for line in text.splitlines() if (found := _LINE.fullmatch(line.strip())))
