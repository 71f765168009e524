"""Settled swipes stay for as long as was set from when they were settled, whatever the clocks of swipes and box say."""

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.station.cover import Cover
from gateway.station.keeping import Moment
from gateway.station.spool import Spool
from tests.gateway.station.spools import CENTRE, every, fill, swipe

KEEP = 1000
A, B = "a" * 16, "b" * 16


def there(spool: Spool) -> list[int]:
    with closing(spool.reader()) as reader:
        return [one.seq for one in every(reader)]


def settled(path: Path, count: int) -> Spool:
    spool = Spool(path)
    fill(spool, count)
    spool.cover(CENTRE, {spool.epoch: Cover(count)})
    return spool


def test_swipes_of_1970_stay_as_long_as_all_others(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.record([(swipe(1, at=5), False), (swipe(2, at=2**50), False)])
        spool.cover(CENTRE, {spool.epoch: Cover(2)})
        spool.forget(Moment(2**41, 0, A), KEEP)
        spool.forget(Moment(2**41, KEEP - 1, A), KEEP)
        assert there(spool) == [1, 2]
        assert spool.forget(Moment(2**41, KEEP, A), KEEP) == 2


@pytest.mark.parametrize(
    ("noted", "now", "goes"),
    [
        (Moment(0, 0, A), Moment(KEEP, KEEP, A), True),
        (Moment(0, 0, A), Moment(10 * KEEP, KEEP - 1, A), False),
        (Moment(0, 0, A, synced=True), Moment(10 * KEEP, KEEP - 1, A, synced=True), False),
        (Moment(0, 0, A, synced=True), Moment(KEEP, 5, B, synced=True), True),
        (Moment(0, 0, A, synced=True), Moment(KEEP - 1, 10 * KEEP, B, synced=True), False),
        (Moment(0, 0, A), Moment(10 * KEEP, 10 * KEEP, B, synced=True), False),
        (Moment(0, 0, A, synced=True), Moment(10 * KEEP, 10 * KEEP, B), False),
        (Moment(0, 0), Moment(10 * KEEP, 10 * KEEP), False),
    ],
)
def test_time_counts_by_the_monotonic_clock_and_beyond_a_start_by_one_that_is_synchronised(
    tmp_path: Path, noted: Moment, now: Moment, goes: bool
) -> None:
    with closing(settled(tmp_path / "spool", 3)) as spool:
        spool.forget(noted, KEEP)
        assert spool.forget(now, KEEP) == (3 if goes else 0)


def test_a_box_that_is_never_synchronised_counts_anew_after_each_start(tmp_path: Path) -> None:
    with closing(settled(tmp_path / "spool", 3)) as spool:
        spool.forget(Moment(0, 0, A), KEEP)
        spool.forget(Moment(0, 50, B), KEEP)
        assert spool.forget(Moment(0, 49 + KEEP, B), KEEP) == 0
        assert spool.forget(Moment(0, 50 + KEEP, B), KEEP) == 3


def test_what_a_restored_centre_does_not_have_is_kept_from_when_it_has_it_again(tmp_path: Path) -> None:
    with closing(settled(tmp_path / "spool", 3)) as spool:
        spool.forget(Moment(0, 0, A), KEEP)
        spool.cover("f" * 16, {spool.epoch: Cover(1)})
        assert spool.forget(Moment(0, KEEP, A), KEEP) == 0
        assert spool.forget(Moment(0, 2 * KEEP, A), KEEP) == 1
        spool.cover("f" * 16, {spool.epoch: Cover(3)})
        assert spool.forget(Moment(0, 3 * KEEP - 1, A), KEEP) == 0
        assert there(spool) == [2, 3]
        assert spool.forget(Moment(0, 4 * KEEP, A), KEEP) == 2


def test_an_epoch_of_which_all_was_forgotten_goes_and_those_that_hello_names_stay(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    epochs = []
    for count in (2, 3, 0, 0):
        with closing(settled(path, count) if count else Spool(path)) as spool:
            epochs.append(spool.epoch)
    with closing(Spool(path)) as spool, closing(spool.reader()) as reader:
        spool.forget(Moment(0, 0, A), KEEP)
        assert [info.epoch for info in reader.epochs()] == [*epochs[:2], epochs[3], spool.epoch]
        assert spool.forget(Moment(0, KEEP, A), KEEP) == 5
        assert [info.epoch for info in reader.epochs()] == [epochs[1], epochs[3], spool.epoch]
        assert reader.previous() == (epochs[1], 3)


@given(steps=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 700)), min_size=1, max_size=12))
def test_nothing_goes_before_its_time_and_all_of_it_then(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]]
) -> None:
    """Each step: the centre settles so many more, and so much time passes until the spool is looked through."""
    with closing(Spool(tmp_path_factory.mktemp("s") / "spool")) as spool:
        fill(spool, 30)
        now, upto, seen = 0, 0, dict[int, int]()
        for more, passed in steps:
            upto = min(upto + more, 30)
            spool.cover(CENTRE, {spool.epoch: Cover(upto)})
            now += passed
            spool.forget(Moment(0, now, A), KEEP)
            for seq in range(1, upto + 1):
                seen.setdefault(seq, now)
            assert there(spool) == [seq for seq in range(1, 31) if now - seen.get(seq, now) < KEEP]
