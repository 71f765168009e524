"""The policy in force: taken when its file changes for the better, at its time; and the sweep that follows."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.centre.desk import Desk
from gateway.centre.policies import Policies
from gateway.centre.sweep import Sweep
from gateway.store import tables as t
from gateway.web.centre_view import Freshness
from gateway.wire import Status
from rules.policy import PolicyError
from tests.gateway.centre.centres import POLICY_TEXT
from tests.gateway.centre.office import EPOCH, NOW, TODAY, Office, entry, number, stranger

A, B = number(1), number(2)


def text(version: int, since: str = "2026-01-01T00:00:00") -> str:
    return POLICY_TEXT.replace("version = 1 ", f"version = {version} ", 1).replace("2026-01-01T00:00:00", since, 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(text(1), encoding="utf-8")
    return file


def said(caplog: pytest.LogCaptureFixture, what: str) -> int:
    return sum(what in record.getMessage() for record in caplog.records)


def test_a_changed_file_is_taken_once(small: Office, path: Path) -> None:
    policies = Policies(small.database, path, wall=NOW.timestamp)
    assert not policies.look()
    path.write_text(text(2), encoding="utf-8")
    assert policies.look()
    assert not policies.look()
    assert (policies.current().version, policies.since) == (2, NOW)
    path.write_text(text(2), encoding="utf-8")
    assert not policies.look(), "written again, it says the same"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("version = ", "not TOML"),
        (text(2) + "\n[surprise]\n", "surprise"),
        (text(1) + "\n# changed\n", "must rise"),
        (text(2) + '\n[[tests]]\nname = "x"\nswipe = { at = 2026-11-23T19:00:00 }\nverdict = "refuse"\n', "expected"),
    ],
)
def test_a_wrong_file_is_said_once_and_the_old_policy_stays(
    small: Office, path: Path, caplog: pytest.LogCaptureFixture, wrong: str, why: str
) -> None:
    policies = Policies(small.database, path, wall=NOW.timestamp)
    path.write_text(wrong, encoding="utf-8")
    assert [policies.look() for _ in range(3)] == [False] * 3
    assert policies.current().version == 1
    assert said(caplog, "was not taken") == 1
    assert said(caplog, why) == 1
    path.write_text(text(3), encoding="utf-8")
    assert policies.look()


def test_a_file_that_is_gone_changes_nothing(small: Office, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    policies = Policies(small.database, path, wall=NOW.timestamp)
    path.unlink()
    assert [policies.look() for _ in range(3)] == [False] * 3
    assert (policies.current().version, said(caplog, "was not taken")) == (1, 1)
    with pytest.raises(PolicyError):
        Policies(small.database, path)


def test_a_policy_holds_from_its_own_time_on(small: Office, path: Path) -> None:
    clock = [NOW.timestamp()]
    policies = Policies(small.database, path, wall=lambda: clock[0])
    path.write_text(text(2, "2026-11-23T22:00:00"), encoding="utf-8")
    assert not policies.look()
    assert policies.current().version == 1
    clock[0] += 3599
    assert not policies.look()
    clock[0] += 1
    assert policies.look()
    assert policies.current().version == 2


def sweep_of(office: Office, path: Path) -> tuple[Sweep, Policies, list[int]]:
    done: list[int] = []
    policies = Policies(office.database, path, wall=office.wall)
    return Sweep(office.database, office.casework, policies, lambda: done.append(1)), policies, done


def test_everyone_is_judged_at_the_start_at_midnight_and_after_a_new_policy(small: Office, path: Path) -> None:
    sweep, _, done = sweep_of(small, path)
    small.enrol(entry(A, since=TODAY - timedelta(days=6)))
    small.import_register()
    assert sweep.turn()
    assert not sweep.turn()
    small.moment = NOW.replace(hour=23, minute=59, second=59)
    assert not sweep.turn()
    assert small.rows(t.cases) == []
    small.moment += timedelta(seconds=1)
    assert sweep.turn()
    assert [case.opened_on for case in small.rows(t.cases)] == [TODAY + timedelta(days=1)], "the civil day, not UTC's"
    path.write_text(text(2), encoding="utf-8")
    assert sweep.turn()
    assert not sweep.turn()
    assert len(done) == 3


def test_a_sweep_waits_for_the_database_and_comes_then(
    small: Office, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sweep, policies, done = sweep_of(small, path)
    small.enrol(entry(A, since=TODAY - timedelta(days=7)))
    small.import_register(complete=False)
    assert sweep.turn()
    path.write_text(text(2), encoding="utf-8")
    with small.database.write():
        assert [sweep.turn() for _ in range(2)] == [False] * 2
    assert policies.current().version == 1
    assert sweep.turn()
    assert policies.current().version == 2
    assert len(done) == 2
    assert said(caplog, "waits for the database") == 1


def test_a_long_sweep_goes_in_pieces(small: Office, path: Path) -> None:
    sweep, _, _ = sweep_of(small, path)
    small.enrol(*(entry(number(i), since=TODAY - timedelta(days=1), room=f"{i}室") for i in range(230)))
    small.import_register()
    small.moment += timedelta(days=7)
    with small.database.write() as connection:
        connection.execute(t.communities.update().values(register_as_of=TODAY + timedelta(days=7)))
    assert sweep.turn()
    assert len(small.rows(t.cases)) == 230


def test_the_desk_shows_cases_slips_stations_and_policy_without_naming_anybody(small: Office, path: Path) -> None:
    _, policies, _ = sweep_of(small, path)
    desk = Desk(
        small.database,
        policies,
        district="示例区",
        banner="",
        connected=lambda: True,
        today=small.casework.today,
        wall=small.wall,
    )
    small.enrol(entry(A, since=TODAY - timedelta(days=8)))
    small.import_register()
    small.take(*stranger(B))
    assert small.settle(small.message("status", Status("online", EPOCH, 1, 1, spool_depth=4)))
    assert small.settle(small.message("swipes", b"bad"))
    query, collection = desk.cases(10, None)
    assert (query.kind, query.dwelling, query.because) == ("gate_query", None, "unknown_credential")
    assert (collection.kind, collection.dwelling, collection.because) == ("collection", "3栋2单元***", "enrolled")
    assert collection.figures == {"days": 8, "grace": 7}
    assert [row.id for row in desk.cases(1, query.id)] == [collection.id]
    assert desk.alerts(10, None) == []
    station = next(row for row in desk.stations() if row.quarantined)
    assert (station.spool_depth, station.gaps, station.lost) == (4, 0, 0)
    state = desk.state()
    assert (state.cases_open, state.cases_total, state.quarantined, state.swipes_total) == (2, 2, 1, 5)
    assert (state.register_as_of, state.stations_total) == (TODAY, 2)
    assert state.bus is Freshness.ONLINE
    assert desk.policy().version == 1
    everything = repr((desk.cases(10, None), desk.stations(), state))
    assert not any(secret in everything for secret in (A, B, "测试甲", "501室"))
