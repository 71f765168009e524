"""Which swipes of an epoch are settled, as arithmetic on 1…upto and ranges beyond it. Pure."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace

from gateway.ranges import Range, joined, outside, runs, size
from gateway.store.queries.streams import Stream

MOST_RANGES = 512
"""More holes than this are not kept in one stream: what would make another waits until the station fills them."""


def advance(stream: Stream, seqs: Iterable[int]) -> tuple[Stream, set[int]]:
    """The stream after these were settled, and those of them that were not settled before.

    Beyond `MOST_RANGES` only what continues 1…upto is taken: the rest is not settled, and the station sends it again,
    oldest first.
    """
    fresh = {seq for seq in seqs if not holds(stream, seq)}
    if not fresh:
        return stream, fresh
    after = cover(stream, runs(fresh))
    if len(after.ranges) <= max(MOST_RANGES, len(stream.ranges)):
        return after, fresh
    following = set()
    upto = stream.upto
    while upto + 1 in fresh or holds(stream, upto + 1):
        upto += 1
        following.add(upto)
    fresh &= following
    return (cover(stream, runs(fresh)) if fresh else stream), fresh


def cover(stream: Stream, ranges: Iterable[tuple[int, int]]) -> Stream:
    """The stream with these ranges settled too. A range that ends before it begins is empty."""
    upto, beyond = joined(stream.upto, [*stream.ranges, *ranges])
    highest = beyond[-1][1] if beyond else upto
    return replace(stream, upto=upto, ranges=beyond, claimed=max(stream.claimed, highest))


def lose(stream: Stream, ranges: Iterable[Range]) -> tuple[Stream, list[Range]]:
    """The stream after these ranges were declared lost, and the parts of them that were not settled before.

    Beyond `MOST_RANGES` only the lowest are taken: the others are said again.
    """
    fresh = [part for one in sorted(ranges) for part in outside(one, spans(stream))]
    bound = max(MOST_RANGES, len(stream.ranges))
    if len(cover(stream, fresh).ranges) > bound:
        fresh = fresh[: max(MOST_RANGES - len(stream.ranges), 1)]
    after = cover(stream, fresh)
    return (after, fresh) if len(after.ranges) <= bound else (stream, [])


def dated(stream: Stream, now: int) -> Stream:
    """The stream with the moment since when something of it is missing."""
    return replace(stream, missing_since=(stream.missing_since or now) if missing(stream) > 0 else None)


def spans(stream: Stream) -> tuple[Range, ...]:
    """All that is settled, as ranges, rising."""
    return ((1, stream.upto), *stream.ranges) if stream.upto else stream.ranges


def holds(stream: Stream, seq: int) -> bool:
    """Whether a swipe is settled."""
    if seq <= stream.upto:
        return True
    place = bisect_right(stream.ranges, (seq, seq)) - 1
    near = stream.ranges[max(place, 0) : place + 2]
    return any(first <= seq <= last for first, last in near)


def missing(stream: Stream) -> int:
    """How many swipes up to the last known one are not settled."""
    return stream.claimed - stream.upto - size(stream.ranges)
