"""Explaining: each check's answer or why it declines, and the fewest changes with which a swipe would be granted."""

from dataclasses import replace
from datetime import date, datetime
from itertools import combinations

import pytest
from hypothesis import given

from rules import explain
from rules.decide import CHECKS, decide
from rules.model import CIVIL, Direction, Snapshot, Swipe, Verdict
from rules.policy import Policy, PolicyError
from rules.trial import GateTrial, PersonTrial
from tests import rule_strategies as some

POLICY = Policy(7, "author", "reason", datetime(2026, 11, 1, tzinfo=CIVIL))


def gate_of(text: str, policy: Policy = POLICY) -> explain.GateExplained:
    trial = explain.asked(text)
    assert isinstance(trial, GateTrial)
    return explain.gate(trial, policy)


@given(some.presented())
def test_the_decision_is_that_of_the_gate_and_every_check_answers_or_says_why_not(case: tuple[Swipe, Snapshot]) -> None:
    swipe, snapshot = case
    found = explain.gate(
        GateTrial("", swipe, snapshot, Verdict.GRANT, None, None), replace(POLICY, gate=snapshot.policy)
    )
    assert found.decision == decide(swipe, snapshot)
    assert [answer.check for answer in found.answers] == [check.__name__ for check in CHECKS]
    assert all((answer.decision is None) == bool(answer.why) for answer in found.answers)


@given(some.presented())
def test_with_the_changes_it_would_be_granted_and_with_fewer_it_would_not(case: tuple[Swipe, Snapshot]) -> None:
    swipe, snapshot = case
    found = explain.gate(
        GateTrial("", swipe, snapshot, Verdict.GRANT, None, None), replace(POLICY, gate=snapshot.policy)
    )
    assert found.granted_with is not None, "there always is a way in"

    def granted(names: tuple[str, ...]) -> bool:
        changed = snapshot
        for name in sorted(names, key=lambda one: one != "enrol"):
            changed = explain.CHANGES[name](changed)
        return decide(swipe, changed).verdict is Verdict.GRANT

    assert granted(found.granted_with)
    fewer = len(found.granted_with) - 1
    assert fewer < 0 or not any(granted(names) for names in combinations(explain.CHANGES, fewer))
    if swipe.direction is Direction.OUT:
        assert found.granted_with == ()


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("enrolment = { since = 2026-01-01 }", ()),
        ("", ("enrol",)),
        ("enrolment = { since = 2026-01-01, lost = true }", ("found",)),
        ("enrolment = { since = 2026-01-01, until = 2026-11-22 }", ("renew",)),
        ("enrolment = { since = 2026-11-24 }", ("renew",)),
        ("enrolment = { since = 2026-01-01, portals = ['west'] }", ("portal",)),
        ("enrolment = { since = 2026-01-01, lost = true, portals = ['west'] }", ("found", "portal")),
        ("enrolment = { since = 2026-01-01 }\nhours = ['06:00-07:00']", ("other_time",)),
        ("enrolment = { since = 2026-01-01, enrolled = false }", ("enrol",)),
        ("has_roster = false", ("roster", "enrol")),
    ],
)
def test_the_closest_change_is_the_one_that_was_missing(text: str, changes: tuple[str, ...]) -> None:
    assert gate_of(f"swipe = {{ at = 2026-11-23T12:00:00, portal = 'east' }}\n{text}").granted_with == changes


def test_whoever_is_inside_waits_or_leaves_first_and_a_row_of_the_site_is_named() -> None:
    entry = "recent = [{ portal = 'east', seconds_ago = 5 }]\nenrolment = { since = 2026-01-01 }\n"
    text = entry + "swipe = { at = 2026-11-23T12:00:00, portal = 'east' }"
    strict = replace(POLICY, gate=replace(POLICY.gate, passback_seconds=60))
    assert gate_of(text, strict).granted_with == ("wait",)
    assert gate_of(text).granted_with == ()


def test_of_a_person_it_says_what_follows_and_what_was_counted() -> None:
    trial = explain.asked(
        "person = { role = 'resident', birth = 1990-01-01, enrolled_since = 2026-11-20 }\n"
        "passes = [2026-11-22T19:00:00, 2026-11-23T20:00:00]\ntoday = 2026-11-23\nregister_as_of = 2026-11-22"
    )
    assert isinstance(trial, PersonTrial)
    found = explain.person(trial, POLICY)
    assert (found.acts, found.said) == ((), ())
    assert dict(found.notes) == {
        "days": {"n": 2, "need": 3, "window": 14},
        "evenings": {"n": 2, "need": 2},
        "grace": {"n": 3, "need": 7},
    }
    stale = explain.person(replace(trial, register_as_of=date(2026, 11, 1)), POLICY)
    assert stale.notes[0] == ("stale", {})
    child = replace(trial, person=replace(trial.person, birth=date(2015, 1, 1)))
    assert ("child", {}) in explain.person(child, POLICY).notes


def test_a_question_with_mistakes_says_every_one() -> None:
    with pytest.raises(PolicyError) as caught:
        explain.asked("swipe = { at = 'noon', colour = 'red' }\nsurprise = 1")
    assert caught.value.mistakes == (
        "swipe.at: must be a moment, like 2026-01-31T18:30:00",
        "swipe.colour: is not known",
        "surprise: is not known",
    )
    with pytest.raises(PolicyError, match="not TOML"):
        explain.asked("swipe =")
