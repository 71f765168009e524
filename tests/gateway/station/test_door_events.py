"""What happened at doors outlives the process, is bounded, and costs nobody anything when the disk is away."""

import sqlite3
from pathlib import Path

from gateway.station.door import DoorEvent, Happening
from gateway.station.events import SHOWN, DoorLog


def event(number: int) -> DoorEvent:
    return DoorEvent(1_700_000_000_000 + number, "east", Happening.FORCED)


def rows(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])
    finally:
        connection.close()


def test_events_are_there_after_a_restart_newest_first(tmp_path: Path) -> None:
    log = DoorLog(tmp_path / "events")
    for number in range(3):
        log.add(event(number))
    assert log.recent(2) == [event(2), event(1)]
    assert DoorLog(tmp_path / "events").recent(9) == [event(2), event(1), event(0)]


def test_the_file_is_bounded_and_the_oldest_go_first(tmp_path: Path) -> None:
    log = DoorLog(tmp_path / "events", kept=10)
    for number in range(25):
        log.add(event(number))
    assert rows(tmp_path / "events") == 10
    assert DoorLog(tmp_path / "events").recent(SHOWN)[-1] == event(15)


def test_a_disk_that_is_away_is_said_and_what_happened_is_written_when_it_is_back(tmp_path: Path) -> None:
    place = tmp_path / "events"
    place.mkdir()
    log = DoorLog(place)
    log.add(event(1))
    log.add(event(2))
    assert log.recent(9) == [event(2), event(1)]
    assert "cannot be written" in log.trouble
    place.rmdir()
    log.flush()
    assert log.trouble == ""
    assert rows(place) == 2
    log.flush()
    assert rows(place) == 2


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(b"no database at all " * 500)
    log = DoorLog(tmp_path / "events")
    log.add(event(1))
    assert rows(tmp_path / "events") == 1
    assert [one for one in tmp_path.iterdir() if ".broken-" in one.name]


def test_a_schema_that_is_no_text_any_more_is_damage(tmp_path: Path) -> None:
    DoorLog(tmp_path / "events").add(event(1))
    data = bytearray((tmp_path / "events").read_bytes())
    data[data.index(b"CREATE TABLE events") + 9] ^= 0x80
    (tmp_path / "events").write_bytes(data)
    log = DoorLog(tmp_path / "events")
    log.add(event(2))
    assert rows(tmp_path / "events") == 1
    assert not log.trouble


def test_an_event_that_this_version_does_not_know_is_passed_over(tmp_path: Path) -> None:
    DoorLog(tmp_path / "events").add(event(1))
    connection = sqlite3.connect(tmp_path / "events")
    with connection:
        connection.execute("INSERT INTO events (at, portal, what) VALUES (1, 'east', 'of-another-version')")
    connection.close()
    assert DoorLog(tmp_path / "events").recent(9) == [event(1)]
