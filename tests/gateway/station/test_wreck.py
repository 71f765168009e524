"""One page or one byte of the spool that the disk has changed: what it touches is declared lost, the rest goes on."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.station.cover import Cover
from gateway.station.salvage import carry_over, salvage
from gateway.station.spool import Spool, SpoolBroken, set_aside
from tests.gateway.station.gate import post
from tests.gateway.station.spools import CENTRE, PAGE, does, every, fill, soil, swipe
from tests.waiting import until


def backlog(path: Path, count: int) -> str:
    """A spool of one life with so many swipes, three of them settled and three more lost. Returns its epoch."""
    with closing(Spool(path)) as spool:
        spool.record([(swipe(seq, sealed=b"s" * 300), False) for seq in range(1, count + 1)])
        spool.declare_lost(count + 1, count + 3, "spool_full")
        spool.cover(CENTRE, {spool.epoch: Cover(3)})
    return spool.epoch


def root_of(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    return int(page) - 1


def change(path: Path, what: bytes, by: bytes) -> None:
    """As a disk does it: the bytes alone, wherever they stand in the rows of a table."""
    data = path.read_bytes()
    assert len(what) == len(by)
    assert what in data
    path.write_bytes(data.replace(what, by))


def mended(path: Path) -> tuple[dict[str, set[int]], dict[str, set[int]]]:
    """What a station that starts on a broken file has then, and what it declared lost: seqs by epoch."""
    with pytest.raises(SpoolBroken):
        Spool(path)
    aside = set_aside(path)
    with closing(Spool(path)) as spool, closing(spool.reader()) as reader:
        carry_over(aside, spool)
        salvage(path, does(spool))
        kept = {info.epoch: {s.seq for s in reader.swipes(info, (1, 2**40), 2**30)} for info in reader.epochs()}
        lost: dict[str, set[int]] = {}
        for epoch, first, last, _ in reader.lost():
            assert last < 1000, "no number is lost that was never given"
            lost.setdefault(epoch, set()).update(range(first, last + 1))
        return {epoch: seqs for epoch, seqs in kept.items() if seqs}, lost


@pytest.mark.parametrize("place", ["epochs", "sqlite_autoindex_epochs_1", "names", "settled"])
def test_without_one_page_of_what_is_known_of_epochs_their_swipes_are_still_sent(tmp_path: Path, place: str) -> None:
    path = tmp_path / "spool"
    old = backlog(path, 400)
    page = root_of(path, place)
    soil(path, range(page, page + 1))
    kept, lost = mended(path)
    assert kept[old] >= set(range(4, 401)), "what is settled may be sent again"
    assert lost.get(old, set()) <= {401, 402, 403}


def its_magic(data: bytearray) -> None:
    data[3] ^= 1


def its_schema(data: bytearray) -> None:
    data[data.index(b"CREATE TABLE swipes") + 7] ^= 1


def the_name_of_a_column(data: bytearray) -> None:
    data[data.index(b"record BLOB", data.index(b"CREATE TABLE swipes"))] ^= 1


def all_of_it(data: bytearray) -> None:
    data[:PAGE] = b"\xa5" * PAGE


@pytest.mark.parametrize("spoil", [its_magic, its_schema, the_name_of_a_column, all_of_it])
def test_a_file_whose_first_page_is_damaged_is_read_all_the_same(
    tmp_path: Path, spoil: Callable[[bytearray], None]
) -> None:
    path = tmp_path / "spool"
    old = backlog(path, 400)
    data = bytearray(path.read_bytes())
    spoil(data)
    path.write_bytes(data)
    kept, lost = mended(path)
    assert kept[old] == set(range(4, 401))
    assert lost == {old: {401, 402, 403}}


def test_a_changed_name_of_an_epoch_does_not_hold_up_its_swipes(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    old = backlog(path, 40)
    changed = ("g" if old[0] != "g" else "h") + old[1:]
    data = path.read_bytes()
    places = [at for at in range(len(data)) if data.startswith(old.encode(), at)]
    assert len(places) == 3, "the row, its index, and the second place"
    page = root_of(path, "epochs")
    (at,) = (at for at in places if at // PAGE == page)
    path.write_bytes(data[:at] + changed.encode() + data[at + 16 :])
    kept, lost = mended(path)
    assert kept == {old: set(range(1, 41))}
    assert lost == {old: {41, 42, 43}}


def test_a_changed_byte_of_a_swipe_is_declared_lost_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with closing(Spool(path)) as spool:
        fill(spool, 3)
        spool.record([(swipe(4, token=b"u" * 16), False), (swipe(5), False)])
    change(path, b"dXV1dXV1dXV1dXV1dXV1dQ==", b"dXV1dXV1dXV1dXV1dXV2dQ==")
    with closing(Spool(path)) as again, closing(again.reader()) as reader:
        assert [s.seq for s in every(reader)] == [1, 2, 3, 5]
        assert reader.unreadable == [(spool.epoch, 4)]


def test_a_spool_that_says_more_than_was_recorded_declares_nothing_of_the_future_lost(tmp_path: Path) -> None:
    """The row of the running epoch is changed, with a checksum that fits, and then the file breaks."""
    path = tmp_path / "spool"
    with post(path) as gate:
        gate.swipe()
        until(lambda: len(gate.committed) == 1)

        def soiled(spool: Spool) -> None:
            spool.claim(5000)
            spool.suspect = "as a reader says it"

        gate.recorder.do(soiled)
        until(lambda: gate.recorder.broken_files == 1)
        gate.swipe()
        until(lambda: len(gate.committed) == 2)
        salvage(path, lambda work: gate.recorder.do(work).wait(threading.Event()))
        with closing(gate.spool.reader()) as reader:
            assert [s.seq for s in every(reader)] == [1, 2]
            assert reader.lost() == []
            assert reader.epochs()[-1].ever_last == 2
