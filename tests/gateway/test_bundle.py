"""The roster bundle: what went in comes out, and nothing that another hand made or changed is believed."""

import struct
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bundle import Guards, Header, pack, unpack
from gateway.keys import Master, NotAuthentic
from rules.conditions import Clause, Condition, Then
from rules.model import AgeBand, Enrolment, GatePolicy, Hours, Passback, Role
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
    age_band=st.none() | st.sampled_from(AgeBand),
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


@pytest.mark.parametrize("form", [1, 2**20])
def test_accounts_of_guards_in_whatever_form_keep_no_roster_from_the_gate(form: int) -> None:
    accounts = [{"name": "office-1", "secret": {"of": ["another", "form"]}}]
    head = msgspec.structs.replace(rosters.header(), guards=Guards(form, accounts))
    read = unpack(pack(head, [rosters.person()], rosters.MASTER.sign), PUBLIC, "yuan")
    assert read.header.guards == Guards(form, accounts)
    assert read.find(rosters.token(1)) is not None
    assert rosters.header().guards is None
    assert b"guards" not in rosters.bundle(), "what is not there takes no room"


def test_what_a_newer_centre_adds_to_the_header_is_passed_over_and_what_is_missing_is_not() -> None:
    said = msgspec.to_builtins(rosters.header())
    head = msgspec.json.encode({**said, "lamps": ["east"]})
    assert unpack(signed(b"XQR1" + len(head).to_bytes(4, "big") + head), PUBLIC, "yuan").header == rosters.header()
    head = msgspec.json.encode({name: value for name, value in said.items() if name != "token_key_id"})
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


@dataclass(frozen=True, slots=True)
class OlderPolicy:
    """The policy as a station of an older version knows it."""

    version: int = 0
    passback_seconds: int = 0
    attempts: int = 0


class OlderHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    community: str
    issued: int
    register_as_of: date | None
    token_key_id: int
    portals: list[str]
    schedules: list[tuple[str, list[Hours]]]
    policy: OlderPolicy
    next_policy: tuple[int, OlderPolicy] | None = None


NEWER = GatePolicy(
    version=9,
    attempts=3,
    passback=(Passback(("east",), "court", 60),),
    conditions=(Condition("guests", Then.ATTEND, (Clause("role", inside=True, values=("guest",)),)),),
)


def test_an_older_station_passes_over_what_it_does_not_know_of_a_newer_policy() -> None:
    header = msgspec.structs.replace(rosters.header(), policy=NEWER, next_policy=(1, NEWER))
    body = pack(header, [rosters.person(1, age_band=AgeBand.SENIOR)], MASTER.sign)
    size = int.from_bytes(body[4:8], "big")
    seen = msgspec.json.decode(body[8 : 8 + size], type=OlderHeader)
    assert seen.policy == OlderPolicy(9, 0, 3)
    token, *_, marks = struct.unpack(">16sHHIHBBB3x", body[8 + size : 8 + size + _ROW])
    assert (token, marks) == (rosters.person(1).token, 8)


def test_rows_of_the_site_and_areas_reach_the_gate_as_they_were_written() -> None:
    header = msgspec.structs.replace(rosters.header(), policy=NEWER)
    assert unpack(pack(header, [], MASTER.sign), PUBLIC, "yuan").header.policy == NEWER


def test_a_roster_of_an_older_centre_asks_for_no_ages_and_has_no_rows() -> None:
    body = pack(rosters.header(), [rosters.person(1)], lambda _body: b"")
    size = int.from_bytes(body[4:8], "big")
    header = msgspec.json.decode(body[8 : 8 + size])
    for new in ("passback", "conditions"):
        del header["policy"][new]
    older = msgspec.json.encode(header)
    roster = unpack(signed(b"XQR1" + len(older).to_bytes(4, "big") + older + body[8 + size :]), PUBLIC, "yuan")
    assert (roster.header.policy.conditions, roster.header.policy.passback) == ((), ())
    assert rosters.found(roster, 1).age_band is None


def test_an_age_band_that_is_not_known_here_is_none() -> None:
    body = pack(rosters.header(), [rosters.person(1, age_band=AgeBand.SENIOR)], lambda _body: b"")
    changed = bytearray(body)
    assert changed[-3] == 3
    changed[-3] = 9
    assert rosters.found(unpack(signed(bytes(changed)), PUBLIC, "yuan"), 1).age_band is None
