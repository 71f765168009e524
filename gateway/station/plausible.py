"""An acknowledgement held against what was recorded and against those before it: nothing unsent counts as settled."""

from collections.abc import Callable

from gateway.station.cover import Cover
from gateway.station.spool_reader import SpoolReader
from gateway.wire import StreamAck

BEYOND = "it acknowledges swipes that were never recorded"
BACK = "it goes back, and the centre is the same"
SETTLES_S = 5.0
"""Acknowledgements that overtake one another on the way do so within this."""


class Plausible:
    """For the uplink's thread. `refused` is told what is not believed."""

    def __init__(self, spool: SpoolReader, refused: Callable[[str, str], None], clock: Callable[[], float]) -> None:
        self._spool = spool
        self._refused = refused
        self._clock = clock
        self._last: dict[str, int] = {}
        self._rose: dict[str, float] = {}

    def bounded(self, stream: StreamAck, before: Cover) -> StreamAck:
        """As much of what is said of an epoch as can be; `before` is what this centre had settled of it.

        Raises:
            sqlite3.Error: the spool cannot be read.
        """
        now = self._clock()
        if stream.upto > before.upto:
            self._rose[stream.epoch] = now
        elif stream.upto < before.upto and now - self._rose.setdefault(stream.epoch, now) > SETTLES_S:
            self._refused("ack", BACK)
        highest = max([stream.upto, *(last for _, last in stream.ranges)])
        if highest > self._last.get(stream.epoch, 0):
            for info in self._spool.epochs():
                self._last[info.epoch] = max(self._last.get(info.epoch, 0), info.ever_last)
        last = self._last.get(stream.epoch)
        if last is None or highest <= last:  # of an epoch that was forgotten there is nothing that could be held up
            return stream
        self._refused("ack", BEYOND)
        ranges = [(first, min(end, last)) for first, end in stream.ranges if first <= last]
        return StreamAck(stream.epoch, min(stream.upto, last), ranges)
