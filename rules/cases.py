"""The life of a case and of its slip, each as one table: which act leads from which state to which, and whose it is."""

from collections.abc import Mapping
from enum import StrEnum

from rules.model import CaseKind


class NotPossible(Exception):
    """An act that does not fit the state, the kind of case, or whoever tries it. Nothing has changed."""


class CaseState(StrEnum):
    OPEN = "open"
    ASSIGNED = "assigned"
    VISITED = "visited"
    """Somebody went there at least once, and what is to be known is not collected yet (走访未遇, or an appointment)."""
    COLLECTED = "collected"
    REVIEWED = "reviewed"
    FILED = "filed"
    REGISTERED = "registered"
    """The police have done it: of a deregistration, that the registration has ended."""
    DISMISSED = "dismissed"
    CLOSED = "closed"
    """Ended with nothing to be registered: a question of the gate that was answered, or expired and is erased; a
    recheck that found all as it stands; a case that was made one with another."""


class CaseAct(StrEnum):
    ASSIGN = "assign"
    VISIT = "visit"
    HAND_BACK = "hand_back"
    COLLECT = "collect"
    REVIEW = "review"
    RETURN = "return"
    FILE = "file"
    CONFIRM = "confirm"
    REGISTER = "register"
    DISMISS = "dismiss"
    IDENTIFY = "identify"
    EXPIRE = "expire"
    MERGE = "merge"
    OBJECT = "object"
    RESOLVE = "resolve"
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


class Objection(StrEnum):
    """What a resident says against a case about them (我不住这里 / 信息不对)."""

    NOT_LIVING_HERE = "not_living_here"
    WRONG_INFORMATION = "wrong_information"


class GateAnswer(StrEnum):
    """What the gate has found out about an unknown credential: the six buttons of a guard."""

    VISITOR = "visitor"
    NEW_RESIDENT = "new_resident"
    DELIVERY = "delivery"
    HOUSEHOLD_SERVICE = "household_service"
    OLD_OR_YOUNG = "old_or_young"
    OTHER = "other"


Word = Dismissal | Objection | GateAnswer
_State, _Act = CaseState, CaseAct
TO_VISIT: frozenset[CaseState] = frozenset({_State.OPEN, _State.ASSIGNED, _State.VISITED})
"""It is the grid worker's turn."""
GOING: frozenset[CaseState] = TO_VISIT | {_State.COLLECTED, _State.REVIEWED, _State.FILED}
"""Somebody has something left to do."""

NEXT: Mapping[tuple[CaseState, CaseAct], CaseState] = {
    (_State.OPEN, _Act.ASSIGN): _State.ASSIGNED,
    (_State.OPEN, _Act.IDENTIFY): _State.CLOSED,
    (_State.OPEN, _Act.EXPIRE): _State.CLOSED,
    (_State.ASSIGNED, _Act.ASSIGN): _State.ASSIGNED,
    (_State.ASSIGNED, _Act.VISIT): _State.VISITED,
    (_State.ASSIGNED, _Act.HAND_BACK): _State.OPEN,
    (_State.VISITED, _Act.ASSIGN): _State.VISITED,
    (_State.VISITED, _Act.VISIT): _State.VISITED,
    (_State.VISITED, _Act.HAND_BACK): _State.OPEN,
    **{(state, _Act.COLLECT): _State.COLLECTED for state in TO_VISIT},
    (_State.COLLECTED, _Act.REVIEW): _State.REVIEWED,
    (_State.COLLECTED, _Act.RETURN): _State.ASSIGNED,
    (_State.REVIEWED, _Act.FILE): _State.FILED,
    (_State.REVIEWED, _Act.CONFIRM): _State.CLOSED,
    (_State.REVIEWED, _Act.RETURN): _State.ASSIGNED,
    (_State.FILED, _Act.RETURN): _State.ASSIGNED,
    **{(state, _Act.REGISTER): _State.REGISTERED for state in GOING},
    **{(state, _Act.DISMISS): _State.DISMISSED for state in GOING},
    **{(state, _Act.MERGE): _State.CLOSED for state in GOING},
    **{(state, act): state for state in GOING for act in (_Act.OBJECT, _Act.RESOLVE)},
    (_State.REGISTERED, _Act.REOPEN): _State.OPEN,
    (_State.DISMISSED, _Act.REOPEN): _State.OPEN,
}
"""What is not in the table is not possible."""

BEGINS = CaseState.OPEN
ENDED: frozenset[CaseState] = frozenset(CaseState) - GOING
"""Nobody has anything left to do."""
FINAL: frozenset[CaseState] = frozenset({CaseState.CLOSED})
"""Ended for good: nothing is left of it to be reopened."""

ACTORS: Mapping[CaseAct, frozenset[Actor]] = {
    CaseAct.ASSIGN: frozenset({Actor.REVIEWER, Actor.STREET, Actor.SYSTEM}),
    CaseAct.VISIT: frozenset({Actor.WORKER, Actor.REVIEWER}),
    CaseAct.HAND_BACK: frozenset({Actor.WORKER, Actor.REVIEWER, Actor.STREET}),
    CaseAct.COLLECT: frozenset({Actor.WORKER, Actor.REVIEWER, Actor.PROPERTY, Actor.RESIDENT, Actor.LANDLORD}),
    CaseAct.REVIEW: frozenset({Actor.REVIEWER}),
    CaseAct.RETURN: frozenset({Actor.REVIEWER, Actor.POLICE}),
    CaseAct.FILE: frozenset({Actor.REVIEWER}),
    CaseAct.CONFIRM: frozenset({Actor.REVIEWER}),
    CaseAct.REGISTER: frozenset({Actor.POLICE}),
    CaseAct.DISMISS: frozenset({Actor.REVIEWER, Actor.STREET, Actor.POLICE}),
    CaseAct.IDENTIFY: frozenset({Actor.SYSTEM, Actor.PROPERTY}),
    CaseAct.EXPIRE: frozenset({Actor.SYSTEM}),
    CaseAct.MERGE: frozenset({Actor.REVIEWER}),
    CaseAct.OBJECT: frozenset({Actor.RESIDENT, Actor.PROPERTY, Actor.WORKER, Actor.REVIEWER}),
    CaseAct.RESOLVE: frozenset({Actor.REVIEWER}),
    CaseAct.REOPEN: frozenset({Actor.REVIEWER, Actor.STREET, Actor.SYSTEM}),
}
"""In which capacities an act may be done. `register` is the police's: by receipt, register or answer. A reviewer visits
and collects where a record is protected; somebody else reviews it then. A resident's objection may be taken at a desk.
"""

_AT_THE_GATE = frozenset({CaseKind.GATE_QUERY})
_OF_SOMEBODY = frozenset(CaseKind) - _AT_THE_GATE
ONLY: Mapping[CaseAct, frozenset[CaseKind]] = {
    CaseAct.IDENTIFY: _AT_THE_GATE,
    CaseAct.EXPIRE: _AT_THE_GATE,
    CaseAct.ASSIGN: _OF_SOMEBODY,
    CaseAct.COLLECT: _OF_SOMEBODY,
    CaseAct.REGISTER: _OF_SOMEBODY,
    CaseAct.MERGE: _OF_SOMEBODY,
    CaseAct.OBJECT: _OF_SOMEBODY,
    CaseAct.RESOLVE: _OF_SOMEBODY,
    CaseAct.CONFIRM: frozenset({CaseKind.RECHECK}),
}
"""Acts that fit some kinds of case only: with a gate query the gate asks, and nobody is dispatched or registered; a
recheck that found nothing new needs no police."""

WORDS: Mapping[CaseAct, type[Word]] = {
    CaseAct.DISMISS: Dismissal,
    CaseAct.OBJECT: Objection,
    CaseAct.IDENTIFY: GateAnswer,
}
"""Acts that are done with one of the listed words. The program itself identifies by the register, without one."""
REASONED: frozenset[CaseAct] = frozenset({CaseAct.HAND_BACK, CaseAct.RETURN, CaseAct.RESOLVE, CaseAct.REOPEN})
"""Acts for which a person gives a reason in their own words."""


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
    state: CaseState, act: CaseAct, *, kind: CaseKind, actor: Actor, word: Word | None = None, paused: bool = False
) -> CaseState:
    """The state after `act`. NotPossible when table, kind, capacity or pause forbid it, or it lacks its word."""
    after = NEXT.get((state, act))
    if after is None or not _fits(act, kind, paused=paused):
        raise NotPossible(f"{act} is not possible for a {kind} case that is {state}{' and paused' * paused}")
    if actor not in ACTORS[act]:
        raise NotPossible(f"{act} is not for the {actor}")
    needed = WORDS.get(act) if actor is not Actor.SYSTEM else None
    if needed is None and word is not None:
        raise NotPossible(f"{act} takes no word from a list")
    if needed is not None and not isinstance(word, needed):
        raise NotPossible(f"{act} has one of the listed words: {', '.join(needed)}")
    return after


def possible(state: CaseState, *, kind: CaseKind, actor: Actor, paused: bool = False) -> tuple[CaseAct, ...]:
    """The acts open to `actor` now, in the order in which they are declared: what a page offers as buttons."""
    fits = (act for act in CaseAct if (state, act) in NEXT and _fits(act, kind, paused=paused))
    return tuple(act for act in fits if actor in ACTORS[act])


def _fits(act: CaseAct, kind: CaseKind, *, paused: bool) -> bool:
    """Whether an act is for this kind of case; an objection pauses it once, and is resolved while it does."""
    if act in (CaseAct.OBJECT, CaseAct.RESOLVE) and paused != (act is CaseAct.RESOLVE):
        return False
    return kind in ONLY.get(act, frozenset(CaseKind))


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
