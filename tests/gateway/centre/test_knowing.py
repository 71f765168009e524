"""What is known of many at once: the same as of each alone, by as many queries whatever their number."""

import contextlib
from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import event

from gateway.centre import deskwork, knowing
from gateway.centre.cards import Cards
from gateway.centre.deskwork import Deed
from gateway.centre.knowing import Known
from gateway.centre.leases import Decision, Lease, Leases
from gateway.centre.living import Left, Living, Residency
from gateway.centre.visiting import Visit, log_visit
from gateway.store import tables as t
from gateway.store.queries import people
from gateway.store.queries.casefile import Subject
from rules.acts import CloseCase, Remind
from rules.cases import Actor, CaseAct, Close
from rules.model import CredentialKind, MovedOut, MoveOutBy, Person, Role, Source
from tests.gateway.centre.office import (
    BY,
    MASTER,
    NOW,
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
        now = office.casework.now()
        assign = Deed(CaseAct.ASSIGN, case.revision, Actor.REVIEWER, "reviewer-1", now, to="w")
        deskwork.act_on(connection, case.id, assign, office.slips)
        visit = Deed(CaseAct.VISIT, case.revision + 1, Actor.WORKER, "w", now)
        log_visit(connection, MASTER, case.id, Visit(now, False, True), visit)
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


def about(office: Office, person: int) -> Person:
    return known_of(office, [Subject(YUAN, person, None)])[Subject(YUAN, person, None)].person


def test_what_the_register_says_of_leases_moves_and_checks_is_known(office: Office) -> None:
    tenant_id, owner, staff = office.enrol(
        entry(number(1)), entry(number(2), room="502室"), entry(number(3), room="", role=Role.STAFF)
    )
    office.import_register(registration(number(2), since=date(2024, 2, 3)))
    office.import_register(registration(number(1)), community=OTHER)
    home = next(row.id for row in office.rows(t.dwellings) if row.room == "501室")
    until = TODAY - timedelta(days=2)
    with office.database.write() as connection:
        leases, cards, by = Leases(MASTER), Cards(MASTER), BY
        leases.put(connection, by, YUAN, Lease(home, LONG_AGO, until, Source.PROPERTY, tenant=tenant_id))
        cards.confirm_staff(connection, by, YUAN, staff, TODAY)
    one = about(office, tenant_id)
    assert (one.registered_elsewhere, one.rented, one.lease_until, one.last_checked) == (True, True, until, TODAY)
    other = about(office, owner)
    assert (other.registered_elsewhere, other.rented, other.lease_until, other.moved_out) == (False, False, None, None)
    assert about(office, staff).service_until == TODAY
    (lease,) = office.rows(t.leases)
    with office.database.write() as connection:
        leases.decide(connection, BY, YUAN, lease.id, Decision.MOVING_OUT, source=Source.LANDLORD)
    gone = about(office, tenant_id)
    assert (gone.lease_until, gone.moved_out) == (None, MovedOut(until, MoveOutBy.LANDLORD))
    with office.database.write() as connection:
        Residency(MASTER).found(connection, BY, YUAN, [Living(tenant_id, home, Source.VISIT)])
    assert about(office, tenant_id).moved_out is None, "moved in again"


def test_whoever_only_lives_here_by_a_visit_has_a_dwelling_and_a_move_within_is_no_move_out(office: Office) -> None:
    (person,) = office.enrol(entry(number(1), room=""))
    assert not about(office, person).dwelling
    with office.database.write() as connection:
        first, second = people.put_dwellings(connection, YUAN, [("9栋", "", "1室"), ("9栋", "", "2室")]).values()
        for home in (first, second):
            Residency(MASTER).found(connection, BY, YUAN, [Living(person, home, Source.VISIT)])
    known = known_of(office, [Subject(YUAN, person, None)])[Subject(YUAN, person, None)]
    assert (known.person.dwelling, known.dwelling, known.person.moved_out) == (True, second, None)


def test_the_sweep_comes_to_whoever_is_due_though_nothing_came_of_them(office: Office) -> None:
    gone, rents, owns, asked = office.enrol(*[entry(number(i), room=f"{i}室") for i in range(1, 5)])
    office.import_register(*[registration(number(i), since=date(2026, 11, 1)) for i in range(1, 5)])
    homes = {row.room: row.id for row in office.rows(t.dwellings)}
    with office.database.write() as connection:
        Residency(MASTER).moved_out(connection, BY, YUAN, gone, TODAY, Left.DECLARED)
        for room, who, until in (("2室", rents, None), ("4室", asked, TODAY)):
            lease = Lease(homes[room], LONG_AGO, until, Source.PROPERTY, tenant=who)
            Leases(MASTER).put(connection, BY, YUAN, lease)

    def due_in(days: int) -> list[int | None]:
        office.moment = NOW + timedelta(days=days)
        with office.database.read() as connection:
            return [subject.person for subject in office.casework.to_sweep(connection)]

    assert due_in(0) == [gone]
    assert due_in(1) == [gone, asked]
    assert due_in(95) == [gone, rents, asked]
    assert due_in(370) == [gone, rents, owns, asked]
    office.moment = NOW + timedelta(days=95)
    office.import_register(*[registration(number(i)) for i in range(1, 5)], as_of=office.casework.today())
    kinds = {row.person: (row.kind, row.source) for row in office.rows(t.cases)}
    assert kinds == {
        gone: ("deregistration", "self"),
        rents: ("recheck", "visit"),
        asked: ("recheck", "visit"),
    }
