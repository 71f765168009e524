"""The mark by which a database put back from a backup is known: exactly then the centre has a new epoch."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from gateway import wire
from gateway.bus import Message
from gateway.centre.mark import Mark
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.wire import StationTopics, Swipes
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.office import EPOCH, MASTER, STATION, YUAN, Office, moment, swipe
from tests.waiting import until


def stored(centre: Centre, seq: int) -> None:
    """Have the centre store a swipe as the bus would bring it."""
    topic = StationTopics(YUAN, STATION)("swipe")
    plain = wire.encode(Swipes(EPOCH, [swipe(seq, None, moment(20))]))
    message = Message(topic, MASTER.station(STATION, 1).up().wrap(topic, plain), False, lambda: None)
    before = count(centre)
    centre.process._intake.take(message)
    until(lambda: count(centre) > before, what="the swipe in the database")


def count(centre: Centre) -> int:
    with centre.database().read() as connection:
        return len(connection.execute(t.swipes.select()).all())


def copied(source: Path, target: Path) -> None:
    with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(target)) as new:
        old.backup(new)


def test_a_centre_has_a_new_epoch_exactly_when_its_database_was_put_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    backup, live = tmp_path / "backup.sqlite3", data / "centre.sqlite3"
    with running(tmp_path) as centre:
        first = centre.process._epoch
        stored(centre, 1)
        copied(live, backup)
        stored(centre, 2)
    with running(tmp_path) as centre:
        assert centre.process._epoch == first, "it only started again"
        stored(centre, 3)
    for file in data.glob("centre.sqlite3*"):
        file.unlink()
    copied(backup, live)
    with running(tmp_path) as centre:
        second = centre.process._epoch
        assert second != first
        assert count(centre) == 1
        stored(centre, 2)
    with running(tmp_path) as centre:
        assert centre.process._epoch == second, "known once, it is not known again"


def test_a_database_that_went_on_after_the_last_mark_is_no_old_one(office: Office, tmp_path: Path) -> None:
    mark = Mark(tmp_path / "mark")
    epoch = mark.epoch(office.database)
    office.take(swipe(1, None, moment(20)))
    mark.keep(office.database)
    office.take(swipe(2, None, moment(20)))
    assert Mark(tmp_path / "mark").epoch(office.database) == epoch


def test_without_a_mark_the_database_is_taken_as_it_is(office: Office, tmp_path: Path) -> None:
    epoch = Mark(tmp_path / "mark").epoch(office.database)
    office.take(swipe(1, None, moment(20)))
    (tmp_path / "mark").unlink()
    assert Mark(tmp_path / "mark").epoch(office.database) == epoch


def test_an_older_backup_put_back_a_second_time_is_known_by_its_epoch(template: Path, tmp_path: Path) -> None:
    live, backup = tmp_path / "live.sqlite3", tmp_path / "backup.sqlite3"
    copied(template, live)
    epochs = []
    for _ in range(3):
        database = Database(f"sqlite:///{live}")
        epochs.append(Mark(tmp_path / "mark").epoch(database))
        database.close()
        if not backup.exists():
            copied(live, backup)
        copied(backup, live)
    assert epochs[1] == epochs[0], "nothing was lost by putting back what was there"
    (tmp_path / "mark").write_text("restored")
    database = Database(f"sqlite:///{live}")
    epochs.append(Mark(tmp_path / "mark").epoch(database))
    database.close()
    copied(backup, live)
    database = Database(f"sqlite:///{live}")
    epochs.append(Mark(tmp_path / "mark").epoch(database))
    database.close()
    assert len(set(epochs)) == 3


@pytest.mark.parametrize("text", ["", "restored", "{}", '{"epoch": 1}', "\ud800", "[" * 900])
def test_a_mark_that_is_none_asks_the_stations_to_send_again(small: Office, tmp_path: Path, text: str) -> None:
    epoch = Mark(tmp_path / "mark").epoch(small.database)
    (tmp_path / "mark").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert Mark(tmp_path / "mark").epoch(small.database) != epoch


def test_a_mark_that_cannot_be_written_is_said_and_stops_nothing(
    small: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert Mark(tmp_path / "nowhere" / "mark").epoch(small.database)
    assert "cannot be written" in caplog.text
