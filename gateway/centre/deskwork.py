"""What people do with a case: assign, visit, collect, review, file, dismiss; each by the table and compare-and-set."""

from typing import Any

from sqlalchemy import Connection

from gateway.centre.slips import Slips, Stale
from gateway.store.queries import casefile
from rules.cases import ENDED, Actor, CaseAct, CaseState, Dismissal, NotPossible, may_review, step
from rules.model import CaseKind

NAME = 64
"""Characters of an account's name."""
_COLLECTED_BY = {CaseAct.VISIT.value, CaseAct.COLLECT.value}


def act_on(
    connection: Connection,
    case: int,
    revision: int,
    act: CaseAct,
    *,
    actor: Actor,
    who: str,
    now: int,
    slips: Slips,
    dismissal: Dismissal | None = None,
    note: str = "",
) -> CaseState:
    """Do one act on a case that still has this revision; the state after it.

    Raises:
        LookupError: there is no such case. Stale: somebody was first. NotPossible: table, kind or capacity forbid it.
    """
    row = found(connection, case)
    state = step(CaseState(row.state), act, kind=CaseKind(row.kind), actor=actor, dismissal=dismissal)
    if act is CaseAct.VISIT:
        raise NotPossible("a visit is logged with its time and what came of it")
    if act is CaseAct.REOPEN and casefile.has_open_case(connection, row):
        raise NotPossible("another case about the same person is open")
    if act is CaseAct.REVIEW and not may_review(who, _collectors(connection, case)):
        raise NotPossible("whoever collected a record does not review it")
    values = {"state": state.value, "is_open": state not in ENDED} | _besides(state, act, who, now, dismissal, note)
    if not casefile.change_case(connection, case, revision, values):
        raise Stale
    casefile.add_event(connection, case, at=now, actor=who, act=act.value, state=state.value, note=note)
    if state in ENDED:
        slips.close(connection, case, now)
    return state


def _besides(
    state: CaseState, act: CaseAct, who: str, now: int, dismissal: Dismissal | None, note: str
) -> dict[str, Any]:
    """What an act changes besides the state."""
    if state in ENDED:
        return {"closed": now, "how": dismissal.value if dismissal else act.value}
    if act is CaseAct.REOPEN:
        return {"closed": None, "how": None}
    return {"collector": (note or who)[:NAME]} if act is CaseAct.ASSIGN else {}


def visit(
    connection: Connection, case: int, *, at: int, met: bool, notice_left: bool, actor: Actor, who: str, now: int
) -> None:
    """Log a visit to the dwelling of an assigned case. LookupError and NotPossible as `act_on`."""
    row = found(connection, case)
    if at > now:
        raise NotPossible("a visit cannot lie in the future")
    state = step(CaseState(row.state), CaseAct.VISIT, kind=CaseKind(row.kind), actor=actor)
    casefile.add_visit(connection, case, at=at, met=met, notice_left=notice_left, actor=who)
    note = "met" if met else "not_met"
    casefile.add_event(connection, case, at=now, actor=who, act=CaseAct.VISIT.value, state=state.value, note=note)


def found(connection: Connection, case: int) -> Any:
    """The case's row; LookupError when there is none."""
    row = casefile.case(connection, case)
    if row is None:
        raise LookupError("there is no such case")
    return row


def _collectors(connection: Connection, case: int) -> frozenset[str]:
    return frozenset(event.actor for event in casefile.events(connection, case) if event.act in _COLLECTED_BY)
