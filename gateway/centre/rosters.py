"""Roster bundles: built from the register, signed, sent in parts to the stations that do not have the newest."""

import contextlib
import dataclasses
import hashlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from gateway import bundle, points, wire
from gateway.centre.policies import begins
from gateway.centre.tokens import handed_out, keys_now
from gateway.keys import Master, NotAuthentic
from gateway.points import Point
from gateway.store.database import Database
from gateway.store.queries import people, streams, tokens
from rules.conditions import Field
from rules.identity import birth_of
from rules.known import age_on, band_of
from rules.model import AgeBand, Credential, CredentialKind, Enrolment, Role
from rules.policy import Policy

log = logging.getLogger(__name__)

_NEVER = threading.Event()
"""Nobody sets it: waiting for it is a pause."""

QUIET_S = 0.5
"""A change is published after so long without another one, …"""
LONGEST_S = 1.0
"""… or after so long with more of them: somebody is always being enrolled somewhere …"""
AT_MOST_EVERY_S = 1.0
"""… and at most so often."""
LOOK_EVERY_S = 1.0
COUNT_ONLY_UNDER = 14
"""Of younger children only the number of passes is kept: no token in the spool (PIPL article 31)."""
_PART = 60_000
BYTES_PER_S = 8_000_000
"""Of rosters to all stations together: 500 of 50 kB are out in three seconds."""
BURST = 4_000_000
"""So much goes at once: a roster of 100,000 rows, or those of a street."""


def build(
    connection: Connection,
    master: Master,
    policy: Policy,
    community: str,
    today: date,
    now: int,
    known: bytes = b"",
    upcoming: Policy | None = None,
) -> tuple[int, bytes, bytes] | None:
    """Number, build and sign the roster of a community as the register stands now (`now` in milliseconds, UTC).

    Version, bundle, and a digest of all that it says; None when that is `known`, so that no new one is needed.

    Raises:
        LookupError: there is no such community.
    """
    row = streams.community(connection, community)
    if row is None:
        raise LookupError(f"there is no community {community}")
    keys = keys_now(connection, community, now)
    header = bundle.Header(
        version=1,
        community=community,
        issued=0,
        register_as_of=row.register_as_of,
        token_key_id=keys.newest,
        older_keys=list(keys.older[: wire.MAX_OLDER]),
        portals=list(row.portals),
        schedules=[],
        policy=policy.gate,
        next_policy=(int(begins(upcoming).timestamp() * 1000), upcoming.gate) if upcoming is not None else None,
    )
    # Before it is read: who changes it meanwhile waits for this row, and then says that it is stale again.
    people.roster_is_fresh(connection, community)
    rows = (*policy.gate.conditions, *(upcoming.gate.conditions if upcoming is not None else ()))
    ages = any(one.asks(Field.AGE) for one in rows)  # nobody's age leaves the centre unless a rule asks for it
    listed = entries(connection, master, community, today, ages=ages)
    digest = hashlib.sha256(bundle.pack(header, listed, lambda _body: b"")).digest()
    if digest == known:
        return None
    version = people.next_roster_version(connection, community, now // 1000)
    points.reached(Point.ROSTER_NUMBERED)
    header = msgspec.structs.replace(header, version=version, issued=_issued(connection, now))
    return version, bundle.pack(header, listed, master.sign), digest


def entries(connection: Connection, master: Master, community: str, today: date, *, ages: bool) -> list[Enrolment]:
    """Every card of a community, as its roster says today what it may do."""
    return [_entry(one, master, today, ages=ages) for one in people.roster_rows(connection, community, today)]


def _issued(connection: Connection, now: int) -> int:
    """A moment after that of every roster before: a clock that is set back must not make a new roster look old."""
    issued = max(now, int(streams.get_setting(connection, "roster_issued") or 0) + 1)
    streams.set_setting(connection, "roster_issued", str(issued))
    return issued


def parts(version: int, data: bytes, keys: Sequence[wire.TokenKey] = ()) -> list[bytes]:
    """The messages that carry a bundle, and with the first the keys of its tokens."""
    pieces = [data[i : i + _PART] for i in range(0, len(data), _PART)]
    return [
        wire.encode(wire.RosterPart(version, number, len(pieces), piece, list(keys) if number == 1 else []))
        for number, piece in enumerate(pieces, 1)
    ]


class Pace:
    """When what changed is to be published: after a quiet time, and not too often. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._due: float | None = None
        self._first = 0.0
        self._last = -AT_MOST_EVERY_S

    def changed(self, now: float) -> None:
        if self._due is None:
            self._first = now
        self._due = max(min(now + QUIET_S, self._first + LONGEST_S), self._last + AT_MOST_EVERY_S)

    def due(self, now: float) -> bool:
        return self._due is not None and now >= self._due

    @property
    def waits(self) -> bool:
        return self._due is not None

    def published(self, now: float) -> None:
        self._due = None
        self._last = now


class Flow:
    """How fast rosters go out in all: many stations at once must not fill the broker's queues, nor the line."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._paid = 0.0

    def take(self, size: int) -> float:
        """Seconds to wait before so many bytes may go; 0 while there is room."""
        now = self._clock()
        self._paid = max(self._paid, now - BURST / BYTES_PER_S) + size / BYTES_PER_S
        return max(self._paid - now, 0.0)


@dataclass(frozen=True, slots=True)
class _Built:
    """A roster as this process has it, and the day and the policies (now, next) that it was built by."""

    version: int
    messages: list[bytes]
    digest: bytes
    by: tuple[date, int, int]


class Rosters:
    """Run `run` on a thread of its own. `send` puts a message to a station on the bus."""

    def __init__(
        self,
        database: Database,
        master: Master,
        policy: Callable[[], Policy],
        today: Callable[[], date],
        send: Callable[[str, str, str, bytes], object],
        *,
        upcoming: Callable[[], Policy | None] = lambda: None,
        now: Callable[[], int] = lambda: int(time.time() * 1000),
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = _NEVER.wait,
    ) -> None:
        self._database = database
        self._master = master
        self._policy = policy
        self._upcoming = upcoming
        self._today = today
        self._send = send
        self._now = now
        self._wait = wait
        self._asked: queue.Queue[str | None] = queue.Queue()
        self._wanted: dict[str, tuple[str, int]] = {}
        self._lock = threading.Lock()
        self._flow = Flow(clock)
        self._built: dict[str, _Built] = {}
        self._pace = Pace()
        self._look_at = 0.0
        self._seen = self._by()

    def version(self, community: str) -> int:
        """The newest roster version of a community, as far as this process has built it."""
        built = self._built.get(community)
        return built.version if built is not None else 0

    def changed(self) -> None:
        """Something in the register, the policy or the day changed."""
        self._asked.put(None)

    def wanted(self, community: str, station: str, version: int) -> None:
        """A station said hello with this version of its roster; asked again before it is answered, it is asked once."""
        with self._lock:
            waits, self._wanted[station] = station in self._wanted, (community, version)
        if not waits:
            self._asked.put(station)

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._turn()
            except Exception as error:  # a roster that cannot be built must not end the thread; stations have theirs
                if isinstance(error, OperationalError):
                    log.warning("rosters wait for the database: %s", error.orig)
                else:
                    log.exception("a roster could not be built or sent")
                self._pace.changed(time.monotonic())
                stop.wait(AT_MOST_EVERY_S)

    def _turn(self) -> None:
        with contextlib.suppress(queue.Empty):
            asked = self._asked.get(timeout=0.1)
            if asked is None:
                self._pace.changed(time.monotonic())
            else:
                self._answer_asked(asked)
        if self._seen != (by := self._by()):
            self._seen = by
            self._pace.changed(time.monotonic())
        self._look()
        if self._pace.due(time.monotonic()):
            self._pace.published(time.monotonic())
            self.publish()

    def _look(self) -> None:
        """Notice once a second what another process changed, such as a command at the centre's machine."""
        now = time.monotonic()
        if now >= self._look_at and not self._pace.waits:
            self._look_at = now + LOOK_EVERY_S
            with self._database.read() as connection:
                if people.a_roster_is_stale(connection):
                    self._pace.changed(now)

    def _answer_asked(self, station: str) -> None:
        with self._lock:
            community, version = self._wanted.pop(station)
        self._answer_each(community, [station], version)

    def _answer_each(self, community: str, names: Sequence[str], version: int) -> None:
        """Answer stations; a failure keeps the questions that are left, since nobody asks them again."""
        for at, name in enumerate(names):
            try:
                self.answer(community, name, version)
            except Exception:
                for one in names[at:]:
                    self.wanted(community, one, version)
                raise

    def answer(self, community: str, station: str, version: int) -> None:
        """Send a station the newest roster, unless that is the one it has."""
        built = self._built.get(community)
        if built is None or built.by != self._by():
            self._build(community)
        built = self._built[community]
        if version != built.version:
            for message in built.messages:
                self._wait(self._flow.take(len(message)))
                self._send(community, station, "roster", message)
            points.reached(Point.ROSTER_SENT)

    def publish(self) -> None:
        """Build what is not as the register, the day and the policy are now; send it where it says something new."""
        with self._database.read() as connection:
            communities = [(row.id, row.roster_stale) for row in streams.communities(connection)]
            stations = [(row.name, row.community) for row in streams.stations(connection)]
        for community, stale in communities:
            built = self._built.get(community)
            if (stale or (built is not None and built.by != self._by())) and self._build(community):
                self._answer_each(community, [name for name, where in stations if where == community], 0)

    def _by(self) -> tuple[date, int, int]:
        upcoming = self._upcoming()
        return self._today(), self._policy().version, upcoming.version if upcoming is not None else 0

    def _build(self, community: str) -> bool:
        """Build a community's roster; False when it would say what the last one does."""
        before, by = self._built.get(community), self._by()
        known = before.digest if before is not None else b""
        with self._database.write() as connection:
            made = build(
                connection, self._master, self._policy(), community, by[0], self._now(), known, self._upcoming()
            )
            keys = handed_out(self._master, community, tokens.keys(connection, community))
        if made is None and before is not None:
            self._built[community] = dataclasses.replace(before, by=by)
            return False
        if made is not None:
            version, data, digest = made
            self._built[community] = _Built(version, parts(version, data, keys), digest, by)
            log.info("roster %d of %s: %d bytes", version, community, len(data))
        return made is not None


def _entry(row: Any, master: Master, today: date, *, ages: bool) -> Enrolment:
    enrolled = row.since is not None
    young, band = _age(row, master, today)
    return Enrolment(
        row.token,
        row.since if enrolled else today,
        row.until,
        frozenset(row.portals) if row.portals is not None else None,
        row.schedule,
        Role(row.role) if enrolled else Role.RESIDENT,
        lost=row.lost,
        count_only=young,
        registered_until=row.registered_until,
        registered_elsewhere=row.elsewhere is not None,
        enrolled=enrolled,
        age_band=band if ages else None,
    )


def _age(row: Any, master: Master, today: date) -> tuple[bool, AgeBand | None]:
    """Whether somebody is younger than `COUNT_ONLY_UNDER`, and their band; who cannot be read may be a child."""
    try:
        number = master.show("persons.number", row.number)
    except NotAuthentic as error:
        log.error("a person's row cannot be read: %s", error)  # noqa: TRY400 - it says all
        return True, None
    birth = birth_of(Credential(CredentialKind(row.kind), number), today)
    return birth is not None and age_on(birth, today) < COUNT_ONLY_UNDER, band_of(birth, today)
