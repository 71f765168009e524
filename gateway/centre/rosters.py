"""Roster bundles: built from the register, signed, sent in parts to the stations that do not have the newest."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import Connection

from gateway import bundle, wire
from gateway.keys import Master
from gateway.store.database import Database
from gateway.store.queries import people, streams
from rules.identity import birth_of
from rules.judge import age_on
from rules.model import Credential, CredentialKind, Enrolment, Role
from rules.policy import Policy

log = logging.getLogger(__name__)

QUIET_S = 0.5
"""A change is published after so long without another one, …"""
AT_MOST_EVERY_S = 1.0
"""… and at most so often."""
COUNT_ONLY_UNDER = 14
"""Of younger children only the number of passes is kept: no token in the spool (PIPL article 31)."""
_PART = 60_000


def build(connection: Connection, master: Master, policy: Policy, community: str, today: date) -> tuple[int, bytes]:
    """Number, build and sign the roster of a community as the register stands now."""
    version = people.next_roster_version(connection, community, int(time.time()))
    row = streams.community(connection, community)
    if row is None:
        raise LookupError(community)
    header = bundle.Header(
        version=version,
        community=community,
        issued=int(time.time() * 1000),
        register_as_of=row.register_as_of,
        token_key_id=1,
        portals=list(row.portals),
        schedules=[],
        policy=policy.gate,
    )
    entries = (_entry(one, master, today) for one in people.roster_rows(connection, community))
    return version, bundle.pack(header, entries, master.sign)


def parts(version: int, data: bytes) -> list[bytes]:
    """The messages that carry a bundle."""
    pieces = [data[i : i + _PART] for i in range(0, len(data), _PART)]
    return [wire.encode(wire.RosterPart(version, number, len(pieces), piece)) for number, piece in enumerate(pieces, 1)]


class Rosters:
    """Run `run` on a thread of its own. `send` puts a message to a station on the bus."""

    def __init__(
        self,
        database: Database,
        master: Master,
        policy: Callable[[], Policy],
        today: Callable[[], date],
        send: Callable[[str, str, str, bytes], None],
    ) -> None:
        self._database = database
        self._master = master
        self._policy = policy
        self._today = today
        self._send = send
        self._asked: queue.Queue[tuple[str, str, int]] = queue.Queue()
        self._built: dict[str, tuple[int, list[bytes]]] = {}
        self._built_on: dict[str, tuple[date, int]] = {}
        self._changed = threading.Event()

    def version(self, community: str) -> int:
        """The newest roster version of a community, as far as this process has built it."""
        return self._built.get(community, (0, []))[0]

    def changed(self) -> None:
        """Something in the register changed."""
        self._changed.set()

    def wanted(self, community: str, station: str, version: int) -> None:
        """A station said hello with this version of its roster."""
        self._asked.put((community, station, version))

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._turn(stop)
            except Exception:  # a roster that cannot be built must not end the thread; stations go on with theirs
                log.exception("a roster could not be built or sent")
                stop.wait(AT_MOST_EVERY_S)

    def _turn(self, stop: threading.Event) -> None:
        try:
            community, station, version = self._asked.get(timeout=0.2)
        except queue.Empty:
            pass
        else:
            self._answer(community, station, version)
        if self._changed.is_set():
            while self._changed.is_set() and not stop.is_set():
                self._changed.clear()
                stop.wait(QUIET_S)
            self._publish_stale()

    def _answer(self, community: str, station: str, version: int) -> None:
        today = (self._today(), self._policy().version)
        if community not in self._built or self._built_on.get(community) != today:
            self._build(community)
        newest, messages = self._built[community]
        if version != newest:
            for message in messages:
                self._send(community, station, "roster", message)

    def _publish_stale(self) -> None:
        with self._database.read() as connection:
            stale = [row.id for row in streams.communities(connection) if row.roster_stale]
            stations = [(row.name, row.community) for row in streams.stations(connection)]
        for community in stale:
            self._build(community)
            for name, where in stations:
                if where == community:
                    self._answer(community, name, 0)

    def _build(self, community: str) -> None:
        with self._database.write() as connection:
            version, data = build(connection, self._master, self._policy(), community, self._today())
        self._built[community] = (version, parts(version, data))
        self._built_on[community] = (self._today(), self._policy().version)
        log.info("roster %d of %s: %d bytes", version, community, len(data))


def _entry(row: Any, master: Master, today: date) -> Enrolment:
    credential = Credential(CredentialKind(row.kind), master.show("persons.number", row.number))
    birth = birth_of(credential, today)
    enrolled = row.since is not None
    return Enrolment(
        row.token,
        row.since if enrolled else today,
        row.until,
        frozenset(row.portals) if row.portals is not None else None,
        row.schedule,
        Role(row.role) if enrolled else Role.RESIDENT,
        lost=row.lost,
        count_only=birth is not None and age_on(birth, today) < COUNT_ONLY_UNDER,
        registered_until=row.registered_until,
        registered_elsewhere=row.elsewhere is not None,
        enrolled=enrolled,
    )
