"""How long to wait before the next try: bounded, spread, and no storm of five hundred stations."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gateway.bus import FIRST_PAUSE_S, LONGEST_PAUSE_S, pause

STATIONS = 500


@given(st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_never_longer_than_its_bound(tries: int, chance: float) -> None:
    assert 0 <= pause(tries, chance) < LONGEST_PAUSE_S
    assert pause(tries, chance) <= pause(tries + 1, chance)


def test_the_bound_doubles_until_it_is_the_longest() -> None:
    bounds = [pause(tries, 1.0) for tries in range(7)]
    assert bounds[0] == FIRST_PAUSE_S
    assert bounds == [min(FIRST_PAUSE_S * 2**n, LONGEST_PAUSE_S) for n in range(7)]


def tries_of(chance: random.Random, until: float) -> list[float]:
    """When one station tries, cut off at 0 and never let in."""
    at, tries, found = 0.0, 0, []
    while at < until:
        tries += 1
        at += pause(tries, chance.random())
        found.append(at)
    return found


def test_five_hundred_stations_that_were_cut_off_together_come_back_spread() -> None:
    """After a minute without a broker: who tries in which tenth of a second, and when the last is back."""
    chance, returns = random.Random(20261125), 60.0
    first = [next(at for at in tries_of(chance, returns + 20) if at >= returns) for _ in range(STATIONS)]
    tenths = Counter(int((at - returns) * 10) for at in first)
    assert max(tenths.values()) < STATIONS / 20, "no tenth of a second sees a twentieth of them"
    assert max(first) - returns < LONGEST_PAUSE_S


def test_a_broker_that_drops_everybody_is_not_hurried() -> None:
    """Five hundred stations that are dropped at once each time: so many tries a second, in the long run."""
    chance = random.Random(20261125)
    late = sum(30 <= at < 60 for _ in range(STATIONS) for at in tries_of(chance, 60))
    assert late / 30 < 2.2 * STATIONS / LONGEST_PAUSE_S
