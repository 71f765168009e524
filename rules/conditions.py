"""Site conditions: rows over closed fields. What each may do, and by enumeration which can never do anything.

A row may have the guard asked instead of a grant, put a line beside a grant, or leave the reminder about registration
out. It is never asked on the way out, never has a child wait, and a flag decides nothing but whether the guard is
reminded. All values are texts, so that a station that is older than its policy passes over what it does not know.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from itertools import product

from rules.words import AgeBand, CredentialKind, Direction, Flag, Role

UNKNOWN_AGE = "unknown"
NO_FLAG = "none"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Field(StrEnum):
    """What a row may ask about."""

    ROLE = "role"
    KIND = "kind"
    PORTAL = "portal"
    DIRECTION = "direction"
    WEEKDAY = "weekday"
    TIME = "time"
    AGE = "age"
    FLAG = "flag"


class Then(StrEnum):
    """What follows where a row holds and the gate would grant."""

    ATTEND = "attend"
    """The guard is asked, as outside of hours."""
    SAY = "say"
    """A line of the site's own stands beside the verdict on the guard's page."""
    QUIET = "quiet"
    """The guard is not reminded about registration."""


CLOSED: Mapping[Field, tuple[str, ...]] = {
    Field.ROLE: tuple(role.name.lower() for role in Role),
    Field.KIND: tuple(CredentialKind),
    Field.DIRECTION: tuple(Direction),
    Field.WEEKDAY: WEEKDAYS,
    Field.AGE: (*AgeBand, UNKNOWN_AGE),
    Field.FLAG: (*Flag, NO_FLAG),
}
"""Every value of each field that has a list of them; portals are the site's, times are spans like 22:00-24:00."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One field of a row: its value is, or is not, one of `values`, which are sorted."""

    field: str
    inside: bool
    values: tuple[str, ...]

    def holds(self, fact: str) -> bool:
        within = any(s[:5] <= fact < s[6:] for s in self.values) if self.field == Field.TIME else fact in self.values
        return within == self.inside


@dataclass(frozen=True, slots=True)
class Condition:
    """A row; it holds where every clause does. One that asks what is not known (a newer field) never holds."""

    name: str
    then: str
    clauses: tuple[Clause, ...] = ()
    say: str = ""

    def holds(self, facts: Mapping[str, str]) -> bool:
        return all(clause.field in facts and clause.holds(facts[clause.field]) for clause in self.clauses)

    def asks(self, field: Field) -> bool:
        return any(clause.field == field for clause in self.clauses)


def times(row: Condition) -> tuple[str, ...]:
    """The spans that a row names."""
    return tuple(span for clause in row.clauses if clause.field == Field.TIME for span in clause.values)


def first(rows: Sequence[Condition], then: Then, facts: Mapping[str, str]) -> Condition | None:
    """The first row of that kind that holds."""
    return next((row for row in rows if row.then == then and row.holds(facts)), None)


def idle(rows: Sequence[Condition]) -> tuple[tuple[str, str], ...]:
    """(name, code of why) of each row that can never do anything: none fits it, or rows before it answer first.

    Exact: every combination of values that the rows tell apart is gone through, but for those that cannot be.
    """
    fits, acts = 0, 0
    for mask in _combinations(rows):
        fits |= mask
        acts |= _acting(rows, mask)
    return tuple(
        (row.name, "never_first" if fits >> n & 1 else "never_fits") for n, row in enumerate(rows) if not acts >> n & 1
    )


def _acting(rows: Sequence[Condition], mask: int) -> int:
    """Which of the rows that hold (bits of `mask`) do something."""
    holding = {then: [n for n, row in enumerate(rows) if mask >> n & 1 and row.then == then] for then in Then}
    if holding[Then.ATTEND]:
        return 1 << holding[Then.ATTEND][0]
    return sum(1 << holding[then][0] for then in (Then.SAY, Then.QUIET) if holding[then])


def _combinations(rows: Sequence[Condition]) -> set[int]:
    """Which rows can hold together, and may do something then, as bits."""
    found: set[int] = set()
    together = reduce(_both, (_masks(rows, field) for field in _FREE))
    for role, age, flag in product(*(CLOSED[field] for field in (Field.ROLE, Field.AGE, Field.FLAG))):
        if flag != NO_FLAG and role != Role.RESIDENT.name.lower():
            continue  # registration is asked of residents alone
        facts = {Field.ROLE: role, Field.AGE: age, Field.FLAG: flag}
        own = reduce(int.__and__, (_mask(rows, field, fact) for field, fact in facts.items()))
        own &= _may(rows, child=age == AgeBand.CHILD, reminded=flag not in _SILENT)
        found |= {own & mask for mask in together}
    return found


def _may(rows: Sequence[Condition], *, child: bool, reminded: bool) -> int:
    """The rows that may do anything for such a person: no child waits, and without a flag the guard reminds nobody."""
    barred = {Then.ATTEND: child, Then.SAY: False, Then.QUIET: not reminded}
    return sum(1 << n for n, row in enumerate(rows) if not barred.get(Then(row.then), True))


_SILENT = frozenset({NO_FLAG, Flag.REGISTRATION_UNKNOWN.value})


_FREE = (Field.KIND, Field.PORTAL, Field.DIRECTION, Field.WEEKDAY, Field.TIME)


def _masks(rows: Sequence[Condition], field: Field) -> set[int]:
    return {_mask(rows, field, fact) for fact in _facts(rows, field)}


def _mask(rows: Sequence[Condition], field: Field, fact: str) -> int:
    """The rows (as bits) to which this value of a field is no hindrance."""
    return sum(1 << n for n, row in enumerate(rows) if all(t.holds(fact) for t in row.clauses if t.field == field))


def _facts(rows: Sequence[Condition], field: Field) -> Iterator[str]:
    """One value for each that the rows can tell apart."""
    named = {value for row in rows for clause in row.clauses if clause.field == field for value in clause.values}
    match field:
        case Field.DIRECTION:
            yield Direction.IN  # nobody is asked anything on the way out
        case Field.TIME:
            yield from {"00:00"} | {edge for span in named for edge in (span[:5], span[6:]) if edge != "24:00"}
        case Field.PORTAL:
            yield from named
            yield ""  # any other one
        case _:
            yield from CLOSED[field]


def _both(one: set[int], other: set[int]) -> set[int]:
    return {a & b for a in one for b in other}


def is_span(text: str) -> bool:
    """Whether a text is HH:MM-HH:MM and ends after it begins; 24:00 is the end of a day."""
    begin, dash, end = text.partition("-")
    return dash == "-" and _is_clock(begin) and (_is_clock(end) or end == "24:00") and begin < end


def _is_clock(text: str) -> bool:
    digits = text[:2] + text[3:]
    well_formed = len(text) == 5 and text[2] == ":" and digits.isascii() and digits.isdigit()
    return well_formed and int(text[:2]) < 24 and int(text[3:]) < 60
