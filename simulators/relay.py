"""A relay board at the far end of the wire (A0 channel on sum): knows when each contact closed and opened."""

from collections.abc import Callable
from dataclasses import dataclass, field


def _nobody(_channel: int, _on: bool, _at: float) -> None:
    """Nobody watches."""


@dataclass(slots=True)
class RelayBoard:
    """A board with some channels. `switched(channel, on, monotonic seconds)` is called at each change."""

    channels: int = 4
    switched: Callable[[int, bool, float], None] = _nobody
    echoes: bool = False
    closed: dict[int, bool] = field(default_factory=dict)
    history: list[tuple[int, bool, float]] = field(default_factory=list)
    frames: int = 0
    _inbox: bytearray = field(default_factory=bytearray)
    _outbox: bytearray = field(default_factory=bytearray)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the gateway."""
        if self.echoes:
            self._outbox += data
        self._inbox += data
        while len(self._inbox) >= 4:
            if self._good():
                self.frames += 1
                self._switch(self._inbox[1], bool(self._inbox[2]), now)
                del self._inbox[:4]
            else:
                del self._inbox[0]

    def to_send(self, now: float) -> bytes:  # noqa: ARG002 - the board has no timer
        """Return the echo, where the board has one."""
        sent = bytes(self._outbox)
        self._outbox.clear()
        return sent

    def _good(self) -> bool:
        start, channel, on, total = self._inbox[:4]
        return (
            start == 0xA0 and on in (0, 1) and 1 <= channel <= self.channels and (start + channel + on) % 256 == total
        )

    def _switch(self, channel: int, on: bool, now: float) -> None:
        if self.closed.get(channel, False) != on:
            self.closed[channel] = on
            self.history.append((channel, on, now))
            self.switched(channel, on, now)
