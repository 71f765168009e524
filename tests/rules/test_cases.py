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
    GOING,
    NEXT,
    ONLY,
    TO_VISIT,
    WORDS,
    Actor,
    AlertAct,
    AlertState,
    CaseAct,
    CaseState,
    Close,
    Dismissal,
    GateAnswer,
    NotPossible,
    Objection,
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


def fits(act: CaseAct, kind: CaseKind, *, paused: bool) -> bool:
    """Whether an act is for this kind of case at all, said once more and otherwise."""
    if kind is CaseKind.GATE_QUERY and act in {
        CaseAct.ASSIGN, CaseAct.COLLECT, CaseAct.REGISTER, CaseAct.MERGE, CaseAct.OBJECT, CaseAct.RESOLVE,
    }:  # fmt: skip
        return False
    only = {
        CaseAct.IDENTIFY: CaseKind.GATE_QUERY,
        CaseAct.EXPIRE: CaseKind.GATE_QUERY,
        CaseAct.CONFIRM: CaseKind.RECHECK,
    }
    if only.get(act, kind) is not kind:
        return False
    return {CaseAct.OBJECT: not paused, CaseAct.RESOLVE: paused}.get(act, True)


WORD = {CaseAct.DISMISS: Dismissal.MOVED_OUT, CaseAct.OBJECT: Objection.NOT_LIVING_HERE}


@pytest.mark.parametrize("paused", [False, True], ids=["going on", "paused"])
@pytest.mark.parametrize("kind", CaseKind)
@pytest.mark.parametrize("state", CaseState)
def test_every_act_in_every_state_is_answered(state: CaseState, kind: CaseKind, paused: bool) -> None:
    for act, actor in product(CaseAct, Actor):
        by_a_person = act is CaseAct.IDENTIFY and actor is not Actor.SYSTEM
        word = GateAnswer.VISITOR if by_a_person else WORD.get(act)
        allowed = (state, act) in NEXT and fits(act, kind, paused=paused) and actor in ACTORS[act]
        assert (act in possible(state, kind=kind, actor=actor, paused=paused)) == allowed
        if allowed:
            assert step(state, act, kind=kind, actor=actor, word=word, paused=paused) is NEXT[state, act]
        else:
            with pytest.raises(NotPossible):
                step(state, act, kind=kind, actor=actor, word=word, paused=paused)


@pytest.mark.parametrize("kind", CaseKind)
def test_no_reachable_state_is_a_dead_end(kind: CaseKind) -> None:
    assert [state for state in reachable(kind) if not reachable(kind, state) & ENDED] == []


def test_every_kind_but_a_question_of_the_gate_reaches_every_state() -> None:
    for kind in set(CaseKind) - {CaseKind.GATE_QUERY}:
        assert reachable(kind) == set(CaseState)


def test_only_two_made_one_and_a_recheck_that_found_nothing_new_close_without_the_police_or_a_reason() -> None:
    into = {(state, act) for (state, act), after in NEXT.items() if after is CaseState.CLOSED}
    merged = {(state, CaseAct.MERGE) for state in GOING}
    gate = {(CaseState.OPEN, CaseAct.IDENTIFY), (CaseState.OPEN, CaseAct.EXPIRE)}
    assert into == merged | gate | {(CaseState.REVIEWED, CaseAct.CONFIRM)}
    assert ONLY[CaseAct.CONFIRM] == {CaseKind.RECHECK}


def test_an_objection_pauses_a_case_once_and_leaves_it_where_it_is() -> None:
    for kind, state in product(set(CaseKind) - {CaseKind.GATE_QUERY}, GOING):
        word = Objection.WRONG_INFORMATION
        assert step(state, CaseAct.OBJECT, kind=kind, actor=Actor.RESIDENT, word=word) is state
        with pytest.raises(NotPossible):
            step(state, CaseAct.OBJECT, kind=kind, actor=Actor.RESIDENT, word=word, paused=True)
        assert step(state, CaseAct.RESOLVE, kind=kind, actor=Actor.REVIEWER, paused=True) is state
        with pytest.raises(NotPossible):
            step(state, CaseAct.RESOLVE, kind=kind, actor=Actor.REVIEWER)
        assert CaseAct.DISMISS in possible(state, kind=kind, actor=Actor.REVIEWER, paused=True)


def test_a_visit_is_known_by_the_state_until_something_is_collected_or_it_is_handed_back() -> None:
    leaving = {act: after for (state, act), after in NEXT.items() if state is CaseState.VISITED}
    assert leaving[CaseAct.VISIT] is leaving[CaseAct.ASSIGN] is CaseState.VISITED
    assert leaving[CaseAct.HAND_BACK] is CaseState.OPEN
    assert {act for act, after in leaving.items() if after is CaseState.ASSIGNED} == set()


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
    assert possible(declared, kind=COLLECTION, actor=Actor.RESIDENT) == (CaseAct.OBJECT,)


def test_an_act_takes_a_word_from_its_own_list_and_none_where_it_has_no_list() -> None:
    words = [None, Dismissal.MOVED_OUT, Objection.NOT_LIVING_HERE, GateAnswer.OTHER]
    for act, word in product(CaseAct, words):
        for kind, actor, paused in product(CaseKind, Actor, (False, True)):
            if act not in possible(CaseState.OPEN, kind=kind, actor=actor, paused=paused):
                continue
            needed = None if actor is Actor.SYSTEM else WORDS.get(act)
            if isinstance(word, needed) if needed is not None else word is None:
                step(CaseState.OPEN, act, kind=kind, actor=actor, word=word, paused=paused)
            else:
                with pytest.raises(NotPossible, match="word"):
                    step(CaseState.OPEN, act, kind=kind, actor=actor, word=word, paused=paused)
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
    for answer, (act, word) in CASE_AFTER.items():
        assert answer in ANSWERS
        for state in set(CaseState) - ENDED:
            assert step(state, act, kind=COLLECTION, actor=Actor.POLICE, word=word) in ENDED
