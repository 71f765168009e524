"""How the moment at which a page showed a swipe is reckoned."""

from tests.bench.screens import delays
from tests.bench.watching import HELD


def test_a_swipe_is_shown_when_the_count_reaches_it_and_not_again() -> None:
    sent = [10.0, 10.1, 10.2, 10.3]
    seen = [(10.05, 6), (10.25, 8), (10.26, 8), (10.5, 20)]
    assert [round(one) for one in delays(sent, 5, seen)] == [50, 150, 50, 200]


def test_what_was_shown_before_or_never_counts_for_nothing() -> None:
    assert delays([10.0], 5, [(9.0, 5)]) == []
    assert delays([10.0, 10.1], 5, []) == []


def test_the_count_is_found_in_a_tile() -> None:
    found = HELD.search("<dd>12<small>保存中 1,234</small></dd>")
    assert found is not None
    assert found[1] == "1,234"
