"""Swipes that come although their station declared them lost: stored like any other, and lost no more."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection

from gateway.centre.gaps import GIVEN_UP
from gateway.centre.sorting import Arrived
from gateway.ranges import outside, runs
from gateway.store.queries import gaps


def take(connection: Connection, came: Sequence[Arrived], fresh: Sequence[Arrived]) -> list[Arrived]:
    """Those of what came and is settled that were settled as lost alone, each once; the losses shrink by them."""
    new = {(one.peer.name, one.epoch, one.swipe.seq) for one in fresh}
    again: dict[tuple[str, str], dict[int, Arrived]] = defaultdict(dict)
    for one in came:
        if (one.peer.name, one.epoch, one.swipe.seq) not in new:
            again[one.peer.name, one.epoch].setdefault(one.swipe.seq, one)
    found: list[Arrived] = []
    for key in sorted(again):
        by_seq = again[key]
        for row in gaps.lost_within(connection, *key, (min(by_seq), max(by_seq)), but=GIVEN_UP):
            inside = [seq for seq in sorted(by_seq) if row["first"] <= seq <= row["last"]]
            if inside:
                gaps.shrink_lost(connection, row, outside((row["first"], row["last"]), runs(inside)))
                found += [by_seq[seq] for seq in inside]
    return found
