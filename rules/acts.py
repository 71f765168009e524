"""What the centre's judgement asks for: open, remind, escalate, propose, close; each with the numbers behind it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from rules.cases import Close
from rules.model import CaseKind, Question, Source


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The numbers that opened a case: what was counted, what the policy asks for, and how fresh the register was."""

    on: tuple[date, ...]
    """The days that count, in order; empty where no pass was needed."""
    evenings: int
    days_needed: int
    evenings_needed: int
    window_days: int
    grace_days: int
    unregistered_since: date | None
    """For a resident of whom the property told: enrolled and not registered since."""
    register_as_of: date | None
    """None where none was known when somebody reported a person."""
    policy_version: int
    registered_elsewhere: bool = False
    """人户分离: registered in another community of the district."""
    last_checked: date | None = None
    """For a recheck: when it was last made sure how they live here, …"""
    months: int | None = None
    """… and after how many months that is due again."""
    moved_out: date | None = None

    @property
    def days(self) -> int:
        return len(self.on)


@dataclass(frozen=True, slots=True)
class Grounds:
    """What was done before a slip was proposed, and how fresh the register was."""

    visits: int
    last_visit: date | None
    notice_left: bool
    opened: date
    due: date
    register_as_of: date
    policy_version: int


class Level(StrEnum):
    """To whom an overdue case goes up."""

    COMMUNITY = "community"
    STREET = "street"


@dataclass(frozen=True, slots=True)
class OpenCase:
    kind: CaseKind
    source: Source
    due: date
    because: Arithmetic


@dataclass(frozen=True, slots=True)
class Remind:
    """Remind whoever is to visit, and note the day on the case."""

    case: int


@dataclass(frozen=True, slots=True)
class Escalate:
    """The level at which the case stands by its age. Said each time: raising it to where it is changes nothing."""

    case: int
    to: Level


@dataclass(frozen=True, slots=True)
class ProposeSlip:
    """A slip may be proposed; a person sends it or does not."""

    case: int
    because: Grounds


@dataclass(frozen=True, slots=True)
class RaiseSlip:
    """A proposed slip that nobody decides upon goes to the street. Said each time, as `Escalate`."""

    case: int


@dataclass(frozen=True, slots=True)
class Ask:
    """The property is asked something about a person, while it is so. Said each time; unsaid, it is answered."""

    question: Question
    since: date


@dataclass(frozen=True, slots=True)
class CloseCase:
    """Close the case, and with it the slip about it if there is one."""

    case: int
    how: Close


@dataclass(frozen=True, slots=True)
class Restate:
    """Passes came late: the case stands, on other days than it says."""

    case: int
    because: Arithmetic


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Passes came late, and with them the case would not have been opened; nobody has done anything about it yet."""

    case: int


Act = OpenCase | Remind | Escalate | ProposeSlip | RaiseSlip | CloseCase | Restate | TakeBack | Ask
