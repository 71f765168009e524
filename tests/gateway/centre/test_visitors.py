"""Visitors: a code that opens from when to when, arrivals and departures by the gates, and check-out by itself."""

from typing import Any

import pytest

from gateway.centre.visitors import LONGEST_MS, Visit, Visitors
from gateway.store import tables as t
from gateway.store.queries import people
from gateway.store.queries.history import By
from rules.cases import NotPossible
from rules.model import CredentialKind
from tests.gateway.centre.office import BY, EPOCH, MASTER, OTHER, TODAY, YUAN, Office, entry, number, swipe, token

HOUR = 3_600_000
VISITORS = Visitors(MASTER)


def expect(office: Office, since: int = BY.at, hours: float = 4, **over: Any) -> tuple[int, str]:
    with office.database.write() as connection:
        return VISITORS.expect(connection, BY, YUAN, Visit(since, since + int(hours * HOUR), **over))


def settle(office: Office, at: int) -> int:
    with office.database.write() as connection:
        return VISITORS.settle(connection, By("system", at))


def opens(office: Office, code: str) -> bool:
    with office.database.read() as connection:
        wanted = token(code, kind=CredentialKind.VISITOR)
        return wanted in {row.token for row in people.roster_rows(connection, YUAN, TODAY)}


def passes_by(office: Office, code: str, *moments: tuple[int, str], first: int = 1) -> None:
    opened = {"reasons": ["visitor"], "flags": [], "kind": "visitor", "token": token(code, kind=CredentialKind.VISITOR)}
    office.take(*(swipe(first + i, number(1), at, direction=way, **opened) for i, (at, way) in enumerate(moments)))


def test_a_code_is_in_the_roster_until_the_visitor_has_left(office: Office) -> None:
    one, code = expect(office, name="访客甲", phone="13800000000")
    assert (len(code), code.isdigit(), opens(office, code)) == (8, True, True)
    with office.database.write() as connection:
        VISITORS.leave(connection, BY, YUAN, one)
        with pytest.raises(NotPossible, match="left"):
            VISITORS.leave(connection, BY, YUAN, one)
        with pytest.raises(LookupError):
            VISITORS.leave(connection, BY, OTHER, one)
    assert not opens(office, code)
    (row,) = office.rows(t.visitors)
    assert (row.left, row.left_how) == (BY.at, "by_hand")
    assert "访客甲".encode() not in row.name


def test_arrival_and_departure_are_what_the_gates_saw(office: Office) -> None:
    _, code = expect(office)
    passes_by(office, code, (BY.at + HOUR, "in"))
    assert settle(office, BY.at + HOUR) == 0
    passes_by(office, code, (BY.at + 2 * HOUR, "out"), (BY.at + 2 * HOUR + 1, "in"), first=2)
    assert settle(office, BY.at + 3 * HOUR) == 0, "somebody who went out and in again is here"
    passes_by(office, code, (BY.at + 3 * HOUR, "out"), first=4)
    assert settle(office, BY.at + 4 * HOUR) == 1
    (row,) = office.rows(t.visitors)
    assert (row.arrived, row.left, row.left_how) == (BY.at + HOUR, BY.at + 3 * HOUR, "exit")
    assert not opens(office, code)


def test_whoever_is_still_here_when_the_time_is_over_is_checked_out(office: Office) -> None:
    _, code = expect(office, hours=1)
    assert settle(office, BY.at + HOUR - 1) == 0
    assert opens(office, code)
    assert settle(office, BY.at + HOUR) == 1
    assert settle(office, BY.at + HOUR) == 0
    (row,) = office.rows(t.visitors)
    assert (row.left, row.left_how, row.arrived) == (BY.at + HOUR, "expiry", None)
    assert not opens(office, code)


def test_a_walk_in_has_arrived(small: Office) -> None:
    expect(small, kind="walk_in", party=3)
    (row,) = small.rows(t.visitors)
    assert (row.arrived, row.party) == (BY.at, 3)


@pytest.mark.parametrize(
    ("since", "hours"),
    [(BY.at - 2 * HOUR, 1), (BY.at, -1), (BY.at, LONGEST_MS / HOUR + 1)],
    ids=["over", "backwards", "longer than a week"],
)
def test_a_time_that_cannot_be(small: Office, since: int, hours: float) -> None:
    with pytest.raises(NotPossible):
        expect(small, since, hours)


def test_no_visitor_goes_to_a_room_that_is_not_there(small: Office) -> None:
    small.enrol(entry(number(1)), community=OTHER)
    elsewhere = small.rows(t.dwellings)[0].id
    with pytest.raises(LookupError):
        expect(small, host=elsewhere)
    with small.database.write() as connection, pytest.raises(LookupError):
        VISITORS.expect(connection, BY, "moon-yuan", Visit(BY.at, BY.at + HOUR))


def test_a_visitor_is_no_resident_and_never_a_case(small: Office) -> None:
    _, code = expect(small)
    passes_by(small, code, *((BY.at - day * 24 * HOUR, "in") for day in range(6)))
    assert small.rows(t.residents) == []
    assert small.rows(t.cases) == []
    assert EPOCH
