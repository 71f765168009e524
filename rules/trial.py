"""The tests inside a policy file: a hypothetical swipe or person, and what the policy's author expects of it."""

from dataclasses import dataclass
from datetime import UTC, date

from rules.cases import CaseState
from rules.model import (
    Case,
    CaseKind,
    Direction,
    Enrolment,
    Flag,
    Pass,
    Person,
    Portal,
    Reason,
    Registration,
    Role,
    Snapshot,
    Swipe,
    Verdict,
    Visit,
)
from rules.strict import Table


@dataclass(frozen=True, slots=True)
class GateTrial:
    """A swipe with what is known about it, less the policy, and the verdict expected; None: not asked about."""

    name: str
    swipe: Swipe
    snapshot: Snapshot
    verdict: Verdict
    reasons: tuple[Reason, ...] | None
    flags: frozenset[Flag] | None


@dataclass(frozen=True, slots=True)
class PersonTrial:
    """A person with what the centre knows, and the acts expected, in the words of `rehearse.said`."""

    name: str
    person: Person
    passes: tuple[Pass, ...]
    registrations: tuple[Registration, ...]
    cases: tuple[Case, ...]
    today: date
    register_as_of: date | None
    acts: tuple[str, ...]


Trial = GateTrial | PersonTrial
_TOKEN = bytes(16)


def read_trial(table: Table) -> Trial:
    """One `[[tests]]` table: with `swipe` it is about the gate, with `person` about the centre."""
    if table.has("swipe") == table.has("person"):
        table.wrong("swipe", "a test has either a swipe or a person")
    trial = _gate(table) if table.has("swipe") else _person(table)
    table.finish()
    return trial


def _gate(table: Table) -> GateTrial:
    swipe = table.table("swipe")
    at = swipe.moment("at")
    portal = swipe.text("portal", "gate")
    direction = swipe.choice("direction", Direction, Direction.IN) or Direction.IN
    row = _enrolment(table.table("enrolment")) if table.has("enrolment") else None
    flags = table.choices("flags", Flag)
    trial = GateTrial(
        name=table.text("name"),
        swipe=Swipe(portal, f"{portal}-1", direction, None, _TOKEN if row else None, at.astimezone(UTC)),
        snapshot=Snapshot(
            civil=at,
            portal=Portal(portal),
            row=row,
            has_roster=table.flag("has_roster", default=True),
            register_as_of=table.day("register_as_of"),
            held_open_by_hand=table.flag("held_open", default=False),
        ),
        verdict=table.choice("verdict", Verdict) or Verdict.ATTEND,
        reasons=table.choices("reasons", Reason),
        flags=None if flags is None else frozenset(flags),
    )
    if not table.has("verdict"):
        table.wrong("verdict", "is missing")
    swipe.finish()
    return trial


def _enrolment(table: Table) -> Enrolment:
    row = Enrolment(
        token=_TOKEN,
        since=table.needed_day("since"),
        until=table.day("until"),
        portals=frozenset(table.texts("portals")) if table.has("portals") else None,
        schedule=None,
        role=table.choice("role", Role, Role.RESIDENT) or Role.RESIDENT,
        lost=table.flag("lost", default=False),
        count_only=table.flag("count_only", default=False),
        registered_until=table.day("registered_until"),
        registered_elsewhere=table.flag("registered_elsewhere", default=False),
        enrolled=table.flag("enrolled", default=True),
    )
    table.finish()
    return row


def _person(table: Table) -> PersonTrial:
    who = table.table("person")
    person = Person(
        known=who.flag("known", default=True),
        dwelling=who.flag("dwelling", default=True),
        role=who.choice("role", Role),
        birth=who.day("birth"),
        enrolled_since=who.day("enrolled_since"),
        travel_document=who.flag("travel_document", default=False),
        protected=who.flag("protected", default=False),
    )
    who.finish()
    as_of = table.day("register_as_of")
    return PersonTrial(
        name=table.text("name"),
        person=person,
        passes=tuple(Pass(at) for at in table.moments("passes")),
        registrations=tuple(_registration(one, as_of) for one in table.tables("registrations")),
        cases=tuple(_case(one, n) for n, one in enumerate(table.tables("cases"), 1)),
        today=table.needed_day("today"),
        register_as_of=as_of,
        acts=table.texts("acts"),
    )


def _registration(table: Table, as_of: date | None) -> Registration:
    since = table.needed_day("since")
    registration = Registration(since, table.day("until"), as_of or since)
    table.finish()
    return registration


def _case(table: Table, number: int) -> Case:
    case = Case(
        id=number,
        kind=table.choice("kind", CaseKind, CaseKind.COLLECTION) or CaseKind.COLLECTION,
        state=table.choice("state", CaseState, CaseState.OPEN) or CaseState.OPEN,
        opened=table.needed_day("opened"),
        due=table.day("due"),
        visits=tuple(_visit(one) for one in table.tables("visits")),
        alert=table.flag("alert", default=False),
        paused=table.flag("paused", default=False),
        reminded=table.day("reminded"),
    )
    table.finish()
    return case


def _visit(table: Table) -> Visit:
    at = table.moment("at")
    visit = Visit(at, table.flag("met", default=False), table.flag("notice_left", default=False))
    table.finish()
    return visit
