"""A Wiegand reader behind a serial adapter: one frame a line for each card shown, as bits or counted hexadecimal."""

from collections import deque
from dataclasses import dataclass, field


def _with_parity(data: str) -> str:
    half = len(data) // 2
    front = data[:half].count("1") % 2
    back = (data[half:].count("1") + 1) % 2
    return f"{front}{data}{back}"


def w26(facility: int, number: int) -> str:
    """Return the 26 bits of a card. Raises ValueError when facility or number do not fit."""
    if not 0 <= facility <= 255 or not 0 <= number <= 65535:
        raise ValueError("W26 holds a facility of 8 bits and a number of 16")
    return _with_parity(f"{facility:08b}{number:016b}")


def w34(uid: bytes) -> str:
    """Return the 34 bits of a four-byte UID, in the order given."""
    if len(uid) != 4:
        raise ValueError("W34 holds four bytes")
    return _with_parity(f"{int.from_bytes(uid, 'big'):032b}")


@dataclass(slots=True)
class WiegandAdapter:
    """The adapter on its line. `counted` says `26:0B40288` in place of the bits."""

    counted: bool = False
    ending: bytes = b"\r\n"
    _outbox: deque[bytes] = field(default_factory=deque, repr=False)

    def present(self, bits: str) -> None:
        """Hold a card with these bits before the reader; may be called from another thread."""
        digits = (len(bits) + 3) // 4
        text = f"{len(bits)}:{int(bits, 2):0{digits}X}" if self.counted else bits
        self._outbox.append(text.encode("ascii") + self.ending)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the gateway: none are expected, none are understood."""

    def to_send(self, now: float) -> bytes:  # noqa: ARG002 - it speaks when a card is there
        """Return what the cards shown since the last call said."""
        said = b""
        while self._outbox:
            said += self._outbox.popleft()
        return said
