"""Cards over time, the four reasons for which an enrolment may end, leases that end, and service staff."""

from datetime import date, timedelta
from typing import Any

import pytest

from gateway.centre.cards import ALONE_A_DAY, Cards, Ending
from gateway.centre.leases import Decision, Lease, Leases
from gateway.centre.register import BadRow
from gateway.store import tables as t
from gateway.store.queries import leases as lease_rows
from gateway.store.queries import people
from gateway.store.queries.history import By
from rules.cases import NotPossible
from rules.model import Credential, CredentialKind, Role, Source
from tests.gateway.centre.office import BY, MASTER, OTHER, TODAY, YUAN, Office, entry, number, token

A, B = number(1), number(2)
UID, UID_2 = "04A1B2C3", "04A1B2C4"
LONG_AGO = TODAY - timedelta(days=90)
CARDS, LEASES = Cards(MASTER), Leases(MASTER)
SECOND = By("office-2", BY.at)


def uid(text: str = UID) -> Credential:
    return Credential(CredentialKind.CARD_UID, text)


def issue(office: Office, person: int, text: str = UID, **over: Any) -> int:
    with office.database.write() as connection:
        return CARDS.issue(connection, BY, YUAN, person, uid(text), **over)


def end(office: Office, person: int, why: Ending, document: str = "", by: By = BY) -> bool:
    with office.database.write() as connection:
        return CARDS.end(connection, by, YUAN, person, why, document)


def opens(office: Office, text: str = UID) -> bool:
    """Whether a roster built now would have this card."""
    with office.database.read() as connection:
        wanted = token(text, kind=CredentialKind.CARD_UID)
        return wanted in {row.token for row in people.roster_rows(connection, YUAN, TODAY)}


def living(office: Office) -> list[int]:
    return [row.person for row in office.rows(t.residents) if row.until is None]


def test_a_card_opens_from_its_issue_to_its_return_and_may_then_be_anybodys(office: Office) -> None:
    mine, theirs = office.enrol(entry(A), entry(B, room="502室"))
    assert not opens(office)
    card = issue(office, mine)
    assert opens(office)
    with pytest.raises(NotPossible, match="somebody else's"):
        issue(office, theirs)
    with office.database.write() as connection:
        CARDS.take_back(connection, BY, YUAN, card)
        with pytest.raises(NotPossible, match="was returned"):
            CARDS.take_back(connection, BY, YUAN, card)
    assert not opens(office)
    assert issue(office, theirs) == card
    assert opens(office)
    assert {row.person for row in office.rows(t.credentials) if row.id == card} == {theirs}


def test_a_returned_card_may_come_to_somebody_else_by_a_list(small: Office) -> None:
    mine, _ = small.enrol(entry(A), entry(B, room="502室"))
    card = issue(small, mine)
    with small.database.write() as connection:
        CARDS.take_back(connection, BY, YUAN, card)
    cards = ((CredentialKind.CARD_UID, UID),)
    small.enrol(entry(A, cards=cards))
    assert not opens(small), "a list that still names a card does not give it out again"
    small.enrol(entry(B, room="502室", cards=cards))
    assert opens(small)


def test_a_card_that_replaces_another_ends_it(office: Office) -> None:
    (mine,) = office.enrol(entry(A))
    first = issue(office, mine)
    issue(office, mine, UID_2, replaces=first)
    assert (opens(office), opens(office, UID_2)) == (False, True)
    assert [row.replaces for row in office.rows(t.credentials)] == [None, None, first]


def test_a_card_of_another_compound_or_of_nobody_is_not_there(small: Office) -> None:
    (mine,) = small.enrol(entry(A))
    (other,) = small.enrol(entry(B), community=OTHER)
    card = issue(small, mine)
    with small.database.write() as connection:
        with pytest.raises(LookupError):
            CARDS.take_back(connection, BY, OTHER, card)
        with pytest.raises(LookupError):
            CARDS.issue(connection, BY, YUAN, other, uid(UID_2))
        own = people.tokens_of(connection, YUAN, mine)
        number_card = next(row.id for row in small.rows(t.credentials) if row.kind == "citizen-id")
        assert len(own) == 2
        with pytest.raises(LookupError):
            CARDS.take_back(connection, BY, YUAN, number_card)


@pytest.mark.parametrize("why", Ending)
def test_an_enrolment_ends_for_each_of_the_four_reasons(small: Office, why: Ending) -> None:
    (mine,) = small.enrol(entry(A, since=LONG_AGO))
    issue(small, mine)
    assert end(small, mine, why, "川(2026)1号" if why is Ending.LEGAL_DOCUMENT else "")
    (row,) = small.rows(t.enrolments)
    assert (row.ended_on, row.until, row.ended_why, row.ended_by) == (TODAY, TODAY, why.value, BY.actor)
    assert opens(small) == (why is not Ending.CARD_RETURNED)
    assert (living(small) == []) == (why in (Ending.CARD_RETURNED, Ending.MOVED_OUT))
    with pytest.raises(NotPossible, match="has ended"):
        end(small, mine, why)


@pytest.mark.parametrize("why", ["unregistered", "arrears", "lease_end", "expired"])
def test_there_is_no_other_reason(why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Ending(why)


def test_a_legal_document_has_a_number(small: Office) -> None:
    (mine,) = small.enrol(entry(A))
    with pytest.raises(NotPossible, match="number"):
        end(small, mine, Ending.LEGAL_DOCUMENT, "  ")


def test_the_sixth_of_a_day_waits_for_a_second_person_who_is_another_one(office: Office) -> None:
    everyone = office.enrol(*(entry(number(i), room=f"{i}室", since=LONG_AGO) for i in range(ALONE_A_DAY + 1)))
    assert all(end(office, person, Ending.MOVED_OUT) for person in everyone[:-1])
    last = everyone[-1]
    assert not end(office, last, Ending.MOVED_OUT)
    assert last in living(office)
    with pytest.raises(NotPossible, match="another"):
        end(office, last, Ending.MOVED_OUT)
    assert end(office, last, Ending.MOVED_OUT, by=SECOND)
    row = next(row for row in office.rows(t.enrolments) if row.person == last)
    assert (row.ended_by, row.ended_second, row.ended_on) == (BY.actor, SECOND.actor, TODAY)
    assert living(office) == []


def test_enrolling_somebody_again_after_the_end_is_a_new_beginning(small: Office) -> None:
    (mine,) = small.enrol(entry(A, since=LONG_AGO))
    end(small, mine, Ending.MOVED_OUT)
    with small.database.write() as connection:
        ids, bad = small.register.enrol(connection, BY, YUAN, [entry(A, since=LONG_AGO)])
    assert (ids, bad) == ([], [BadRow(0, "this enrolment has ended; a new one begins later")])
    with small.database.write() as connection:
        ids, bad = small.register.enrol(connection, BY, YUAN, [entry(A, since=TODAY)])
    assert (ids, bad) == ([mine], list[BadRow]())
    (row,) = small.rows(t.enrolments)
    assert (row.until, row.ended_on, row.ended_why) == (None, None, None)
    assert living(small) == [mine]


def test_a_household_confirms_its_service_staff_for_six_months_at_most(small: Office) -> None:
    staff, resident = small.enrol(entry(A, role=Role.STAFF, room=""), entry(B))
    with small.database.write() as connection:
        CARDS.confirm_staff(connection, BY, YUAN, staff, date(2027, 5, 23))
        for until in (date(2027, 5, 24), TODAY - timedelta(days=1)):
            with pytest.raises(NotPossible):
                CARDS.confirm_staff(connection, BY, YUAN, staff, until)
        with pytest.raises(NotPossible, match="service staff"):
            CARDS.confirm_staff(connection, BY, YUAN, resident, TODAY)
    row = next(row for row in small.rows(t.enrolments) if row.person == staff)
    assert (row.confirmed_until, row.until) == (date(2027, 5, 23), date(2027, 5, 23))


def a_lease(office: Office, person: int, until: date | None) -> int:
    with office.database.write() as connection:
        dwelling = people.dwelling_of(connection, YUAN, ("3栋", "2单元", "501室"))
        assert dwelling is not None
        return LEASES.put(connection, BY, YUAN, Lease(dwelling, LONG_AGO, until, Source.PROPERTY, person))


def ending(office: Office) -> list[int]:
    with office.database.read() as connection:
        return [row.id for row in lease_rows.ending(connection, YUAN, TODAY + timedelta(days=30), 100)]


def test_a_lease_that_ends_asks_and_stops_nobodys_card(office: Office) -> None:
    (mine,) = office.enrol(entry(A, since=LONG_AGO))
    issue(office, mine)
    lease = a_lease(office, mine, TODAY + timedelta(days=30))
    assert ending(office) == [lease]
    assert office.rows(t.dwellings)[0].use == "rented"
    assert a_lease(office, mine, TODAY + timedelta(days=31)) == lease, "the same lease, as it is said now"
    assert ending(office) == []
    a_lease(office, mine, TODAY - timedelta(days=1))
    assert (ending(office), opens(office), living(office)) == ([lease], True, [mine])


def test_after_a_lease_one_stays_or_goes(office: Office) -> None:
    (mine,) = office.enrol(entry(A, since=LONG_AGO))
    lease = a_lease(office, mine, TODAY)
    with office.database.write() as connection:
        with pytest.raises(NotPossible, match="later"):
            LEASES.decide(connection, BY, YUAN, lease, Decision.RENEWED, until=TODAY)
        LEASES.decide(connection, BY, YUAN, lease, Decision.RENEWED, until=date(2027, 11, 23))
    assert (ending(office), living(office)) == ([], [mine])
    with office.database.write() as connection:
        LEASES.decide(connection, BY, YUAN, lease, Decision.MOVING_OUT)
        with pytest.raises(LookupError):
            LEASES.decide(connection, BY, OTHER, lease, Decision.MOVING_OUT)
    (row,) = office.rows(t.residents)
    assert (row.until, row.left_why) == (date(2027, 11, 23), "lease_end")
