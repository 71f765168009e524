"""1…upto and ranges beyond it: how far a stream of numbers is covered. Pure; station and centre count alike by it."""

from collections.abc import Iterable

Range = tuple[int, int]


def joined(upto: int, ranges: Iterable[Range]) -> tuple[int, tuple[Range, ...]]:
    """The same cover in its one normal form: ranges that touch are one, and what touches 1…upto is part of it.

    A range that ends before it begins is empty.
    """
    beyond: list[Range] = []
    for first, last in sorted(one for one in ranges if one[0] <= one[1]):
        if first <= upto + 1:
            upto = max(upto, last)
        elif beyond and first <= beyond[-1][1] + 1:
            beyond[-1] = (beyond[-1][0], max(beyond[-1][1], last))
        else:
            beyond.append((first, last))
    return upto, tuple(beyond)


def outside(span: Range, ranges: Iterable[Range]) -> list[Range]:
    """The parts of a span that no range holds, rising; `ranges` rise and do not touch one another."""
    first, last = span
    parts: list[Range] = []
    for begin, end in ranges:
        if begin > last:
            break
        if end >= first:
            if begin > first:
                parts.append((first, begin - 1))
            first = end + 1
    if first <= last:
        parts.append((first, last))
    return parts


def runs(seqs: Iterable[int]) -> list[Range]:
    """Numbers as the ranges that they form, rising."""
    found: list[Range] = []
    for seq in sorted(seqs):
        if found and seq == found[-1][1] + 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return found


def size(ranges: Iterable[Range]) -> int:
    """How many numbers are in ranges that do not overlap."""
    return sum(last - first + 1 for first, last in ranges)
