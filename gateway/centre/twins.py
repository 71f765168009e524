"""Swipes that come under a number which another swipe has: two boxes run with one disk and one memory.

A machine that is copied while it runs goes on under the same epoch, and both give the same numbers. Which of the two a
number belongs to nobody can say: the first stays, and of the other it is noted that it came.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from gateway.centre.clocks import SYNCED
from gateway.centre.sorting import Arrived
from gateway.store.queries import numbers

NUMBERED_TWICE = "another swipe has this number: is the box running twice?"
_LOOKED_BACK_MS = 86_400_000
"""A younger one is stored still, whatever the retention; an older one that comes again is passed over."""


def take(connection: Connection, came: Sequence[Arrived], fresh: Sequence[Arrived], now: int) -> list[Arrived]:
    """Those of what came that are stored under their number with another content. `fresh` is stored already.

    Only what a clock timed that is synchronised: such a time is never put right, so it is the one that is stored.
    """
    new = {id(one) for one in fresh}
    again = [
        one
        for one in came
        if id(one) not in new and one.swipe.clock == SYNCED and abs(now - one.swipe.at) < _LOOKED_BACK_MS
    ]
    if not again:
        return []
    keys, times = [(one.peer.community, one.swipe.token) for one in again], [one.swipe.at for one in again]
    stored = numbers.stored_between(connection, keys, min(times), max(times))
    return [one for one in again if _number(one) not in stored]


def _number(one: Arrived) -> numbers.Number:
    return one.peer.name, one.epoch, one.swipe.seq, one.swipe.at, one.swipe.token
