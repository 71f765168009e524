"""The life of a case and of its slip, checked over every state, act, kind and capacity."""

from itertools import product

import pytest

from rules.cases import (
    ACTORS,
    ALERT_ACTORS,
    ALERT_BEGINS,
    ALERT_ENDED,
    ALERT_NEXT,
    ANSWERS,
    BEGINS,
    CASE_AFTER,
    CLOSING,
    DISMISSALS,
    ENDED,
    FINAL,
    NEXT,
    ONLY,
    TO_VISIT,
    Actor,
    AlertAct,
    AlertState,
    CaseAct,
    CaseState,
    Close,
    Dismissal,
    NotPossible,
    alert_step,
    may_review,
    possible,
    step,
)
from rules.model import CaseKind

COLLECTION = CaseKind.COLLECTION
KIND_OF = {Close.REGISTERED: COLLECTION, Close.DEREGISTERED: CaseKind.DEREGISTRATION}


def reachable(kind: CaseKind, start: CaseState = BEGINS) -> set[CaseState]:
    """Every state to which some chain of acts leads, `start` included."""
    seen: set[CaseState] = set()
    todo = {start}
    while todo:
        here = todo.pop()
        seen.add(here)
        fits = (act for act in CaseAct if kind in ONLY.get(act, frozenset(CaseKind)))
        todo |= {NEXT[here, act] for act in fits if (here, act) in NEXT} - seen
    return seen


@pytest.mark.parametrize("kind", CaseKind)
@pytest.mark.parametrize("state", CaseState)
def test_every_act_in_every_state_is_answered(state: CaseState, kind: CaseKind) -> None:
    for act, actor in product(CaseAct, Actor):
        dismissal = Dismissal.MOVED_OUT if act is CaseAct.DISMISS else None
        allowed = (state, act) in NEXT and kind in ONLY.get(act, frozenset(CaseKind)) and actor in ACTORS[act]
        assert (act in possible(state, kind=kind, actor=actor)) == allowed
        if allowed:
            assert step(state, act, kind=kind, actor=actor, dismissal=dismissal) is NEXT[state, act]
        else:
            with pytest.raises(NotPossible):
                step(state, act, kind=kind, actor=actor, dismissal=dismissal)


@pytest.mark.parametrize("kind", CaseKind)
def test_no_reachable_state_is_a_dead_end(kind: CaseKind) -> None:
    assert [state for state in reachable(kind) if not reachable(kind, state) & ENDED] == []


def test_a_collection_reaches_every_state_but_the_erased_one() -> None:
    assert reachable(COLLECTION) == set(CaseState) - {CaseState.CLOSED}


def test_a_gate_query_is_never_dispatched_collected_or_registered() -> None:
    assert reachable(CaseKind.GATE_QUERY) == {CaseState.OPEN, CaseState.DISMISSED, CaseState.CLOSED}


def test_what_has_ended_leads_nowhere_but_back_to_the_beginning() -> None:
    leaving = {(state, act): after for (state, act), after in NEXT.items() if state in ENDED}
    assert set(leaving.values()) == {BEGINS}
    assert {act for _, act in leaving} == {CaseAct.REOPEN}
    assert {state for state, _ in leaving} == ENDED - FINAL


def test_only_the_police_make_a_case_registered() -> None:
    into = {act for (_, act), after in NEXT.items() if after is CaseState.REGISTERED}
    assert into == {CaseAct.REGISTER}
    assert ACTORS[CaseAct.REGISTER] == {Actor.POLICE}


def test_being_registered_ends_a_collection_from_wherever_it_stands() -> None:
    for state in set(CaseState) - ENDED:
        assert step(state, CaseAct.REGISTER, kind=COLLECTION, actor=Actor.POLICE) is CaseState.REGISTERED


def test_a_declaration_brings_a_case_to_collected_and_no_further() -> None:
    declared = step(CaseState.OPEN, CaseAct.COLLECT, kind=COLLECTION, actor=Actor.RESIDENT)
    assert declared is CaseState.COLLECTED
    assert possible(declared, kind=COLLECTION, actor=Actor.RESIDENT) == ()


def test_a_dismissal_needs_one_of_the_listed_reasons_and_nothing_else_takes_one() -> None:
    with pytest.raises(NotPossible):
        step(CaseState.OPEN, CaseAct.DISMISS, kind=COLLECTION, actor=Actor.REVIEWER)
    with pytest.raises(NotPossible):
        step(CaseState.OPEN, CaseAct.ASSIGN, kind=COLLECTION, actor=Actor.REVIEWER, dismissal=Dismissal.MOVED_OUT)
    assert len(DISMISSALS) == 7


def test_every_act_has_someone_who_may_do_it() -> None:
    assert set(ACTORS) == set(CaseAct)
    assert set(ALERT_ACTORS) == set(AlertAct)
    assert all(ACTORS.values())
    assert all(ALERT_ACTORS.values())


def test_whoever_collected_does_not_review() -> None:
    assert may_review("b", frozenset({"a"}))
    assert not may_review("a", frozenset({"a"}))
    assert not may_review("a", frozenset({"b", "a"}))
    assert not may_review("", frozenset({"a"}))


def test_every_way_of_closing_by_itself_is_an_act_that_its_actor_may_do() -> None:
    assert set(CLOSING) == set(Close)
    for how, (act, actor) in CLOSING.items():
        kind = KIND_OF.get(how, CaseKind.GATE_QUERY)
        assert step(BEGINS, act, kind=kind, actor=actor) in ENDED


def test_the_worker_visits_before_anything_is_collected() -> None:
    assert BEGINS in TO_VISIT
    assert {state for state, act in NEXT if act is CaseAct.COLLECT} == TO_VISIT


@pytest.mark.parametrize("state", AlertState)
def test_every_act_on_a_slip_is_answered(state: AlertState) -> None:
    for act, actor in product(AlertAct, Actor):
        if (state, act) in ALERT_NEXT and actor in ALERT_ACTORS[act]:
            assert alert_step(state, act, actor=actor) is ALERT_NEXT[state, act]
        else:
            with pytest.raises(NotPossible):
                alert_step(state, act, actor=actor)


def test_a_slip_reaches_every_state_and_closes_from_each() -> None:
    assert set(ALERT_NEXT.values()) | {ALERT_BEGINS} == set(AlertState)
    for state in set(AlertState) - ALERT_ENDED:
        assert alert_step(state, AlertAct.CLOSE, actor=Actor.SYSTEM) is AlertState.CLOSED
    assert not [act for state, act in ALERT_NEXT if state in ALERT_ENDED]


def test_a_slip_is_sent_by_a_person_and_answered_by_the_police() -> None:
    assert Actor.SYSTEM not in ALERT_ACTORS[AlertAct.SEND]
    assert all(ALERT_ACTORS[act] == {Actor.POLICE} for act in ANSWERS)


def test_an_answer_that_settles_the_case_fits_every_state_of_a_case_with_a_slip() -> None:
    for answer, (act, dismissal) in CASE_AFTER.items():
        assert answer in ANSWERS
        for state in set(CaseState) - ENDED:
            assert step(state, act, kind=COLLECTION, actor=Actor.POLICE, dismissal=dismissal) in ENDED
