"""Which swipes of an epoch are settled, as arithmetic on 1…upto and ranges beyond it. Pure."""

from collections.abc import Iterable

from gateway.store.queries.streams import Stream


def advance(stream: Stream, seqs: Iterable[int]) -> tuple[Stream, set[int]]:
    """The stream after these were settled, and those of them that were not settled before."""
    fresh = {seq for seq in seqs if not holds(stream, seq)}
    return (cover(stream, [(seq, seq) for seq in fresh]), fresh) if fresh else (stream, fresh)


def cover(stream: Stream, ranges: Iterable[tuple[int, int]]) -> Stream:
    """The stream with these ranges settled too."""
    upto = stream.upto
    beyond: list[tuple[int, int]] = []
    for first, last in sorted([*stream.ranges, *ranges]):
        if first <= upto + 1:
            upto = max(upto, last)
        elif beyond and first <= beyond[-1][1] + 1:
            beyond[-1] = (beyond[-1][0], max(beyond[-1][1], last))
        else:
            beyond.append((first, last))
    highest = beyond[-1][1] if beyond else upto
    return Stream(upto, tuple(beyond), max(stream.claimed, highest))


def holds(stream: Stream, seq: int) -> bool:
    return seq <= stream.upto or any(first <= seq <= last for first, last in stream.ranges)


def missing(stream: Stream) -> int:
    """How many swipes up to the last known one are not settled."""
    return stream.claimed - stream.upto - sum(last - first + 1 for first, last in stream.ranges)
