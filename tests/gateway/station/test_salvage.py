"""A spool that breaks while people pass, or before: set aside, replaced, salvaged, and the rest declared lost."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from gateway.station.cover import Cover
from gateway.station.salvage import KEPT, Keeper, Work, broken, carry_over, salvage
from gateway.station.spool import CHECKED_AT_START, Spool, SpoolBroken, set_aside
from tests.gateway.station.gate import Post, post
from tests.gateway.station.spools import CENTRE, PAGE, does, every, fill, soil, swipe
from tests.waiting import until


def lost_of(spool: Spool) -> dict[tuple[str, int], str]:
    with closing(spool.reader()) as reader:
        return {(epoch, n): why for epoch, first, last, why in reader.lost() for n in range(first, last + 1)}


def there(spool: Spool) -> list[int]:
    with closing(spool.reader()) as reader:
        return [s.seq for s in every(reader)]


def written(path: Path, count: int) -> str:
    """A spool of one life, all of it in the file itself. Returns its epoch."""
    with closing(Spool(path)) as spool:
        spool.record([(swipe(seq, sealed=b"s" * 300), False) for seq in range(1, count + 1)])
        spool.cover(CENTRE, {spool.epoch: Cover(50)})
        spool.declare_lost(count + 1, count + 3, "spool_full")
    return spool.epoch


def test_what_can_be_read_of_a_broken_file_is_taken_over_and_the_rest_declared_lost(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    old = written(path, 1000)
    pages = path.stat().st_size // PAGE
    soil(path, range(pages // 2, pages // 2 + 5))
    with pytest.raises(SpoolBroken):
        Spool(path)
    aside = set_aside(path)
    with closing(Spool(path)) as spool, closing(spool.reader()) as reader:
        carry_over(aside, spool)
        assert reader.previous() == (old, 1003), "the chain of epochs is whole before anything is said"
        assert reader.centre_epoch() == CENTRE
        assert salvage(path, does(spool)) > 800
        saved = {s.seq for s in every(reader)}
        lost = lost_of(spool)
        assert saved | {seq for _, seq in lost} == set(range(51, 1004)), "settled swipes are elsewhere"
        assert not saved & {seq for _, seq in lost}
        assert {lost[old, seq] for seq in (1001, 1002, 1003)} == {"spool_full"}
        assert set(lost.values()) == {"spool_full", "spool_broken"}
        assert 0 < len(lost) < 200
        assert salvage(path, does(spool)) == 0, "a file is done with once"
    assert [file.name.endswith(".salvaged") for file in broken(path)] == [True]


def test_a_salvage_that_was_cut_short_goes_on_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    written(path, 600)
    soil(path, range(30, 32))
    aside = set_aside(path)
    with closing(Spool(path)) as spool:
        carry_over(aside, spool)
        left = [2]

        def do(work: Work) -> bool:
            left[0] -= 1
            if left[0] >= 0:
                work(spool)
            return left[0] >= 0

        salvage(path, do)
        assert set(lost_of(spool).values()) == {"spool_full"}
        some = len(there(spool))
    with closing(Spool(path)) as spool:
        salvage(path, does(spool))
        assert len(there(spool)) > some
        assert set(there(spool)) | {seq for _, seq in lost_of(spool)} == set(range(51, 604))


def test_of_a_file_that_is_no_spool_nothing_is_expected(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    path.write_bytes(b"no spool at all " * 1000)
    aside = set_aside(path)
    with closing(Spool(path)) as spool:
        carry_over(aside, spool)
        fill(spool, 3)
        assert salvage(path, does(spool)) == 0
        assert there(spool) == [1, 2, 3]
        assert not lost_of(spool)


def test_only_the_newest_broken_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    for number in range(KEPT + 2):
        path.with_name(f"spool.broken-{number}").write_bytes(b"x")
    with closing(Spool(path)) as spool:
        salvage(path, does(spool))
    assert [file.name for file in broken(path)] == ["spool.broken-3.salvaged", "spool.broken-2.salvaged"]


def break_under(gate: Post, path: Path) -> None:
    """Every page but the first is overwritten while the station has the file open."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // PAGE):
            file.seek(page * PAGE)
            file.write(b"\xa5" * PAGE)


def test_a_file_that_breaks_while_people_pass_is_replaced_and_they_notice_nothing(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with post(path) as gate, closing(gate.spool.reader()) as reader:
        for _ in range(200):
            gate.swipe()
        until(lambda: len(gate.committed) == 200)
        assert len(every(reader)) == 200
        break_under(gate, path)
        gate.spool._open().execute("PRAGMA cache_size=0")
        for n in range(201, 221):
            gate.swipe()
            until(lambda n=n: len(gate.signals) == n)
        until(lambda: len(gate.committed) == 220)
        assert gate.recorder.troubles == ["spool_broken"]
        stop = threading.Event()
        salvage(path, lambda work: gate.recorder.do(work).wait(stop))
        kept, lost = {s.seq for s in every(reader)}, lost_of(gate.spool)
        assert kept | {seq for _, seq in lost} == set(range(1, 221))
        assert not kept & {seq for _, seq in lost}
        assert set(range(202, 221)) <= kept
        assert {epoch for epoch, _ in lost} <= {gate.spool.epoch}
        assert path.with_name("spool-wal").exists(), "whoever closes the old file last leaves the new one's log alone"
    assert sorted(gate.signalled()) == list(range(1, 221))
    with closing(Spool(path)) as again:
        assert set(there(again)) == kept


def test_a_schema_that_is_no_text_any_more_is_replaced_while_people_pass(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with post(path) as gate:
        gate.swipe()
        until(lambda: len(gate.committed) == 1)
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        data = path.read_bytes()
        with path.open("r+b") as file:
            file.seek(data.index(b"CREATE TABLE plain") + 9)
            file.write(b"\xff")
        with closing(gate.spool.reader()) as reader:
            with pytest.raises(sqlite3.DatabaseError):
                reader.epochs()
            until(lambda: gate.recorder.broken_files == 1)
            gate.swipe()
            until(lambda: len(gate.committed) == 2)
            assert [s.seq for s in every(reader)] == [2]
    assert gate.signalled() == [1, 2]


def test_what_a_reader_finds_broken_the_writer_replaces(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with post(path) as gate:
        for _ in range(300):
            gate.swipe()
        until(lambda: len(gate.committed) == 300)
        break_under(gate, path)
        with closing(gate.spool.reader()) as reader:
            with pytest.raises(sqlite3.DatabaseError):
                every(reader)
            until(lambda: gate.recorder.broken_files == 1)
            until(lambda: gate.spool.generation == 1 and not gate.spool.suspect)
            gate.swipe()
            until(lambda: len(gate.committed) == 301)
            assert [s.seq for s in every(reader)] == [301]


def test_a_large_file_is_looked_through_after_the_start(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with closing(Spool(path)) as spool:
        big = [(swipe(seq, sealed=b"s" * 1024), False) for seq in range(1, 1 + CHECKED_AT_START // 1300)]
        for start in range(0, len(big), 5000):
            spool.record(big[start : start + 5000])
    pages = path.stat().st_size // PAGE
    assert path.stat().st_size > CHECKED_AT_START
    soil(path, range(pages // 2, pages // 2 + 3))
    with closing(Spool(path)) as spool:
        stop = threading.Event()
        keeper = threading.Thread(target=Keeper(spool, does(spool)).run, args=(stop,))
        keeper.start()
        until(lambda: spool.suspect)
        stop.set()
        keeper.join()
