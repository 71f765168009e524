"""What the property is asked, and slips that nobody decides upon."""

from datetime import timedelta

from gateway.store import tables as t
from gateway.store.queries import questions
from tests.gateway.centre.office import NOW, SHORT, TODAY, YUAN, Office, entry, number, tenant

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
