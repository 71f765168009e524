"""A short soak, and the ledger that judges a long one."""

import json

import pytest

from tests.soak.ledger import Presented, ReaderLedger
from tests.soak.run import good, soak


@pytest.mark.real("pcscd")
@pytest.mark.xdist_group("pcscd")
def test_reads_are_lost_on_dead_lines_alone_and_nothing_is_left_behind() -> None:
    result = soak(8.0, seed=7, cut_every_s=1.5, kill_every_s=3.0)
    assert good(result), json.dumps(result)
    assert (result["readers"], result["lost"], result["twice"], result["of_nobody"]) == (16, 0, 0, 0)
    assert result["cuts"]
    assert result["daemon_kills"]
    by_kind = result["by_kind"]
    assert isinstance(by_kind, dict)
    assert all(kind["read"] for kind in by_kind.values())


def ledger(*presented: tuple[str, float], dead: tuple[float, float] | None = None) -> ReaderLedger:
    found = ReaderLedger([Presented(card, begin, begin + 0.3) for card, begin in presented])
    if dead is not None:
        found.pull(dead[0])
        found.restore(dead[1] - 0.5)
        found.well(dead[1])
    return found


def test_a_read_that_is_missing_is_lost_unless_its_line_was_dead() -> None:
    found = ledger(("a", 10.0), ("b", 20.0), ("c", 30.0), dead=(19.0, 21.0))
    found.reads.update(["a"])
    sums = found.sums()
    assert (sums["presented"], sums["read"], sums["lost_on_dead_lines"], sums["lost"]) == (3, 1, 1, 1)
    assert found.back_s == [0.5]


def test_a_line_is_dead_from_when_it_is_pulled_until_its_reader_is_heard_again() -> None:
    found = ledger(("before", 1.0), ("under way", 4.5), ("dead", 6.0), ("after", 8.0))
    found.pull(5.0)
    found.well(5.1)  # the reader has not noticed yet
    found.restore(6.5)
    found.well(7.0)
    assert [found.to_dead_line(one) for one in found.presented] == [False, True, True, False]


def test_reads_that_come_twice_or_of_nobody_are_counted() -> None:
    found = ledger(("a", 1.0))
    found.reads.update(["a", "a", "a", "nobody"])
    assert (found.sums()["twice"], found.sums()["of_nobody"], found.sums()["lost"]) == (2, 1, 0)


@pytest.mark.parametrize(
    "wrong",
    [{"lost": 1}, {"twice": 1}, {"of_nobody": 1}, {"descriptors": [10, 11]}, {"threads": [1, 2]}],
)
def test_a_soak_with_anything_wrong_is_not_good(wrong: dict[str, object]) -> None:
    fine: dict[str, object] = {"lost": 0, "twice": 0, "of_nobody": 0, "descriptors": [10, 10], "threads": [1, 1]}
    assert good(fine)
    assert not good(fine | wrong)
