"""Two boxes under one name are noticed by their heartbeats; a station that starts again never looks like that."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.lives import APART_S, Lives

NAME = "yuan-1"
BEAT_S = 5.0


def test_two_boxes_heard_in_turn_are_noticed_with_the_second_return_of_the_older_one() -> None:
    lives = Lives()
    heard = [lives.heard(NAME, "ab"[n % 2], n // 2 + 1, n * BEAT_S / 2) for n in range(8)]
    assert heard == [False, False, False, False, True, False, True, False]


def test_one_that_starts_again_and_again_is_one() -> None:
    lives = Lives()
    assert not any(
        lives.heard(NAME, f"{start}", beat, start * 100 + beat * BEAT_S) for start in range(30) for beat in range(1, 6)
    )


@given(leftover=st.integers(0, 6), spread=st.floats(0, APART_S - 0.1), restarted=st.integers(1, 3))
def test_what_a_dead_process_left_under_way_is_no_second_box(leftover: int, spread: float, restarted: int) -> None:
    """Its kernel sends on what it had taken, in one go, while the new process is heard already."""
    lives = Lives()
    said = [("old", beat, beat * BEAT_S) for beat in range(1, 4)]
    begun = 30.0
    said += [("new", beat, begun + beat * BEAT_S) for beat in range(1, 5)]
    said += [("old", 4 + n, begun + restarted * BEAT_S + 0.5 + spread * n / max(leftover, 1)) for n in range(leftover)]
    assert not any(lives.heard(NAME, *one) for one in sorted(said, key=lambda one: one[2]))


def test_a_message_that_comes_again_is_no_sign_of_life() -> None:
    lives = Lives()
    for n in range(10):
        assert not lives.heard(NAME, "old", 1, n * BEAT_S)
        assert not lives.heard(NAME, "new", 1, n * BEAT_S + 1)


def test_stations_are_told_apart_and_little_is_remembered_of_each() -> None:
    lives = Lives()
    assert not any(lives.heard(f"yuan-{n % 2}", f"{n % 2}", n, n * BEAT_S) for n in range(20))
    assert not any(lives.heard(NAME, f"{n}", 1, n * BEAT_S) for n in range(1000))
    assert len(lives._stations[NAME]) <= 8


@given(
    beats=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9000)), max_size=20),
    again=st.lists(st.integers(0, 19), max_size=9),
)
def test_one_process_never_contradicts_itself_whatever_of_it_is_lost_late_or_comes_again(
    beats: list[tuple[int, int]], again: list[int]
) -> None:
    lives, said, beat, mono = Lives(), [], 0, 1
    for skipped, passed in beats:
        beat, mono = beat + 1 + skipped, mono + passed
        said.append((beat, mono))
    said += [said[n] for n in again if n < len(said)]
    assert not any(lives.doubled(NAME, "one", *one) for one in said)


@given(ahead=st.integers(1, 9), beats=st.integers(1, 9))
def test_two_that_count_under_one_epoch_are_noticed(ahead: int, beats: int) -> None:
    """The copy goes on where the machine was; it is heard whenever it puts the other out."""
    lives = Lives()
    assert not any(lives.doubled(NAME, "one", n, n * 5000) for n in range(1, 20 + ahead))
    assert any(lives.doubled(NAME, "one", 20 + n, (20 + ahead + n) * 5000 + 700) for n in range(beats))
