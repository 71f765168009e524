"""The roster bundle: what went in comes out, and nothing that another hand made or changed is believed."""

import time
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bundle import Header, pack, unpack
from gateway.keys import Master, NotAuthentic
from rules.model import Enrolment, GatePolicy, Hours, Role
from tests.gateway import rosters
from tests.gateway.rosters import MASTER

PUBLIC = MASTER.roster_public()
_ROW = 32

days = st.dates(date(2000, 1, 2), date(2150, 12, 31))
enrolments = st.builds(
    Enrolment,
    token=st.binary(min_size=16, max_size=16),
    since=days,
    until=st.none() | days,
    portals=st.none() | st.frozensets(st.sampled_from(["east", "west", "garage"])),
    schedule=st.none() | st.sampled_from(["day", "night"]),
    role=st.sampled_from(Role),
    lost=st.booleans(),
    count_only=st.booleans(),
    registered_until=st.none() | days | st.just(date.max),
    registered_elsewhere=st.booleans(),
    enrolled=st.booleans(),
)
peoples = st.lists(enrolments, max_size=20, unique_by=lambda person: person.token)


def signed(body: bytes) -> bytes:
    return body + MASTER.sign(body)


@given(people=peoples)
def test_everyone_comes_out_as_they_went_in(people: list[Enrolment]) -> None:
    roster = unpack(pack(rosters.header(), people, MASTER.sign), PUBLIC, "yuan")
    assert len(roster) == len(people)
    assert [roster.find(person.token) for person in people] == people
    assert roster.header == rosters.header()
    assert roster.find(b"\0" * 15 + b"?") is None


def test_without_end_is_told_from_the_last_day_that_a_row_can_hold() -> None:
    last = date(2000, 1, 1) + timedelta(days=0xFFFF - 1)
    rows = [rosters.person(1, until=last), rosters.person(2, until=None), rosters.person(3, until=date.max)]
    roster = unpack(pack(rosters.header(), rows, MASTER.sign), PUBLIC, "yuan")
    assert [rosters.found(roster, i).until for i in (1, 2, 3)] == [last, None, None]


def test_days_before_the_count_begins_are_its_first() -> None:
    old = rosters.person(1, since=date(1949, 10, 1), until=date(1980, 1, 1), registered_until=date(1980, 1, 1))
    row = rosters.found(unpack(pack(rosters.header(), [old], MASTER.sign), PUBLIC, "yuan"), 1)
    assert (row.since, row.until, row.registered_until) == (date(2000, 1, 2),) * 3


@given(people=peoples, place=st.integers(0, 100_000), bits=st.integers(1, 255))
def test_a_changed_byte_is_refused(people: list[Enrolment], place: int, bits: int) -> None:
    data = bytearray(pack(rosters.header(), people, MASTER.sign))
    data[place % len(data)] ^= bits
    with pytest.raises(NotAuthentic):
        unpack(bytes(data), PUBLIC, "yuan")


@given(people=peoples, place=st.integers(0, 100_000))
def test_a_bundle_that_was_cut_or_grew_is_refused(people: list[Enrolment], place: int) -> None:
    data = pack(rosters.header(), people, MASTER.sign)
    for other in (data[: place % len(data)], data[place % len(data) + 1 :], data + b"\0"):
        with pytest.raises(NotAuthentic):
            unpack(other, PUBLIC, "yuan")


@given(data=st.binary(max_size=300))
def test_random_bytes_are_refused_even_if_signed(data: bytes) -> None:
    for other in (data, signed(data), signed(b"XQR1" + data)):
        with pytest.raises(NotAuthentic):
            unpack(other, PUBLIC, "yuan")


def test_the_roster_of_another_community_or_centre_is_refused() -> None:
    data = pack(rosters.header(), [rosters.person(1)], MASTER.sign)
    with pytest.raises(NotAuthentic, match="another community"):
        unpack(data, PUBLIC, "other")
    with pytest.raises(NotAuthentic):
        unpack(data, Master(bytes(32)).roster_public(), "yuan")


def test_another_version_is_refused() -> None:
    body = pack(rosters.header(), [], MASTER.sign)[:-64]
    with pytest.raises(NotAuthentic, match="version"):
        unpack(signed(b"XQR2" + body[4:]), PUBLIC, "yuan")


def test_a_header_with_unknown_keys_is_refused() -> None:
    head = msgspec.json.encode({**msgspec.to_builtins(rosters.header()), "colour": "red"})
    with pytest.raises(NotAuthentic, match="header"):
        unpack(signed(b"XQR1" + len(head).to_bytes(4, "big") + head), PUBLIC, "yuan")


@pytest.mark.parametrize(("place", "value"), [(26, 3), (26, 255), (27, 4), (27, 255), (28, 16)])
def test_a_row_that_means_nothing_here_is_refused_before_it_is_used(place: int, value: int) -> None:
    """A schedule, role or mark that this program does not know: the roster before it stays in use."""
    data = bytearray(pack(rosters.header(), [rosters.person(1), rosters.person(2)], MASTER.sign)[:-64])
    data[-_ROW + place] = value
    with pytest.raises(NotAuthentic, match="row"):
        unpack(signed(bytes(data)), PUBLIC, "yuan")


def test_fifty_thousand_people_fit_and_are_read_within_a_second() -> None:
    people = [rosters.person(i) for i in range(50_000)]
    data = pack(rosters.header(), people, MASTER.sign)
    began = time.process_time()
    roster = unpack(data, PUBLIC, "yuan")
    assert time.process_time() - began < 1.0
    assert len(roster) == 50_000
    assert len(data) < 1_700_000
    assert rosters.found(roster, 49_999).token == rosters.token(49_999)


def test_hours_and_policy_travel_with_it() -> None:
    head = rosters.header()
    roster = unpack(pack(head, [], MASTER.sign), PUBLIC, "yuan")
    assert isinstance(roster.header.policy, GatePolicy)
    assert all(isinstance(span, Hours) for spans in roster.schedules.values() for span in spans)
    assert isinstance(head, Header)


def test_a_signed_header_that_is_no_text_is_not_believed() -> None:
    header = b'{"version":1,"issued\xff":0}'
    with pytest.raises(NotAuthentic, match="roster header"):
        unpack(signed(b"XQR1" + len(header).to_bytes(4, "big") + header), PUBLIC, "yuan")


def test_the_next_policy_and_the_holidays_of_both_travel_with_it() -> None:
    now = GatePolicy(version=3, holidays=frozenset({date(2027, 1, 1)}))
    coming = GatePolicy(version=4, workdays=frozenset({date(2027, 1, 2)}))
    header = msgspec.structs.replace(rosters.header(policy=now), next_policy=(5_000, coming))
    roster = unpack(pack(header, [], rosters.MASTER.sign), rosters.MASTER.roster_public(), rosters.COMMUNITY)
    assert roster.policy_at(datetime.fromtimestamp(4.999, UTC)) == now
    assert roster.policy_at(datetime.fromtimestamp(5, UTC)) == coming
