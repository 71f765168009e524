"""Samples that can be drawn again: by a recorded seed from a set whose order does not matter."""

import hashlib
from collections.abc import Collection

SHARE_PERCENT = 5
LEAST = 5
"""Of each month's dismissals so many are looked at again, where there are so many."""


def size_of(population: int, *, percent: int = SHARE_PERCENT, least: int = LEAST) -> int:
    """How many of a population are drawn: the share, rounded up, and at least so many; never more than there are."""
    return min(population, max(least, -(-population * percent // 100)))


def draw(seed: str, population: Collection[int], size: int) -> tuple[int, ...]:
    """`size` of the population, rising: those whose SHA-256 with the seed is lowest, so each as likely as any other."""
    ranked = sorted(set(population), key=lambda one: hashlib.sha256(f"{seed}:{one}".encode()).digest())
    return tuple(sorted(ranked[:size]))
