"""A wire that cuts, delays, loses or soils what goes over it; the same seed does the same again."""

from collections import deque
from dataclasses import dataclass, field
from random import Random

from simulators.line import Device


@dataclass(slots=True)
class Wire:
    """One direction of a line. `lose` and `soil` are chances for each byte; `delay_s` holds everything back.

    `piece` is the longest piece that arrives at once; 0 leaves pieces as they are.
    """

    seed: int = 0
    lose: float = 0.0
    soil: float = 0.0
    delay_s: float = 0.0
    piece: int = 0
    _random: Random = field(init=False, repr=False)
    _under_way: deque[tuple[float, bytes]] = field(default_factory=deque, repr=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def put(self, data: bytes, now: float) -> None:
        """Send bytes on their way."""
        worn = bytes(self._soiled(byte) for byte in data if self._random.random() >= self.lose)
        while worn:
            size = self._random.randint(1, self.piece) if self.piece else len(worn)
            self._under_way.append((now + self.delay_s, worn[:size]))
            worn = worn[size:]

    def take(self, now: float) -> bytes:
        """Return the next piece that has arrived, or b""."""
        if self._under_way and self._under_way[0][0] <= now:
            return self._under_way.popleft()[1]
        return b""

    def _soiled(self, byte: int) -> int:
        return byte ^ self._random.randint(1, 255) if self._random.random() < self.soil else byte


@dataclass(slots=True)
class Worn:
    """A device behind such wires, itself a device."""

    device: Device
    there: Wire = field(default_factory=Wire)
    back: Wire = field(default_factory=Wire)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the gateway; they reach the device when the wire lets them."""
        self.there.put(data, now)
        while arrived := self.there.take(now):
            self.device.receive(arrived, now)
        self.device.receive(b"", now)

    def to_send(self, now: float) -> bytes:
        """Return the next piece for the gateway."""
        self.back.put(self.device.to_send(now), now)
        return self.back.take(now)
