"""What is shown of a station: its newest word, whatever comes again, late or from an older process."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.centre.desk import Desk
from gateway.centre.policies import Policies
from gateway.centre.statuses import AGAIN
from gateway.store import tables as t
from gateway.web.centre_view import Freshness, StationRow
from gateway.wire import DeviceReport, Held, Hello, Status
from tests.gateway.centre.centres import POLICY_TEXT
from tests.gateway.centre.office import EPOCH, EPOCH_2, STATION, Office

READERS = [DeviceReport("east-in", True, 0, 0)]


def said(office: Office, state: Any, epoch: str, beat: int, **over: Any) -> bool:
    retained = over.pop("retained", False)
    status = Status(state, epoch, beat, int(office.wall() * 1000), **over)
    return office.settle(office.message("status", status, retained=retained))


def shown(office: Office) -> tuple[str, str, int, int | None]:
    row = next(row for row in office.rows(t.stations) if row.name == STATION)
    return row.status["state"], row.status["epoch"], row.status["heartbeat"], row.heard_at


def on_page(office: Office, folder: Path) -> StationRow:
    policy = folder / "policy.toml"
    policy.write_text(POLICY_TEXT, encoding="utf-8")
    desk = Desk(
        office.database,
        Policies(office.database, policy, wall=office.wall),
        district="示例区",
        banner="",
        connected=lambda: True,
        today=office.casework.today,
        wall=office.wall,
    )
    return next(row for row in desk.stations() if row.id == STATION)


def test_a_status_that_comes_again_is_set_aside_and_changes_nothing(office: Office) -> None:
    first = office.message("status", Status("online", EPOCH, 1, 1))
    assert office.settle(first)
    assert said(office, "online", EPOCH, 2)
    assert said(office, "stopped", EPOCH, 0)
    before = shown(office)
    assert before[:3] == ("stopped", EPOCH, 2)
    office.moment += timedelta(days=3)
    office.mono += 3 * 86_400
    assert office.settle(first)
    assert shown(office) == before
    assert office.quarantined() == [AGAIN]
    assert said(office, "online", EPOCH, 2)
    assert shown(office) == before
    assert office.quarantined() == [AGAIN], "what the broker brings twice is no attack"
    assert said(office, "online", EPOCH, 3)
    assert shown(office) == ("online", EPOCH, 3, int(office.wall() * 1000))


def test_of_several_in_one_batch_the_newest_is_shown_and_counted(small: Office) -> None:
    beats = [small.message("status", Status("online", EPOCH, beat, 1, spool_depth=beat)) for beat in (1, 3, 2)]
    assert small.settle(*beats)
    assert shown(small)[2] == 3
    assert small.value("gateway_spool_depth", station=STATION) == 3
    assert small.quarantined() == [AGAIN]


def test_a_will_or_goodbye_of_an_older_process_says_nothing_of_the_one_that_runs(small: Office) -> None:
    for epoch in (EPOCH, EPOCH_2):
        assert small.settle(small.message("hello", Hello(epoch, None, [], 0, "0.1.0")))
        assert said(small, "online", epoch, 1)
    now = shown(small)
    assert said(small, "lost", EPOCH, 0)
    assert said(small, "stopped", EPOCH, 0)
    assert shown(small) == now
    assert small.quarantined() == [], "a will that comes late is nothing unusual"
    assert said(small, "lost", EPOCH_2, 0)
    assert shown(small)[:2] == ("lost", EPOCH_2)


def test_what_an_older_process_said_does_not_come_back_after_a_restart_of_the_centre(office: Office) -> None:
    old = office.message("status", Status("online", EPOCH, 900, 1))
    assert office.settle(office.message("hello", Hello(EPOCH, None, [], 1, "0.1.0")))
    office.moment += timedelta(minutes=1)
    assert office.settle(office.message("hello", Hello(EPOCH_2, None, [Held(EPOCH, 1, 1)], 1, "0.1.0")))
    assert said(office, "online", EPOCH_2, 1)
    now = shown(office)
    again = Office(office.database)  # knows nothing but the database
    again.moment = office.moment + timedelta(hours=1)
    assert again.settle(old)
    assert shown(again) == now
    assert again.quarantined() == [AGAIN]


def test_a_retained_word_that_is_older_is_passed_over_without_a_note(small: Office) -> None:
    assert said(small, "online", EPOCH, 7)
    now = shown(small)
    assert said(small, "online", EPOCH, 6, retained=True)
    assert shown(small) == now
    assert small.quarantined() == []


def test_after_its_will_the_readers_of_a_station_are_unknown_and_still_on_its_page(
    small: Office, tmp_path: Path
) -> None:
    assert said(small, "online", EPOCH, 1, devices=READERS)
    assert [(one.id, one.health) for one in on_page(small, tmp_path).readers] == [("east-in", "ok")]
    assert said(small, "lost", EPOCH, 0)
    row = on_page(small, tmp_path)
    assert row.freshness is Freshness.UNKNOWN
    assert [(one.id, one.health) for one in row.readers] == [("east-in", "unknown")]


def test_a_clock_that_is_set_back_makes_no_silent_station_one_that_is_heard(small: Office, tmp_path: Path) -> None:
    assert said(small, "online", EPOCH, 1)
    small.moment -= timedelta(days=1)
    assert on_page(small, tmp_path).freshness is Freshness.UNKNOWN
    assert said(small, "online", EPOCH, 2)
    assert on_page(small, tmp_path).freshness is Freshness.ONLINE


def test_a_status_of_an_epoch_that_is_not_known_says_nothing_of_a_station_that_is_shown(office: Office) -> None:
    """It was kept by a broker, or by somebody, from before a database was put back or begun anew."""
    assert office.settle(office.message("hello", Hello(EPOCH, None, [], 0, "0.1.0")))
    assert said(office, "online", EPOCH, 2)
    before = shown(office)
    for retained in (True, False):
        assert said(office, "online", EPOCH_2, 9, retained=retained)
        assert shown(office) == before
    assert office.settle(office.message("hello", Hello(EPOCH_2, None, [], 0, "0.1.0")))
    assert said(office, "online", EPOCH_2, 10)
    assert shown(office)[:3] == ("online", EPOCH_2, 10)
