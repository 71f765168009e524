"""Which attend a grant by hand answers."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.station.console.attends import FADES, MOST, Attends, key_of
from gateway.station.console.view import Shown, Visitor
from rules.model import Direction, Reason, Verdict

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def shown(seq: int, reason: Reason = Reason.UNKNOWN_CREDENTIAL, portal: str = "east", after: float = 0) -> Shown:
    by_hand = reason is Reason.MANUAL
    return Shown(
        epoch="e",
        seq=seq,
        at=NOON + timedelta(seconds=after),
        portal=portal,
        portal_name=portal,
        reader="r",
        direction=Direction.IN,
        kind=None,
        verdict=Verdict.GRANT if by_hand else Verdict.ATTEND,
        reasons=(reason,),
        recorded=True,
        answered=Visitor.VISITOR if by_hand else None,
    )


def waiting(attends: Attends, after: float = 0) -> list[int]:
    return [one.seq for one in attends.waiting(NOON + timedelta(seconds=after))]


def test_a_grant_by_hand_answers_the_oldest_attend_at_its_portal() -> None:
    attends = Attends()
    for one in (shown(1), shown(2, portal="north"), shown(3)):
        attends.add(one)
    assert attends.add(shown(4, Reason.MANUAL)) == "e-1"
    assert waiting(attends) == [2, 3]


def test_it_answers_the_card_that_was_pressed_first() -> None:
    attends = Attends()
    attends.add(shown(1))
    attends.add(shown(2))
    attends.press("east", "e-2")
    assert attends.add(shown(3, Reason.MANUAL)) == "e-2"
    assert waiting(attends) == [1]


def test_a_press_that_came_to_nothing_is_forgotten() -> None:
    attends = Attends()
    attends.add(shown(1))
    attends.add(shown(2))
    attends.press("east", "e-2")
    attends.release("east", "e-2")
    assert attends.add(shown(3, Reason.MANUAL)) == "e-1"


def test_a_press_of_a_card_that_is_gone_answers_the_oldest() -> None:
    attends = Attends()
    attends.add(shown(1))
    attends.press("east", "e-99")
    assert attends.add(shown(3, Reason.MANUAL)) == "e-1"


def test_an_attend_fades_after_ninety_seconds_and_not_before() -> None:
    attends = Attends()
    attends.add(shown(1))
    assert waiting(attends, FADES.total_seconds()) == [1]
    assert waiting(attends, FADES.total_seconds() + 0.001) == []


def test_a_grant_by_hand_does_not_answer_one_that_went_away() -> None:
    attends = Attends()
    attends.add(shown(1))
    assert attends.add(shown(2, Reason.MANUAL, after=91)) is None


def test_what_was_shown_before_a_start_is_taken_in() -> None:
    attends = Attends()
    attends.seed([shown(3), shown(2, Reason.MANUAL), shown(1)])
    assert waiting(attends) == [3]


@given(st.lists(st.tuples(st.sampled_from(["east", "north"]), st.booleans()), max_size=120))
def test_nobody_is_answered_twice_and_the_store_is_bounded(events: list[tuple[str, bool]]) -> None:
    attends = Attends()
    answers = []
    for seq, (portal, by_hand) in enumerate(events):
        one = shown(seq, Reason.MANUAL if by_hand else Reason.UNKNOWN_CREDENTIAL, portal)
        if (key := attends.add(one)) is not None:
            answers.append(key)
        assert by_hand or key_of(one) in {key_of(left) for left in attends.waiting(NOON)}
    assert len(answers) == len(set(answers))
    assert len(attends.waiting(NOON)) <= MOST
