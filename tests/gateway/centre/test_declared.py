"""Declarations: a receipt that tells nothing, a reviewer who confirms, and cases, moves and leases that follow."""

from datetime import date, timedelta
from typing import Any

import pytest

from gateway.centre import audit
from gateway.centre.audit import Who
from gateway.centre.declarations import Declaration, Declarations, Move, Said
from gateway.centre.own_data import GOOD_MS, Asked, OwnData
from gateway.centre.slips import Stale
from gateway.store import tables as t
from gateway.store.queries import declared
from gateway.store.queries.history import By
from rules.cases import NotPossible, Objection
from rules.model import Credential, CredentialKind, Source
from tests.gateway.centre.office import BY, MASTER, OTHER, TODAY, YUAN, Office, entry, number, registration, swipe

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


def presented(office: Office, text: str, seq: int, before_ms: int = 0, **over: Any) -> None:
    """Somebody's card at a reader of the compound, so long before now."""
    office.take(swipe(seq, text, BY.at - before_ms, flags=[], **over))


def begun(office: Office, at: int = BY.at - 60_000) -> tuple[str, str]:
    with office.database.write() as connection:
        return OwnData(MASTER, office.slips).begin(connection, at)


def open_page(office: Office, person: int, code: str, at: int = BY.at, community: str = YUAN) -> None:
    with office.database.write() as connection:
        OwnData(MASTER, office.slips).open(connection, By(BY.actor, at), community, person, code)


def shows(office: Office, token: str, at: int = BY.at) -> int | None:
    """Whose data the page shows."""
    with office.database.read() as connection:
        session = OwnData(MASTER, office.slips).session(connection, token, at)
    return None if session is None else session.person


def opened(office: Office, text: str, person: int, seq: int = 900) -> str:
    """The token of a page that a desk has opened."""
    code, token = begun(office)
    presented(office, text, seq)
    open_page(office, person, code)
    return token


def test_a_page_is_opened_once_after_its_person_s_own_card_and_ends_after_ten_minutes(home: Office) -> None:
    person = home.rows(t.persons)[0].id
    code, token = begun(home)
    assert (len(code), code.isdigit(), shows(home, token)) == (8, True, None)
    presented(home, number(9), 1)
    with pytest.raises(NotPossible, match="no page"):
        open_page(home, person, "00000000" if code != "00000000" else "00000001")
    with pytest.raises(LookupError):
        open_page(home, person, code, community=OTHER)
    open_page(home, person, code)
    assert shows(home, token) == person
    assert shows(home, code) is None
    assert shows(home, token, BY.at + GOOD_MS) == person
    assert shows(home, token, BY.at + GOOD_MS + 1) is None
    with pytest.raises(NotPossible, match="no page"):
        open_page(home, person, code)
    noted = home.rows(t.history)[-1]
    assert (noted.subject, noted.row, noted.actor, noted.changes) == (
        "persons",
        person,
        BY.actor,
        {"opened": [None, "east"]},
    )


def test_no_page_opens_without_a_fresh_swipe_of_the_person_s_own_good_card(home: Office) -> None:
    home.enrol(entry(A, room="502室"))
    person = home.rows(t.persons)[0].id
    code, token = begun(home, BY.at - 400_000)
    for seq, text, before in ((1, A, 0), (2, number(9), 120_001), (3, number(9), -60_000)):
        presented(home, text, seq, before)  # another's; too long ago; by a clock that is a minute ahead
        with pytest.raises(NotPossible, match="own card"):
            open_page(home, person, code)
    late, _ = begun(home, BY.at - 1_000)
    presented(home, number(9), 4, 1_001)
    with pytest.raises(NotPossible, match="own card"):
        open_page(home, person, late)  # before there was a page to open
    assert shows(home, token) is None
    open_page(home, person, code)
    other, _ = begun(home, BY.at - 400_000)
    with pytest.raises(NotPossible, match="own card"):
        open_page(home, person, other)  # one swipe, one page


def test_a_lost_card_and_a_code_that_is_over_open_no_page(home: Office) -> None:
    person = home.rows(t.persons)[0].id
    code, _ = begun(home, BY.at - GOOD_MS - 1)
    presented(home, number(9), 1)
    with pytest.raises(NotPossible, match="no page"):
        open_page(home, person, code)
    with home.database.write() as connection:
        home.register.mark_lost(connection, BY, YUAN, Credential(CredentialKind.CITIZEN_ID, number(9)), lost=True)
    code, token = begun(home)
    with pytest.raises(NotPossible, match="own card"):
        open_page(home, person, code)
    assert shows(home, token) is None


def test_everything_held_is_shown_with_who_looked_and_nothing_of_others(home: Office) -> None:
    home.enrol(entry(A, room="502室", name="测试乙", since=LONG_AGO))
    mine = home.rows(t.persons)[-1].id
    token = opened(home, A, mine)
    own = OwnData(MASTER, home.slips)
    theirs, (case,) = home.rows(t.persons)[0].id, [one.id for one in home.rows(t.cases) if one.person == mine]
    with home.database.write() as connection:
        for about in (f"persons/{mine}", f"persons/{theirs}", f"cases/{case}", f"persons/{mine}0"):
            audit.note(connection, Who(f"reader of {about}", "worker", BY.at), "reveal", about)
    with home.database.read() as connection:
        session = own.session(connection, token, BY.at)
        assert session is not None
        shown = own.show(connection, session, 0, BY.at)
    assert (shown["name"], shown["number"]) == ("测试乙", A[:2] + "*" * 14 + A[-2:])
    assert [len(shown["held"][name]) for name in ("enrolments", "residents", "registrations", "cases")] == [1, 1, 0, 1]
    readers = {f"reader of persons/{mine}", f"reader of cases/{case}"}
    assert {one["who"] for one in shown["looked"]} == {BY.actor, *readers}
    assert {tuple(one["what"]) for one in shown["looked"] if one["who"] in readers} == {("read",)}
    assert "测试甲" not in str(shown)
    assert "token" not in str(shown["held"]["credentials"][0].keys())


def test_what_somebody_asks_is_answered_once_with_a_reason(home: Office) -> None:
    person = home.rows(t.persons)[0].id
    own = OwnData(MASTER, home.slips)
    token = opened(home, number(9), person)
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
    for seq, text, person, paused in ((901, A, mine, True), (902, number(9), other, False)):
        token = opened(home, text, person, seq)
        with home.database.write() as connection:
            session = own.session(connection, token, BY.at)
            assert session is not None
            if paused:
                own.object(connection, session, Objection.NOT_LIVING_HERE, RESIDENT)
            else:
                with pytest.raises(NotPossible):
                    own.object(connection, session, Objection.NOT_LIVING_HERE, RESIDENT)
    assert [(row.paused, row.objection) for row in home.rows(t.cases)] == [(True, "not_living_here")]
