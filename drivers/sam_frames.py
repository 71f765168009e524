"""Frames of the SAM module's line: cut from a byte stream, checked, and nothing of the photo kept.

    host -> SAM   AA AA AA 96 69 | len:2 | CMD PARA    | data | xor
    SAM -> host   AA AA AA 96 69 | len:2 | SW1 SW2 SW3 | data | xor

len is big-endian and counts what follows it, the xor byte included; xor covers len up to the last data byte, so the xor
over len..xor is 0. Source: vendor documents that follow GA 467 (SAM_V protocol), four independent programs.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import reduce
from operator import xor

from drivers.api import Noise

PREAMBLE = b"\xaa\xaa\xaa\x96\x69"
MIN_LEN = 3
"""A command without data: CMD, PARA, xor."""
MAX_LEN = 2400
"""The largest legal reply announces 0x090A (text, photo and fingerprint); a little above it."""
KEEP = 3 + 4 + 256
"""Of a body: the status words, the two lengths and the text. What follows in a card's reply is the photo."""
MAX_HELD = 512
"""Bytes held in all, over both frames that may be under way at once."""
FRAME_S = 1.5
"""From a preamble to the end of its frame: 1,295 bytes take 1.35 s at 9600 baud."""
QUIET_S = 0.05
"""Bytes that belong to no frame are reported after so much silence."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose checksum holds: the first `KEEP` bytes of its body, and how long the whole body was."""

    body: bytes = field(repr=False)
    size: int


class Reply(StrEnum):
    """What a good reply holds, by its size and the lengths in it; all but `DONE` belong to one command."""

    DONE = "done"
    SELECTED = "selected"
    SAM_NUMBER = "sam_number"
    CARD = "card"
    FINGERPRINT = "fingerprint"
    ADDRESSES = "addresses"
    MANAGEMENT = "management"


_STATUS = 3
_ADDRESS = 70
_FIXED = {_STATUS + 8: Reply.SELECTED, _STATUS + 16: Reply.SAM_NUMBER, _STATUS + 28: Reply.MANAGEMENT}
_FIXED |= {_STATUS + n * _ADDRESS: Reply.ADDRESSES for n in range(1, 5)}


def reply_of(frame: Frame) -> Reply:
    """Return what a reply of the module with a good status holds: text and photo, a fingerprint too, addresses, ..."""
    for words, kind in ((3, Reply.FINGERPRINT), (2, Reply.CARD)):
        begin = _STATUS + 2 * words
        lengths = [int.from_bytes(frame.body[at : at + 2], "big") for at in range(_STATUS, begin, 2)]
        if frame.size > begin and lengths[0] and frame.size == begin + sum(lengths):
            return kind
    return _FIXED.get(frame.size, Reply.DONE)


def encode(body: bytes) -> bytes:
    """Return the frame that carries `body`."""
    counted = (len(body) + 1).to_bytes(2, "big") + body
    xor = 0
    for byte in counted:
        xor ^= byte
    return PREAMBLE + counted + bytes([xor])


@dataclass(slots=True)
class _Candidate:
    """A frame under way, from its preamble on."""

    start: int
    since: float
    head: int = 0
    seen: int = 0
    xor: int = 0
    kept: bytearray = field(default_factory=bytearray)

    @property
    def length(self) -> int | None:
        return self.head if self.seen >= 2 else None

    def take(self, byte: int) -> None:
        self.xor ^= byte
        self.seen += 1
        if self.seen <= 2:
            self.head = self.head << 8 | byte
        elif len(self.kept) < KEEP and self.seen < self.head + 2:
            self.kept.append(byte)

    def take_all(self, data: bytes) -> None:
        """Take bytes behind the length, none of them the last."""
        self.xor = reduce(xor, data, self.xor)
        self.seen += len(data)
        self.kept += data[: KEEP - len(self.kept)]

    @property
    def impossible(self) -> bool:
        return self.seen == 2 and not MIN_LEN <= self.head <= MAX_LEN

    @property
    def complete(self) -> bool:
        return self.seen >= 2 and self.seen == self.head + 2


class Deframer:
    """Cut a byte stream into frames. Never raises; holds at most `MAX_HELD` bytes; where the stream is cut is all one.

    A preamble inside a frame opens a second candidate, so that a frame that breaks off does not swallow the next one.
    The first candidate to end with a good checksum is the frame, and the other is forgotten.
    """

    def __init__(self) -> None:
        self._candidates: list[_Candidate] = []
        self._matched = 0
        self._at = 0
        self._settled = 0
        self._heard = 0.0
        self._found: list[Frame | Noise] = []

    @property
    def held(self) -> int:
        """Bytes held back at this moment."""
        return sum(len(candidate.kept) for candidate in self._candidates)

    @property
    def busy(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._candidates)

    def feed(self, data: bytes, now: float) -> list[Frame | Noise]:
        """Take what arrived (b"" when nothing did) and return what it completes, in order."""
        self._expire(now)
        at = 0
        while at < len(data):
            if plain := self._plain(data, at):
                self._candidates[0].take_all(data[at : at + plain])
                self._at += plain
            else:
                self._take(data[at], now)
            at += plain or 1
        if data:
            self._heard = now
        found, self._found = self._found, []
        return found

    def _expire(self, now: float) -> None:
        while self._candidates and now - self._candidates[0].since > FRAME_S:
            del self._candidates[0]
            self._noise("unfinished frame")
        if not self._candidates and now - self._heard > QUIET_S:
            self._matched = 0
            self._noise("no frame in it")

    def _plain(self, data: bytes, at: int) -> int:
        """How many bytes from here on only lie inside the one frame under way: none ends it or may begin another.

        They are taken at once, since a photo that is looked at byte by byte makes a person wait.
        """
        if self._matched or len(self._candidates) != 1 or self._candidates[0].seen < 2:
            return 0
        candidate = self._candidates[0]
        end = min(len(data), at + candidate.head + 1 - candidate.seen)
        begins = data.find(PREAMBLE[0], at, end)
        return (end if begins < 0 else begins) - at

    def _take(self, byte: int, now: float) -> None:
        self._at += 1
        for candidate in tuple(self._candidates):
            candidate.take(byte)
            if candidate.impossible:
                self._drop(candidate, "impossible length")
            elif candidate.complete and self._end(candidate):
                return
        if self._match(byte):
            self._candidates.append(_Candidate(self._at - len(PREAMBLE), now))
        if len(self._candidates) > 2 or self.held > MAX_HELD:
            self._drop(self._candidates[0], "broken off")
        elif not self._candidates and self._at - self._settled >= MAX_HELD:
            self._noise("no frame in it")

    def _match(self, byte: int) -> bool:
        """Follow the preamble byte by byte; True when it is complete."""
        if byte == PREAMBLE[self._matched]:
            self._matched += 1
        elif byte == PREAMBLE[0]:
            self._matched = 3 if self._matched == 3 else 1
        else:
            self._matched = 0
        if self._matched < len(PREAMBLE):
            return False
        self._matched = 0
        return True

    def _end(self, candidate: _Candidate) -> bool:
        """Settle a candidate that has all its bytes; True when it is a frame."""
        if candidate.xor:
            self._drop(candidate, "wrong checksum")
            return False
        self._candidates = []
        self._matched = 0
        if candidate.start > self._settled:
            self._found.append(Noise(candidate.start - self._settled, "bytes before a frame"))
        self._settled = self._at
        self._found.append(Frame(bytes(candidate.kept), candidate.head - 1))
        return True

    def _drop(self, candidate: _Candidate, why: str) -> None:
        self._candidates.remove(candidate)
        self._noise(why)

    def _noise(self, why: str) -> None:
        """Report what cannot become a frame any more: all up to the oldest candidate or a half-matched preamble."""
        until = self._candidates[0].start if self._candidates else self._at - self._matched
        if until > self._settled:
            self._found.append(Noise(until - self._settled, why))
            self._settled = until
