"""Which case opens about a person: what the property tells, what the gate counts, a move out, a recheck that is due."""

from collections import Counter
from collections.abc import Collection
from datetime import date, timedelta

from rules.acts import Arithmetic, OpenCase
from rules.known import Known, covers, months_after
from rules.model import CIVIL, CaseKind, MoveOutBy, Pass, Source

NIGHT_ENDS = timedelta(hours=6)
"""An evening lasts from 18:00 to 06:00 and belongs to the day on which it began."""
TOLD_BY = {
    MoveOutBy.CARD_RETURNED: Source.PROPERTY,
    MoveOutBy.LEASE_ENDED: Source.PROPERTY,
    MoveOutBy.LANDLORD: Source.LANDLORD,
    MoveOutBy.DECLARATION: Source.SELF,
    MoveOutBy.VISIT: Source.VISIT,
    MoveOutBy.POLICE: Source.POLICE,
}
"""From which of the six sources a move out is known."""


def opening(known: Known, passes: Collection[Pass]) -> OpenCase | None:
    """The case that opens today, if none stands in its way. None for a child, and on a stale register."""
    if known.as_of is None or known.child:
        return None
    if known.moved_out is not None:
        return _deregistration(known, known.as_of) if known.registered else None
    if not known.may_reside:
        return None
    if known.registered:
        return _recheck(known, known.as_of)
    return _from_property(known, known.as_of) or _from_gate(known, passes, known.as_of)


def _deregistration(known: Known, as_of: date) -> OpenCase | None:
    gone = known.moved_out
    if gone is None:
        return None
    due = known.today + timedelta(days=known.policy.deregistration.due_days)
    because = _arithmetic(known, (), 0, as_of, moved_out=gone.on)
    return OpenCase(CaseKind.DEREGISTRATION, TOLD_BY[gone.by], due, because)


def _recheck(known: Known, as_of: date) -> OpenCase | None:
    """定期复核, by the calendar: of whom nobody knows when it was last made sure, none is due."""
    rule, last = known.policy.recheck, known.person.last_checked
    months = rule.rented_months if known.person.rented else rule.other_months
    if last is None or not known.at_home or known.today < months_after(last, months):
        return None
    because = _arithmetic(known, (), 0, as_of, last_checked=last, months=months)
    return OpenCase(CaseKind.RECHECK, Source.VISIT, known.today + timedelta(days=rule.due_days), because)


def _from_property(known: Known, as_of: date) -> OpenCase | None:
    since = _unregistered_since(known)
    if since is None or known.days_since(since) < known.policy.collection.grace_days:
        return None
    return _collection(known, Source.PROPERTY, _arithmetic(known, (), 0, as_of))


def _from_gate(known: Known, passes: Collection[Pass], as_of: date) -> OpenCase | None:
    if known.person.travels:
        return None
    because = _arithmetic(known, *counted(known, passes), as_of)
    if because.days < because.days_needed or because.evenings < because.evenings_needed:
        return None
    if known.at_home:
        return _collection(known, Source.GATE, because)
    due = known.today + timedelta(days=known.policy.gate_query.expire_days)
    return OpenCase(CaseKind.GATE_QUERY, Source.GATE, due, because)


def _collection(known: Known, source: Source, because: Arithmetic) -> OpenCase:
    due = known.today + timedelta(days=known.policy.collection.due_days)
    return OpenCase(CaseKind.COLLECTION, source, due, because)


def _unregistered_since(known: Known) -> date | None:
    """Since when an enrolled resident with a dwelling has lived here without a registration."""
    moved_in = known.person.enrolled_since
    if moved_in is None or not known.at_home:
        return None
    ends = [one.until for one in known.registrations if one.until is not None and one.until < known.today]
    return max([moved_in, *(end + timedelta(days=1) for end in ends)])


def counted(known: Known, passes: Collection[Pass]) -> tuple[tuple[date, ...], int]:
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


def _arithmetic(
    known: Known,
    days: tuple[date, ...],
    evenings: int,
    as_of: date,
    *,
    last_checked: date | None = None,
    months: int | None = None,
    moved_out: date | None = None,
) -> Arithmetic:
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
        registered_elsewhere=known.person.registered_elsewhere,
        last_checked=last_checked,
        months=months,
        moved_out=moved_out,
    )
