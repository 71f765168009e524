"""The centre's judgement: from the set of one person's passes and what is known of them to the acts that follow.

    passes, registrations, cases, policy, today  ->  open, restate, take back, remind, escalate, propose, close, ask

A function of the set: neither the order nor the number of times in which a pass is given matters. Running it again
changes nothing once its acts are done.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from rules.acts import (
    Act,
    Arithmetic,
    Ask,
    CloseCase,
    Escalate,
    Grounds,
    Level,
    OpenCase,
    ProposeSlip,
    RaiseSlip,
    Remind,
    Restate,
    TakeBack,
)
from rules.cases import ENDED, TO_VISIT, CaseState, Close
from rules.known import Known, age_on, covers
from rules.model import Case, CaseKind, Pass, Person, Question, Registration, Role, Source, Visit
from rules.opening import opening
from rules.policy import Policy

__all__ = [
    "Act",
    "Arithmetic",
    "Ask",
    "CloseCase",
    "Escalate",
    "Grounds",
    "Level",
    "OpenCase",
    "ProposeSlip",
    "RaiseSlip",
    "Remind",
    "Restate",
    "TakeBack",
    "age_on",
    "covers",
    "judge",
]

NOON, DUSK = 12, 18
"""A visit falls into the morning, the afternoon or the evening; different ones are different times of day."""
SATURDAY = 5


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
    known = Known(person, registrations, policy, today, None if stale else register_as_of)
    return (*_about_cases(known, passes, cases), *_asked(known))


def _about_cases(known: Known, passes: Collection[Pass], cases: Sequence[Case]) -> tuple[Act, ...]:
    every = sorted(set(cases), key=lambda case: case.id)
    going = [(case, _closing(case, known)) for case in every if case.state not in ENDED]
    closed = tuple(CloseCase(case.id, how) for case, how in going if how is not None)
    standing = [case for case, how in going if how is None]
    grounds = {case.id: _grounded(case, known, passes) for case in standing}
    done = (*closed, *(act for act in grounds.values() if act is not None))
    gone = {act.case for act in grounds.values() if isinstance(act, TakeBack)}
    if standing := [case for case in standing if case.id not in gone]:
        return (*done, *(act for case in standing for act in _working(case, known)))
    opened = opening(known, passes)
    if opened is None or any(_quiets(case, opened.kind, known) for case in every if case.id not in gone):
        return done
    return (*done, opened)


def _asked(known: Known) -> Iterator[Ask]:
    """What the property is asked. Nothing of it touches a card."""
    person, today = known.person, known.today
    if not person.known or known.moved_out is not None:
        return
    if person.lease_until is not None and person.lease_until < today:
        yield Ask(Question.LEASE_ENDED, person.lease_until + timedelta(days=1))
    if person.service_until is not None and person.service_until < today and person.role is Role.STAFF:
        yield Ask(Question.SERVICE_ENDED, person.service_until + timedelta(days=1))


def _closing(case: Case, known: Known) -> Close | None:
    if case.kind is CaseKind.COLLECTION and known.registered:
        return Close.REGISTERED
    if case.kind is CaseKind.DEREGISTRATION and known.deregistered:
        return Close.DEREGISTERED
    if case.kind is not CaseKind.GATE_QUERY:
        return None
    if known.registered or known.at_home or (known.person.known and not known.may_reside):
        return Close.IDENTIFIED
    return Close.EXPIRED if known.days_since(case.opened) >= known.policy.gate_query.expire_days else None


def _quiets(case: Case, kind: CaseKind, known: Known) -> bool:
    """Whether this case, now ended or just closed, still keeps a second one of its kind from opening.

    One that the register has since confirmed does not: when that registration ends, the question is a new one. Nor
    does a move out keep the next one from being followed up.
    """
    if case.kind is not kind:
        return False
    gone = known.moved_out
    if kind is CaseKind.DEREGISTRATION and gone is not None and gone.on > case.opened:
        return False
    if kind is CaseKind.COLLECTION and case.state == CaseState.REGISTERED and _confirmed(case, known.registrations):
        return False
    rule = known.policy.gate_query if kind is CaseKind.GATE_QUERY else known.policy.collection
    return known.days_since(case.opened) < rule.quiet_days


def _confirmed(case: Case, registrations: Iterable[Registration]) -> bool:
    return any(one.until is not None and one.until >= case.opened for one in registrations)


def _grounded(case: Case, known: Known, passes: Collection[Pass]) -> Restate | TakeBack | None:
    """What becomes of a case that no person has touched, by all passes known now of the days up to its opening.

    So it makes no difference which of them came before the case was opened, and which after.
    """
    rule = known.policy.collection if case.kind is CaseKind.COLLECTION else known.policy.gate_query
    age = known.days_since(case.opened)
    if case.rests is None or case.visits or case.alert or case.paused:
        return None
    if known.as_of is None or case.rests.policy_version != known.policy.version or not 0 <= age < rule.window_days:
        return None
    then = opening(replace(known, today=case.opened), passes)
    if then is None or then.kind is not case.kind or then.source is not Source.GATE:
        return TakeBack(case.id)
    same = (then.because.on, then.because.evenings) == (case.rests.on, case.rests.evenings)
    return None if same else Restate(case.id, then.because)


def _working(case: Case, known: Known) -> Iterator[Act]:
    """What a standing case asks for. Nothing while it is paused; a protected person's is the reviewer's alone."""
    if case.kind is CaseKind.GATE_QUERY or case.paused or known.person.protected:
        return
    if _to_remind(case, known):
        yield Remind(case.id)
    if (level := _level(case, known)) is not None:
        yield Escalate(case.id, level)
    if (grounds := _grounds(case, known)) is not None:
        yield ProposeSlip(case.id, grounds)
    waits = case.slip_waits_since
    if waits is not None and known.days_since(waits) >= known.policy.escalation.undecided_days:
        yield RaiseSlip(case.id)


def _to_remind(case: Case, known: Known) -> bool:
    if case.state not in TO_VISIT or known.days_since(case.opened) < known.policy.escalation.worker_days:
        return False
    if case.reminded is None:
        return True
    return known.days_since(case.reminded) >= max(1, known.policy.collection.remind_days)


def _level(case: Case, known: Known) -> Level | None:
    """By its age; what is no collection has no hurry before it is overdue."""
    began = case.opened if case.kind is CaseKind.COLLECTION else case.due or case.opened
    age, steps = known.days_since(began), known.policy.escalation
    if case.state == CaseState.FILED or age < steps.community_days:
        return None
    return Level.STREET if age >= steps.street_days else Level.COMMUNITY


def _grounds(case: Case, known: Known) -> Grounds | None:
    """What a slip would rest on; None while anything that the policy asks for before one is missing.

    An unknown birth date is not an age: nobody is sent to the police who may be a child.
    """
    if case.kind is not CaseKind.COLLECTION or known.moved_out is not None:
        return None
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
    off_hours = any(visit.at.hour >= DUSK or policy.gate.weekday(visit.at.date()) >= SATURDAY for visit in visits)
    return (
        len(visits) >= rule.visits
        and (len(times) > 1 or not rule.different_times)
        and (off_hours or not rule.evening_or_weekend)
        and (any(visit.notice_left for visit in visits) or not rule.notice)
    )
