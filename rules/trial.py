"""The tests inside a policy file: a hypothetical swipe or person, and what the policy's author expects of it."""

from dataclasses import dataclass, replace
from datetime import UTC, date, time

from rules.cases import CaseState
from rules.conditions import is_span
from rules.model import (
    AgeBand,
    Case,
    CaseKind,
    CredentialKind,
    Direction,
    Enrolment,
    Flag,
    Hours,
    MovedOut,
    MoveOutBy,
    Origin,
    Pass,
    Person,
    Portal,
    Reason,
    Recent,
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
    side: str | None = None
    quiet: bool | None = None


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
_SCHEDULE = "hours"
MOST_RECENT = 20


def read_trial(table: Table) -> Trial:
    """One `[[tests]]` table: with `swipe` it is about the gate, with `person` about the centre."""
    trial = read_hypothesis(table, expects=True)
    table.finish()
    return trial


def read_hypothesis(table: Table, *, expects: bool = False) -> Trial:
    """The same without what is expected of it: a swipe or a person to be explained."""
    if table.has("swipe") == table.has("person"):
        table.wrong("swipe", "either")
    name = table.text("name", None if expects else "")
    return _gate(table, name, expects=expects) if table.has("swipe") else _person(table, name)


def _gate(table: Table, name: str, *, expects: bool) -> GateTrial:
    swipe = table.table("swipe")
    at = swipe.moment("at")
    portal = swipe.text("portal", "gate")
    direction = swipe.choice("direction", Direction, Direction.IN) or Direction.IN
    kind = swipe.choice("kind", CredentialKind)
    swipe.finish()
    row = _enrolment(table.table("enrolment")) if table.has("enrolment") else None
    hours = _hours(table, _SCHEDULE)
    flags = table.choices("flags", Flag)
    if expects and not table.has("verdict"):
        table.wrong("verdict", "missing")
    return GateTrial(
        name=name,
        swipe=Swipe(portal, f"{portal}-1", direction, kind, _TOKEN if row else None, at.astimezone(UTC)),
        snapshot=Snapshot(
            civil=at,
            portal=Portal(portal, _hours(table, "hold_open")),
            row=replace(row, schedule=_SCHEDULE) if row and table.has(_SCHEDULE) else row,
            has_roster=table.flag("has_roster", default=True),
            register_as_of=table.day("register_as_of"),
            recent=_recent(table),
            held_open_by_hand=table.flag("held_open", default=False),
            schedules={_SCHEDULE: hours},
        ),
        verdict=table.choice("verdict", Verdict) or Verdict.ATTEND,
        reasons=table.choices("reasons", Reason),
        flags=None if flags is None else frozenset(flags),
        side=table.text("side", "") if table.has("side") else None,
        quiet=table.flag("quiet", default=False) if table.has("quiet") else None,
    )


def _hours(table: Table, key: str) -> tuple[Hours, ...]:
    """Spans of one day, like 07:30-08:30; those of a site may name weekdays, those of a test do not."""
    spans = table.texts(key)
    if wrong := [span for span in spans if not is_span(span)]:
        table.wrong(key, "value_span", value=repr(wrong[0]))
        return ()
    ends = {"24:00": time(0)}
    return tuple(Hours(time.fromisoformat(s[:5]), ends.get(s[6:]) or time.fromisoformat(s[6:])) for s in spans)


def _recent(table: Table) -> tuple[Recent, ...]:
    """Passes of the same card shortly before, in any order."""
    found = []
    for one in table.tables("recent"):
        found.append(
            Recent(
                one.text("portal", "gate"),
                one.choice("direction", Direction, Direction.IN) or Direction.IN,
                one.choice("verdict", Verdict, Verdict.GRANT) or Verdict.GRANT,
                one.integer("seconds_ago", None, 0, 86_400),
                one.flag("signalled", default=True),
            )
        )
        one.finish()
    if len(found) > MOST_RECENT:
        table.wrong("recent", "passes", most=MOST_RECENT)
    return tuple(sorted(found, key=lambda recent: recent.seconds_ago))


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
        age_band=table.choice("age", AgeBand),
    )
    table.finish()
    return row


def _person(table: Table, name: str) -> PersonTrial:
    who = table.table("person")
    person = Person(
        known=who.flag("known", default=True),
        dwelling=who.flag("dwelling", default=True),
        role=who.choice("role", Role),
        birth=who.day("birth"),
        enrolled_since=who.day("enrolled_since"),
        origin=who.choice("origin", Origin, Origin.MAINLAND) or Origin.MAINLAND,
        protected=who.flag("protected", default=False),
        registered_elsewhere=who.flag("registered_elsewhere", default=False),
        rented=who.flag("rented", default=False),
        last_checked=who.day("last_checked"),
        lease_until=who.day("lease_until"),
        service_until=who.day("service_until"),
        moved_out=_moved_out(who),
    )
    who.finish()
    as_of = table.day("register_as_of")
    return PersonTrial(
        name=name,
        person=person,
        passes=tuple(Pass(at) for at in table.moments("passes")),
        registrations=tuple(_registration(one, as_of) for one in table.tables("registrations")),
        cases=tuple(_case(one, n) for n, one in enumerate(table.tables("cases"), 1)),
        today=table.needed_day("today"),
        register_as_of=as_of,
        acts=table.texts("acts"),
    )


def _moved_out(who: Table) -> MovedOut | None:
    on, by = who.day("moved_out"), who.choice("moved_out_by", MoveOutBy)
    if (on is None) != (by is None):
        who.wrong("moved_out", "moved_out")
    return None if on is None or by is None else MovedOut(on, by)


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
        slip_waits_since=table.day("slip_waits_since"),
    )
    table.finish()
    return case


def _visit(table: Table) -> Visit:
    at = table.moment("at")
    visit = Visit(at, table.flag("met", default=False), table.flag("notice_left", default=False))
    table.finish()
    return visit
