"""The spool on real files: what it was told is there after any end, and only what is settled is ever deleted."""

import contextlib
import resource
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.station.cover import Cover
from gateway.station.salvage import carry_over, salvage
from gateway.station.spool import Spool, SpoolBroken, set_aside
from gateway.wire import StreamAck, SwipeRecord
from tests.gateway.station.spools import CENTRE, PAGE, does, every, fill, forget, soil, swipe, without_checksums

ranges = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 6)).map(lambda r: (r[0], r[0] + r[1])), max_size=6)


def seqs_of(cover: Cover) -> set[int]:
    return {seq for seq in range(1, 60) if cover.holds(seq)}


def open_spool(path: Path) -> closing[Spool]:
    return closing(Spool(path))


def stored(spool: Spool) -> list[int]:
    with closing(spool.reader()) as reader:
        return [record.seq for record in every(reader)]


def test_what_was_recorded_is_there_for_another_process_at_once(tmp_path: Path) -> None:
    with open_spool(tmp_path / "spool") as spool:
        fill(spool, 3)
        other = sqlite3.connect(f"file:{tmp_path / 'spool'}?mode=ro", uri=True)
        with closing(other):
            assert other.execute("SELECT count(*) FROM swipes").fetchone() == (3,)
        assert spool._open().execute("PRAGMA synchronous").fetchone() == (2,)
        assert spool._open().execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_was_recorded_outlives_a_kill(tmp_path: Path) -> None:
    """The process is killed the moment that `record` returns."""
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from gateway.station.spool import Spool; from tests.gateway.station.spools import fill\n"
        "spool = Spool(Path(sys.argv[1])); fill(spool, 5); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "spool")], timeout=30, check=False)
    assert done.returncode == -9
    with open_spool(tmp_path / "spool") as spool:
        assert stored(spool) == [1, 2, 3, 4, 5]


def test_the_chain_of_epochs_names_the_last_one_with_a_swipe_and_its_last_seq(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with open_spool(path) as first, closing(first.reader()) as reader:
        assert reader.previous() is None
        fill(first, 4)
    with open_spool(path) as second, closing(second.reader()) as reader:
        assert reader.previous() == (first.epoch, 4)
        assert second.epoch != first.epoch
    with open_spool(path) as third, closing(third.reader()) as reader:
        assert reader.previous() == (first.epoch, 4)
        assert [(h.epoch, h.first, h.last) for h in reader.held()] == [(first.epoch, 1, 4)]
        third.cover(CENTRE, {first.epoch: Cover(4)})
        assert forget(third) == 4
        assert reader.previous() == (first.epoch, 4)
    with open_spool(path) as fourth, closing(fourth.reader()) as reader:
        forget(fourth)
        assert reader.previous() == (first.epoch, 4)
        assert [(h.epoch, h.first, h.last) for h in reader.held()] == [(first.epoch, 4, 4)]


def test_the_last_seq_is_known_when_everything_was_forgotten(tmp_path: Path) -> None:
    with open_spool(tmp_path / "spool") as first:
        fill(first, 9)
        first.cover(CENTRE, {first.epoch: Cover(9)})
        forget(first)
    with open_spool(tmp_path / "spool") as second, closing(second.reader()) as reader:
        assert reader.previous() == (first.epoch, 9)


@given(known=ranges, told=ranges, upto=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_an_acknowledgement_only_ever_adds(
    known: list[tuple[int, int]], told: list[tuple[int, int]], upto: tuple[int, int]
) -> None:
    before = Cover(upto[0]).merged(StreamAck("", 0, known))
    after = before.merged(StreamAck("", upto[1], told))
    alone = seqs_of(Cover(upto[1], tuple(told)))
    assert seqs_of(after) == seqs_of(before) | alone
    assert all(b < c - 1 for (_, b), (c, _) in zip(after.ranges, after.ranges[1:], strict=False))
    assert not after.ranges or after.ranges[0][0] > after.upto + 1


@given(told=ranges, upto=st.integers(0, 30), held=st.sets(st.integers(1, 45), min_size=1))
def test_unsettled_is_what_the_spool_holds_and_no_cover_does(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int, int]], upto: int, held: set[int]
) -> None:
    """Ranges may cover what was never stored here: what was lost, or forgotten since."""
    with open_spool(tmp_path_factory.mktemp("s") / "spool") as spool, closing(spool.reader()) as reader:
        spool.record([(swipe(seq), False) for seq in sorted(held)])
        cover = Cover(upto).merged(StreamAck("", 0, told))
        assert reader.unsettled({spool.epoch: cover}) == len(held - seqs_of(cover))
        spool.cover(CENTRE, {spool.epoch: cover})
        assert reader.unsettled() == len(held - seqs_of(cover))


@given(told=ranges, upto=st.integers(0, 30))
def test_only_what_is_settled_is_forgotten(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int, int]], upto: int
) -> None:
    with open_spool(tmp_path_factory.mktemp("s") / "spool") as spool:
        spool.record([(swipe(seq), False) for seq in range(1, 46)])
        cover = Cover(upto).merged(StreamAck("", 0, told))
        spool.cover(CENTRE, {spool.epoch: cover})
        gone = {seq for seq in range(1, 46) if cover.holds(seq)}
        assert forget(spool) == len(gone)
        assert set(stored(spool)) == set(range(1, 46)) - gone


def test_what_is_lost_stays_until_a_person_accepts_it(tmp_path: Path) -> None:
    with open_spool(tmp_path / "spool") as spool, closing(spool.reader()) as reader:
        fill(spool, 2)
        spool.declare_lost(3, 8, "spool_full")
        spool.cover(CENTRE, {spool.epoch: Cover(8)})
        forget(spool)
        assert reader.lost() == [(spool.epoch, 3, 8, "spool_full")]
        assert reader.epochs()[-1].ever_last == 8


def test_a_verdict_shown_before_it_was_on_disk_stays_marked(tmp_path: Path) -> None:
    with open_spool(tmp_path / "spool") as spool, closing(spool.reader()) as reader:
        spool.record([(swipe(1), False), (swipe(2), True), (swipe(3), False)])
        spool.mark_late([3])
        assert [record.recorded for record in every(reader)] == [True, False, False]


def test_recording_again_changes_nothing(tmp_path: Path) -> None:
    with open_spool(tmp_path / "spool") as spool, closing(spool.reader()) as reader:
        spool.record([(swipe(1, portal="east"), False)])
        spool.record([(swipe(1, portal="west"), False), (swipe(2), False)])
        assert [(s.seq, s.portal) for s in every(reader)] == [(1, "east"), (2, "east")]


def test_swipes_come_in_order_and_in_pieces(tmp_path: Path) -> None:
    with open_spool(tmp_path / "spool") as spool, closing(spool.reader()) as reader:
        fill(spool, 25)
        (info,) = reader.epochs()
        seen: list[SwipeRecord] = []
        while piece := reader.swipes(info, (seen[-1].seq + 1 if seen else 1, 25), 10):
            seen += piece
        assert [s.seq for s in seen] == list(range(1, 26))


def test_a_new_centre_epoch_unsettles_what_it_does_not_name(tmp_path: Path) -> None:
    """A centre restored from a backup knows less; a station that restarts must not trust what the old one had said."""
    with open_spool(tmp_path / "spool") as first:
        fill(first, 5)
        first.cover(CENTRE, {first.epoch: Cover(5)})
    with open_spool(tmp_path / "spool") as second, closing(second.reader()) as reader:
        fill(second, 5)
        second.cover("f" * 16, {second.epoch: Cover(3)})
        assert reader.centre_epoch() == "f" * 16
        assert [info.cover for info in reader.epochs()] == [Cover(0), Cover(3)]
        assert forget(second) == 3


def test_a_reader_on_another_thread_sees_each_commit(tmp_path: Path) -> None:
    with open_spool(tmp_path / "spool") as spool, closing(spool.reader()) as reader:
        counts: list[int] = []
        look, looked = threading.Semaphore(0), threading.Semaphore(0)

        def watch() -> None:
            for _ in range(20):
                look.acquire()
                counts.append(reader.unsettled())
                looked.release()

        thread = threading.Thread(target=watch)
        thread.start()
        for seq in range(1, 21):
            spool.record([(swipe(seq), False)])
            look.release()
            looked.acquire()
        thread.join()
        assert counts == list(range(1, 21))


def test_a_reader_can_write_nothing(tmp_path: Path) -> None:
    with open_spool(tmp_path / "spool") as spool, closing(spool.reader()) as reader:
        fill(spool, 2)
        with reader._asking() as connection:
            for statement in ("DELETE FROM swipes", "CREATE TABLE more (x)", "PRAGMA user_version = 7"):
                with pytest.raises(sqlite3.OperationalError, match="readonly"):
                    connection.execute(statement)
        assert stored(spool) == [1, 2]


def garbage(path: Path) -> None:
    path.write_bytes(b"no spool at all " * 1000)


def cut_in_half(path: Path) -> None:
    _full(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def soiled(path: Path) -> None:
    _full(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = b"\xa5" * (len(data) - len(data) // 2)
    path.write_bytes(data)


def of_another_make(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE epochs (colour TEXT)")


def of_a_name_that_is_no_text(path: Path) -> None:
    """One bit of the schema is flipped: it is no UTF-8 any more, and neither is SQLite's word about it."""
    _full(path)
    data = bytearray(path.read_bytes())
    data[data.index(b"CREATE TABLE plain") + 9] ^= 0x80
    path.write_bytes(data)


def _full(path: Path) -> None:
    with open_spool(path) as spool:
        spool.record([(swipe(seq, sealed=b"x" * 1000), False) for seq in range(1, 200)])


@pytest.mark.parametrize("break_it", [garbage, cut_in_half, soiled, of_another_make, of_a_name_that_is_no_text])
def test_a_damaged_file_is_set_aside_whole_and_a_new_one_begun(tmp_path: Path, break_it: object) -> None:
    path = tmp_path / "spool"
    assert callable(break_it)
    break_it(path)
    damaged = path.read_bytes()
    with pytest.raises(SpoolBroken):
        Spool(path)
    aside = set_aside(path)
    assert len(aside.read_bytes()) >= len(damaged)
    with open_spool(path) as spool:
        fill(spool, 2)
        assert stored(spool) == [1, 2]
    assert {p.name for p in tmp_path.iterdir() if "broken" not in p.name} == {"spool"}


def test_a_spool_that_another_holds_is_not_broken_and_is_had_later(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with open_spool(path) as spool:
        fill(spool, 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        spool = Spool(path, patience_s=0.05)
        with pytest.raises(sqlite3.OperationalError):
            spool.record([(swipe(1), False)])
        other.execute("ROLLBACK")
    with closing(spool):
        spool.record([(swipe(1), False)])
        assert stored(spool) == [1, 1]


def test_a_folder_that_cannot_be_had_is_had_later(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file where the folder should be")
    with open_spool(tmp_path / "folder" / "spool") as spool, closing(spool.reader()) as reader:
        with pytest.raises(sqlite3.OperationalError):
            spool.record([(swipe(1), False)])
        with pytest.raises(sqlite3.OperationalError):
            reader.epochs()
        (tmp_path / "folder").unlink()
        fill(spool, 3)
        assert [(e.first, e.last) for e in reader.epochs()] == [(1, 3)]


def test_a_disk_without_room_stores_nothing_of_a_commit(tmp_path: Path) -> None:
    """Files may not grow beyond 200 kB in the child, which then tries again with room."""
    program = (
        "import resource, signal, sqlite3, sys; from pathlib import Path\n"
        "from gateway.station.spool import Spool; from tests.gateway.station.spools import fill, swipe\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "spool = Spool(Path(sys.argv[1])); fill(spool, 10)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))\n"
        "big = [(swipe(seq, sealed=b'x' * 1000), False) for seq in range(11, 400)]\n"
        "try:\n    spool.record(big)\n    sys.exit(8)\nexcept sqlite3.Error:\n    pass\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "reader = spool.reader(); print(reader.unsettled()); spool.record(big); print(reader.unsettled())\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    command = [sys.executable, "-c", program, str(tmp_path / "spool")]
    done = subprocess.run(command, timeout=30, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["10", "399"]


def test_a_spool_on_a_full_disk_is_not_given_up(tmp_path: Path) -> None:
    """Started with no room at all, the station waits for it; what the file held is not thrown away."""
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from gateway.station.spool import Spool; from tests.gateway.station.spools import fill\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "path = Path(sys.argv[1]); old = Spool(path); fill(old, 10); old.close()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))\n"
        "spool = Spool(path)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "fill(spool, 4); print(spool.reader().previous()[1], spool.reader().unsettled())\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "spool")]
    done = subprocess.run(command, timeout=30, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["10", "14"]


def test_a_record_that_the_disk_has_changed_is_noted_and_holds_nothing_up(tmp_path: Path) -> None:
    with open_spool(tmp_path / "spool") as spool, closing(spool.reader()) as reader:
        spool.record([(swipe(seq, sealed=b"s" * 50), False) for seq in range(1, 9)])
        writer = spool._open()
        writer.execute("UPDATE swipes SET record = substr(record, 1, 40) WHERE seq = 3")
        writer.execute("UPDATE swipes SET record = CAST(x'ff00ff' AS BLOB) WHERE seq = 4")
        writer.execute("UPDATE swipes SET record = (SELECT record FROM swipes WHERE seq = 8) WHERE seq = 6")
        assert [s.seq for s in every(reader)] == [1, 2, 5, 7, 8]
        assert reader.unreadable == [(spool.epoch, seq) for seq in (3, 4, 6)]
        spool.declare_unreadable(spool.epoch, [3, 4, 6])
        assert reader.lost() == [(spool.epoch, 3, 4, "unreadable"), (spool.epoch, 6, 6, "unreadable")]
        assert reader.unsettled() == 5


def test_a_spool_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    without_checksums(path, 3)
    with closing(Spool(path, boot="b" * 16)) as spool, closing(spool.reader()) as reader:
        spool.record([(swipe(1, reasons=["exit"], direction="out"), False)])
        assert [s.seq for s in every(reader)] == [1, 2, 3, 1]
        assert [info.boot for info in reader.epochs()] == ["a" * 16, "b" * 16]
        assert reader.lost() == [("e" * 16, 4, 6, "spool_full")]
        assert reader.previous() == ("e" * 16, 6)
    with open_spool(path) as again:
        assert stored(again) == [1, 2, 3, 1]


def test_a_spool_of_the_version_before_that_breaks_is_salvaged(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    without_checksums(path, 300)
    soil(path, range(path.stat().st_size // PAGE // 2, path.stat().st_size // PAGE // 2 + 1))
    with pytest.raises(SpoolBroken):
        Spool(path)
    aside = set_aside(path)
    with open_spool(path) as spool, closing(spool.reader()) as reader:
        carry_over(aside, spool)
        salvage(path, does(spool))
        kept, lost = {s.seq for s in every(reader)}, {n for _, a, b, _ in reader.lost() for n in range(a, b + 1)}
        assert kept | lost == set(range(1, 304))
        assert len(kept) > 250


def test_what_one_bit_changes_is_never_believed(tmp_path: Path) -> None:
    """Bits of a record, its number and its mark, and of the row of an epoch and of a loss."""
    path = tmp_path / "spool"
    with open_spool(path) as spool:
        fill(spool, 3)
        spool.declare_lost(4, 6, "spool_full")
        with closing(spool.reader()) as reader:
            truth = {s.seq: s for s in every(reader)}
    whole = path.read_bytes()
    marks = [b'"token"', spool.epoch.encode(), b"spool_full"]
    believed = 0
    for mark in marks:
        at = whole.rindex(mark)
        for bit in range((at - 40) * 8, (at + 60) * 8, 7):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            suppressed = contextlib.suppress(SpoolBroken, sqlite3.DatabaseError)
            with suppressed, open_spool(path) as again, closing(again.reader()) as reader:
                found = {s.seq: s for s in every(reader)}
                assert all(truth[seq] == one for seq, one in found.items()), bit
                assert {(a, b, why) for _, a, b, why in reader.lost()} == {(4, 6, "spool_full")}, bit
                assert {one.epoch for one in reader.epochs()} == {spool.epoch, again.epoch}, bit
                believed += len(found) == 3
            for file in tmp_path.iterdir():
                file.unlink()
    assert believed, "bits of what is not in use change nothing"


def test_a_loss_that_the_centre_has_settled_leaves_with_its_epoch(tmp_path: Path) -> None:
    with open_spool(tmp_path / "spool") as first:
        fill(first, 2)
        first.declare_lost(3, 8, "spool_full")
    with open_spool(tmp_path / "spool") as second:
        fill(second, 1)
    with open_spool(tmp_path / "spool") as third, closing(third.reader()) as reader:
        third.cover(CENTRE, {first.epoch: Cover(7)})
        forget(third)
        assert reader.lost() == [(first.epoch, 3, 8, "spool_full")]
        third.cover(CENTRE, {first.epoch: Cover(8)})
        forget(third)
        assert reader.lost() == []
        assert first.epoch in {info.epoch for info in reader.epochs()}, "the last that anything was deleted of"
        third.cover(CENTRE, {second.epoch: Cover(1)})
        forget(third)
        assert first.epoch not in {info.epoch for info in reader.epochs()}
