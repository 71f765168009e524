"""The life of a case and of its slip, each as one table: which act leads from which state to which, and whose it is."""

from collections.abc import Mapping
from enum import StrEnum

from rules.model import CaseKind


class NotPossible(Exception):
    """An act that does not fit the state, the kind of case, or whoever tries it. Nothing has changed."""


class CaseState(StrEnum):
    OPEN = "open"
    ASSIGNED = "assigned"
    COLLECTED = "collected"
    REVIEWED = "reviewed"
    FILED = "filed"
    REGISTERED = "registered"
    DISMISSED = "dismissed"
    CLOSED = "closed"
    """A question at the gate that was answered, or expired and erased."""


class CaseAct(StrEnum):
    ASSIGN = "assign"
    VISIT = "visit"
    HAND_BACK = "hand_back"
    COLLECT = "collect"
    REVIEW = "review"
    RETURN = "return"
    FILE = "file"
    REGISTER = "register"
    DISMISS = "dismiss"
    IDENTIFY = "identify"
    EXPIRE = "expire"
    REOPEN = "reopen"


class Actor(StrEnum):
    """In what capacity someone acts. `system` is the program itself, by the policy."""

    SYSTEM = "system"
    WORKER = "worker"
    REVIEWER = "reviewer"
    STREET = "street"
    POLICE = "police"
    PROPERTY = "property"
    RESIDENT = "resident"
    LANDLORD = "landlord"


class Dismissal(StrEnum):
    """Why a case needs no registration; one of these is always given."""

    VISITING_RELATIVES = "visiting_relatives"
    MEDICAL_CARE = "medical_care"
    BUSINESS_OR_TRAVEL = "business_or_travel"
    HOUSEHOLD_SERVICE = "household_service"
    MOVED_OUT = "moved_out"
    LOCAL_HUKOU = "local_hukou"
    WRONG_INFORMATION = "wrong_information"


DISMISSALS: frozenset[Dismissal] = frozenset(Dismissal)

NEXT: Mapping[tuple[CaseState, CaseAct], CaseState] = {
    (CaseState.OPEN, CaseAct.ASSIGN): CaseState.ASSIGNED,
    (CaseState.OPEN, CaseAct.COLLECT): CaseState.COLLECTED,
    (CaseState.OPEN, CaseAct.REGISTER): CaseState.REGISTERED,
    (CaseState.OPEN, CaseAct.DISMISS): CaseState.DISMISSED,
    (CaseState.OPEN, CaseAct.IDENTIFY): CaseState.CLOSED,
    (CaseState.OPEN, CaseAct.EXPIRE): CaseState.CLOSED,
    (CaseState.ASSIGNED, CaseAct.ASSIGN): CaseState.ASSIGNED,
    (CaseState.ASSIGNED, CaseAct.VISIT): CaseState.ASSIGNED,
    (CaseState.ASSIGNED, CaseAct.HAND_BACK): CaseState.OPEN,
    (CaseState.ASSIGNED, CaseAct.COLLECT): CaseState.COLLECTED,
    (CaseState.ASSIGNED, CaseAct.REGISTER): CaseState.REGISTERED,
    (CaseState.ASSIGNED, CaseAct.DISMISS): CaseState.DISMISSED,
    (CaseState.COLLECTED, CaseAct.REVIEW): CaseState.REVIEWED,
    (CaseState.COLLECTED, CaseAct.RETURN): CaseState.ASSIGNED,
    (CaseState.COLLECTED, CaseAct.REGISTER): CaseState.REGISTERED,
    (CaseState.COLLECTED, CaseAct.DISMISS): CaseState.DISMISSED,
    (CaseState.REVIEWED, CaseAct.FILE): CaseState.FILED,
    (CaseState.REVIEWED, CaseAct.RETURN): CaseState.ASSIGNED,
    (CaseState.REVIEWED, CaseAct.REGISTER): CaseState.REGISTERED,
    (CaseState.REVIEWED, CaseAct.DISMISS): CaseState.DISMISSED,
    (CaseState.FILED, CaseAct.REGISTER): CaseState.REGISTERED,
    (CaseState.FILED, CaseAct.RETURN): CaseState.ASSIGNED,
    (CaseState.FILED, CaseAct.DISMISS): CaseState.DISMISSED,
    (CaseState.REGISTERED, CaseAct.REOPEN): CaseState.OPEN,
    (CaseState.DISMISSED, CaseAct.REOPEN): CaseState.OPEN,
}
"""What is not in the table is not possible."""

BEGINS = CaseState.OPEN
ENDED: frozenset[CaseState] = frozenset({CaseState.REGISTERED, CaseState.DISMISSED, CaseState.CLOSED})
"""Nobody has anything left to do."""
FINAL: frozenset[CaseState] = frozenset({CaseState.CLOSED})
"""Ended for good: its particulars are erased, so it cannot be reopened."""
TO_VISIT: frozenset[CaseState] = frozenset({CaseState.OPEN, CaseState.ASSIGNED})
"""It is the grid worker's turn."""

ACTORS: Mapping[CaseAct, frozenset[Actor]] = {
    CaseAct.ASSIGN: frozenset({Actor.REVIEWER, Actor.STREET, Actor.SYSTEM}),
    CaseAct.VISIT: frozenset({Actor.WORKER}),
    CaseAct.HAND_BACK: frozenset({Actor.WORKER, Actor.REVIEWER, Actor.STREET}),
    CaseAct.COLLECT: frozenset({Actor.WORKER, Actor.PROPERTY, Actor.RESIDENT, Actor.LANDLORD}),
    CaseAct.REVIEW: frozenset({Actor.REVIEWER}),
    CaseAct.RETURN: frozenset({Actor.REVIEWER, Actor.POLICE}),
    CaseAct.FILE: frozenset({Actor.REVIEWER}),
    CaseAct.REGISTER: frozenset({Actor.POLICE}),
    CaseAct.DISMISS: frozenset({Actor.REVIEWER, Actor.STREET, Actor.POLICE}),
    CaseAct.IDENTIFY: frozenset({Actor.SYSTEM, Actor.PROPERTY}),
    CaseAct.EXPIRE: frozenset({Actor.SYSTEM}),
    CaseAct.REOPEN: frozenset({Actor.REVIEWER, Actor.SYSTEM}),
}
"""In which capacities an act may be done. `register` is the police's: by receipt, register or answer."""

ONLY: Mapping[CaseAct, frozenset[CaseKind]] = {
    CaseAct.IDENTIFY: frozenset({CaseKind.GATE_QUERY}),
    CaseAct.EXPIRE: frozenset({CaseKind.GATE_QUERY}),
    CaseAct.ASSIGN: frozenset(CaseKind) - {CaseKind.GATE_QUERY},
    CaseAct.COLLECT: frozenset(CaseKind) - {CaseKind.GATE_QUERY},
    CaseAct.REGISTER: frozenset(CaseKind) - {CaseKind.GATE_QUERY},
}
"""Acts that fit some kinds of case only: with a gate query the gate asks, and nobody is dispatched or registered."""


class Close(StrEnum):
    """How a case closes by itself."""

    REGISTERED = "registered_by_police"
    DEREGISTERED = "deregistered_by_police"
    IDENTIFIED = "identified"
    EXPIRED = "expired"


CLOSING: Mapping[Close, tuple[CaseAct, Actor]] = {
    Close.REGISTERED: (CaseAct.REGISTER, Actor.POLICE),
    Close.DEREGISTERED: (CaseAct.REGISTER, Actor.POLICE),
    Close.IDENTIFIED: (CaseAct.IDENTIFY, Actor.SYSTEM),
    Close.EXPIRED: (CaseAct.EXPIRE, Actor.SYSTEM),
}
"""The act that each way of closing is. The police's register is what closes a case as registered, hence their act."""


def step(
    state: CaseState, act: CaseAct, *, kind: CaseKind, actor: Actor, dismissal: Dismissal | None = None
) -> CaseState:
    """The state after `act`. NotPossible when table, kind or capacity forbid it, or a dismissal lacks its reason."""
    after = NEXT.get((state, act))
    if after is None or kind not in ONLY.get(act, frozenset(CaseKind)):
        raise NotPossible(f"{act} is not possible for a {kind} case that is {state}")
    if actor not in ACTORS[act]:
        raise NotPossible(f"{act} is not for the {actor}")
    if (act is CaseAct.DISMISS) != (dismissal is not None):
        raise NotPossible("a dismissal has one of the listed reasons, and nothing else has")
    return after


def possible(state: CaseState, *, kind: CaseKind, actor: Actor) -> tuple[CaseAct, ...]:
    """The acts open to `actor` now, in the order in which they are declared: what a page offers as buttons."""
    fits = (act for act in CaseAct if (state, act) in NEXT and kind in ONLY.get(act, frozenset(CaseKind)))
    return tuple(act for act in fits if actor in ACTORS[act])


def may_review(reviewer: str, collectors: frozenset[str]) -> bool:
    """Whoever collected a record does not review it; all accounts that had a hand in collecting it count."""
    return bool(reviewer) and reviewer not in collectors


class AlertState(StrEnum):
    PROPOSED = "proposed"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    HANDLED = "handled"
    RETURNED = "returned"
    WRONG = "wrong"
    CLOSED = "closed"


class AlertAct(StrEnum):
    SEND = "send"
    WITHDRAW = "withdraw"
    ACKNOWLEDGE = "acknowledge"
    HANDLE = "handle"
    RETURN = "return"
    MARK_WRONG = "mark_wrong"
    CLOSE = "close"


ALERT_NEXT: Mapping[tuple[AlertState, AlertAct], AlertState] = {
    (AlertState.PROPOSED, AlertAct.SEND): AlertState.SENT,
    (AlertState.PROPOSED, AlertAct.WITHDRAW): AlertState.CLOSED,
    (AlertState.PROPOSED, AlertAct.CLOSE): AlertState.CLOSED,
    (AlertState.SENT, AlertAct.ACKNOWLEDGE): AlertState.ACKNOWLEDGED,
    (AlertState.SENT, AlertAct.HANDLE): AlertState.HANDLED,
    (AlertState.SENT, AlertAct.RETURN): AlertState.RETURNED,
    (AlertState.SENT, AlertAct.MARK_WRONG): AlertState.WRONG,
    (AlertState.SENT, AlertAct.WITHDRAW): AlertState.CLOSED,
    (AlertState.SENT, AlertAct.CLOSE): AlertState.CLOSED,
    (AlertState.ACKNOWLEDGED, AlertAct.HANDLE): AlertState.HANDLED,
    (AlertState.ACKNOWLEDGED, AlertAct.RETURN): AlertState.RETURNED,
    (AlertState.ACKNOWLEDGED, AlertAct.MARK_WRONG): AlertState.WRONG,
    (AlertState.ACKNOWLEDGED, AlertAct.WITHDRAW): AlertState.CLOSED,
    (AlertState.ACKNOWLEDGED, AlertAct.CLOSE): AlertState.CLOSED,
    (AlertState.HANDLED, AlertAct.CLOSE): AlertState.CLOSED,
    (AlertState.RETURNED, AlertAct.SEND): AlertState.SENT,
    (AlertState.RETURNED, AlertAct.WITHDRAW): AlertState.CLOSED,
    (AlertState.RETURNED, AlertAct.CLOSE): AlertState.CLOSED,
    (AlertState.WRONG, AlertAct.CLOSE): AlertState.CLOSED,
}

ALERT_BEGINS = AlertState.PROPOSED
ALERT_ENDED: frozenset[AlertState] = frozenset({AlertState.CLOSED})
ANSWERS: frozenset[AlertAct] = frozenset({AlertAct.ACKNOWLEDGE, AlertAct.HANDLE, AlertAct.RETURN, AlertAct.MARK_WRONG})
"""What the police may say to a slip. An answer that has already been given leads nowhere new: it is not an act."""

ALERT_ACTORS: Mapping[AlertAct, frozenset[Actor]] = {
    AlertAct.SEND: frozenset({Actor.REVIEWER, Actor.STREET}),
    AlertAct.WITHDRAW: frozenset({Actor.REVIEWER, Actor.STREET}),
    AlertAct.ACKNOWLEDGE: frozenset({Actor.POLICE}),
    AlertAct.HANDLE: frozenset({Actor.POLICE}),
    AlertAct.RETURN: frozenset({Actor.POLICE}),
    AlertAct.MARK_WRONG: frozenset({Actor.POLICE}),
    AlertAct.CLOSE: frozenset({Actor.SYSTEM, Actor.REVIEWER}),
}
"""In which capacities. A slip is proposed by the policy and sent by a person: `send` is never the program's."""

CASE_AFTER: Mapping[AlertAct, tuple[CaseAct, Dismissal | None]] = {
    AlertAct.HANDLE: (CaseAct.REGISTER, None),
    AlertAct.MARK_WRONG: (CaseAct.DISMISS, Dismissal.WRONG_INFORMATION),
}
"""What an answer of the police does to the case behind the slip; other answers leave the case as it is."""


def alert_step(state: AlertState, act: AlertAct, *, actor: Actor) -> AlertState:
    """The slip's state after `act`, or NotPossible."""
    after = ALERT_NEXT.get((state, act))
    if after is None:
        raise NotPossible(f"{act} is not possible for a slip that is {state}")
    if actor not in ALERT_ACTORS[act]:
        raise NotPossible(f"{act} is not for the {actor}")
    return after
