"""The checks of the gate: each a pure function that answers one question about a swipe, or declines with None.

No check reads a flag or a date of registration: registration decides nothing at a gate.
"""

# ruff: noqa: ARG001 -- every check has the same shape, whether or not it needs the swipe

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import takewhile

from rules.conditions import UNKNOWN_AGE, WEEKDAYS, Field, Then, first
from rules.model import AgeBand, Decision, Direction, Enrolment, Reason, Recent, Role, Snapshot, Swipe, Verdict

Check = Callable[[Swipe, Snapshot], Decision | None]


def leaving(swipe: Swipe, snapshot: Snapshot) -> Decision | None:
    """Leaving is always granted, whatever else is known; the guard still sees that a card was reported lost."""
    if swipe.direction is not Direction.OUT:
        return None
    return _grant(Reason.EXIT, snapshot.row)


def open_portal(swipe: Swipe, snapshot: Snapshot) -> Decision | None:
    """A portal that stands open, by hand or by its hours, cannot hold anyone; the guard still sees a lost card."""
    by_hours = any(snapshot.within(hours) for hours in snapshot.portal.hold_open)
    if not (snapshot.held_open_by_hand or by_hours):
        return None
    return _grant(Reason.OPEN_PORTAL, snapshot.row)


def lost(swipe: Swipe, snapshot: Snapshot) -> Decision | None:
    """A credential that was reported lost is refused: whoever holds it may not be its owner."""
    return _REFUSE_LOST if snapshot.row is not None and snapshot.row.lost else None


def attempts(swipe: Swipe, snapshot: Snapshot) -> Decision | None:
    """After too many tries without a grant, a pause in which the guard is asked; nothing is locked.

    Counts what was signalled since the last grant, within `attempts_seconds`; the pause runs from the last try.
    """
    policy = snapshot.policy
    if policy.attempts <= 0:
        return None
    since_grant = takewhile(lambda recent: recent.verdict is not Verdict.GRANT, snapshot.recent)
    tries = [r.seconds_ago for r in since_grant if r.signalled and r.seconds_ago < policy.attempts_seconds]
    if len(tries) < policy.attempts or min(tries) >= policy.attempts_pause_seconds:
        return None
    return _ATTEND_ATTEMPTS


def unknown(swipe: Swipe, snapshot: Snapshot) -> Decision | None:
    """Nobody here is enrolled with this credential, or the station has no roster to tell."""
    if snapshot.has_roster and snapshot.row is not None and snapshot.row.enrolled:
        return None
    return _ATTEND_UNKNOWN


def expired(swipe: Swipe, snapshot: Snapshot) -> Decision | None:
    """The enrolment has ended (`until` is its last good day) or has not begun: the guard is asked, never a refusal."""
    row = snapshot.row
    if row is None or (row.since <= snapshot.today and (row.until is None or snapshot.today <= row.until)):
        return None
    return _ATTEND_EXPIRED


def wrong_portal(swipe: Swipe, snapshot: Snapshot) -> Decision | None:
    """The enrolment names its portals and this is not one of them."""
    row = snapshot.row
    if row is None or row.portals is None or snapshot.portal.id in row.portals:
        return None
    return _REFUSE_PORTAL


def out_of_hours(swipe: Swipe, snapshot: Snapshot) -> Decision | None:
    """The enrolment has a schedule and it does not hold now. A schedule that is not known never holds."""
    row = snapshot.row
    if row is None or row.schedule is None:
        return None
    if any(snapshot.within(hours) for hours in snapshot.schedules.get(row.schedule, ())):
        return None
    return _ATTEND_HOURS


def passback(swipe: Swipe, snapshot: Snapshot) -> Decision | None:
    """The same credential came in here a moment ago and has not left since: by this portal, or into this area.

    Only grants that the person saw count: whoever saw no verdict presents the card again. By the portal, leaving
    anywhere resets it; an area is left by one of its own portals. After its time, either is forgotten.
    """
    policy, here = snapshot.policy, snapshot.portal.id
    if policy.passback_seconds <= 0 and not policy.passback:
        return None
    rows = [one for one in policy.passback if here in one.portals]
    timed = next((one.seconds for one in rows if not one.area), policy.passback_seconds)
    again = any(grant.portal == here for grant in _entries(_grants(snapshot, timed)))
    inside = (next(_grants(snapshot, one.seconds, one.portals), None) for one in rows if one.area)
    return _ATTEND_PASSBACK if again or any(one and one.direction is Direction.IN for one in inside) else None


def condition(swipe: Swipe, snapshot: Snapshot) -> Decision | None:
    """A row of the site's asks for the guard, as outside of hours. Never for a child: they come in, then one asks."""
    row, rows = snapshot.row, snapshot.policy.conditions
    if not rows or row is None or row.child:
        return None
    return _ATTEND_HOURS if first(rows, Then.ATTEND, facts_of(swipe, snapshot)) is not None else None


def visitor(swipe: Swipe, snapshot: Snapshot) -> Decision | None:
    """A visitor whom the compound expects."""
    return _GRANT_VISITOR if snapshot.row is not None and snapshot.row.role is Role.VISITOR else None


def enrolled(swipe: Swipe, snapshot: Snapshot) -> Decision | None:
    """Whoever is enrolled, and whom no check before this one stopped, comes in."""
    return _GRANT_ENROLLED if snapshot.row is not None else None


def facts_of(swipe: Swipe, snapshot: Snapshot) -> dict[str, str]:
    """What the rows of the site may ask about, but for flags."""
    row = snapshot.row
    if row is None:
        return {}
    band = AgeBand.CHILD if row.child else row.age_band
    return {
        Field.ROLE: row.role.name.lower(),
        Field.KIND: swipe.kind or "",
        Field.PORTAL: snapshot.portal.id,
        Field.DIRECTION: swipe.direction,
        Field.WEEKDAY: WEEKDAYS[snapshot.policy.weekday(snapshot.today)],
        Field.TIME: f"{snapshot.civil:%H:%M}",
        Field.AGE: band or UNKNOWN_AGE,
    }


def _grants(snapshot: Snapshot, seconds: float, portals: Collection[str] | None = None) -> Iterator[Recent]:
    """The grants of the last `seconds` that the person saw, newest first; of these portals alone, where given."""
    for one in snapshot.recent:
        by = portals is None or one.portal in portals
        if by and one.verdict is Verdict.GRANT and one.signalled and one.seconds_ago < seconds:
            yield one


def _entries(grants: Iterable[Recent]) -> Iterator[Recent]:
    return takewhile(lambda grant: grant.direction is Direction.IN, grants)


def _grant(reason: Reason, row: Enrolment | None) -> Decision:
    reasons = (reason, Reason.CREDENTIAL_LOST) if row is not None and row.lost else (reason,)
    return Decision(Verdict.GRANT, reasons)


_GRANT_VISITOR = Decision(Verdict.GRANT, (Reason.VISITOR,))
_GRANT_ENROLLED = Decision(Verdict.GRANT, (Reason.ENROLLED,))
_ATTEND_UNKNOWN = Decision(Verdict.ATTEND, (Reason.UNKNOWN_CREDENTIAL,))
_ATTEND_EXPIRED = Decision(Verdict.ATTEND, (Reason.ENROLMENT_EXPIRED,))
_ATTEND_HOURS = Decision(Verdict.ATTEND, (Reason.OUT_OF_HOURS,))
_ATTEND_PASSBACK = Decision(Verdict.ATTEND, (Reason.PASSBACK,))
_ATTEND_ATTEMPTS = Decision(Verdict.ATTEND, (Reason.TOO_MANY_ATTEMPTS,))
_REFUSE_PORTAL = Decision(Verdict.REFUSE, (Reason.WRONG_PORTAL,))
_REFUSE_LOST = Decision(Verdict.REFUSE, (Reason.CREDENTIAL_LOST,))
