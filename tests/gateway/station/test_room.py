"""A full spool: what it drops, in which order, that it says so, and that no verdict waits for it."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ranges import joined
from gateway.station import room
from gateway.station.cover import Cover
from gateway.station.spool import Spool
from gateway.wire import SwipeRecord
from tests.gateway.station.gate import post
from tests.gateway.station.spools import CENTRE, every, swipe
from tests.waiting import until

EXIT: dict[str, Any] = {"direction": "out", "reasons": ["exit"]}


def mixed(seq: int) -> SwipeRecord:
    """Every second one an exit, as at a gate."""
    return swipe(seq, **(EXIT if seq % 2 == 0 else {}))


def lost_of(spool: Spool) -> set[int]:
    with closing(spool.reader()) as reader:
        return {seq for _, first, last, _ in reader.lost() for seq in range(first, last + 1)}


@pytest.mark.parametrize(
    ("over", "plain"),
    [
        (EXIT, True),
        ({"reasons": ["open_portal"]}, True),
        ({"reasons": ["enrolled"]}, False),
        (EXIT | {"reasons": ["exit", "credential_lost"]}, True),
        (EXIT | {"flags": ["unregistered"]}, False),
        (EXIT | {"sealed": b"x"}, False),
        ({"verdict": "attend", "reasons": ["exit"]}, False),
    ],
)
def test_plain_is_a_grant_for_a_named_reason_without_flag_or_seal(over: dict[str, Any], plain: bool) -> None:
    assert room.is_plain(swipe(1, **over), frozenset(room.DROPS_FIRST)) is plain


def test_settled_goes_first_then_exits_then_the_oldest_and_only_the_unsettled_is_declared_lost(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool")) as spool, closing(spool.reader()) as reader:
        spool.record([(mixed(seq), False) for seq in range(1, 4001)])
        spool.cover(CENTRE, {spool.epoch: Cover(1000)})
        assert [spool.make_room(), spool.make_room()] == [0, 0]
        assert {s.seq for s in every(reader)} == set(range(1001, 4001))
        assert spool.make_room() == room.AT_ONCE
        assert {s.seq for s in every(reader)} == set(range(1001, 4001)) - set(range(1002, 3001, 2))
        assert spool.make_room() == 500
        assert spool.make_room() == room.AT_ONCE
        assert {s.seq for s in every(reader)} == set(range(3001, 4001, 2))
        assert lost_of(spool) == set(range(1001, 3001)) | set(range(3002, 4001, 2))
        assert {why for _, _, _, why in reader.lost()} == {"size_limit"}
        assert spool.make_room() == 500
        assert spool.make_room() is None
        assert [(first, last) for _, first, last, _ in reader.lost()] == [(1001, 4000)], "what touches is one range"


def test_dropping_frees_the_pages_that_new_swipes_need(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        spool.record([(mixed(seq), False) for seq in range(1, 5001)])
        before = spool.size()
        spool.make_room()
        assert spool.size() < before - 0.7 * before / 5


@given(data=st.data())
def test_whatever_is_dropped_and_settled_every_number_is_there_settled_or_lost(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("s") / "spool"
    with pytest.MonkeyPatch.context() as patch, closing(Spool(path)) as spool, closing(spool.reader()) as reader:
        patch.setattr(room, "AT_ONCE", 7)
        seq, cover = 0, Cover()
        for _ in range(data.draw(st.integers(1, 12))):
            match data.draw(st.sampled_from(["record", "settle", "room"])):
                case "record":
                    count = data.draw(st.integers(1, 12))
                    spool.record([(mixed(n), False) for n in range(seq + 1, seq + count + 1)])
                    seq += count
                case "settle" if seq:
                    first = data.draw(st.integers(1, seq))
                    cover = Cover(*joined(cover.upto, [*cover.ranges, (first, data.draw(st.integers(first, seq)))]))
                    spool.cover(CENTRE, {spool.epoch: cover})
                case "room":
                    spool.make_room()
        there, lost = {s.seq for s in every(reader)}, lost_of(spool)
        settled = {n for n in range(1, seq + 1) if cover.holds(n)}
        assert there | lost | settled == set(range(1, seq + 1))
        assert not there & lost


def test_a_station_whose_spool_is_full_goes_on_and_says_what_it_dropped(tmp_path: Path) -> None:
    with post(tmp_path / "spool", most_bytes=200_000) as gate:
        for _ in range(1500):
            gate.swipe()
        until(lambda: len(gate.committed) == 1500)
        until(lambda: sum(gate.lost) > 0)
        until(lambda: gate.spool.size() <= 200_000 or gate.recorder.lost >= 1000)
        assert gate.recorder.troubles == ["spool_full"]
    assert sorted(gate.signalled()) == list(range(1, 1501))
    assert gate.recorder.lost == sum(gate.lost) == len(lost_of(gate.spool))
