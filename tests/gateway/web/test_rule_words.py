"""What is said of rules: everything that may have to be said has its words, in both languages."""

import re
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
from rules.mistakes import SAID, mistake
from rules.model import CIVIL, CaseKind, Decision, Person, Question, Reason, Snapshot, Source, Swipe, Verdict
from rules.policy import Policy, PolicyError, parse
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


def test_every_mistake_is_said_in_both_languages_and_in_english_as_the_rules_print_it() -> None:
    with pytest.raises(PolicyError) as caught:
        parse(
            'version = 0\nauthor = ""\nreason = "r"\nnonsense = 1\n[collection]\ngrace_days = 999\n[slip]\nnotice = 3\n'
        )
    zh, en = (Words(TEXTS, lang) for lang in ("zh", "en"))
    assert "collection.grace_days: must be from 0 to 90, is 999" in caught.value.mistakes
    assert [en.mistake(one) for one in caught.value.mistakes] == list(caught.value.mistakes)
    said = [zh.mistake(one) for one in caught.value.mistakes]
    assert "collection.grace_days 处：应在 0 到 90 之间，现为 999" in said
    assert "nonsense 处：没有这一项" in said
    assert len(set(said)) == len(said) >= 6
    for code, sentence in SAID.items():
        assert TEXTS.tables["en"][f"wrong.{code}"] == sentence
        names = set(re.findall(r"{(\w+)}", sentence))
        assert set(re.findall(r"{(\w+)}", TEXTS.tables["zh"][f"wrong.{code}"])) == names, code
    weak = mistake("safeguard", what=mistake("no_notice", "slip.notice"))
    assert str(weak) == "asks for less than the product's safeguards: slip.notice: no leave-behind card"
    assert zh.mistake(weak) == "低于产品自身的保障要求：slip.notice 处：不留温馨提示卡"
    assert zh.mistake("said by a program of old") == "said by a program of old"
