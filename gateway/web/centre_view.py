"""What the centre's pages show: frozen values without names or numbers, and the few questions that fill them.

Times are aware UTC; None means never or unknown. `kind`, `source` and `state` are the codes of
`rules.model` and `rules.cases`; they, `rule` and `because` have a text in both languages; any other code is shown bare.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

BECAUSE = {
    "presence": ("days", "evenings", "window", "need", "need_evenings"),
    "enrolled": ("days", "grace"),
    "expired": ("days",),
    "unknown_credential": ("days", "evenings", "window", "need", "need_evenings"),
    "declared": (),
    "notified": (),
    "visited": (),
    "moved_out": (),
    "recheck": ("months",),
    "told": (),
    "erased": (),
}
"""Why a case stands, by code, with the whole-number figures that its sentence is made of."""
RULES = ("overdue",)
"""The rules that propose a slip and have a text."""


LOST_REASONS = ("spool_full", "size_limit", "unreadable", "spool_broken", "given_up")
STATION_TROUBLES = ("restored_from_image", "cloned", "spool_unwritable", "spool_full", "spool_broken", "roster_refused")
"""What may be wrong with a station, as codes that have a text; a station may say others."""
COMMAND_STATES = ("sent", "done", "refused", "not_sent", "unanswered")
"""Where a command stands, each with a text."""


class Freshness(StrEnum):
    """State of a station or a line by age of what was last heard; `unknown` was never heard."""

    ONLINE = "online"
    LATE = "late"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CentreState:
    """The overview. Every count is as of `as_of`; `*_total` is the denominator of the count before it."""

    as_of: datetime
    bus: Freshness
    register_as_of: date | None
    """Day up to which registrations are known; None when no register was imported."""
    register_stale: bool
    """True when that day is older than the policy allows, so that no new case opens from it."""
    stations_online: int
    stations_total: int
    swipes_today: int
    """Swipes received since midnight, civil time."""
    swipes_total: int
    """Swipes held now, that is within the time that the policy keeps them."""
    cases_open: int
    cases_total: int
    alerts_open: int
    alerts_total: int
    quarantined: int
    """Messages that could not be used and wait for a person."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case. `dwelling` is masked by the desk already ("3栋2单元***") or None when unknown."""

    id: int
    revision: int
    kind: str
    source: str
    state: str
    community: str
    """The name of the compound."""
    dwelling: str | None
    opened: date
    due: date | None
    overdue: bool
    because: str
    figures: Mapping[str, int] = field(default_factory=dict)
    """The figures that `BECAUSE` names for the code; the page turns them into one sentence."""
    slip_state: str | None = None
    """State of the slip about this case; None when there is none."""
    elsewhere: bool = False
    """Registered elsewhere in the district (人户分离)."""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One slip to the police, 协助核查单. `since` is the day from which the case counts."""

    id: int
    """What the list is ordered by; never shown."""
    slip: str
    """The number on the slip, 单号."""
    revision: int
    state: str
    police_station: str
    community: str
    rule: str
    since: date
    sent: datetime | None
    answered: datetime | None
    answer: str | None
    """acknowledged, handled, returned or wrong; None while there is no answer."""


@dataclass(frozen=True, slots=True)
class ReaderRow:
    """A reader as its station last reported it; `health` is ok, uncertain, down or unknown."""

    id: str
    health: str


@dataclass(frozen=True, slots=True)
class StationRow:
    """One station as the centre knows it. Figures that the station reports are None before its first report."""

    id: str
    community: str
    freshness: Freshness
    heard: datetime | None
    readers: tuple[ReaderRow, ...]
    spool_depth: int | None
    unrecorded: int | None
    roster_version: int | None
    roster_newest: int | None
    gaps: int
    """Swipes known to be missing before the newest one stored, still expected."""
    lost: int
    """Swipes that the station declared lost and nobody has accepted yet."""
    quarantined: int
    gaps_since: datetime | None = None
    troubles: tuple[str, ...] = ()
    """What is wrong with it as a whole, as codes: what the centre found, and what it says of itself."""
    clock: str = ""
    """synced, unsynced or unknown, as it last said; "" before that and when nothing is known."""
    skew: float | None = None
    """Seconds by which its clock is ahead of the centre's; None when nothing is known."""
    refused: int | None = None
    """Messages to it that the station itself refused since it started."""
    certificate_until: date | None = None
    """The last day of its certificate; None where it shows none."""
    revoked: bool = False


class Hole(StrEnum):
    """What a person may accept of a station."""

    MISSING = "missing"
    LOST = "lost"
    RESTORED = "restored_from_image"
    CLONED = "cloned"


@dataclass(frozen=True, slots=True)
class HoleRow:
    """What is open of one kind, or was accepted at once. `count` is 0 for a trouble of the whole station."""

    kind: Hole
    since: datetime
    count: int
    reasons: tuple[str, ...]
    accepted_by: str | None = None
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command to a station, who gave it, and what became of it."""

    id: int
    station: str
    issued: datetime
    act: str
    target: str
    actor: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class AsideRow:
    """A message that was set aside, or that the broker refused. `station` is who sent it, None for nobody known."""

    id: int
    received: datetime
    station: str | None
    topic: str
    reason: str
    size: int


@dataclass(frozen=True, slots=True)
class PolicyText:
    """The policy in force, as its file says it."""

    version: int
    since: datetime | None
    author: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class House:
    """What stands on every page of the centre: needs no look into the database."""

    district: str
    banner: str
    """A line that the configuration asks to show on every page, or ""."""
    gate_url: str
    """Where the gate console of this machine's station is, or ""."""
    policy_version: int


@dataclass(frozen=True, slots=True)
class CentreDesk:
    """What the centre hands its pages. Every callable may block for one query and may be used from any thread."""

    house: Callable[[], House]
    state: Callable[[], CentreState]
    cases: Callable[[int, int | None], list[CaseRow]]
    """(limit, before): newest first; only ids below `before` when it is given."""
    alerts: Callable[[int, int | None], list[AlertRow]]
    """(limit, before), as `cases`."""
    stations: Callable[[], list[StationRow]]
    holes: Callable[[str], list[HoleRow]]
    """What is open of a station, then what was accepted, newest first. LookupError when there is no such station."""
    accept: Callable[[str, Hole, str], None]
    """(station, kind, who): a person accepts what is open of that kind. LookupError as above."""
    commands: Callable[[], list[CommandRow]]
    """The newest, newest first."""
    set_aside: Callable[[int, int | None], list[AsideRow]]
    """(limit, before), as `cases`."""
    policy: Callable[[], PolicyText]
    parts: Callable[[], dict[str, str]]
    """Name of each part -> "ok" or what is wrong with it: what `/healthz` answers."""
