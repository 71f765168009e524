"""What is deleted when it has been kept for its time, over every boundary, and that it has left the files."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, make_url, select

from gateway.centre import audit
from gateway.centre.audit import Who
from gateway.centre.retention import Retention
from gateway.centre.visitors import Visit, Visitors
from gateway.keys import seal
from gateway.store import tables as t
from gateway.store.queries import streams
from gateway.store.queries.history import By
from rules.policy import Retention as Periods
from rules.roles import Role
from tests.gateway.centre.centres import running
from tests.gateway.centre.office import EPOCH, MASTER, NOW, STATION, YUAN, Office
from tests.gateway.centre.station_desk import PEOPLE, sent_slips

PERIODS = Periods()
DAY = timedelta(days=1)


def retention(office: Office) -> Retention:
    return Retention(office.database, MASTER, office.casework)


def later(office: Office, days: float) -> None:
    office.moment = NOW + days * DAY


def count(office: Office, table: Table) -> int:
    with office.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def passed(office: Office, seq: int, *, ago: float = 0.0, **over: Any) -> None:
    """A stranger's swipe, so many days before the centre's clock began, that is counted by days."""
    at = int((NOW.timestamp() - ago * 86_400) * 1000)
    row = {"community": YUAN, "station": STATION, "epoch": EPOCH, "seq": seq, "at": at, "received": at}
    row |= {"portal": "east", "reader": "in", "direction": "in", "verdict": "attend", "reasons": "unknown_credential"}
    row |= {"flags": "", "roster": 1, "policy": 1, "recorded": True, "unattended": False, "token": bytes(16)}
    row |= {"sealed": seal(MASTER.identity_public(), b"{}", STATION, EPOCH, seq)}
    row |= over
    with office.database.write() as connection:
        number = connection.execute(insert(t.swipes).values(**row).returning(t.swipes.c.id)).scalar_one()
        streams.set_setting(connection, streams.TALLIED, str(number))


@pytest.mark.parametrize(("days", "left"), [(PERIODS.passes_days - 0.01, 1), (PERIODS.passes_days + 0.01, 0)])
def test_a_pass_is_kept_to_the_hour_of_its_last_day(office: Office, days: float, left: int) -> None:
    passed(office, 1)
    passed(office, 2, ago=-200)
    later(office, days)
    assert retention(office).run()["passes"] == 1 - left
    assert count(office, t.swipes) == left + 1


def test_the_newest_pass_stays_so_that_a_database_that_was_put_back_shows(office: Office) -> None:
    for seq in (1, 2, 3):
        passed(office, seq)
    later(office, 400)
    assert retention(office).run()["passes"] == 2
    with office.database.read() as connection:
        assert streams.highest(connection) == 3


def test_a_pass_of_1970_waits_for_its_clock_to_be_put_right(office: Office) -> None:
    came = int(NOW.timestamp() * 1000)
    passed(office, 1, at=1_000, received=came, clock="unsynced")
    passed(office, 2, at=1_000, received=came, clock="unsynced", said_at=1_000)
    passed(office, 3, at=1_000, received=came)
    passed(office, 4, ago=-200)
    retention(office).run()
    with office.database.read() as connection:
        left = connection.execute(select(t.swipes.c.seq, t.swipes.c.sealed.is_not(None)).order_by(t.swipes.c.seq)).all()
    assert [tuple(row) for row in left] == [(1, True), (4, True)], "the others were long ago, as a good clock says"
    later(office, PERIODS.passes_days + 0.1)
    assert retention(office).run()["passes"] == 1


def test_a_pass_that_is_not_counted_by_days_yet_stays(office: Office) -> None:
    passed(office, 1, ago=400)
    with office.database.write() as connection:
        streams.set_setting(connection, streams.TALLIED, "0")
    assert retention(office).run()["passes"] == 0


@pytest.mark.parametrize(("days", "left"), [(PERIODS.sealed_days - 0.01, 1), (PERIODS.sealed_days + 0.01, 0)])
def test_a_seal_goes_before_its_pass(office: Office, days: float, left: int) -> None:
    passed(office, 1)
    later(office, days)
    retention(office).run()
    with office.database.read() as connection:
        sealed = connection.execute(select(func.count(t.swipes.c.sealed))).scalar_one()
    assert (sealed, count(office, t.swipes)) == (left, 1)


def test_a_visitor_goes_with_the_code_and_all_that_is_noted_of_it(office: Office) -> None:
    begins, ends = (int(moment.timestamp() * 1000) for moment in (NOW, NOW + DAY))
    visit = Visit(begins, ends, None, "expected", "来客庚", "13900000000")
    with office.database.write() as connection:
        Visitors(MASTER).expect(connection, By("desk", begins), YUAN, visit)
    later(office, PERIODS.visitors_days + 0.9)
    assert retention(office).run()["visitors"] == 0
    later(office, PERIODS.visitors_days + 1.1)
    assert retention(office).run()["visitors"] == 1
    for table in (t.visitors, t.persons, t.credentials, t.enrolments):
        assert count(office, table) == 0, table.name
    with office.database.read() as connection:
        noted = connection.execute(select(t.history.c.subject)).scalars().all()
    assert not {"visitors", "persons", "credentials", "enrolments"} & set(noted)


def test_of_a_case_that_ended_long_ago_only_what_can_be_counted_is_left(tmp_path: Path) -> None:
    with running(tmp_path) as centre:
        (slip,) = sent_slips(centre, 1)
        with centre.database().write() as connection:
            connection.execute(t.alerts.update().values(note="三次上门", is_open=False))
            connection.execute(t.case_events.update().values(note="写下的话"))
            ended = {"is_open": False, "state": "registered", "how": "registered"}
            connection.execute(t.cases.update().values(closed=int(NOW.timestamp() * 1000), **ended))
        one = Retention(centre.database(), MASTER, centre.process._casework)
        for days, left in ((89, 1), (91, 0)):
            centre.clock[0] = (NOW + days * DAY).timestamp()
            one.run()
            with centre.database().read() as connection:
                assert connection.execute(select(func.count(t.cases.c.person))).scalar_one() == left
        with centre.database().read() as connection:
            case = connection.execute(select(t.cases)).one()
            notes = connection.execute(select(t.case_events.c.note)).scalars().all()
            row = connection.execute(select(t.alerts)).one()
        assert (case.person, case.token, case.dwelling, case.kind) == (None, None, None, "collection")
        assert (set(notes), row.note, row.slip) == ({""}, "", slip)
        for path in ("/api/v1/cases?only_open=false", f"/api/v1/cases/{case.id}/events", "/api/v1/alerts"):
            reply = centre.ask("GET", path, "reviewer-here")
            assert reply.status == 200, path
            assert PEOPLE[0][3] not in reply.text
        assert centre.ask("GET", f"/api/v1/alerts/{slip}", "police-here").status in {200, 404}
        assert centre.signed_in(Role.ADMINISTRATOR).get("/admin/cases").status == 200


def test_the_record_of_acts_holds_after_its_beginning_was_deleted(office: Office) -> None:
    start = int(NOW.timestamp() * 1000)
    with office.database.write() as connection:
        for days in (0, 1, 1095, 1096):
            audit.note(connection, Who("somebody", "auditor", start + days * 86_400_000), "sign_in", "accounts/x")
    later(office, PERIODS.audit_days + 0.5)
    assert retention(office).run()["acts"] == 1
    with office.database.read() as connection:
        assert audit.verify(connection, MASTER.lists_public()) == 3
    later(office, 3 * PERIODS.audit_days)
    assert retention(office).run()["acts"] == 3
    with office.database.write() as connection:
        audit.note(connection, Who("somebody", "auditor", start), "sign_in", "accounts/x")
        connection.execute(t.audit.update().values(actor="else"))
    with office.database.read() as connection:
        assert isinstance(audit.verify(connection, MASTER.lists_public()), audit.Broken), (
            "what comes after is held to what was deleted"
        )


def test_acts_cut_off_the_end_of_the_record_show_once_it_was_signed(small: Office) -> None:
    start = int(NOW.timestamp() * 1000)
    with small.database.write() as connection:
        for one in range(3):
            audit.note(connection, Who("somebody", "auditor", start + one), "sign_in", "accounts/x")
    retention(small).run()
    with small.database.write() as connection:
        assert audit.verify(connection, MASTER.lists_public()) == 3
        assert isinstance(audit.verify(connection, bytes(32)), audit.Broken), "another key has signed nothing"
        connection.execute(t.audit.delete().where(t.audit.c.id == 3))
        assert audit.verify(connection, MASTER.lists_public()) == audit.Broken(3, 2)
        connection.execute(t.audit.delete())
        assert audit.verify(connection, MASTER.lists_public()) == audit.Broken(1, 0)


def test_what_was_deleted_has_left_the_files_too(small: Office) -> None:
    marks = [f"mark{n:04}" for n in range(40)]
    with small.database.write() as connection:
        for mark in marks:
            row = {"received": int(NOW.timestamp() * 1000), "topic": mark, "reason": mark, "size": 1}
            connection.execute(insert(t.quarantine).values(**row))
    folder = Path(make_url(small.database.url).database or "").parent
    assert found_in(folder, marks)
    later(small, 91)
    assert retention(small).run()["quarantine"] == len(marks)
    assert not found_in(folder, marks)


def found_in(folder: Path, marks: list[str]) -> list[str]:
    data = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    return [mark for mark in marks if mark.encode() in data]


def test_a_run_comes_with_each_civil_day_and_reports_what_it_deleted(office: Office) -> None:
    one = retention(office)
    assert one.turn()
    assert not one.turn()
    passed(office, 1)
    passed(office, 2, ago=-200)
    later(office, 40)
    assert one.turn()
    with office.database.read() as connection:
        report = connection.execute(select(t.retention_runs).order_by(t.retention_runs.c.id.desc())).first()
    assert report is not None
    assert (report.deleted["passes"], report.deleted["seals"]) == (1, 0)
    assert report.before["passes"] == int((NOW + 10 * DAY).timestamp() * 1000)
    assert "来客" not in json.dumps([report.deleted, report.before])
