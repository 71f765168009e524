"""The words of the field as frozen values: credential, swipe, enrolment, registration, snapshot, decision.

Words and verdicts follow the project's design; event codes in brackets are BACnetAccessEvent (ASHRAE 135).
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from enum import IntEnum, StrEnum

CIVIL = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Civil time in China: UTC+8 the year round since 1991, so no table of zones is needed."""


class CredentialKind(StrEnum):
    """What kind of number a credential carries; the canonical form of each is in `identity.canonical`."""

    CITIZEN_ID = "citizen-id"
    PR_2017 = "pr-2017"
    ID_CHIP = "id-chip"
    CARD_UID = "card-uid"
    WIEGAND_26 = "wiegand-26"
    WIEGAND_N = "wiegand-n"
    EM = "em"
    VISITOR = "visitor"


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


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class Verdict(StrEnum):
    """What the gate does: open, ask the guard, or say that this card cannot be used here."""

    GRANT = "grant"
    ATTEND = "attend"
    REFUSE = "refuse"


class Reason(StrEnum):
    """Why; stable codes. `BACNET_EVENT` maps those that have one."""

    ENROLLED = "enrolled"
    VISITOR = "visitor"
    OPEN_PORTAL = "open_portal"
    EXIT = "exit"
    MANUAL = "manual"
    UNKNOWN_CREDENTIAL = "unknown_credential"
    ENROLMENT_EXPIRED = "enrolment_expired"
    OUT_OF_HOURS = "out_of_hours"
    PASSBACK = "passback"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    WRONG_PORTAL = "wrong_portal"
    CREDENTIAL_LOST = "credential_lost"


BACNET_EVENT: dict[Reason, int] = {
    Reason.MANUAL: 1,
    Reason.UNKNOWN_CREDENTIAL: 129,
    Reason.WRONG_PORTAL: 134,
    Reason.OUT_OF_HOURS: 136,
    Reason.PASSBACK: 138,
    Reason.TOO_MANY_ATTEMPTS: 140,
    Reason.CREDENTIAL_LOST: 143,
    Reason.ENROLMENT_EXPIRED: 152,
}


class Flag(StrEnum):
    """What registration adds to a verdict. It changes nothing at the gate."""

    UNREGISTERED = "unregistered"
    REGISTRATION_EXPIRED = "registration_expired"
    REGISTERED_ELSEWHERE = "registered_elsewhere"
    REGISTRATION_UNKNOWN = "registration_unknown"


class Role(IntEnum):
    """As what a credential is enrolled. The numbers are stored and sent."""

    RESIDENT = 0
    GUEST = 1
    VISITOR = 2
    STAFF = 3


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


MONDAY, SUNDAY = 0, 6


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """The part of the policy that the gate decides with. Zero or None switches a check off."""

    version: int = 0
    passback_seconds: int = 0
    attempts: int = 0
    attempts_seconds: int = 60
    attempts_pause_seconds: int = 30
    side_line_days: int = 7
    """The guard's side line about registration shows at most once a person in so many days."""
    register_max_age_days: int = 7
    holidays: frozenset[date] = frozenset()
    """Days that count as Sundays wherever hours name weekdays, …"""
    workdays: frozenset[date] = frozenset()
    """… and days at a weekend that count as Mondays (调休)."""

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

    def __post_init__(self) -> None:
        if not self.reasons:
            raise ValueError("a decision without a reason cannot be explained")


class CaseKind(StrEnum):
    GATE_QUERY = "gate_query"
    COLLECTION = "collection"
    DEREGISTRATION = "deregistration"
    RECHECK = "recheck"


class Source(StrEnum):
    """Where a case came from; all six are shown on it."""

    PROPERTY = "property"
    LANDLORD = "landlord"
    SELF = "self"
    POLICE = "police"
    VISIT = "visit"
    GATE = "gate"


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
    travel_document: bool = False
    """A foreigner or a resident of Hong Kong, Macao or Taiwan: no case is ever opened from swipes."""
    protected: bool = False


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
    """What `judge` may know of a case of this person. `alert` is True while a slip about it is proposed or open."""

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
