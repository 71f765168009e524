"""Which swipes of an epoch the centre has settled, as the station knows it. Pure."""

from dataclasses import dataclass

from gateway.ranges import joined
from gateway.wire import StreamAck


@dataclass(frozen=True, slots=True)
class Cover:
    """What the centre has settled of one epoch: 1…`upto`, and the ranges beyond it."""

    upto: int = 0
    ranges: tuple[tuple[int, int], ...] = ()

    def holds(self, seq: int) -> bool:
        return seq <= self.upto or any(first <= seq <= last for first, last in self.ranges)

    def merged(self, ack: StreamAck) -> "Cover":
        """The larger of what is known and what an ack says: within one centre epoch an ack never goes backwards."""
        return Cover(*joined(max(self.upto, ack.upto), [*self.ranges, *ack.ranges]))
