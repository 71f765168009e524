"""What people do with a case: assign, collect, review, file, dismiss; each by the table, compare-and-set and noted."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from gateway.centre import deputies
from gateway.centre.slips import Slips, Stale
from gateway.store import tables as t
from gateway.store.queries import casefile, history, leases, living
from gateway.store.queries.history import By
from rules.cases import ENDED, REASONED, Actor, CaseAct, CaseState, NotPossible, Word, may_review, step
from rules.model import CaseKind

NAME = 64
"""Characters of an account's name."""
NOTE = 500
_COLLECTED_BY = {CaseAct.VISIT.value, CaseAct.COLLECT.value}
_OF_WHOEVER_HAS_IT = {CaseAct.VISIT, CaseAct.COLLECT, CaseAct.HAND_BACK}
_SEES_PROTECTED = {Actor.REVIEWER, Actor.POLICE, Actor.SYSTEM, Actor.RESIDENT}


@dataclass(frozen=True, slots=True)
class Deed:
    """One act as somebody does it on a case that they saw at this revision. `to` is whom it is assigned to."""

    act: CaseAct
    revision: int
    actor: Actor
    who: str
    now: int
    word: Word | None = None
    to: str = ""
    note: str = ""


def act_on(connection: Connection, case: int, deed: Deed, slips: Slips) -> CaseState:
    """Do one act on a case that still has this revision; the state after it.

    Raises:
        LookupError: there is no such case for them. Stale: somebody was first. NotPossible: table, kind, capacity, or
            what the act needs forbid it.
    """
    row = found(connection, case, deed.actor)
    if deed.act is CaseAct.VISIT:
        raise NotPossible("a visit is logged with its time and what came of it")
    if deed.act is CaseAct.MERGE:
        raise NotPossible("a merge names the case that is kept")
    state = after(connection, row, deed)
    _allow(connection, row, deed)
    values = {"state": state.value, "is_open": state not in ENDED} | _besides(state, deed)
    put(connection, row, deed, state, values)
    if deed.act is CaseAct.REVIEW:
        _note_review(connection, row, By(deed.who, deed.now, f"case {case}"))
    if state in ENDED:
        slips.close(connection, case, deed.now)
    return state


def merge(connection: Connection, case: int, kept: int, deed: Deed, slips: Slips) -> None:
    """Make one of two open cases about one person: `case` ends, its visits and the work go on with `kept`.

    Raises as `act_on`; NotPossible also where they are not about one person in one community, or `kept` has ended.
    """
    rows = {number: found(connection, number, deed.actor) for number in sorted((case, kept))}
    row, other = rows[case], rows[kept]
    state = after(connection, row, deed)
    if case == kept or not other.is_open or not _of_one_person(connection, row, other):
        raise NotPossible("both have to be going, and about one person in one community")
    values = {"state": state.value, "is_open": False, "paused": False, "merged_into": kept}
    put(connection, row, deed, state, values | {"closed": deed.now, "how": "merged"}, f"into {kept}")
    if not casefile.change_case(connection, kept, other.revision, {"opened_on": min(row.opened_on, other.opened_on)}):
        raise Stale
    casefile.move_visits(connection, case, kept)
    _event(connection, kept, deed, CaseState(other.state), f"from {case}")
    slips.close(connection, case, deed.now)


def found(connection: Connection, case: int, actor: Actor | None = None) -> Any:
    """The case's row, as far as it is there for `actor`; LookupError when there is none."""
    row = casefile.case(connection, case)
    if row is None:
        raise LookupError("there is no such case")
    hidden = actor is not None and actor not in _SEES_PROTECTED
    if hidden and row.person is not None and casefile.is_protected(connection, row.person):
        raise LookupError("there is no such case")
    return row


def after(connection: Connection, row: Any, deed: Deed) -> CaseState:
    """The state after a deed, by the table; NotPossible also where the case is somebody else's."""
    kind, state = CaseKind(row.kind), CaseState(row.state)
    following = step(state, deed.act, kind=kind, actor=deed.actor, word=deed.word, paused=row.paused)
    if deed.actor is Actor.WORKER and deed.act in _OF_WHOEVER_HAS_IT:
        day = By(deed.who, deed.now).today
        if row.collector and not deputies.may_do(connection, row.community, deed.who, row.collector, day):
            raise NotPossible("this case is assigned to somebody else")
    return following


def put(connection: Connection, row: Any, deed: Deed, state: CaseState, values: dict[str, Any], note: str = "") -> None:
    """Set what a deed changes in a case that still has the deed's revision, and note it; Stale where it has not."""
    if not casefile.change_case(connection, row.id, deed.revision, values):
        raise Stale
    _event(connection, row.id, deed, state, note)


def _event(connection: Connection, case: int, deed: Deed, state: CaseState, note: str = "") -> None:
    said = " ".join(part for part in (deed.word or "", deed.to, note, deed.note) if part)[:NOTE]
    casefile.add_event(connection, case, at=deed.now, actor=deed.who, act=deed.act.value, state=state.value, note=said)


def _allow(connection: Connection, row: Any, deed: Deed) -> None:
    if deed.act in REASONED and not deed.note.strip():
        raise NotPossible(f"{deed.act} has a reason")
    if (deed.act is CaseAct.ASSIGN) != bool(deed.to):
        raise NotPossible("an assignment names who is to do it, and nothing else does")
    if deed.act is CaseAct.REOPEN and casefile.has_open_case(connection, row):
        raise NotPossible("another case about the same person is open")
    if deed.act is CaseAct.REVIEW and not may_review(deed.who, collectors(connection, row.id)):
        raise NotPossible("whoever collected a record does not review it")


def _besides(state: CaseState, deed: Deed) -> dict[str, Any]:
    """What an act changes besides the state."""
    if state in ENDED:
        return {"closed": deed.now, "how": deed.word or deed.act.value, "paused": False}
    also: dict[CaseAct, dict[str, Any]] = {
        CaseAct.REOPEN: {"closed": None, "how": None, "objection": None},
        CaseAct.ASSIGN: {"collector": deed.to[:NAME]},
        CaseAct.HAND_BACK: {"collector": None, "appointment": None},
        CaseAct.COLLECT: {"appointment": None},
        CaseAct.OBJECT: {"paused": True, "objection": deed.word},
        CaseAct.RESOLVE: {"paused": False},
    }
    return also.get(deed.act, {})


def _note_review(connection: Connection, row: Any, by: By) -> None:
    """Note on the resident and their dwelling that what is known was reviewed; nothing of who has moved out."""
    if row.kind == CaseKind.DEREGISTRATION or row.person is None:
        return
    lives = living.residing(connection, row.community, [row.person]).get(row.person)
    if lives is not None:
        said = {"reviewed_on": by.today, "reviewed_by": by.actor, "checked_on": by.today}
        history.change(connection, by, t.residents, lives, said)
    for home in leases.dwelling_rows(connection, row.dwelling) if row.dwelling is not None else ():
        history.change(connection, by, t.dwellings, home, {"checked_on": by.today})


def _of_one_person(connection: Connection, row: Any, other: Any) -> bool:
    if row.person is None or other.person is None or row.community != other.community:
        return False
    return len({casefile.kept_record(connection, one.person) for one in (row, other)}) == 1


def collectors(connection: Connection, case: int) -> frozenset[str]:
    """Whoever had a hand in collecting what a case says."""
    return frozenset(event.actor for event in casefile.events(connection, case) if event.act in _COLLECTED_BY)
