"""What the property is asked, and slips that nobody decides upon."""

from datetime import timedelta

from gateway.centre.cards import Cards
from gateway.centre.leases import Decision, Lease, Leases
from gateway.store import tables as t
from gateway.store.queries import leases as lease_rows
from gateway.store.queries import people, questions
from gateway.store.queries.history import By
from rules.model import Role, Source
from tests.gateway.centre.office import BY, MASTER, NOW, SHORT, TODAY, YUAN, Office, entry, number, registration, tenant

A, B = number(1), number(2)


def standing(office: Office) -> list[tuple[str, object]]:
    with office.database.read() as connection:
        return [(row.question, row.since) for row in questions.open_ones(connection, YUAN, 10, None)]


def keep(office: Office, *asked: tuple[str, object], person: int = 1) -> None:
    with office.database.write() as connection:
        questions.keep(connection, YUAN, person, dict(asked), 7)  # type: ignore[arg-type]


def test_a_question_is_asked_once_and_answered_when_it_stands_no_more(office: Office) -> None:
    office.enrol(entry(A), entry(B))
    ended = ("lease_ended", TODAY)
    keep(office, ended)
    keep(office, ended)
    keep(office, ("service_ended", TODAY), person=2)
    assert standing(office) == [("service_ended", TODAY), ended]
    later = ("lease_ended", TODAY + timedelta(days=30))
    keep(office, later)
    assert standing(office) == [later, ("service_ended", TODAY)], "another end is another question"
    keep(office)
    assert standing(office) == [("service_ended", TODAY)]
    assert [(row.is_open, row.answered) for row in office.rows(t.questions) if row.person == 1] == [(False, 7)] * 2


def test_a_page_of_questions_names_the_dwelling_and_goes_on_below_an_id(office: Office) -> None:
    office.enrol(entry(A), entry(B, room="502室"))
    for person in (1, 2):
        keep(office, ("lease_ended", TODAY), person=person)
    with office.database.read() as connection:
        newest, older = questions.open_ones(connection, "", 10, None)
        assert (newest.room, older.room) == ("502室", "501室")
        assert [row.id for row in questions.open_ones(connection, "", 10, newest.id)] == [older.id]
        assert questions.open_ones(connection, "other-yuan", 10, None) == []


def test_an_end_of_a_lease_is_told_once_before_it_in_the_list_and_after_it_as_a_question(office: Office) -> None:
    (person,) = office.enrol(entry(A, since=TODAY - timedelta(days=300)))
    office.import_register(registration(A))
    leases, by = Leases(MASTER), By("office-1", office.casework.now())
    with office.database.write() as connection:
        home = people.dwelling_of(connection, YUAN, ("3栋", "2单元", "501室"))
        assert home is not None
        lease = Lease(home, TODAY - timedelta(days=300), TODAY, Source.PROPERTY, person)
        number_of_lease = leases.put(connection, by, YUAN, lease)

    def told(days: int) -> tuple[list[int], list[int | None]]:
        office.moment = NOW + timedelta(days=days)
        with office.database.write() as connection:
            office.casework.sweep(connection)
            ending = lease_rows.ending(connection, YUAN, office.casework.today() + timedelta(days=30), 10)
            return [row.id for row in ending], [row.lease for row in questions.open_ones(connection, YUAN, 10, None)]

    assert told(0) == ([number_of_lease], []), "its last day"
    assert told(1) == ([], [number_of_lease])
    renewed = TODAY + timedelta(days=40)
    with office.database.write() as connection:
        leases.decide(connection, by, YUAN, number_of_lease, Decision.RENEWED, until=renewed)
        assert questions.open_ones(connection, YUAN, 10, None) == [], "answered at once"
    assert told(2) == ([], [])
    assert told(15) == ([number_of_lease], []), "the renewed one ends too"
    assert told(41) == ([], [number_of_lease])
    office.protect(person)
    assert told(41) == ([], []), "the property sees no protected record"


def test_service_staff_whose_household_has_confirmed_them_are_asked_about_no_longer(office: Office) -> None:
    (person,) = office.enrol(entry(A, role=Role.STAFF, room=""))
    with office.database.write() as connection:
        connection.execute(t.enrolments.update().values(confirmed_until=TODAY - timedelta(days=1)))
        office.casework.sweep(connection)
    assert standing(office) == [("service_ended", TODAY)]
    with office.database.write() as connection:
        Cards(MASTER).confirm_staff(connection, BY, YUAN, person, TODAY + timedelta(days=30))
    assert standing(office) == []


def test_whoever_is_asked_about_is_looked_at_again_each_day(office: Office) -> None:
    office.enrol(entry(A))
    office.import_register(registration(A))
    keep(office, ("lease_ended", TODAY))
    with office.database.write() as connection:
        office.casework.sweep(connection)
    assert standing(office) == []


def test_a_judged_person_without_any_is_asked_about_no_longer(office: Office) -> None:
    office.enrol(entry(A))
    office.import_register()
    keep(office, ("lease_ended", TODAY))
    office.take(*tenant(A))
    assert standing(office) == []


def test_a_slip_that_nobody_decides_upon_goes_to_the_street_once_and_one_that_was_sent_does_not(office: Office) -> None:
    office.policy = SHORT
    office.enrol(entry(A, since=TODAY - timedelta(days=8)))
    office.import_register()
    with office.database.write() as connection:
        office.casework.sweep(connection)
    (case,) = office.rows(t.cases)
    with office.database.write() as connection:
        connection.execute(
            t.visits.insert().values(
                case=case.id, at=int(NOW.timestamp() * 1000), met=False, notice_left=True, actor="worker-1"
            )
        )

    def after(days: int) -> tuple[list[str | None], int]:
        office.moment = NOW + timedelta(days=days)
        with office.database.write() as connection:
            connection.execute(t.communities.update().values(register_as_of=office.moment.date()))
            office.casework.sweep(connection)
        events = [row for row in office.rows(t.case_events) if row.act == "raise"]
        return [row.level for row in office.rows(t.alerts)], len(events)

    assert [after(days) for days in (0, 2)] == [([None], 0)] * 2
    assert [after(days) for days in (3, 4)] == [(["street"], 1)] * 2
    with office.database.write() as connection:
        connection.execute(t.alerts.update().values(state="sent", level=None))
    assert after(9) == ([None], 1)
