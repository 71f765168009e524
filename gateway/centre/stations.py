"""The enrolled stations with their envelopes, looked up again when a station is unknown or its key does not fit."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.keys import Envelope, Master
from gateway.store.database import Database
from gateway.store.queries import streams

LOOK_AGAIN_S = 2.0
"""The table is read at most so often for the sake of messages that do not fit it."""


@dataclass(frozen=True, slots=True)
class Peer:
    """An enrolled station: where it stands, and the envelopes of both directions."""

    name: str
    community: str
    generation: int
    up: Envelope
    down: Envelope


class Stations:
    """May be used from any thread."""

    def __init__(self, database: Database, master: Master, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._master = master
        self._clock = clock
        self._lock = threading.Lock()
        self._peers: dict[str, Peer] = {}
        self._looked = -LOOK_AGAIN_S

    def find(self, name: str) -> Peer | None:
        """The station of this name, or None. A name that is not known is looked for in the table."""
        return self._peers.get(name) or (self._peers.get(name) if self.look_again() else None)

    def look_again(self) -> bool:
        """Read the table, unless that was just done; whether it was read."""
        with self._lock:
            now = self._clock()
            if now - self._looked < LOOK_AGAIN_S:
                return False
            with self._database.read() as connection:
                rows = streams.stations(connection)
            self._looked = now
            self._peers = {row.name: self._peer(row.name, row.community, row.generation) for row in rows}
        return True

    def _peer(self, name: str, community: str, generation: int) -> Peer:
        known = self._peers.get(name)
        if known is not None and (known.community, known.generation) == (community, generation):
            return known
        keys = self._master.station(name, generation)
        return Peer(name, community, generation, keys.up(), keys.down())
