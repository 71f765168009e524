"""Scanners and card readers that say a code by themselves, in the five frames that such devices use."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


def _xor(data: bytes) -> int:
    total = 0
    for byte in data:
        total ^= byte
    return total


def stx_hex(uid: bytes) -> bytes:
    """STX, six hexadecimal digits, XOR of those characters in two digits, EOT."""
    digits = uid.hex().upper().encode("ascii")
    return b"\x02" + digits + f"{_xor(digits):02X}".encode("ascii") + b"\x04"


def rdm6300(uid: bytes) -> bytes:
    """STX, ten hexadecimal digits, XOR of the five bytes in two digits, ETX."""
    return b"\x02" + (uid + bytes([_xor(uid)])).hex().upper().encode("ascii") + b"\x03"


def id_12(uid: bytes) -> bytes:
    """The same with CR LF before ETX."""
    return rdm6300(uid)[:-1] + b"\r\n\x03"


def length_xor(uid: bytes) -> bytes:
    """STX, length in two bytes, the bytes, their XOR, ETX."""
    return b"\x02" + len(uid).to_bytes(2, "big") + uid + bytes([_xor(uid), 3])


FRAMES: dict[str, Callable[[bytes], bytes]] = {
    "stx-hex": stx_hex,
    "rdm6300": rdm6300,
    "id-12": id_12,
    "length-xor": length_xor,
}


@dataclass(slots=True)
class AsciiDevice:
    """A scanner (`frame` "text") or a card reader on its line."""

    frame: str = "text"
    ending: bytes = b"\r\n"
    _outbox: deque[bytes] = field(default_factory=deque, repr=False)

    def show(self, code: str) -> None:
        """Hold a printed code, or a card with this hexadecimal UID, before it; may be called from another thread."""
        framed = code.encode() + self.ending if self.frame == "text" else FRAMES[self.frame](bytes.fromhex(code))
        self._outbox.append(framed)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the gateway: none are expected, none are understood."""

    def to_send(self, now: float) -> bytes:  # noqa: ARG002 - it speaks when something is shown
        """Return what was read since the last call."""
        said = b""
        while self._outbox:
            said += self._outbox.popleft()
        return said
