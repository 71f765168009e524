"""What the spool holds of a stretch of time, over several starts of the station and more than one page of records."""

import sqlite3
from itertools import islice
from pathlib import Path

import pytest

from gateway.station import daybook
from gateway.station.daybook import Daybook
from gateway.station.spool import Spool
from gateway.wire import SwipeRecord


def record(seq: int, at: int) -> SwipeRecord:
    return SwipeRecord(seq, at, at, "east", "east-in", "in", "grant", ["enrolled"], token=bytes(16))


def ats(spool: Spool, since: int, until: int) -> list[int]:
    return [one.at for one in Daybook(spool).between(since, until)]


@pytest.fixture
def paged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daybook, "_AT_ONCE", 10)


def test_it_is_newest_first_over_pages_and_starts_of_the_station(tmp_path: Path, paged: None) -> None:
    first = Spool(tmp_path / "spool")
    first.record([(record(seq, 100 + seq), False) for seq in range(1, 36)])
    first.close()
    spool = Spool(tmp_path / "spool")
    spool.record([(record(seq, 200 + seq), False) for seq in range(1, 26)])
    everything = [*range(225, 200, -1), *range(135, 100, -1)]
    assert ats(spool, 0, 1000) == everything
    assert ats(spool, 120, 211) == [at for at in everything if 120 <= at < 211]
    assert ats(spool, 300, 400) == []
    spool.close()


def test_whoever_wants_a_few_reads_no_further(tmp_path: Path, paged: None) -> None:
    spool = Spool(tmp_path / "spool")
    spool.record([(record(seq, seq), False) for seq in range(1, 100)])
    assert [one.seq for one in islice(Daybook(spool).between(0, 1000), 3)] == [99, 98, 97]
    spool.close()


def test_what_was_deleted_leaves_a_hole_and_nothing_else(tmp_path: Path, paged: None) -> None:
    spool = Spool(tmp_path / "spool")
    spool.record([(record(seq, seq), False) for seq in (1, 2, 3, 40, 41, 80)])
    assert ats(spool, 0, 1000) == [80, 41, 40, 3, 2, 1]
    spool.close()


def test_a_spool_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.close()
    (tmp_path / "spool").write_bytes(b"no spool at all " * 1000)
    for rest in ("spool-wal", "spool-shm"):
        (tmp_path / rest).unlink(missing_ok=True)
    with pytest.raises(sqlite3.Error):
        ats(spool, 0, 1000)
