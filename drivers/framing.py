"""Lines and framed codes cut out of a byte stream: bounded, deadline by argument, all one where it is cut."""

from collections.abc import Callable

from drivers.api import Noise

PATIENCE_S = 1.0
"""A line or frame under way that long without an end is given up: at 9600 baud 64 bytes take 0.07 s."""
LONGEST = 512
"""Bytes held back at most; no code on these lines comes near."""

NOT_A_FRAME = -1
MORE = 0

Shape = Callable[[bytes], int]
"""How many bytes the frame at the start has; `MORE` when it may still become one, `NOT_A_FRAME` when not."""


class Frames:
    """Frames that a `Shape` knows. What is no frame is counted and reported before the next one, or in silence."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._buffer = b""
        self._noise = 0
        self._heard = 0.0

    @property
    def held(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes, now: float) -> list[bytes | Noise]:
        """Take what arrived (b"" when nothing did); return whole frames, and noise."""
        found: list[bytes | Noise] = []
        if now - self._heard > PATIENCE_S:
            self._give_up(found)
        if data:
            self._heard = now
        for byte in data:
            self._buffer += bytes([byte])
            self._cut(found)
        return found

    def _cut(self, found: list[bytes | Noise]) -> None:
        while self._buffer and (size := self._shape(self._buffer)) != MORE:
            if size == NOT_A_FRAME:
                self._skip(found)
                continue
            self._report(found)
            found.append(self._buffer[:size])
            self._buffer = self._buffer[size:]
        if len(self._buffer) >= LONGEST:
            self._skip(found)

    def _give_up(self, found: list[bytes | Noise]) -> None:
        while self._buffer:
            self._skip(found)
            self._cut(found)
        self._report(found)

    def _skip(self, found: list[bytes | Noise]) -> None:
        self._buffer = self._buffer[1:]
        self._noise += 1
        if self._noise >= LONGEST:
            self._report(found)

    def _report(self, found: list[bytes | Noise]) -> None:
        if self._noise:
            found.append(Noise(self._noise, "no frame in it"))
            self._noise = 0


class Lines:
    """Lines up to an ending; empty ones are dropped, and one without an end in time or size is noise as a whole."""

    def __init__(self, endings: tuple[bytes, ...], longest: int = LONGEST) -> None:
        self._endings = endings
        self._longest = longest
        self._buffer = b""
        self._lost = 0
        self._heard = 0.0

    @property
    def held(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes, now: float) -> list[bytes | Noise]:
        """Take what arrived (b"" when nothing did); return whole lines without their ending, and noise."""
        found: list[bytes | Noise] = []
        if now - self._heard > PATIENCE_S and (self._buffer or self._lost):
            found.append(Noise(self._lost + len(self._buffer), "unfinished line"))
            self._buffer, self._lost = b"", 0
        if data:
            self._heard = now
        for byte in data:
            self._take(bytes([byte]), found)
        return found

    def _take(self, byte: bytes, found: list[bytes | Noise]) -> None:
        self._buffer += byte
        ending = next((e for e in self._endings if self._buffer.endswith(e)), None)
        if ending is not None:
            line, self._buffer = self._buffer[: -len(ending)], b""
            if self._lost:
                found.append(Noise(self._lost + len(line) + len(ending), "line too long"))
                self._lost = 0
            elif line:
                found.append(line)
        elif len(self._buffer) > self._longest:
            self._buffer = self._buffer[1:]
            self._lost += 1
