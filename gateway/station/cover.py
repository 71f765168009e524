"""Which swipes of an epoch the centre has settled, as the station knows it. Pure."""

from dataclasses import dataclass

from gateway.ranges import Range, joined, outside
from gateway.wire import StreamAck


@dataclass(frozen=True, slots=True)
class Cover:
    """What the centre has settled of one epoch: 1…`upto`, and the ranges beyond it."""

    upto: int = 0
    ranges: tuple[Range, ...] = ()

    @property
    def spans(self) -> tuple[Range, ...]:
        """All that is settled, as ranges, rising."""
        return ((1, self.upto), *self.ranges) if self.upto else self.ranges

    def holds(self, seq: int) -> bool:
        return seq <= self.upto or any(first <= seq <= last for first, last in self.ranges)

    def holds_all(self, first: int, last: int) -> bool:
        """Whether every one of first…last is settled."""
        return not self.gaps(first, last)

    def gaps(self, first: int, last: int) -> list[Range]:
        """The parts of first…last that are not settled, rising."""
        return outside((first, last), self.spans)

    def merged(self, ack: StreamAck) -> "Cover":
        """The larger of what is known and what an ack says: within one centre epoch an ack never goes backwards."""
        return Cover(*joined(max(self.upto, ack.upto), [*self.ranges, *ack.ranges]))
