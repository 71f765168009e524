"""Which losses go into the next messages: the oldest that the centre has not settled."""

from collections.abc import Callable, Iterator

from gateway import wire
from gateway.ranges import Range
from gateway.station.cover import Cover
from gateway.station.spool_reader import EpochInfo, SpoolReader

MESSAGES = 8
"""At one time, so that a spool that dropped every second swipe of a month does not fill a slow line."""


def oldest(spool: SpoolReader, cover: Callable[[str], Cover]) -> Iterator[tuple[str, str, list[Range]]]:
    """(epoch, reason, ranges) of at most `MESSAGES` messages, oldest first.

    Raises:
        sqlite3.Error: the spool cannot be read.
    """
    left = MESSAGES
    for info in spool.epochs():
        for reason, ranges in _unsettled(spool, info, cover(info.epoch), left * wire.MAX_LOST).items():
            for start in range(0, len(ranges), wire.MAX_LOST):
                if left == 0:
                    return
                left -= 1
                yield info.epoch, reason, ranges[start : start + wire.MAX_LOST]


def _unsettled(spool: SpoolReader, info: EpochInfo, cover: Cover, limit: int) -> dict[str, list[Range]]:
    """Reason -> the first ranges of an epoch that the centre has not settled, at most `limit` in all."""
    found: dict[str, list[Range]] = {}
    for gap in cover.gaps(1, info.ever_last):
        for first, last, reason in spool.lost_in(info, gap, limit):
            ranges = found.setdefault(reason, [])
            if not ranges or ranges[-1] != (first, last):  # a loss may reach over several gaps
                ranges.append((first, last))
                limit -= 1
        if limit <= 0:
            break
    return found
