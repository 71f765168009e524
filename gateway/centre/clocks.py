"""The time of swipes that a clock gave which was not synchronised, put right by the machine's monotonic clock.

Once a station says that its clock is synchronised, wall clock minus monotonic clock holds for all that it recorded
since the machine was started. What the station had said is kept beside it.
"""

import logging
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection

from gateway.centre.sorting import Arrived, Batch
from gateway.store.database import after_commit
from gateway.store.queries import clocks

log = logging.getLogger(__name__)

SYNCED = "synced"
MOST_SKEW_MS = 600_000
"""A clock that claims to be synchronised and is further from the centre's is not believed."""

Touched = list[tuple[str, bytes]]


class Clocks:
    """Used by one thread, the intake's, within its transactions."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()
        """(station, boot) whose offset is in the database."""

    def learn(self, connection: Connection, batch: Batch) -> Touched:
        """Take the offsets that heartbeats tell, and put right what waits for them.

        The first one of each start of a machine stays. Returns (community, token) of the swipes that moved.
        """
        touched: Touched = []
        for peer, status, _ in batch.beats:
            key = peer.name, status.boot
            if status.clock != SYNCED or not status.boot or key in self._known:
                continue
            if abs(batch.now - status.at) > MOST_SKEW_MS:
                continue
            if clocks.note(connection, *key, status.at - status.mono, batch.now):
                moved = clocks.correct(connection, *key, status.at - status.mono)
                touched += [(peer.community, token) for token in moved]
                if moved:
                    log.info("the time of swipes of station %s was put right", peer.name)
            after_commit(connection, partial(self._known.add, key))
        return touched

    def offsets(self, connection: Connection, arrived: Sequence[Arrived]) -> list[int | None]:
        """For each swipe what makes its monotonic time the time of day; None where that is not needed, or not known."""
        asked = {(one.peer.name, one.boot) for one in arrived if one.swipe.clock != SYNCED and one.boot}
        known = {key: clocks.offset_of(connection, *key) for key in sorted(asked)}
        return [known.get((one.peer.name, one.boot)) if one.swipe.clock != SYNCED else None for one in arrived]
