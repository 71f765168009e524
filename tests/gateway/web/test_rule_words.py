"""What is said of rules: everything that may have to be said has its words, in both languages."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given

from gateway.web.rule_words import DECLINED, NOTES, Words, lines, replay_lines, words
from gateway.web.rules_view import Change, Replayed
from gateway.web.texts import LANGUAGES, load
from rules import explain
from rules.acts import Level
from rules.cases import Close
from rules.decide import CHECKS
from rules.model import CIVIL, CaseKind, Decision, Person, Question, Reason, Snapshot, Source, Swipe, Verdict
from rules.policy import Policy
from rules.trial import GateTrial, PersonTrial
from tests import rule_strategies as some

TEXTS = load()
POLICY = Policy(7, "author", "reason", datetime(2026, 11, 1, tzinfo=CIVIL))


@given(some.presented())
def test_every_answer_of_a_check_has_its_words(case: tuple[Swipe, Snapshot]) -> None:
    swipe, snapshot = case
    trial = GateTrial("", swipe, snapshot, Verdict.GRANT, None, None)
    found = explain.gate(trial, replace(POLICY, gate=snapshot.policy))
    assert all(one.why in DECLINED[one.check] for one in found.answers if one.decision is None)
    for lang in LANGUAGES:
        said = Words(TEXTS, lang)
        assert len(list(lines(said, found))) == len(CHECKS) + 2
        assert sum(decided for _, _, decided in said.checks(found)) == 1


@given(some.persons)
def test_everything_that_stands_for_or_against_a_case_has_its_words(person: Person) -> None:
    trial = PersonTrial("", person, (), (), (), some.TODAY, some.TODAY, ())
    found = explain.person(trial, POLICY)
    assert {code for code, _ in found.notes} <= set(NOTES)
    for lang in LANGUAGES:
        assert all(Words(TEXTS, lang).notes(found))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_act_has_its_words(lang: str) -> None:
    said = [f"open {kind} {source}" for kind in CaseKind for source in Source]
    said += [f"escalate {level}" for level in Level] + [f"close {how}" for how in Close]
    said += [f"ask {question}" for question in Question]
    said += ["remind", "propose_slip", "raise_slip", "restate", "take_back"]
    assert all(Words(TEXTS, lang).outcome((one,)) for one in said)
    TEXTS.need(words())


def test_few_are_shown_as_fewer_than_five_and_never_as_a_number() -> None:
    one = Change(Decision(Verdict.GRANT, (Reason.ENROLLED,)), Decision(Verdict.ATTEND, (Reason.PASSBACK,)), None, None)
    done = Replayed(30, (1, 2), swipes=1000, cards=90, people=80, gate=[one], cases=[replace(one, before=())])
    told = list(replay_lines(Words(TEXTS, "en"), done))
    assert told[2].startswith("  <5 swipes, <5 cards: ")
    assert told[4].startswith("  <5 people: nothing")
