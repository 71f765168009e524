"""The centre's judgement: from the set of one person's passes and what is known of them to the acts that follow.

    passes, registrations, cases, policy, today  ->  open, restate, take back, remind, escalate, propose, close

A function of the set: neither the order nor the number of times in which a pass is given matters. Running it again
changes nothing once its acts are done.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from rules.acts import (
    Act,
    Arithmetic,
    CloseCase,
    Escalate,
    Grounds,
    Level,
    OpenCase,
    ProposeSlip,
    Remind,
    Restate,
    TakeBack,
)
from rules.cases import ENDED, TO_VISIT, CaseState, Close
from rules.model import CIVIL, Case, CaseKind, Pass, Person, Registration, Role, Source, Visit
from rules.policy import Policy

__all__ = [
    "Act",
    "Arithmetic",
    "CloseCase",
    "Escalate",
    "Grounds",
    "Level",
    "OpenCase",
    "ProposeSlip",
    "Remind",
    "Restate",
    "TakeBack",
    "age_on",
    "covers",
    "judge",
]

CHILD_UNDER = 16
"""Whoever is younger has no case of their own: the guardian declares them with the household."""
NIGHT_ENDS = timedelta(hours=6)
"""An evening lasts from 18:00 to 06:00 and belongs to the day on which it began."""
NOON, DUSK = 12, 18
"""A visit falls into the morning, the afternoon or the evening; different ones are different times of day."""
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class _Known:
    """All that is known of one person on one day."""

    person: Person
    registrations: Sequence[Registration]
    policy: Policy
    today: date
    as_of: date | None
    """The day up to which the register is known; None when that is too long ago to go by."""

    @property
    def registered(self) -> bool:
        return covers(self.registrations, self.today)

    @property
    def may_reside(self) -> bool:
        return self.person.role in (None, Role.RESIDENT)

    @property
    def at_home(self) -> bool:
        return self.person.known and self.person.dwelling

    @property
    def age(self) -> int | None:
        return None if self.person.birth is None else age_on(self.person.birth, self.today)

    def days_since(self, day: date) -> int:
        return (self.today - day).days


def judge(
    person: Person,
    passes: Collection[Pass],
    registrations: Sequence[Registration],
    cases: Sequence[Case],
    policy: Policy,
    today: date,
    register_as_of: date | None,
) -> tuple[Act, ...]:
    """What follows for one person in one community on the civil day `today`; closings come before openings.

    A pass after `today`, or before the window, counts for nothing. A register that is missing or older than the
    policy allows opens nothing and proposes nothing; what it says of someone registered still closes.
    """
    stale = register_as_of is None or today - register_as_of > timedelta(days=policy.register_max_age_days)
    known = _Known(person, registrations, policy, today, None if stale else register_as_of)
    every = sorted(set(cases), key=lambda case: case.id)
    going = [(case, _closing(case, known)) for case in every if case.state not in ENDED]
    closed = tuple(CloseCase(case.id, how) for case, how in going if how is not None)
    standing = [case for case, how in going if how is None]
    if known.registered:
        return closed
    grounds = {case.id: _grounded(case, known, passes) for case in standing}
    done = (*closed, *(act for act in grounds.values() if act is not None))
    gone = {act.case for act in grounds.values() if isinstance(act, TakeBack)}
    if standing := [case for case in standing if case.id not in gone]:
        return (*done, *(act for case in standing for act in _working(case, known)))
    opened = _opening(known, passes)
    if opened is None or any(_quiets(case, opened.kind, known) for case in every if case.id not in gone):
        return done
    return (*done, opened)


def covers(registrations: Iterable[Registration], day: date) -> bool:
    """Whether, by what is known now, the person was registered here on `day`; `until` is the last day that counts."""
    return any(one.since <= day and (one.until is None or day <= one.until) for one in registrations)


def age_on(birth: date, day: date) -> int:
    """Full years of age: a birthday counts from its own day; that of 29 February from 1 March in other years."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def _closing(case: Case, known: _Known) -> Close | None:
    if case.kind is CaseKind.COLLECTION and known.registered:
        return Close.REGISTERED
    if case.kind is not CaseKind.GATE_QUERY:
        return None
    if known.registered or known.at_home or (known.person.known and not known.may_reside):
        return Close.IDENTIFIED
    return Close.EXPIRED if known.days_since(case.opened) >= known.policy.gate_query.expire_days else None


def _quiets(case: Case, kind: CaseKind, known: _Known) -> bool:
    """Whether this case, now ended or just closed, still keeps a second one of its kind from opening.

    One that the register has since confirmed does not: when that registration ends, the question is a new one.
    """
    if case.kind is not kind:
        return False
    if case.state == CaseState.REGISTERED and _confirmed(case, known.registrations):
        return False
    rule = known.policy.collection if kind is CaseKind.COLLECTION else known.policy.gate_query
    return known.days_since(case.opened) < rule.quiet_days


def _confirmed(case: Case, registrations: Iterable[Registration]) -> bool:
    return any(one.until is not None and one.until >= case.opened for one in registrations)


def _opening(known: _Known, passes: Collection[Pass]) -> OpenCase | None:
    child = known.age is not None and known.age < CHILD_UNDER
    if known.as_of is None or child or not known.may_reside:
        return None
    return _from_property(known, known.as_of) or _from_gate(known, passes, known.as_of)


def _from_property(known: _Known, as_of: date) -> OpenCase | None:
    since = _unregistered_since(known)
    if since is None or known.days_since(since) < known.policy.collection.grace_days:
        return None
    return _open_collection(known, Source.PROPERTY, _arithmetic(known, (), 0, as_of))


def _from_gate(known: _Known, passes: Collection[Pass], as_of: date) -> OpenCase | None:
    if known.person.travel_document:
        return None
    because = _arithmetic(known, *_counted(known, passes), as_of)
    if because.days < because.days_needed or because.evenings < because.evenings_needed:
        return None
    if known.at_home:
        return _open_collection(known, Source.GATE, because)
    due = known.today + timedelta(days=known.policy.gate_query.expire_days)
    return OpenCase(CaseKind.GATE_QUERY, Source.GATE, due, because)


def _grounded(case: Case, known: _Known, passes: Collection[Pass]) -> Restate | TakeBack | None:
    """What becomes of a case that no person has touched, by all passes known now of the days up to its opening.

    So it makes no difference which of them came before the case was opened, and which after.
    """
    rule = known.policy.collection if case.kind is CaseKind.COLLECTION else known.policy.gate_query
    age = known.days_since(case.opened)
    if case.rests is None or case.visits or case.alert or case.paused:
        return None
    if known.as_of is None or case.rests.policy_version != known.policy.version or not 0 <= age < rule.window_days:
        return None
    then = _opening(replace(known, today=case.opened), passes)
    if then is None or then.kind is not case.kind or then.source is not Source.GATE:
        return TakeBack(case.id)
    same = (then.because.on, then.because.evenings) == (case.rests.on, case.rests.evenings)
    return None if same else Restate(case.id, then.because)


def _open_collection(known: _Known, source: Source, because: Arithmetic) -> OpenCase:
    due = known.today + timedelta(days=known.policy.collection.due_days)
    return OpenCase(CaseKind.COLLECTION, source, due, because)


def _unregistered_since(known: _Known) -> date | None:
    """Since when an enrolled resident with a dwelling has lived here without a registration."""
    moved_in = known.person.enrolled_since
    if moved_in is None or not known.at_home:
        return None
    ends = [one.until for one in known.registrations if one.until is not None and one.until < known.today]
    return max([moved_in, *(end + timedelta(days=1) for end in ends)])


def _counted(known: _Known, passes: Collection[Pass]) -> tuple[tuple[date, ...], int]:
    """The days on which the person came while unregistered, and the number of distinct evenings among them."""
    rule = known.policy.collection if known.at_home else known.policy.gate_query
    moments = [
        at
        for at in {one.at.astimezone(CIVIL) if one.at.tzinfo else one.at.replace(tzinfo=CIVIL) for one in passes}
        if 0 <= known.days_since(at.date()) < rule.window_days and not covers(known.registrations, at.date())
    ]
    a_day = Counter(at.date() for at in moments)
    busy = None if known.at_home else known.policy.gate_query.passes_per_day_max
    days = {day for day, number in a_day.items() if busy is None or number <= busy}
    evenings = {(at - NIGHT_ENDS).date() for at in moments if at.date() in days and Pass(at).evening}
    return tuple(sorted(days)), len(evenings)


def _arithmetic(known: _Known, days: tuple[date, ...], evenings: int, as_of: date) -> Arithmetic:
    rule = known.policy.collection if known.at_home else known.policy.gate_query
    return Arithmetic(
        on=days,
        evenings=evenings,
        days_needed=rule.days_distinct,
        evenings_needed=rule.evenings,
        window_days=rule.window_days,
        grace_days=known.policy.collection.grace_days,
        unregistered_since=_unregistered_since(known),
        register_as_of=as_of,
        policy_version=known.policy.version,
    )


def _working(case: Case, known: _Known) -> Iterator[Act]:
    """What a standing case asks for. Nothing while it is paused; a protected person's is the reviewer's alone."""
    if case.kind is not CaseKind.COLLECTION or case.paused or known.person.protected:
        return
    if _to_remind(case, known):
        yield Remind(case.id)
    if (level := _level(case, known)) is not None:
        yield Escalate(case.id, level)
    if (grounds := _grounds(case, known)) is not None:
        yield ProposeSlip(case.id, grounds)


def _to_remind(case: Case, known: _Known) -> bool:
    if case.state not in TO_VISIT or known.days_since(case.opened) < known.policy.escalation.worker_days:
        return False
    if case.reminded is None:
        return True
    return known.days_since(case.reminded) >= max(1, known.policy.collection.remind_days)


def _level(case: Case, known: _Known) -> Level | None:
    age, steps = known.days_since(case.opened), known.policy.escalation
    if case.state == CaseState.FILED or age < steps.community_days:
        return None
    return Level.STREET if age >= steps.street_days else Level.COMMUNITY


def _grounds(case: Case, known: _Known) -> Grounds | None:
    """What a slip would rest on; None while anything that the policy asks for before one is missing.

    An unknown birth date is not an age: nobody is sent to the police who may be a child.
    """
    rule = known.policy.slip
    adult = known.age is not None and known.age >= rule.min_age and known.may_reside
    if known.as_of is None or case.due is None or case.alert or case.state not in TO_VISIT or not adult:
        return None
    ripe = known.days_since(case.opened) >= known.policy.escalation.police_days
    visits = [visit for visit in case.visits if known.days_since(visit.at.date()) >= 0]
    if not ripe or known.days_since(case.due) < rule.overdue_days or not _tried(visits, known.policy):
        return None
    return Grounds(
        visits=len(visits),
        last_visit=max((visit.at.date() for visit in visits), default=None),
        notice_left=any(visit.notice_left for visit in visits),
        opened=case.opened,
        due=case.due,
        register_as_of=known.as_of,
        policy_version=known.policy.version,
    )


def _tried(visits: Sequence[Visit], policy: Policy) -> bool:
    rule = policy.slip
    times = {(visit.at.hour >= NOON) + (visit.at.hour >= DUSK) for visit in visits}
    off_hours = any(visit.at.hour >= DUSK or visit.at.weekday() >= SATURDAY for visit in visits)
    return (
        len(visits) >= rule.visits
        and (len(times) > 1 or not rule.different_times)
        and (off_hours or not rule.evening_or_weekend)
        and (any(visit.notice_left for visit in visits) or not rule.notice)
    )
