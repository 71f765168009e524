"""Samples: their size, and that a seed draws the same ones again, whatever the order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.sampling import draw, size_of

NUMBERS = st.sets(st.integers(1, 10_000), max_size=60)


@pytest.mark.parametrize(
    ("population", "drawn"), [(0, 0), (1, 1), (5, 5), (6, 5), (100, 5), (101, 6), (120, 6), (121, 7), (2000, 100)]
)
def test_five_percent_are_drawn_and_at_least_five(population: int, drawn: int) -> None:
    assert size_of(population) == drawn


@given(seed=st.text(max_size=40), population=NUMBERS, size=st.integers(0, 80), chance=st.randoms())
def test_a_seed_draws_the_same_again_from_any_order(seed: str, population: set[int], size: int, chance) -> None:  # type: ignore[no-untyped-def]
    drawn = draw(seed, population, size)
    shuffled = list(population)
    chance.shuffle(shuffled)
    assert draw(seed, shuffled, size) == drawn
    assert len(drawn) == min(size, len(population))
    assert set(drawn) <= population
    assert list(drawn) == sorted(drawn)


@given(population=st.sets(st.integers(1, 10_000), min_size=2, max_size=40), size=st.integers(1, 40))
def test_more_that_are_drawn_are_the_same_and_others(population: set[int], size: int) -> None:
    assert set(draw("a", population, size - 1)) < set(draw("a", population, size)) or size > len(population)


def test_no_case_is_favoured_by_its_number() -> None:
    hits = [one for seed in range(400) for one in draw(str(seed), range(20), 5)]
    counts = [hits.count(one) for one in range(20)]
    assert min(counts) > 60, "each is expected 100 times"
    assert max(counts) < 140
