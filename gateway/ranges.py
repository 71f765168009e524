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
