"""What the gate console shows: frozen values, and the few things that a guard can do."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from gateway.station.console.lock import Lock
from gateway.station.door import DoorEvent, DoorView, Happening
from gateway.station.refusals import Refused
from gateway.station.shifts import Handover
from gateway.wire import SwipeRecord
from rules.model import CredentialKind, Direction, Reason, Verdict

CLOCKS = ("synced", "unsynced", "unknown")
TROUBLES = (
    "spool_unwritable",
    "spool_full",
    "spool_broken",
    "ack_refused",
    "roster_refused",
    "command_refused",
    "message_refused",
)
"""What may be wrong with a station itself, as codes that have a text."""


class Health(StrEnum):
    """State of a device or a line by age of what was last heard: `uncertain` is late, `unknown` was never heard."""

    OK = "ok"
    UNCERTAIN = "uncertain"
    DOWN = "down"
    UNKNOWN = "unknown"


class Visitor(StrEnum):
    """How the guard classifies whom they let in by hand: one touch opens and says who."""

    VISITOR = "visitor"
    NEW_RESIDENT = "new_resident"
    DELIVERY = "delivery"
    HOUSEHOLD_SERVICE = "household_service"
    CHILD_OR_ELDER = "child_or_elder"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Shown:
    """One verdict as the guard sees it. It names nobody; `remind` is the guard's side line about registration."""

    epoch: str
    seq: int
    at: datetime
    portal: str
    portal_name: str
    reader: str
    direction: Direction
    kind: CredentialKind | None
    verdict: Verdict
    reasons: tuple[Reason, ...]
    recorded: bool
    remind: bool = False
    side: str = ""
    """A line of the site's own, in its own words."""
    answered: Visitor | None = None
    """Set on a grant by hand: as whom the guard let the person in."""
    by_command: bool = False
    """Opened by a command of the centre."""


@dataclass(frozen=True, slots=True)
class Device:
    """A reader or an output as the status strip shows it."""

    id: str
    kind: str
    portal: str | None
    health: Health
    since: datetime | None
    last_heard: datetime | None
    noise: int = 0
    faults: int = 0
    trouble: str = ""
    """What is wrong, as a stable code: a `ReaderFault.code`, or "link_lost"."""
    name: str = ""
    """What people at the gate call it, or ""."""
    driver: str = ""
    line: str = ""
    reads: int = 0
    last_read: datetime | None = None
    facts: tuple[tuple[str, str], ...] = ()
    """What the device says of itself: serial number, firmware."""


@dataclass(frozen=True, slots=True)
class PortalView:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class HeldView:
    """A portal that the guard holds open, and when that ends."""

    portal: str
    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class StationState:
    """The whole status strip. Times are aware UTC; None means never."""

    station: str
    community: str
    banner: str
    """A line that the configuration asks to show on every page, or ""."""
    portals: tuple[PortalView, ...]
    devices: tuple[Device, ...]
    bus: Health
    bus_since: datetime | None
    centre: Health
    centre_heard: datetime | None
    roster_version: int | None
    roster_rows: int
    roster_checked: datetime | None
    """When the centre last confirmed that this roster is the newest."""
    register_as_of: date | None
    spool_depth: int
    """Swipes that the centre has not acknowledged."""
    unrecorded: int
    lost_swipes: int
    clock: str
    """synced, unsynced or unknown, as the kernel says."""
    doors: tuple[DoorView, ...] = ()
    """The doors whose contacts are read."""
    held: tuple[HeldView, ...] = ()
    suggested: tuple[PortalView, ...] = ()
    """Where one card came so often that a hold-open period would serve."""
    troubles: tuple[str, ...] = ()
    """What is wrong with the station itself, as codes."""
    refused: int = 0
    """Messages over the bus that the station refused since it started."""
    refused_last: Refused | None = None


class GuardActs(Protocol):
    """What a guard can do, from any thread. LookupError: there is no such portal. queue.Full: too much waits."""

    def open(self, portal: str, whom: Visitor, dwelling: str) -> None:
        """Open for somebody, and record it."""

    def enter_visitor(self, portal: str, dwelling: str, name: str) -> None:
        """The same for a visitor who is entered in the book."""

    def hold(self, portal: str, seconds: int) -> int:
        """Hold a portal open. Returns when that ends by itself (ms, UTC)."""

    def end_hold(self, portal: str) -> None:
        """End it early."""

    def wants_no_hold(self, portal: str) -> None:
        """Dismiss the suggestion of a hold-open period."""

    def report_lost(self, dwelling: str, name: str) -> None:
        """Report a card lost."""

    def hand_over(self, since: int, by: str, to: str, note: str) -> None:
        """Tell the centre of a hand-over of the shift, for the property."""


class Shifts(Protocol):
    """The hand-overs of shifts. Each call raises sqlite3.Error when the disk refuses."""

    def add(self, handover: Handover) -> int:
        """Keep one. Its number."""

    def recent(self, limit: int) -> list[Handover]:
        """The newest, newest first."""

    def found(self, no: int) -> Handover | None:
        """One by its number."""


@dataclass(frozen=True, slots=True)
class ConsoleDesk:
    """What the station hands its console. Every callable may be used from any thread and returns at once."""

    state: Callable[[], StationState]
    recent: Callable[[int], list[Shown]]
    """The newest verdicts, newest first."""
    acts: GuardActs
    parts: Callable[[], dict[str, str]]
    """Name of each part -> "ok" or what is wrong with it: what `/healthz` answers."""
    records: Callable[[int, int], Generator[SwipeRecord]]
    """Of a stretch of time (ms, UTC), newest first. Raises sqlite3.Error while the spool cannot be read."""
    shifts: Shifts
    lock: Lock
    door_counts: Callable[[int, int], dict[tuple[str, Happening], int]] = lambda _since, _until: {}
    """What happened at doors in a stretch of time, by portal. Raises sqlite3.Error."""
    door_events: Callable[[int], list[DoorEvent]] = lambda _limit: []
    """What happened at doors lately, newest first."""
