"""The enrolled stations with their envelopes, looked up again when a station is unknown or its key does not fit."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.keys import Envelope, Master
from gateway.store.database import Database
from gateway.store.queries import fleet

LOOK_AGAIN_S = 2.0
"""The table is read at most so often for the sake of messages that do not fit it, …"""
FRESH_S = 5.0
"""… and is never older than this when a message is believed: a station may have been revoked."""


@dataclass(frozen=True, slots=True)
class Peer:
    """An enrolled station: where it stands, and the envelopes of both directions."""

    name: str
    community: str
    generation: int
    up: Envelope
    down: Envelope
    revoked: bool = False


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

    def fresh(self, name: str) -> Peer | None:
        """As `find`, from a table that was read not long ago."""
        if self._clock() - self._looked >= FRESH_S:
            self.look_again()
        return self.find(name)

    def now(self, name: str) -> Peer | None:
        """The station as the table has it at this moment: for what nobody may have who has just been cut off."""
        with self._database.read() as connection:
            row = fleet.station(connection, name)
        return None if row is None else self._peer(row.name, row.community, row.generation, row.revoked_at)

    def look_again(self) -> bool:
        """Read the table, unless that was just done; whether it was read."""
        with self._lock:
            now = self._clock()
            if now - self._looked < LOOK_AGAIN_S:
                return False
            with self._database.read() as connection:
                rows = fleet.peers(connection)
            self._looked = now
            self._peers = {
                row.name: self._peer(row.name, row.community, row.generation, row.revoked_at) for row in rows
            }
        return True

    def _peer(self, name: str, community: str, generation: int, revoked_at: int | None) -> Peer:
        known, revoked = self._peers.get(name), revoked_at is not None
        if known is not None and (known.community, known.generation, known.revoked) == (community, generation, revoked):
            return known
        keys = self._master.station(name, generation)
        return Peer(name, community, generation, keys.up(), keys.down(), revoked)
