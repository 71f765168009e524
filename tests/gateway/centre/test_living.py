"""Who lives where, and the history of it: what is said again, what is new, who moved, and what nobody can read."""

import json
import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from gateway.centre.living import Category, Left, Living, Residency
from gateway.centre.persons import Persons
from gateway.store import tables as t
from gateway.store.queries import history
from rules.model import Role, Source
from tests.gateway.centre.office import BY, MASTER, TODAY, YUAN, Office, entry, number, registration
from tests.waiting import until

A, B = number(1), number(2)
LONG_AGO = TODAY - timedelta(days=90)
RESIDENCY = Residency(MASTER)


def find(office: Office, *finds: Living) -> None:
    with office.database.write() as connection:
        RESIDENCY.found(connection, BY, YUAN, finds)


def living(office: Office) -> list[Any]:
    return [row for row in office.rows(t.residents) if row.until is None]


def noted(office: Office, subject: str) -> list[dict[str, Any]]:
    return [row.changes for row in office.rows(t.history) if row.subject == subject]


def test_whom_the_property_enrols_with_a_room_lives_there_as_its_desk_has_seen(office: Office) -> None:
    (person,) = office.enrol(entry(A, category="floating", since=LONG_AGO))
    (row,) = living(office)
    assert (row.person, row.category, row.since, row.source) == (person, "floating", LONG_AGO, "property")
    assert (row.confirmed_on, row.confirmed_by) == (TODAY, BY.actor)


@pytest.mark.parametrize("over", [{"role": Role.STAFF}, {"role": Role.VISITOR}, {"room": ""}])
def test_staff_visitors_and_people_without_a_room_live_nowhere(small: Office, over: dict[str, Any]) -> None:
    small.enrol(entry(A, **over))
    assert living(small) == []


def test_the_same_list_again_changes_nothing_and_notes_nothing(office: Office) -> None:
    office.enrol(entry(A, phone="13800000000"), entry(B, room="502室"))
    office.import_register(registration(A, employment="employed", employer="示例工厂"), as_of=TODAY)
    before = [office.rows(table) for table in (t.persons, t.residents, t.enrolments, t.registrations, t.history)]
    office.enrol(entry(A, phone="13800000000"), entry(B, room="502室"))
    office.import_register(registration(A, employment="employed", employer="示例工厂"), as_of=TODAY)
    assert [
        office.rows(table) for table in (t.persons, t.residents, t.enrolments, t.registrations, t.history)
    ] == before


def test_a_list_that_says_nothing_of_phone_and_category_takes_neither_away(small: Office) -> None:
    small.enrol(entry(A, phone="13800000000", category="floating"))
    small.enrol(entry(A))
    (person,) = small.rows(t.persons)
    assert MASTER.show("persons.phone", person.phone) == "13800000000"
    assert living(small)[0].category == "floating"


def test_every_change_says_who_when_why_and_from_what_to_what(office: Office) -> None:
    (person,) = office.enrol(entry(A, until=date(2026, 12, 1)))
    office.enrol(entry(A, until=date(2027, 1, 1)))
    with office.database.read() as connection:
        (row,) = office.rows(t.enrolments)
        told = history.of(connection, "enrolments", row.id)
    assert [one.changes for one in told] == [{"created": [None, True]}, {"until": ["2026-12-01", "2027-01-01"]}]
    assert {(one.actor, one.at, one.why, one.community) for one in told} == {(BY.actor, BY.at, BY.why, YUAN)}
    assert person == row.person


def test_no_name_number_phone_or_employer_is_readable_in_the_history(small: Office) -> None:
    small.enrol(entry(A, name="测试甲", phone="13800000000"))
    small.enrol(entry(A, name="测试乙", phone="13900000000"))
    (other,) = small.rows(t.names)
    with small.database.write() as connection:
        Persons(MASTER).rename(connection, BY, YUAN, other.id, take=True)
    (person,) = small.rows(t.persons)
    find(small, Living(person.id, None, Source.VISIT, employment="employed", employer="示例工厂"))
    find(small, Living(person.id, None, Source.VISIT, employer="示例商店"))
    said = json.dumps([row.changes for row in small.rows(t.history)], ensure_ascii=False)
    assert "name" in said
    assert "employer" in said
    assert not [word for word in (A, "测试", "138000", "139000", "示例") if word in said]


def test_another_room_of_the_compound_is_a_move_within_it(office: Office) -> None:
    office.enrol(entry(A, since=LONG_AGO))
    office.enrol(entry(A, since=TODAY, room="601室"))
    old, new = office.rows(t.residents)
    assert (old.until, old.left_why) == (TODAY, Left.MOVED_WITHIN)
    assert (new.until, new.since) == (None, TODAY)
    assert old.dwelling != new.dwelling


def test_what_a_person_declares_is_unconfirmed_until_somebody_has_seen_it(office: Office) -> None:
    office.enrol(entry(A, room=""))
    (person,) = office.rows(t.persons)
    find(office, Living(person.id, None, Source.SELF, since=LONG_AGO))
    assert living(office)[0].confirmed_on is None
    find(office, Living(person.id, None, Source.VISIT, category=Category.FLOATING))
    (row,) = living(office)
    assert (row.confirmed_on, row.category, row.source) == (TODAY, "floating", "self")


def test_moving_out_ends_a_stay_and_somebody_who_is_not_there_cannot(office: Office) -> None:
    (person,) = office.enrol(entry(A, since=LONG_AGO))
    with office.database.write() as connection:
        RESIDENCY.moved_out(connection, BY, YUAN, person, TODAY, Left.CARD_RETURNED)
        with pytest.raises(LookupError):
            RESIDENCY.moved_out(connection, BY, YUAN, person, TODAY, Left.CARD_RETURNED)
    assert living(office) == []
    assert {"until": [None, TODAY.isoformat()], "left_why": [None, "card_returned"]} in noted(office, "residents")
    find(office, Living(person, None, Source.VISIT, since=TODAY))
    assert len(living(office)) == 1, "whoever comes back lives there again"


def test_a_registration_that_a_complete_list_does_not_name_ends_with_a_note(office: Office) -> None:
    office.import_register(registration(A), as_of=TODAY - timedelta(days=1))
    office.import_register(as_of=TODAY)
    assert noted(office, "registrations")[-1] == {
        "until": [None, (TODAY - timedelta(days=1)).isoformat()],
        "as_of": [(TODAY - timedelta(days=1)).isoformat(), TODAY.isoformat()],
    }


def both_at_once(office: Office, act: Callable[[Connection], object]) -> list[Exception]:
    """Do it twice, the second time before the first is committed; what the second one failed with."""
    failed: list[Exception] = []

    def second() -> None:
        try:
            with office.database.write() as connection:
                act(connection)
        except (LookupError, IntegrityError) as error:
            failed.append(error)

    def waits() -> bool:
        if office.database.is_sqlite:
            return True  # it waits for the one writer
        with office.database.read() as connection:
            query = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            return bool(connection.exec_driver_sql(query).scalar())

    thread = threading.Thread(target=second)
    with office.database.write() as connection:
        act(connection)
        thread.start()
        until(lambda: waits() or not thread.is_alive(), what="the second one waits")
    thread.join()
    return failed


def test_two_who_say_the_same_at_once_make_one_row_and_one_move(office: Office) -> None:
    (person,) = office.enrol(entry(A, room=""))
    assert living(office) == []
    found = [Living(person, None, Source.VISIT, since=LONG_AGO)]
    assert both_at_once(office, lambda c: RESIDENCY.found(c, BY, YUAN, found)) == []
    assert len(living(office)) == 1
    days = iter((TODAY, LONG_AGO))
    failed = both_at_once(office, lambda c: RESIDENCY.moved_out(c, BY, YUAN, person, next(days), Left.DECLARED))
    assert [type(one) for one in failed] == [LookupError]
    assert [row.until for row in office.rows(t.residents)] == [TODAY]
