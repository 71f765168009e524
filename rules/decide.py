"""The gate's judgement: the first check that answers decides; registration then adds flags and changes nothing."""

from datetime import date, timedelta

from rules import checks
from rules.checks import Check, facts_of
from rules.conditions import NO_FLAG, Field, Then, first
from rules.model import Decision, Enrolment, Flag, Reason, Role, Snapshot, Swipe, Verdict

CHECKS: tuple[Check, ...] = (
    checks.leaving,
    checks.open_portal,
    checks.lost,
    checks.attempts,
    checks.unknown,
    checks.expired,
    checks.wrong_portal,
    checks.out_of_hours,
    checks.passback,
    checks.condition,
    checks.visitor,
    checks.enrolled,
)
"""In the order in which they are asked. `unknown` answers wherever there is no enrolment, so one always answers."""

_UNANSWERED = Decision(Verdict.ATTEND, (Reason.UNKNOWN_CREDENTIAL,))
_NO_FLAGS: frozenset[Flag] = frozenset()


def decide(swipe: Swipe, snapshot: Snapshot) -> Decision:
    """The verdict on one swipe. A function of its arguments alone, and total: it never raises."""
    for check in CHECKS:
        if (answer := check(swipe, snapshot)) is not None:
            return _beside(answer, flags(snapshot), swipe, snapshot)
    return _UNANSWERED


def explain(swipe: Swipe, snapshot: Snapshot) -> tuple[tuple[str, Decision | None], ...]:
    """Each check by name with its own answer (None where it declined), in order; the first answer is the verdict."""
    return tuple((check.__name__, check(swipe, snapshot)) for check in CHECKS)


def likeness(row: Enrolment | None, portal: str, today: date) -> tuple[object, ...]:
    """All that a decision may see in a row: two that are alike in it are decided alike, at that portal on that day."""
    if row is None:
        return ()
    until = row.registered_until
    return (
        row.since <= today and (row.until is None or today <= row.until),
        row.portals is None or portal in row.portals,
        row.schedule,
        row.role,
        row.lost,
        row.count_only,
        row.enrolled,
        row.age_band,
        row.registered_elsewhere,
        None if until is None else today <= until,
    )


def flags(snapshot: Snapshot) -> frozenset[Flag]:
    """At most one flag, from dates alone. None for anyone but a resident, nor where only a count is kept.

    A lost credential raises none either: whoever holds it may not be the person it stands for. A register that is
    older than the policy allows says nothing of anyone, so it gives `registration_unknown` and no other flag.
    """
    row = snapshot.row
    if row is None or row.role is not Role.RESIDENT or row.count_only or row.lost:
        return _NO_FLAGS
    if _stale(snapshot):
        return frozenset({Flag.REGISTRATION_UNKNOWN})
    flag = _registration(row, snapshot)
    return _NO_FLAGS if flag is None else frozenset({flag})


def _stale(snapshot: Snapshot) -> bool:
    if snapshot.register_as_of is None:
        return True
    return snapshot.today - snapshot.register_as_of > timedelta(days=snapshot.policy.register_max_age_days)


def _registration(row: Enrolment, snapshot: Snapshot) -> Flag | None:
    if row.registered_until is not None and snapshot.today <= row.registered_until:
        return None
    if row.registered_elsewhere:
        return Flag.REGISTERED_ELSEWHERE
    return Flag.UNREGISTERED if row.registered_until is None else Flag.REGISTRATION_EXPIRED


def _beside(answer: Decision, raised: frozenset[Flag], swipe: Swipe, snapshot: Snapshot) -> Decision:
    """The answer with its flags, and with what the rows of the site put beside a grant."""
    rows = snapshot.policy.conditions
    if not rows or answer.reasons[0] not in _BY_ENROLMENT:
        return Decision(answer.verdict, answer.reasons, raised) if raised else answer
    facts = facts_of(swipe, snapshot)
    line = first(rows, Then.SAY, facts)
    quiet = first(rows, Then.QUIET, facts | {Field.FLAG: next(iter(raised), NO_FLAG)})
    return Decision(answer.verdict, answer.reasons, raised, line.say if line else "", quiet=quiet is not None)


_BY_ENROLMENT = frozenset({Reason.ENROLLED, Reason.VISITOR})
