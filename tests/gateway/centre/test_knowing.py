"""What is known of many at once: the same as of each alone, by as many queries whatever their number."""

import contextlib
from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import event

from gateway.centre import deskwork, knowing
from gateway.centre.knowing import Known
from gateway.store import tables as t
from gateway.store.queries.casefile import Subject
from rules.acts import CloseCase, Remind
from rules.cases import Actor, CaseAct, Close
from rules.model import CredentialKind
from tests.gateway.centre.office import (
    BY,
    MASTER,
    OTHER,
    TODAY,
    YUAN,
    Office,
    entry,
    number,
    registration,
    stranger,
    tenant,
    token,
)

LONG_AGO = TODAY - timedelta(days=30)


def known_of(office: Office, subjects: list[Subject]) -> dict[Subject, Known]:
    with office.database.read() as connection:
        return dict(knowing.of(connection, MASTER, subjects, TODAY, office.casework._window()))


@contextlib.contextmanager
def statements(office: Office) -> Iterator[list[str]]:
    """The statements that the database is sent meanwhile."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    event.listen(office.database._reader, "before_cursor_execute", note)
    yield sent
    event.remove(office.database._reader, "before_cursor_execute", note)


def filled(office: Office) -> list[Subject]:
    """Three people at home, one of them here and elsewhere, somebody registered, and an unknown number."""
    card = ((CredentialKind.CARD_UID, "04A1B2C3"),)
    rows = [entry(number(1), since=LONG_AGO, cards=card), entry(number(2)), entry(number(3), room="")]
    ids = office.enrol(*rows)
    office.enrol(entry(number(1), since=LONG_AGO), community=OTHER)
    office.import_register(registration(number(2)), registration(number(4)))
    office.import_register(community=OTHER)
    office.take(*tenant(number(1)), *tenant(number(3), first=10), *stranger(number(9), first=20))
    with office.database.write() as connection:
        case = next(row for row in office.rows(t.cases) if row.person == ids[0] and row.community == YUAN)
        act = {"actor": Actor.REVIEWER, "who": "reviewer-1", "now": office.casework.now(), "slips": office.slips}
        deskwork.act_on(connection, case.id, case.revision, CaseAct.ASSIGN, note="w", **act)  # type: ignore[arg-type]
        now = office.casework.now()
        deskwork.visit(connection, case.id, at=now, met=False, notice_left=True, actor=Actor.WORKER, who="w", now=now)
    people = [row.id for row in office.rows(t.persons)]
    everyone = [Subject(place, person, None) for place in (YUAN, OTHER) for person in people]
    return [*everyone, Subject(YUAN, None, token(number(9))), Subject(YUAN, None, token(number(8)))]


def test_what_is_known_of_many_is_what_is_known_of_each_alone(office: Office) -> None:
    subjects = filled(office)
    together = known_of(office, subjects)
    assert together == {subject: known_of(office, [subject])[subject] for subject in subjects}
    first = together[subjects[0]]
    assert (len(first.passes), len(first.registrations), first.dwelling is None) == (3, 0, False)
    assert [(len(case.visits), case.alert) for case in first.cases] == [(1, False)]
    assert [len(one.registrations) for one in together.values()].count(1) == 2
    assert [case.kind for case in together[subjects[-2]].cases] == ["gate_query"]
    assert together[subjects[-1]].cases == ()


def test_two_hundred_are_read_by_as_many_queries_as_one(office: Office) -> None:
    ids = office.enrol(*[entry(number(i + 1, date(1990, 1, 1)), room=f"{i}室") for i in range(200)])
    known_of(office, [])  # whatever a first connection asks
    with statements(office) as one:
        known_of(office, [Subject(YUAN, ids[0], None)])
    with statements(office) as all_of_them:
        assert len(known_of(office, [Subject(YUAN, person, None) for person in ids])) == 200
    assert 0 < len(one) == len(all_of_them) <= 12


def test_whoever_is_named_twice_is_judged_once(small: Office) -> None:
    (person,) = small.enrol(entry(number(1), since=LONG_AGO))
    with small.database.write() as connection:
        small.register.register(connection, BY, YUAN, TODAY, [], complete=True)
        assert small.casework.judge(connection, [Subject(YUAN, person, None)] * 3) == 1


def test_an_act_on_a_case_that_has_ended_since_it_was_judged_does_nothing(small: Office) -> None:
    (person,) = small.enrol(entry(number(1), since=LONG_AGO))
    small.import_register()
    subject = Subject(YUAN, person, None)
    known = known_of(small, [subject])[subject]
    (case,) = small.rows(t.cases)
    small.import_register(registration(number(1)))
    before = small.rows(t.cases), small.rows(t.case_events)
    with small.database.write() as connection:
        small.casework._apply(connection, subject, known, CloseCase(case.id, Close.REGISTERED))
        small.casework._apply(connection, subject, known, Remind(case.id))
    assert (small.rows(t.cases), small.rows(t.case_events)) == before
