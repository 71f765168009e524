"""Rates: the figures of the notice, nothing shown that is not known, and nothing that gives a small cell away."""

import math
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.indicators import (
    SMALLEST_SHOWN,
    Counts,
    Rate,
    Unknown,
    clearing,
    interval,
    over,
    percent,
    quantile,
    ranked,
    rate,
    short_of,
    suppressed,
    suppressed_rate,
)

P98, P99 = Fraction(98, 100), Fraction(99, 100)


def test_the_demonstrations_figures_are_those_of_the_users() -> None:
    found = rate(Counts(2698, 2781), P98)
    assert (found.value, percent(2698, 2781)) == (2698 / 2781, "97.01")
    assert (found.short, found.met) == (28, False)
    assert math.ceil(P98 * 2781) == 2726
    assert short_of(2698, 2781, P99) == 56
    assert math.ceil(P99 * 2781) == 2754


@pytest.mark.parametrize(
    ("numerator", "denominator", "short"), [(98, 100, 0), (97, 100, 1), (49, 50, 0), (48, 50, 1), (0, 1, 1), (1, 1, 0)]
)
def test_a_target_is_met_at_the_very_person(numerator: int, denominator: int, short: int) -> None:
    assert short_of(numerator, denominator, P98) == short


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.fractions(0, 1))
def test_as_many_more_as_are_short_meet_the_target_and_one_fewer_does_not(n: int, d: int, target: Fraction) -> None:
    n = min(n, d)
    short = short_of(n, d, target)
    assert n + short >= target * d
    assert short == 0 or n + short - 1 < target * d


def test_without_anybody_a_list_or_a_sign_there_is_no_figure() -> None:
    for unknown in Unknown:
        found = rate(Counts(0, 10, unknown=unknown), P98)
        assert (found.value, found.unknown, found.short, found.met, found.interval) == (None, unknown, None, None, None)
    assert rate(Counts(0, 0), P98).unknown is Unknown.NOBODY


def test_what_is_pending_is_said_beside_with_the_lowest_that_it_may_be() -> None:
    found = rate(Counts(90, 100, pending=20))
    assert (found.pending, found.low, found.short) == (20, 0.75, None)
    assert rate(Counts(90, 100)).low is None


@pytest.mark.parametrize("counts", [Counts(2, 1), Counts(-1, 1), Counts(0, -1), Counts(0, 1, -1)])
def test_what_is_no_count_is_an_error(counts: Counts) -> None:
    with pytest.raises(ValueError, match="no count"):
        rate(counts)


def test_adding_communities_keeps_what_is_known_of_one() -> None:
    known, none = Counts(3, 4, 1), Counts(0, 0, unknown=Unknown.NO_LIST)
    assert known + Counts(1, 6) == Counts(4, 10, 1)
    assert known + none == known
    assert none + none == none


@pytest.mark.parametrize(
    ("n", "d", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)]
)
def test_the_interval_is_wilsons(n: int, d: int, low: float, high: float) -> None:
    assert interval(n, d) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(0, 5000), st.integers(1, 5000))
def test_an_interval_holds_its_rate_and_narrows_with_more(n: int, d: int) -> None:
    n = min(n, d)
    low, high = interval(n, d)
    assert 0 <= low <= n / d <= high <= 1
    more = interval(n * 10, d * 10)
    assert more[1] - more[0] <= high - low
    assert rate(Counts(n, d), sampled=True).interval == (low, high)


def test_of_nothing_the_interval_is_everything() -> None:
    assert interval(0, 0) == (0.0, 1.0)


def test_both_of_98_percent_or_none() -> None:
    good, bad, none = rate(Counts(98, 100), P98), rate(Counts(97, 100), P98), rate(Counts(0, 0), P98)
    assert [clearing(two).met for two in ((good, good), (good, bad), (good, none))] == [True, False, None]


def test_fewer_is_better() -> None:
    assert [over(n, 100, Fraction(1, 10)) for n in (9, 10, 11)] == [0, 0, 1]


CELLS = st.lists(st.integers(0, 30), min_size=1, max_size=6)


@given(CELLS)
def test_no_small_cell_is_shown_nor_can_be_reckoned_from_the_total(cells: list[int]) -> None:
    hidden = suppressed(cells)
    assert not [cell for cell, gone in zip(cells, hidden, strict=True) if 0 < cell < SMALLEST_SHOWN and not gone]
    gone = [cell for cell, is_gone in zip(cells, hidden, strict=True) if is_gone]
    if any(gone) and sum(1 for cell in cells if cell > 0) > 1:
        assert len(gone) > 1, "one unknown and the total are an equation with one solution"


@given(CELLS)
def test_what_need_not_be_hidden_is_not(cells: list[int]) -> None:
    small = sum(0 < cell < SMALLEST_SHOWN for cell in cells)
    assert sum(suppressed(cells)) == small + (small == 1 and sum(cell > 0 for cell in cells) > 1)
    assert sum(suppressed(cells, with_total=False)) == small


def test_a_cell_that_is_not_known_hides_one_by_itself() -> None:
    assert suppressed([None, 3, 50]) == (False, True, False)


def test_a_rate_is_hidden_when_it_gives_a_small_cell_away() -> None:
    shown = {(n, d) for n, d in product(range(31), range(31)) if n <= d and not suppressed_rate(n, d)}
    assert (10, 20) in shown
    assert (0, 20) in shown
    assert (20, 20) in shown
    assert not {(n, d) for n, d in shown if 0 < n < 5 or 0 < d - n < 5 or 0 < d < 5}


def test_only_large_ones_with_enough_data_are_ranked() -> None:
    rates = {
        "small": rate(Counts(199, 199)),
        "silent": rate(Counts(300, 300)),
        "second": rate(Counts(290, 300)),
        "first": rate(Counts(299, 300)),
        "also second": rate(Counts(290, 300)),
        "unknown": Rate(0, 300, None, Unknown.NO_LIST),
    }
    suffice = dict.fromkeys(rates, True) | {"silent": False}
    assert ranked(rates, suffice) == ("first", "also second", "second")
    assert ranked(rates, {}) == ()


@pytest.mark.parametrize(
    ("share", "value"), [(Fraction(1, 2), 3), (Fraction(9, 10), 5), (Fraction(1), 5), (Fraction(0), 1)]
)
def test_a_quantile_is_one_of_the_values(share: Fraction, value: int) -> None:
    assert quantile({5: 1, 1: 1, 3: 1, 2: 1, 4: 1}, share) == value
    assert quantile({}, share) is None


def test_a_quantile_counts_a_value_as_often_as_it_is() -> None:
    assert quantile({1: 9, 30: 1}, Fraction(9, 10)) == 1
    assert quantile({1: 8, 30: 2}, Fraction(9, 10)) == 30
