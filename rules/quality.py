"""Hints that records may not be what they seem: many in a short time, one phone for many. A hint accuses nobody."""

from collections.abc import Sequence

ONE_PHONE_FOR = 5
"""So many people with one phone are worth a look."""
RECORDS = 10
WITHIN_MS = 10 * 60_000
"""More than so many records of one account within so long are worth a look."""


def bursts(times: Sequence[int], *, most: int = RECORDS, within: int = WITHIN_MS) -> list[tuple[int, int, int]]:
    """Spans (first, last, how many) in which more than `most` instants lie within so long; spans that touch are one."""
    ordered, found = sorted(times), list[tuple[int, int]]()
    for last in range(most, len(ordered)):
        first = last - most
        if ordered[last] - ordered[first] > within:
            continue
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return [(ordered[first], ordered[last], last - first + 1) for first, last in found]
