"""The words of the field as frozen values: credential, swipe, enrolment, registration, snapshot, decision.

The closed words among them are in `rules.words` and stand here, too.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone

from rules.conditions import Condition
from rules.words import (
    BACNET_EVENT,
    AgeBand,
    CaseKind,
    CredentialKind,
    Direction,
    Flag,
    MoveOutBy,
    Origin,
    Question,
    Reason,
    Role,
    Source,
    Verdict,
)

__all__ = [
    "BACNET_EVENT",
    "AgeBand",
    "CaseKind",
    "CredentialKind",
    "Direction",
    "Flag",
    "MoveOutBy",
    "Origin",
    "Question",
    "Reason",
    "Role",
    "Source",
    "Verdict",
]

CIVIL = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Civil time in China: UTC+8 the year round since 1991, so no table of zones is needed."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a person presented: a kind and a canonical number. The number is never printed."""

    kind: CredentialKind
    number: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.kind}:…"


TOKEN_BYTES = 16


def token_of(key: bytes, credential: Credential) -> bytes:
    """HMAC-SHA-256(key, kind ‖ 0x1F ‖ canonical number), first 16 bytes: a pseudonym, different in every community."""
    message = credential.kind.value.encode() + b"\x1f" + credential.number.encode()
    return hmac.new(key, message, hashlib.sha256).digest()[:TOKEN_BYTES]


@dataclass(frozen=True, slots=True)
class Swipe:
    """One credential at one portal at one instant (`at` is aware, UTC). `token` is None where nothing may be kept."""

    portal: str
    reader: str
    direction: Direction
    kind: CredentialKind | None
    token: bytes | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The property's fact that a credential may pass which portals until when, and as what.

    `portals` None means every portal of the compound; `until` is the last day that is good; `schedule` None means
    all hours.
    """

    token: bytes
    since: date
    until: date | None
    portals: frozenset[str] | None
    schedule: str | None
    role: Role
    lost: bool = False
    count_only: bool = False
    registered_until: date | None = None
    """Last day on which the person is known to be registered here; None when not registered; date.max without end."""
    registered_elsewhere: bool = False
    enrolled: bool = True
    """False for a person who is registered here and known, but whom the property has not enrolled."""
    age_band: AgeBand | None = None
    """None where it is unknown, or where no rule of the gate asks for it."""

    @property
    def child(self) -> bool:
        return self.count_only or self.age_band is AgeBand.CHILD


@dataclass(frozen=True, slots=True)
class Hours:
    """A span of one civil day, [begin, end); `end` midnight means the end of the day. `weekdays` 0 is Monday."""

    begin: time
    end: time
    weekdays: frozenset[int] = frozenset(range(7))

    def holds(self, moment: datetime, weekday: int | None = None) -> bool:
        """Whether the civil `moment` lies in the span; `weekday` as what its day counts, if not as what it is."""
        clock = moment.time()
        day = moment.weekday() if weekday is None else weekday
        return day in self.weekdays and self.begin <= clock and (self.end == time(0) or clock < self.end)


@dataclass(frozen=True, slots=True)
class Portal:
    """A place one passes. `hold_open` are the hours in which it stands open for everyone."""

    id: str
    hold_open: tuple[Hours, ...] = ()


@dataclass(frozen=True, slots=True)
class Recent:
    """A pass of the same token at this station shortly before. `signalled` is False when the person saw no verdict."""

    portal: str
    direction: Direction
    verdict: Verdict
    seconds_ago: float
    signalled: bool = True


@dataclass(frozen=True, slots=True)
class Passback:
    """Anti-passback (反潜回) at some portals: of each for itself, or of the `area` that they lead into."""

    portals: tuple[str, ...]
    area: str = ""
    """"" for each portal by itself; else whoever is inside has to leave by one of them before they come in again."""
    seconds: int = 0
    """After so long an entry is forgotten: the same card may come in again."""


MONDAY, SUNDAY = 0, 6


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """The part of the policy that the gate decides with. Zero or None switches a check off."""

    version: int = 0
    passback_seconds: int = 0
    """Of each portal for which `passback` says nothing of its own."""
    attempts: int = 0
    attempts_seconds: int = 60
    attempts_pause_seconds: int = 30
    side_line_days: int = 7
    """The guard's side line about registration shows at most once a person in so many days."""
    register_max_age_days: int = 7
    hold_open_minutes: int = 120
    """A guard's touch holds a portal open for so long at most."""
    crowd_swipes: int = 30
    """One card more often than this within an hour at a portal: a hold-open period is suggested."""
    holidays: frozenset[date] = frozenset()
    """Days that count as Sundays wherever hours name weekdays, …"""
    workdays: frozenset[date] = frozenset()
    """… and days at a weekend that count as Mondays (调休)."""
    passback: tuple[Passback, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def weekday(self, day: date) -> int:
        """As what weekday a day counts; 0 is Monday."""
        return SUNDAY if day in self.holidays else MONDAY if day in self.workdays else day.weekday()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is known and may matter for one swipe.

    `civil` is the aware moment in Asia/Shanghai; `row` the roster row or None; `has_roster` False when the station has
    no roster yet; `register_as_of` the day up to which registrations are known; `recent` newest first.
    """

    civil: datetime
    portal: Portal
    row: Enrolment | None
    has_roster: bool
    register_as_of: date | None
    recent: tuple[Recent, ...] = ()
    held_open_by_hand: bool = False
    schedules: dict[str, tuple[Hours, ...]] = field(default_factory=dict)
    policy: GatePolicy = GatePolicy()

    @property
    def today(self) -> date:
        """The civil date at the portal, never the UTC date."""
        return self.civil.date()

    def within(self, hours: Hours) -> bool:
        """Whether hours hold now, by what the policy says of holidays."""
        return hours.holds(self.civil, self.policy.weekday(self.today))


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with its reasons, the first of which decided, and the flags that registration adds."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    flags: frozenset[Flag] = frozenset()
    side: str = ""
    """A line of the site's own for the guard; no flag has a part in it."""
    quiet: bool = False
    """True where the site asks that the guard is not reminded about registration here and now."""

    def __post_init__(self) -> None:
        if not self.reasons:
            raise ValueError("a decision without a reason cannot be explained")


@dataclass(frozen=True, slots=True)
class Pass:
    """A swipe that was granted or attended, as the centre counts it. `at` is the corrected civil moment."""

    at: datetime

    @property
    def day(self) -> date:
        return self.at.date()

    @property
    def evening(self) -> bool:
        """From 18:00, or before 06:00: the hours in which people are where they live."""
        return self.at.hour >= 18 or self.at.hour < 6


@dataclass(frozen=True, slots=True)
class Registration:
    """The police's fact that a person is registered as living here, from `since` through `until` (None: no end)."""

    since: date
    until: date | None
    as_of: date


@dataclass(frozen=True, slots=True)
class Person:
    """What `judge` may know of a person in one community. `birth` None when unknown; `dwelling` False when unknown."""

    known: bool
    dwelling: bool
    role: Role | None = None
    birth: date | None = None
    enrolled_since: date | None = None
    origin: Origin = Origin.MAINLAND
    protected: bool = False
    registered_elsewhere: bool = False
    """Registered in another community of the district today (人户分离)."""
    rented: bool = False
    last_checked: date | None = None
    """When somebody last made sure how they live here: a visit, a recheck, their registration. None: not known."""
    lease_until: date | None = None
    """Last day of the lease that is known and of which nobody has said yet what comes after it."""
    service_until: date | None = None
    """Last day for which the household has confirmed them as service staff (服务人员)."""
    moved_out: "MovedOut | None" = None
    """None also for whoever has moved in again since."""

    @property
    def travels(self) -> bool:
        """Whether they register by another law than citizens: no case is ever opened from their swipes."""
        return self.origin is not Origin.MAINLAND


@dataclass(frozen=True, slots=True)
class MovedOut:
    """The fact that somebody lives here no longer since a day, and what says so."""

    on: date
    by: MoveOutBy


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit of a grid worker to a dwelling, civil time."""

    at: datetime
    met: bool
    notice_left: bool


@dataclass(frozen=True, slots=True)
class Rests:
    """What a case from the gate rests on: the days and evenings that were counted, by which version of the policy."""

    on: tuple[date, ...]
    evenings: int
    policy_version: int


@dataclass(frozen=True, slots=True)
class Case:
    """What `judge` may know of a case of this person. `alert` is True once a slip about it was ever proposed."""

    id: int
    kind: CaseKind
    state: str
    opened: date
    due: date | None
    visits: tuple[Visit, ...] = ()
    alert: bool = False
    paused: bool = False
    reminded: date | None = None
    rests: Rests | None = None
    """None for a case that was not opened by passes, and once a person has done something about it."""
    slip_waits_since: date | None = None
    """The day on which a slip about it was proposed, while nobody has sent or withdrawn it."""
