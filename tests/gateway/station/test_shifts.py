"""Hand-overs of shifts: kept over a restart, forgotten after thirty days, and never in the way of a damaged file."""

import sqlite3
from pathlib import Path

import pytest

from gateway.station.shifts import KEPT_MS, Handover, ShiftLog


def handover(at: int, note: str = "北门读卡器已报修") -> Handover:
    return Handover(at, at - 1000, "示例甲", "示例乙", note, {"paper.grant": 3}, ["北门 进"])


def test_what_is_handed_over_is_there_after_a_restart_newest_first(tmp_path: Path) -> None:
    log = ShiftLog(tmp_path / "shifts")
    numbers = [log.add(handover(at)) for at in (1000, 2000)]
    again = ShiftLog(tmp_path / "shifts")
    assert [one.at for one in again.recent(5)] == [2000, 1000]
    assert [one.at for one in again.recent(1)] == [2000]
    found = again.found(numbers[0])
    assert found is not None
    assert (found.no, found.by, found.to, found.note) == (numbers[0], "示例甲", "示例乙", "北门读卡器已报修")
    assert (found.figures, found.troubles) == ({"paper.grant": 3}, ["北门 进"])
    assert again.found(99) is None


def test_after_thirty_days_a_hand_over_is_forgotten(tmp_path: Path) -> None:
    log = ShiftLog(tmp_path / "shifts")
    log.add(handover(1000))
    log.add(handover(1000 + KEPT_MS))
    assert [one.at for one in log.recent(5)] == [1000 + KEPT_MS, 1000]
    log.add(handover(1001 + KEPT_MS))
    assert [one.at for one in log.recent(5)] == [1001 + KEPT_MS, 1000 + KEPT_MS]


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    (tmp_path / "shifts").write_bytes(b"no database at all " * 500)
    log = ShiftLog(tmp_path / "shifts")
    assert log.recent(5) == []
    assert log.add(handover(1000)) == 1
    assert [path.name for path in tmp_path.iterdir() if ".broken-" in path.name]


def test_a_disk_that_refuses_is_told_to_whoever_asks(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.Error):
        ShiftLog(tmp_path / "nowhere" / "shifts").add(handover(1000))
