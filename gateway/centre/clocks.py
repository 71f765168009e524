"""The time of swipes that a clock gave which was not synchronised, put right by the machine's monotonic clock.

While a station says that its clock is synchronised, wall clock minus monotonic clock is known. What it recorded before
that, since the machine was started, is put right by it. What it recorded between two such stretches is put right by
both: what the clock lost or gained meanwhile is spread evenly. What the station had said is kept beside it.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from gateway.centre.sorting import Arrived, Batch
from gateway.store.database import after_commit
from gateway.store.queries import clocks
from gateway.store.queries.clocks import Stretch

log = logging.getLogger(__name__)

SYNCED = clocks.SYNCED
MOST_SKEW_MS = 600_000
"""A clock that claims to be synchronised and is further from the centre's is not believed."""
SAME_STRETCH_MS = 1_200_000
"""Heartbeats so far apart are of one stretch still, if nothing else was heard between them."""
KEEP_EVERY_MS = 600_000
"""How often the end of a stretch that lasts is written down: no clock drifts far in that time."""
LITTLE_DRIFT_MS = 1_000
"""A stretch goes on after a short break in which the clock went wrong by less: so no clock makes many rows."""
MOST_DRIFT_MS = 60_000
"""A clock that was synchronised once and is further off was set by hand: the last stretch is believed, not it."""

Touched = list[tuple[str, bytes]]
_Key = tuple[str, str]


class Clocks:
    """Used by one thread, the intake's, within its transactions."""

    def __init__(self) -> None:
        self._last: dict[_Key, tuple[Stretch, int]] = {}
        """(station, boot) -> the stretch that lasts, and up to when that is in the database."""

    def learn(self, connection: Connection, batch: Batch) -> Touched:
        """Take what heartbeats tell, and put right what waits for it.

        Returns (community, token) of the swipes that moved.
        """
        touched: Touched = []
        last = dict(self._last)
        for peer, status, _ in batch.beats:
            key = peer.name, status.boot
            if status.boot and status.clock == SYNCED and abs(batch.now - status.at) <= MOST_SKEW_MS:
                moved = self._synced(connection, last, key, status.mono, status.at - status.mono, batch.now)
                touched += [(peer.community, token) for token in moved]
            elif (ends := last.pop(key, None)) is not None and ends[0].until > ends[1]:
                clocks.extend(connection, *key, ends[0])
        after_commit(connection, partial(setattr, self, "_last", last))
        return touched

    def offsets(self, connection: Connection, arrived: Sequence[Arrived]) -> list[int | None]:
        """For each swipe what makes its monotonic time the time of day; None where that is not needed, or not known."""
        asked = {(one.peer.name, one.boot) for one in arrived if one.swipe.clock != SYNCED and one.boot}
        known = {key: clocks.stretches(connection, *key) for key in sorted(asked)}
        return [
            _offset(known.get((one.peer.name, one.boot), []), one) if one.swipe.clock != SYNCED else None
            for one in arrived
        ]

    def _synced(
        self,
        connection: Connection,
        last: dict[_Key, tuple[Stretch, int]],
        key: _Key,
        mono: int,
        offset: int,
        now: int,
    ) -> list[bytes]:
        """Note a heartbeat of a clock that is synchronised; the tokens of swipes that this moved."""
        lasting = last.get(key)
        if lasting is not None and lasting[0].until <= mono <= lasting[0].until + SAME_STRETCH_MS:
            stretch = replace(lasting[0], until=mono, until_offset=offset)
            kept = lasting[1]
            if mono - kept >= KEEP_EVERY_MS:
                clocks.extend(connection, *key, stretch)
                kept = mono
            last[key] = stretch, kept
            return []
        if lasting is not None:
            clocks.extend(connection, *key, lasting[0])
        known = clocks.stretches(connection, *key)
        before = known[-1] if known else None
        if before is not None and mono <= before.until:
            return []  # an old heartbeat, come late
        here = Stretch(mono, offset, mono, offset)
        if before is not None and _goes_on(before, here):
            last[key] = replace(before, until=mono, until_offset=offset), mono
            clocks.extend(connection, *key, last[key][0])
        else:
            last[key] = here, mono
            clocks.begin(connection, *key, here, now)
        moved = clocks.correct(connection, *key, before, here)
        if moved:
            log.info("the time of swipes of station %s was put right", key[0])
        return moved


def _goes_on(before: Stretch, here: Stretch) -> bool:
    soon = here.since - before.until <= SAME_STRETCH_MS
    return soon and abs(here.offset - before.until_offset) <= LITTLE_DRIFT_MS


def _offset(known: Sequence[Stretch], one: Arrived) -> int | None:
    found = clocks.offset_at(known, one.swipe.mono)
    if found is None and known:
        lasting = known[-1].until_offset
        return lasting if abs(one.swipe.mono + lasting - one.swipe.at) > MOST_DRIFT_MS else None
    return found
