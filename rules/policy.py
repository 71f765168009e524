"""The policy of a district as frozen data, read from the text of a policy file with every mistake said at once.

Numbers of days are whole days by the civil calendar. Where a range begins at 0, a policy for training or a
demonstration may be as short as that; what the product's own safeguards ask for beyond it, `departures` lists.
"""

import tomllib
from dataclasses import Field, dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar

from rules.conditions import idle
from rules.gate_policy import contradictions, read_gate
from rules.mistakes import Mistake, mistake
from rules.model import GatePolicy
from rules.strict import Table
from rules.trial import Trial, read_trial

Section = TypeVar("Section")
ADULT = 18
"""No policy may propose a slip about anyone younger."""
_GATE = GatePolicy()


class PolicyError(Exception):
    """A policy file that cannot be used. `mistakes` names every one, each with the key it is about."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def _days(default: int, low: int, high: int) -> Any:
    return field(default=default, metadata={"range": (low, high)})


@dataclass(frozen=True, slots=True)
class Collection:
    """When a collection case opens about someone whose dwelling is known, and by when it should be done."""

    days_distinct: int = _days(3, 1, 60)
    evenings: int = _days(2, 0, 60)
    window_days: int = _days(14, 1, 90)
    grace_days: int = _days(7, 0, 90)
    """From enrolment (or from the end of a registration) until a case opens without any pass."""
    due_days: int = _days(14, 0, 180)
    remind_days: int = _days(3, 0, 90)
    """Between two reminders; never more than one a day."""
    quiet_days: int = _days(90, 1, 730)
    """Counted from the day an ended case was opened: no second one about the same person opens before."""


@dataclass(frozen=True, slots=True)
class GateQuery:
    """When the gate asks who someone is. Evenings weigh: riders and carriers come often, and at any hour."""

    days_distinct: int = _days(5, 1, 60)
    evenings: int = _days(4, 0, 60)
    window_days: int = _days(14, 1, 30)
    passes_per_day_max: int = _days(6, 1, 100)
    """A day with more passes than this is a working day of someone who comes and goes: it does not count."""
    expire_days: int = _days(30, 0, 30)
    quiet_days: int = _days(60, 1, 730)


@dataclass(frozen=True, slots=True)
class Slip:
    """What must have been done before a slip to the police may even be proposed."""

    visits: int = _days(2, 0, 10)
    different_times: bool = True
    evening_or_weekend: bool = True
    notice: bool = True
    min_age: int = _days(ADULT, ADULT, 120)
    overdue_days: int = _days(1, 0, 180)
    """Days past the due date: 1 is the day after it."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """On which day after opening whose turn it is."""

    worker_days: int = _days(3, 0, 180)
    community_days: int = _days(7, 0, 180)
    street_days: int = _days(10, 0, 180)
    police_days: int = _days(15, 0, 180)
    undecided_days: int = _days(3, 1, 60)
    """A proposed slip that nobody sends or withdraws for so long goes to the street."""


@dataclass(frozen=True, slots=True)
class Recheck:
    """定期复核: when it is looked again how somebody lives here, in calendar months."""

    rented_months: int = _days(3, 1, 24)
    other_months: int = _days(12, 1, 60)
    due_days: int = _days(30, 1, 180)


@dataclass(frozen=True, slots=True)
class Deregistration:
    """搬离注销, of whoever is known to have moved out."""

    due_days: int = _days(30, 1, 180)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept. Sealed blobs, passes and gate queries are about people of whom nothing may follow."""

    passes_days: int = _days(30, 1, 90)
    visitors_days: int = _days(30, 1, 90)
    gate_query_days: int = _days(30, 0, 30)
    sealed_days: int = _days(7, 0, 30)
    identity_days: int = _days(90, 1, 365)
    audit_days: int = _days(1095, 180, 3650)


@dataclass(frozen=True, slots=True)
class Policy:
    """All that may be set about judging. `effective_from` is a civil moment; before it the policy before holds."""

    version: int
    author: str
    reason: str
    effective_from: datetime
    gate: GatePolicy = _GATE
    collection: Collection = Collection()
    gate_query: GateQuery = GateQuery()
    slip: Slip = Slip()
    escalation: Escalation = Escalation()
    retention: Retention = Retention()
    recheck: Recheck = Recheck()
    deregistration: Deregistration = Deregistration()
    tests: tuple[Trial, ...] = ()

    @property
    def register_max_age_days(self) -> int:
        """A register older than this opens nothing and raises no flag but `registration_unknown`."""
        return self.gate.register_max_age_days


def parse(text: str) -> Policy:
    """The policy that `text` (TOML) says. PolicyError with every mistake: keys, types, ranges, contradictions."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError((mistake("not_toml", error=error),)) from None
    mistakes: list[Mistake] = []
    policy = _read(Table(content, "", mistakes))
    mistakes.extend(_contradictions(policy))
    if not mistakes:  # rows that are wrong as they stand are not asked what they could do
        mistakes.extend(mistake(why, "conditions", name=repr(name)) for name, why in idle(policy.gate.conditions))
    if mistakes:
        raise PolicyError(tuple(mistakes))
    return policy


def departures(policy: Policy) -> tuple[Mistake, ...]:
    """Where the policy asks for less than the product's safeguards: fit for training, to be shown wherever it runs."""
    slip = policy.slip
    found = {
        mistake("fewer_visits", "slip.visits"): slip.visits < 2,
        mistake("same_time", "slip.different_times"): not slip.different_times,
        mistake("no_evening", "slip.evening_or_weekend"): not slip.evening_or_weekend,
        mistake("no_notice", "slip.notice"): not slip.notice,
        mistake("before_due", "slip.overdue_days"): slip.overdue_days < 1,
        mistake("passes_kept", "retention.passes_days"): policy.retention.passes_days > 30,
    }
    return tuple(what for what, departs in found.items() if departs)


def _read(table: Table) -> Policy:
    version = table.integer("version", None, 1, 2**31 - 1)
    register = table.table("register")
    max_age = register.integer("max_age_days", 7, 0, 60)
    register.finish()
    policy = Policy(
        version=version,
        author=table.text("author"),
        reason=table.text("reason"),
        effective_from=table.moment("effective_from"),
        gate=read_gate(table, version, max_age),
        collection=_section(table.table("collection"), Collection),
        gate_query=_section(table.table("gate_query"), GateQuery),
        slip=_section(table.table("slip"), Slip),
        escalation=_section(table.table("escalation"), Escalation),
        retention=_section(table.table("retention"), Retention),
        recheck=_section(table.table("recheck"), Recheck),
        deregistration=_section(table.table("deregistration"), Deregistration),
        tests=tuple(read_trial(one) for one in table.tables("tests")),
    )
    table.finish()
    return policy


def _section(table: Table, kind: type[Section]) -> Section:
    values = {one.name: _setting(table, one) for one in fields(kind)}  # type: ignore[arg-type]
    table.finish()
    return kind(**values)


def _setting(table: Table, one: Field[Any]) -> int | bool:
    default: Any = one.default
    if isinstance(default, bool):
        return table.flag(one.name, default=default)
    low, high = one.metadata["range"]
    return table.integer(one.name, default, low, high)


def _contradictions(policy: Policy) -> tuple[Mistake, ...]:
    """What can never happen as written, or happens in the wrong order."""
    steps = policy.escalation
    turns = (steps.worker_days, steps.community_days, steps.street_days, steps.police_days)
    found = {mistake("days_fall", "escalation"): list(turns) != sorted(turns)}
    for name, opens in (("collection", policy.collection), ("gate_query", policy.gate_query)):
        found |= {
            mistake("never_opens", f"{name}.days_distinct"): opens.days_distinct > opens.window_days,
            mistake("never_opens", f"{name}.evenings"): opens.evenings > opens.window_days,
            mistake("window", f"{name}.window_days"): opens.window_days > policy.retention.passes_days,
        }
    own = tuple(what for what, is_so in found.items() if is_so)
    return (*own, *contradictions(policy.gate))
