"""Declarations: a receipt that tells nothing, a reviewer who confirms, and cases, moves and leases that follow."""

from datetime import date, timedelta
from typing import Any

import pytest

from gateway.centre.declarations import Declaration, Declarations, Move, Said
from gateway.centre.own_data import GOOD_MS, Asked, OwnData
from gateway.centre.slips import Stale
from gateway.store import tables as t
from gateway.store.queries import declared
from gateway.store.queries.history import By
from rules.cases import NotPossible, Objection
from rules.model import CredentialKind, Source
from tests.gateway.centre.office import BY, MASTER, OTHER, TODAY, YUAN, Office, entry, number, registration

A, B = number(1, date(1990, 5, 1)), number(2, date(1991, 5, 1))
LONG_AGO = TODAY - timedelta(days=60)
RESIDENT = By("resident", BY.at)


def made(office: Office) -> Declarations:
    return Declarations(MASTER, office.casework, office.slips)


def declare(office: Office, text: str = A, source: Source = Source.SELF, move: Move = Move.IN, **over: Any) -> int:
    said = Said(CredentialKind.CITIZEN_ID, text, "测试甲", "13800000000", "房东甲" if source is Source.LANDLORD else "")
    values: dict[str, Any] = {"building": "3栋", "unit": "2单元", "room": "501室", "day": LONG_AGO} | over
    one = Declaration(YUAN, source, move, said=said, **values)
    with office.database.write() as connection:
        receipt = made(office).declare(connection, one, BY.at)
        row = declared.by_receipt(connection, receipt)
        assert row is not None
        return int(row.id)


def confirm(office: Office, one: int) -> int | None:
    with office.database.write() as connection:
        return made(office).confirm(connection, BY, one)


@pytest.fixture
def home(office: Office) -> Office:
    """A compound with a room and a register of today."""
    office.enrol(entry(number(9)))
    office.import_register(registration(number(9)), as_of=TODAY)
    return office


def test_a_declaration_is_kept_encrypted_until_it_is_decided(home: Office) -> None:
    one = declare(home)
    (row,) = home.rows(t.declarations)
    assert not [word for word in (A, "测试甲", "138000") if word.encode() in row.said]
    assert home.rows(t.persons)[-1].id == 1, "nobody is put into the register by declaring"
    with home.database.write() as connection:
        made(home).reject(connection, BY, one, "房号不对")
        with pytest.raises(Stale):
            made(home).reject(connection, BY, one, "again")
        with pytest.raises(LookupError):
            made(home).confirm(connection, BY, one)
    (row,) = home.rows(t.declarations)
    assert (row.said, row.state, row.why, row.decided_by) == (None, "rejected", "房号不对", BY.actor)


def test_what_is_confirmed_is_collected_and_only_the_police_register_it(home: Office) -> None:
    case = confirm(home, declare(home))
    (row,) = home.rows(t.cases)
    assert (row.id, row.state, row.source) == (case, "collected", "self")
    living = [one for one in home.rows(t.residents) if one.person == row.person]
    assert [(one.since, one.source, one.confirmed_on) for one in living] == [(LONG_AGO, "self", None)]
    home.import_register(registration(A), registration(number(9)), as_of=TODAY)
    assert home.rows(t.cases)[0].state == "registered"


def test_that_a_declaration_was_read_is_noted(home: Office) -> None:
    one = declare(home)
    with home.database.write() as connection:
        _, said = made(home).read(connection, BY, one)
    assert (said.number, said.phone) == (A, "13800000000")
    noted = home.rows(t.history)[-1]
    assert (noted.subject, noted.row, noted.actor, noted.changes) == (
        "declarations",
        one,
        BY.actor,
        {"read": [None, True]},
    )


def test_a_room_that_is_not_there_is_declared_like_any_other_and_not_confirmed(home: Office) -> None:
    one = declare(home, room="999室")
    with pytest.raises(NotPossible, match="no such room"):
        confirm(home, one)
    assert home.rows(t.declarations)[0].state == "waiting"
    assert home.rows(t.cases) == []


def test_whoever_is_registered_already_gets_no_case(home: Office) -> None:
    assert confirm(home, declare(home, number(9))) is None
    assert home.rows(t.cases) == []
    assert home.rows(t.declarations)[0].state == "confirmed"


def test_a_child_is_kept_with_the_household_and_has_no_case(home: Office) -> None:
    assert confirm(home, declare(home, number(3, date(2017, 5, 1)))) is None
    assert home.rows(t.cases) == []
    assert len(home.rows(t.residents)) == 2


def test_a_landlord_tells_of_a_tenant_and_of_the_lease(home: Office) -> None:
    ends = TODAY + timedelta(days=300)
    case = confirm(home, declare(home, source=Source.LANDLORD, until=ends))
    assert [(row.id, row.source, row.state) for row in home.rows(t.cases)] == [(case, "landlord", "collected")]
    (lease,) = home.rows(t.leases)
    assert (lease.since, lease.until, lease.source) == (LONG_AGO, ends, "landlord")
    assert (
        confirm(home, declare(home, source=Source.LANDLORD, move=Move.RENEW, until=ends + timedelta(days=365))) is None
    )
    assert [row.until for row in home.rows(t.leases)] == [ends + timedelta(days=365)]


@pytest.mark.parametrize(("source", "why"), [(Source.SELF, "declared"), (Source.LANDLORD, "landlord")])
def test_moving_out_ends_the_stay_and_of_the_registered_makes_a_task(home: Office, source: Source, why: str) -> None:
    case = confirm(home, declare(home, number(9), source, Move.OUT, day=TODAY))
    (stay,) = home.rows(t.residents)
    assert (stay.until, stay.left_why) == (TODAY, why)
    assert [(row.id, row.kind, row.state) for row in home.rows(t.cases)] == [(case, "deregistration", "collected")]


def test_moving_out_of_somebody_unknown_changes_nothing(home: Office) -> None:
    assert confirm(home, declare(home, B, move=Move.OUT, day=TODAY)) is None
    assert home.rows(t.cases) == []


def a_code(office: Office, person: int) -> str:
    with office.database.write() as connection:
        return OwnData(MASTER, office.slips).code(connection, BY, YUAN, person)


def opened(office: Office, code: str, at: int = BY.at) -> str | None:
    with office.database.write() as connection:
        return OwnData(MASTER, office.slips).open(connection, code, at)


def test_a_code_is_good_once_for_ten_minutes_and_for_its_person_alone(home: Office) -> None:
    person = home.rows(t.persons)[0].id
    code = a_code(home, person)
    assert (len(code), code.isdigit()) == (10, True)
    assert code.encode() not in home.rows(t.codes)[0].lookup
    assert opened(home, "0000000000") is None
    token = opened(home, f" {code} ")
    assert token is not None
    assert opened(home, code) is None, "once"
    late = a_code(home, person)
    assert opened(home, late, BY.at + GOOD_MS + 1) is None
    own = OwnData(MASTER, home.slips)
    with home.database.read() as connection:
        session = own.session(connection, token, BY.at + GOOD_MS)
        assert session is not None
        assert session.person == person
        assert own.session(connection, token, BY.at + GOOD_MS + 1) is None
        assert own.session(connection, code, BY.at) is None
    with home.database.write() as connection, pytest.raises(LookupError):
        own.code(connection, BY, OTHER, person)


def test_everything_held_is_shown_with_who_looked_and_nothing_of_others(home: Office) -> None:
    home.enrol(entry(A, room="502室", name="测试乙", since=LONG_AGO))
    mine = home.rows(t.persons)[-1].id
    token = opened(home, a_code(home, mine))
    assert token is not None
    own = OwnData(MASTER, home.slips)
    with home.database.read() as connection:
        session = own.session(connection, token, BY.at)
        assert session is not None
        shown = own.show(connection, session, 0)
    assert (shown["name"], shown["number"]) == ("测试乙", A[:2] + "*" * 14 + A[-2:])
    assert [len(shown["held"][name]) for name in ("enrolments", "residents", "registrations", "cases")] == [1, 1, 0, 1]
    assert {one["who"] for one in shown["looked"]} == {BY.actor}
    assert "测试甲" not in str(shown)
    assert "token" not in str(shown["held"]["credentials"][0].keys())


def test_what_somebody_asks_is_answered_once_with_a_reason(home: Office) -> None:
    person = home.rows(t.persons)[0].id
    own = OwnData(MASTER, home.slips)
    token = opened(home, a_code(home, person))
    assert token is not None
    with home.database.write() as connection:
        session = own.session(connection, token, BY.at)
        assert session is not None
        number_of = own.ask(connection, session, Asked.CORRECT, "姓名有误", RESIDENT)
        (row,) = declared.requests(connection, YUAN, 10)
        assert (row.kind, row.due) == ("correct", TODAY + timedelta(days=15))
        assert "姓名".encode() not in row.said
        with pytest.raises(NotPossible, match="reason"):
            own.decide(connection, BY, YUAN, number_of, done=False, why=" ")
        with pytest.raises(LookupError):
            own.decide(connection, BY, OTHER, number_of, done=True, why="")
        own.decide(connection, BY, YUAN, number_of, done=True, why="")
        with pytest.raises(Stale):
            own.decide(connection, BY, YUAN, number_of, done=True, why="")
        assert declared.requests(connection, YUAN, 10) == []


def test_an_objection_pauses_the_case_and_without_one_there_is_nothing_to_pause(home: Office) -> None:
    home.enrol(entry(A, room="502室", since=LONG_AGO))
    mine, other = home.rows(t.persons)[-1].id, home.rows(t.persons)[0].id
    own = OwnData(MASTER, home.slips)
    for person, paused in ((mine, True), (other, False)):
        token = opened(home, a_code(home, person))
        assert token is not None
        with home.database.write() as connection:
            session = own.session(connection, token, BY.at)
            assert session is not None
            if paused:
                own.object(connection, session, Objection.NOT_LIVING_HERE, RESIDENT)
            else:
                with pytest.raises(NotPossible):
                    own.object(connection, session, Objection.NOT_LIVING_HERE, RESIDENT)
    assert [(row.paused, row.objection) for row in home.rows(t.cases)] == [(True, "not_living_here")]
