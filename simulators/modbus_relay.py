"""A relay board on RS-485 that speaks Modbus RTU: coils (function 05), contacts (function 02), exceptions."""

from collections.abc import Callable
from dataclasses import dataclass, field

FUNCTIONS = (0x02, 0x05)


def check(data: bytes) -> bytes:
    """CRC-16/Modbus by shifting; low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            low = crc & 1
            crc >>= 1
            if low:
                crc ^= 0xA001
    return crc.to_bytes(2, "little")


@dataclass(slots=True)
class ModbusBoard:
    """A board. `contacts` may be changed while it runs; `mute` answers nothing but obeys; `lost` answers are lost.

    So many answers to a write are `garbled` (they name another coil) or `refused` (an exception), and are obeyed too.
    """

    unit: int = 1
    coils: int = 4
    contacts: list[bool] = field(default_factory=list)
    mute: bool = False
    lost: int = 0
    garbled: int = 0
    refused: int = 0
    switched: Callable[[int, bool, float], None] = lambda _coil, _on, _at: None
    """Told of each coil that is switched, counted from 0."""
    closed: dict[int, bool] = field(default_factory=dict)
    history: list[tuple[int, bool, float]] = field(default_factory=list)
    _inbox: bytearray = field(default_factory=bytearray)
    _outbox: bytearray = field(default_factory=bytearray)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the gateway; every request has eight."""
        self._inbox += data
        while len(self._inbox) >= 8:
            frame = bytes(self._inbox[:8])
            if frame[0] == self.unit and frame[1] in FUNCTIONS and check(frame[:6]) == frame[6:]:
                del self._inbox[:8]
                self._obey(frame, now)
            else:
                del self._inbox[0]

    def to_send(self, now: float) -> bytes:  # noqa: ARG002 - the board has no timer
        """Return the answer."""
        said = bytes(self._outbox)
        self._outbox.clear()
        return said

    def _obey(self, frame: bytes, now: float) -> None:
        body = self._write(frame, now) if frame[1] == 0x05 else self._read(frame)
        if self.mute:
            return
        if self.lost:
            self.lost -= 1
            return
        self._outbox += body + check(body)

    def _write(self, frame: bytes, now: float) -> bytes:
        coil, value = int.from_bytes(frame[2:4], "big"), frame[4:6]
        if coil >= self.coils:
            return bytes([self.unit, 0x85, 2])
        if value not in (b"\xff\x00", b"\x00\x00"):
            return bytes([self.unit, 0x85, 3])
        on = value == b"\xff\x00"
        if self.closed.get(coil, False) != on:
            self.closed[coil] = on
            self.history.append((coil, on, now))
            self.switched(coil, on, now)
        if self.refused:
            self.refused -= 1
            return bytes([self.unit, 0x85, 4])
        if self.garbled:
            self.garbled -= 1
            return frame[:3] + bytes([frame[3] ^ 1]) + frame[4:6]
        return frame[:6]

    def _read(self, frame: bytes) -> bytes:
        first, count = int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
        asked = self.contacts[first : first + count]
        if not count or len(asked) < count:
            return bytes([self.unit, 0x82, 2])
        bits = sum(closed << index for index, closed in enumerate(asked))
        size = (count + 7) // 8
        return bytes([self.unit, 0x02, size]) + bits.to_bytes(size, "little")
