import contextlib
import stat
import threading
from functools import partial
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError

from gateway.store.database import Database, WrongSchema, _alembic, after_commit
from gateway.store.queries import streams
from gateway.store.tables import metadata
from tests.gateway.store.databases import copied
from tests.waiting import until


def tables_of(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_the_schema_comes_from_nothing_equals_the_tables_and_goes_again(empty_url: str) -> None:
    database = Database(empty_url)
    with pytest.raises(WrongSchema, match=r"not there yet.*run gateway migrate"):
        database.check_schema()
    database.migrate()
    database.check_schema()
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []
    assert tables_of(database) == set(metadata.tables)
    config = _alembic()
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert tables_of(database) == set()
    database.migrate()
    assert tables_of(database) == set(metadata.tables)
    database.close()


def test_migrating_twice_changes_nothing(database: Database) -> None:
    with database.write() as connection:
        streams.set_setting(connection, "kept", "value")
    database.migrate()
    with database.read() as connection:
        assert streams.get_setting(connection, "kept") == "value"


def test_what_was_wrong_and_missing_before_an_upgrade_is_still_on_show_after_it(empty_url: str) -> None:
    database = Database(empty_url)
    config = _alembic()
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO communities (id, name, street, police_station, portals) VALUES"
                " ('yuan', '苑', '街道', 'jiangwan', '[]')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO stations (name, community, generation, enrolled_at, trouble) VALUES"
                " ('yuan-1', 'yuan', 1, 5, 'restored_from_image'), ('yuan-2', 'yuan', 1, 6, NULL)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO streams (station, epoch, upto, ranges, claimed, first_heard) VALUES"
                " ('yuan-1', 'aa', 3, '[]', 9, 7), ('yuan-1', 'bb', 4, '[]', 4, 8)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO swipes (community, station, epoch, seq, at, received, portal, reader,"
                " direction, verdict, reasons, flags, roster, policy, recorded, unattended) VALUES"
                " ('yuan', 'yuan-1', 'aa', 1, 10, 11, 'east', 'in', 'in', 'grant', 'enrolled', '', 1, 1, true, false)"
            )
        )
    database.migrate()
    with database.read() as connection:
        troubles = connection.execute(text("SELECT station, kind, since, accepted_at FROM troubles")).all()
        missing = connection.execute(text("SELECT epoch, missing_since, greeted FROM streams ORDER BY epoch")).all()
        swipes = connection.execute(text("SELECT at, mono, clock, said_at FROM swipes")).all()
    assert [tuple(row) for row in troubles] == [("yuan-1", "restored_from_image", 5, None)]
    assert [tuple(row) for row in missing] == [("aa", 7, True), ("bb", None, True)]
    assert [tuple(row) for row in swipes] == [(10, 0, "synced", None)]
    database.close()


def test_a_schema_of_a_newer_program_is_neither_used_nor_touched(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(WrongSchema, match="9999, of a newer version"):
        database.check_schema()
    with pytest.raises(WrongSchema, match="9999, of a newer version"):
        database.migrate()


def test_what_is_to_follow_a_commit_follows_it_and_never_a_rollback(database: Database) -> None:
    done: list[str] = []
    with database.write() as connection:
        after_commit(connection, lambda: done.append("committed"))
        assert done == []
    assert done == ["committed"]
    with contextlib.suppress(ZeroDivisionError), database.write() as connection:
        after_commit(connection, lambda: done.append("rolled back"))
        _ = 1 // 0
    assert done == ["committed"]


def test_a_reader_sees_one_state_and_cannot_write_on_postgres(database: Database) -> None:
    with database.write() as connection:
        streams.set_setting(connection, "name", "old")
    with database.read() as reading:
        assert streams.get_setting(reading, "name") == "old"
        with database.write() as connection:
            streams.set_setting(connection, "name", "new")
        assert streams.get_setting(reading, "name") == "old"
        if not database.is_sqlite:
            with pytest.raises(DBAPIError, match="read-only"):
                streams.set_setting(reading, "name", "other")


def test_a_second_writer_on_sqlite_waits_no_longer_than_it_is_told(template: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.sqlite3"
    path.write_bytes(template.read_bytes())
    first, second = Database(f"sqlite:///{path}"), Database(f"sqlite:///{path}", patience_s=0.05)
    holds, free = threading.Event(), threading.Event()

    def hold() -> None:
        with first.write():
            holds.set()
            free.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait(10)
    with pytest.raises(OperationalError, match="locked"), second.write():
        pass
    free.set()
    thread.join()
    with second.write() as connection:
        streams.set_setting(connection, "name", "written")
    first.close()
    second.close()


def queued(database: Database, number: int) -> bool:
    return database._turns.waiting == number


def test_writers_of_one_process_on_sqlite_get_their_turn_in_the_order_in_which_they_came(
    template: Path, tmp_path: Path
) -> None:
    database = Database(copied(template, tmp_path))
    order: list[int] = []

    def write(number: int) -> None:
        with database.write():
            order.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    with database.write():
        for number, thread in enumerate(threads):
            thread.start()
            until(partial(queued, database, number + 1), what="the writer in the queue")
    for thread in threads:
        thread.join()
    assert order == list(range(8))
    database.close()


def test_a_writer_whose_turn_does_not_come_gives_up_as_if_the_file_were_locked(template: Path, tmp_path: Path) -> None:
    database = Database(copied(template, tmp_path), patience_s=0.05)
    failed: list[OperationalError] = []

    def write() -> None:
        try:
            with database.write():
                pass
        except OperationalError as error:
            failed.append(error)

    thread = threading.Thread(target=write)
    with database.write():
        thread.start()
        thread.join()
    assert [str(error.orig) for error in failed] == ["database is locked"]
    with database.write() as connection:
        streams.set_setting(connection, "name", "written")
    database.close()


def test_a_writer_that_fails_gives_its_turn_back(template: Path, tmp_path: Path) -> None:
    database = Database(copied(template, tmp_path), patience_s=0.05)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), database.write():
            _ = 1 // 0
    assert database._turns.waiting == 0
    database.close()


def test_the_sqlite_file_and_its_side_files_are_their_owners_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new' / 'centre.sqlite3'}")
    database.migrate()
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "new").iterdir()}
    assert modes["centre.sqlite3"] == 0o600
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    database.close()


def test_an_error_of_the_database_never_quotes_what_was_to_be_stored(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught, database.write() as connection:
        connection.execute(text("INSERT INTO settings (name, value) VALUES (:n, NULL)"), {"n": "a-secret-value"})
    assert "a-secret-value" not in str(caught.value).split("DETAIL")[0]
