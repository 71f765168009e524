"""The mark by which a database put back from a backup is known: exactly then the centre has a new epoch."""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, update

from gateway import wire
from gateway.bus import Message
from gateway.centre.mark import Mark, Older
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.wire import StationTopics, Swipes
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.office import EPOCH, MASTER, STATION, YUAN, Office, moment, swipe
from tests.waiting import until


def stored(centre: Centre, seq: int) -> None:
    """Have the centre store a swipe as the bus would bring it."""
    before = count(centre)
    centre.process._intake.take(said(seq, lambda: None))
    until(lambda: count(centre) > before, what="the swipe in the database")


def said(seq: int, settle: Callable[[], None]) -> Message:
    topic = StationTopics(YUAN, STATION)("swipe")
    plain = wire.encode(Swipes(EPOCH, [swipe(seq, None, moment(20))]))
    return Message(topic, MASTER.station(STATION, 1).up().wrap(topic, plain), False, settle)


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


def put_back(connection: Connection, seq: int) -> None:
    """Make the database what a backup holds that was taken when `seq` was the last swipe stored."""
    connection.execute(delete(t.swipes).where(t.swipes.c.seq > seq))
    connection.execute(update(t.streams).values(upto=seq, claimed=seq))


def test_a_database_put_back_under_a_running_centre_is_settled_no_further_and_then_has_a_new_epoch(
    url: str, tmp_path: Path
) -> None:
    with running(tmp_path, database=url) as centre:
        first = centre.process._epoch
        for seq in (1, 2, 3):
            stored(centre, seq)
        with centre.database().write() as connection:
            put_back(connection, 1)
        settled: list[int] = []
        centre.process._intake.take(said(4, lambda: settled.append(4)))
        until(lambda: centre.process.again, what="the end of this centre")
        assert count(centre) == 1
        assert settled == [], "the broker and the station still have it"
    with running(tmp_path, database=url) as centre:
        assert centre.process._epoch != first
        assert not centre.process.again
        stored(centre, 2)


def test_a_database_behind_what_was_settled_after_the_last_mark_is_an_old_one(office: Office, tmp_path: Path) -> None:
    mark = office.intake._mark = Mark(tmp_path / "mark")
    epoch = mark.epoch(office.database)
    for seq in (1, 2, 3):
        office.take(swipe(seq, None, moment(20)))
    with office.database.write() as connection:
        put_back(connection, 2)
    with pytest.raises(Older):
        office.take(swipe(4, None, moment(20)))
    assert len(office.rows(t.swipes)) == 2
    with pytest.raises(Older):
        mark.keep(office.database)
    assert Mark(tmp_path / "mark").epoch(office.database) != epoch


def test_a_mark_is_never_written_over_by_a_lower_one(office: Office, tmp_path: Path) -> None:
    mark = Mark(tmp_path / "mark")
    epoch = mark.epoch(office.database)
    office.take(swipe(1, None, moment(20)))
    office.take(swipe(2, None, moment(20)))
    mark.keep(office.database)
    with office.database.write() as connection:
        put_back(connection, 1)
    with pytest.raises(Older):
        mark.keep(office.database)
    assert Mark(tmp_path / "mark").epoch(office.database) != epoch


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
