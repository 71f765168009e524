"""Which swipes go into one message: what has just been committed, and the oldest of what is not settled."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway import wire
from gateway.ranges import Range
from gateway.station.cover import Cover
from gateway.station.spool_reader import EpochInfo, SpoolReader
from gateway.wire import SwipeRecord

_AT_A_TIME = 400
_OVERHEAD = 256
"""Of a message around its swipes: epoch, brackets, envelope."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Swipes of one epoch that fit one message."""

    epoch: str
    swipes: list[SwipeRecord]
    boot: str = ""


def pieces(swipes: list[SwipeRecord]) -> Iterator[list[SwipeRecord]]:
    """Swipes in pieces of which each fits one message, in order."""
    piece: list[SwipeRecord] = []
    size = _OVERHEAD
    for swipe in swipes:
        size += _size(swipe)
        if piece and (size > wire.MAX_BACKLOG or len(piece) >= wire.MAX_SWIPES):
            yield piece
            piece, size = [], _OVERHEAD + _size(swipe)
        piece.append(swipe)
    if piece:
        yield piece


def oldest(spool: SpoolReader, cover: Callable[[str], Cover], under_way: Callable[[str, int], bool]) -> Chunk | None:
    """The oldest swipes that are neither settled nor under way; None when there are none.

    Raises:
        sqlite3.Error: the spool cannot be read.
    """
    for info in spool.epochs():
        gaps = cover(info.epoch).gaps(info.first, info.last) if info.last else []
        if gaps and (swipes := _unsettled(spool, info, gaps, under_way)):
            return Chunk(info.epoch, next(pieces(swipes)), info.boot)
    return None


def _unsettled(
    spool: SpoolReader, info: EpochInfo, gaps: list[Range], under_way: Callable[[str, int], bool]
) -> list[SwipeRecord]:
    """At least one message's worth, where there is so much. What is settled is not looked at."""
    found: list[SwipeRecord] = []
    size = 0
    for first, last in gaps:
        after = first - 1
        while size < wire.MAX_BACKLOG and (rows := spool.swipes(info, (after + 1, last), _AT_A_TIME)):
            after = rows[-1].seq
            fresh = [swipe for swipe in rows if not under_way(info.epoch, swipe.seq)]
            found += fresh
            size += sum(_size(swipe) for swipe in fresh)
    return found


def _size(swipe: SwipeRecord) -> int:
    return len(wire.encode(swipe)) + 1
