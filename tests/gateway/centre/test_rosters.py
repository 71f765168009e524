"""Rosters: who is in them, when a new one is built, and to whom it is sent."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise

from sqlalchemy import Engine, event

from gateway import wire
from gateway.bundle import Roster, unpack
from gateway.centre.rosters import AT_MOST_EVERY_S, BURST, BYTES_PER_S, QUIET_S, Flow, Pace, Rosters, parts
from gateway.store import tables as t
from gateway.store.queries import streams
from rules.model import CredentialKind, Enrolment, Role
from rules.policy import Policy
from tests.gateway.centre.office import (
    MASTER,
    OTHER,
    OTHER_STATION,
    POLICY,
    SHORT,
    STATION,
    TODAY,
    YUAN,
    Office,
    entry,
    number,
    registration,
    token,
)
from tests.waiting import until

A, B, C = number(1), number(2), number(3)
YESTERDAY = TODAY - timedelta(days=1)


class Sending:
    """Rosters of an office, and what they sent."""

    def __init__(self, office: Office, now: Callable[[], int] | None = None) -> None:
        self.office = office
        self.sent: list[tuple[str, str, bytes]] = []
        self.policy: Policy = POLICY
        self.upcoming: Policy | None = None
        self.rosters = Rosters(
            office.database,
            MASTER,
            lambda: self.policy,
            office.casework.today,
            lambda c, s, _leaf, plain: self.sent.append((c, s, plain)),
            upcoming=lambda: self.upcoming,
            now=now or office.casework.now,
        )

    def failing_while(self, fails: list[bool]) -> Callable[[str, str, str, bytes], object]:
        """A way out that breaks at the next message for as often as `fails` says so."""

        def send(community: str, station: str, _leaf: str, plain: bytes) -> None:
            if fails[0]:
                fails[0] = False
                raise OSError("the way out is shut")
            self.sent.append((community, station, plain))

        return send

    def last(self, station: str = STATION) -> Roster:
        """The roster that a station was sent last, verified as the station does it."""
        found = [wire.decode(plain, wire.RosterPart) for _, to, plain in self.sent if to == station]
        newest = [part for part in found if part.version == found[-1].version]
        community = YUAN if station == STATION else OTHER
        return unpack(b"".join(part.data for part in newest), MASTER.roster_public(), community)


def row(office: Office, text: str, kind: CredentialKind = CredentialKind.CITIZEN_ID) -> Enrolment | None:
    sending = Sending(office)
    sending.rosters.answer(YUAN, STATION, 0)
    return sending.last().find(token(text, kind=kind))


def test_everyone_who_is_enrolled_or_registered_is_listed_and_nobody_else(office: Office) -> None:
    card = (CredentialKind.CARD_UID, "04A1B2C3")
    office.enrol(entry(A, portals=("west",), until=date(2027, 6, 30), cards=(card,)))
    office.import_register(registration(B))
    enrolled, on_card = row(office, A), row(office, "04A1B2C3", CredentialKind.CARD_UID)
    assert enrolled is not None
    assert on_card is not None
    assert (enrolled.portals, enrolled.until, enrolled.role, enrolled.enrolled) == (
        frozenset({"west"}),
        date(2027, 6, 30),
        Role.RESIDENT,
        True,
    )
    assert (enrolled.registered_until, on_card.portals) == (None, enrolled.portals)
    registered = row(office, B)
    assert registered is not None
    assert (registered.enrolled, registered.registered_until) == (False, date.max)
    assert row(office, C) is None


def test_a_child_under_fourteen_is_only_counted(small: Office) -> None:
    small.enrol(
        entry(number(5, date(2012, 11, 24)), name="小一"),
        entry(number(6, date(2012, 11, 23)), name="小二"),
    )
    child, grown = row(small, number(5, date(2012, 11, 24))), row(small, number(6, date(2012, 11, 23)))
    assert child is not None
    assert grown is not None
    assert (child.count_only, grown.count_only) == (True, False)


def test_a_registration_that_ended_begins_later_or_is_elsewhere_is_told_as_such(office: Office) -> None:
    office.enrol(entry(A), entry(B, room="502室"), entry(C, room="503室"))
    office.import_register(
        registration(A, since=date(2026, 1, 1), until=YESTERDAY), registration(B, since=TODAY + timedelta(days=1))
    )
    office.import_register(registration(C), registration(A, until=YESTERDAY), community=OTHER)
    first, second, third = row(office, A), row(office, B), row(office, C)
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.registered_until, first.registered_elsewhere) == (YESTERDAY, False)
    assert (second.registered_until, second.registered_elsewhere) == (None, False)
    assert (third.registered_until, third.registered_elsewhere) == (None, True)


def test_a_lost_credential_is_listed_as_lost(small: Office) -> None:
    small.enrol(entry(A))
    with small.database.write() as connection:
        connection.execute(t.credentials.update().values(lost=True))
    small.enrol(entry(A))
    found = row(small, A)
    assert found is not None
    assert found.lost, "enrolling again finds nothing that was lost"


def test_a_row_that_cannot_be_read_does_not_keep_the_roster_from_everyone(small: Office) -> None:
    first, _ = small.enrol(entry(A), entry(B, room="502室"))
    with small.database.write() as connection:
        connection.execute(t.persons.update().where(t.persons.c.id == first).values(number=b"damaged"))
    assert row(small, B) is not None
    found = row(small, A)
    assert found is not None
    assert found.count_only


def test_versions_rise_also_after_the_clock_went_back(small: Office) -> None:
    clock = [1_800_000_000_000]
    sending = Sending(small, now=lambda: clock[0])
    versions, issued = [], []
    for text, at in ((A, 1_800_000_000_000), (B, 1_000_000_000_000), (C, 1_000_000_000_000)):
        clock[0] = at
        small.enrol(entry(text, room=f"{text[-4:]}室"))
        sending.rosters.publish()
        versions.append(sending.last().header.version)
        issued.append(sending.last().header.issued)
    assert issued == sorted(set(issued)), "a station takes only a roster that was issued after its own"
    assert versions == [1_800_000_000, 1_800_000_001, 1_800_000_002]
    restarted = Sending(small, now=lambda: clock[0])
    restarted.rosters.answer(YUAN, STATION, versions[-1])
    assert restarted.last().header.version > versions[-1]


def test_only_a_station_that_lacks_the_newest_roster_is_sent_it(small: Office) -> None:
    small.enrol(entry(A))
    sending = Sending(small)
    sending.rosters.publish()
    newest = sending.rosters.version(YUAN)
    assert {station for _, station, _ in sending.sent} == {STATION, OTHER_STATION}
    sending.sent.clear()
    sending.rosters.publish()
    sending.rosters.answer(YUAN, STATION, newest)
    assert sending.sent == []
    sending.rosters.answer(YUAN, STATION, newest - 1)
    assert sending.last().header.version == newest


def test_a_list_that_changes_nothing_makes_no_new_roster(small: Office) -> None:
    small.enrol(entry(A))
    sending = Sending(small)
    sending.rosters.publish()
    before = sending.rosters.version(YUAN)
    small.enrol(entry(A))
    sending.rosters.publish()
    assert sending.rosters.version(YUAN) == before
    with small.database.read() as connection:
        assert not streams.community(connection, YUAN).roster_stale


def test_a_new_policy_and_a_new_day_are_published_where_they_say_something_new(small: Office) -> None:
    small.enrol(entry(number(5, date(2012, 11, 24))))
    sending = Sending(small)
    sending.rosters.publish()
    versions = [sending.last().header.version]
    sending.policy = SHORT
    sending.rosters.publish()
    assert sending.last().header.policy.version == SHORT.gate.version
    small.moment += timedelta(days=1)
    sending.sent.clear()
    sending.rosters.publish()
    assert [community for community, _, _ in sending.sent] == [YUAN], "a fourteenth birthday"
    assert sending.last().header.version > versions[0]


def test_a_change_is_published_after_a_quiet_time_and_at_most_once_a_second() -> None:
    pace = Pace()
    pace.changed(10.0)
    pace.changed(10.3)
    assert not pace.due(10.3 + QUIET_S - 0.01)
    assert pace.due(10.3 + QUIET_S)
    pace.published(10.8)
    assert not pace.due(99)
    pace.changed(10.9)
    assert not pace.due(10.9 + QUIET_S)
    assert pace.due(10.8 + AT_MOST_EVERY_S)


def test_changes_without_end_do_not_hold_back_those_before_them() -> None:
    pace, published = Pace(), []
    for tenth in range(100, 150):
        pace.changed(tenth / 10)
        if pace.due(tenth / 10):
            pace.published(tenth / 10)
            published.append(tenth / 10)
    assert len(published) >= 3
    gaps = [round(later - one, 3) for one, later in pairwise(published)]
    assert all(AT_MOST_EVERY_S <= gap <= 2 * AT_MOST_EVERY_S for gap in gaps)


def test_a_large_roster_goes_in_parts_that_fit_the_bus() -> None:
    messages = parts(3, bytes(200_000))
    found = [wire.decode(message, wire.RosterPart) for message in messages]
    assert [(part.part, part.parts) for part in found] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert b"".join(part.data for part in found) == bytes(200_000)
    assert max(map(len, messages)) < wire.MAX_PAYLOAD


def test_on_its_thread_it_answers_a_hello_at_once_and_a_change_soon(small: Office) -> None:
    sending = Sending(small)
    stop = threading.Event()
    thread = threading.Thread(target=sending.rosters.run, args=(stop,))
    thread.start()
    sending.rosters.wanted(YUAN, STATION, 0)
    until(lambda: sending.sent, what="the answer to a hello")
    before = sending.last().header.version
    small.enrol(entry(A))
    sending.rosters.changed()
    until(lambda: sending.last().header.version > before, what="the changed roster")
    stop.set()
    thread.join()
    assert sending.last().find(token(A)) is not None


def test_stations_whose_roster_could_not_be_sent_get_it_later(small: Office) -> None:
    """Whether it was asked for or changed: a failure once, at any station, keeps it from nobody."""
    sending = Sending(small)
    fails, stop = [True], threading.Event()
    rosters = Rosters(small.database, MASTER, lambda: POLICY, small.casework.today, sending.failing_while(fails))
    thread = threading.Thread(target=rosters.run, args=(stop,))
    rosters.wanted(YUAN, STATION, 0)
    thread.start()
    try:
        until(lambda: fails[0] is False and sending.sent, what="the answer to the hello that failed")
        before = sending.last().header.version
        small.enrol(entry(A))
        fails[0] = True
        rosters.changed()
        until(lambda: sending.last().header.version > before, what="the changed roster that could not be sent")
    finally:
        stop.set()
        thread.join()
    assert sending.last().find(token(A)) is not None


def test_what_another_process_changed_is_published_soon(small: Office) -> None:
    sending = Sending(small)
    sending.rosters.publish()
    before, stop = sending.last().header.version, threading.Event()
    thread = threading.Thread(target=sending.rosters.run, args=(stop,))
    thread.start()
    try:
        small.enrol(entry(A))
        until(lambda: sending.last().header.version > before, what="a change that nobody told of")
    finally:
        stop.set()
        thread.join()


def test_many_stations_at_once_get_their_rosters_at_a_bounded_pace() -> None:
    """Five hundred rosters of 50 kB: the first burst at once, then so many bytes a second, whoever asks."""
    now = [1000.0]
    flow, sent = Flow(lambda: now[0]), []
    for _ in range(500):
        now[0] += flow.take(50_000)
        sent.append(now[0] - 1000.0)
    assert sum(at < 0.001 for at in sent) == BURST // 50_000
    for begin in range(4):
        assert sum(50_000 for at in sent if begin <= at < begin + 1) <= BURST + BYTES_PER_S
    assert sent[-1] < 500 * 50_000 / BYTES_PER_S


def test_after_a_quiet_time_no_more_than_one_burst_is_saved_up() -> None:
    now = [1000.0]
    flow = Flow(lambda: now[0])
    now[0] += 3600
    assert flow.take(BURST) == 0.0
    assert flow.take(BYTES_PER_S) > 0.9


def test_a_station_that_asks_again_and_again_is_answered_once(office: Office) -> None:
    sending = Sending(office)
    for version in (1, 2, 3):
        sending.rosters.wanted(YUAN, STATION, version)
    sending.rosters.wanted(OTHER, OTHER_STATION, 0)
    stop = threading.Event()
    thread = threading.Thread(target=sending.rosters.run, args=(stop,))
    thread.start()
    until(lambda: any(to == OTHER_STATION for _, to, _ in sending.sent))
    stop.set()
    thread.join()
    assert [to for _, to, _ in sending.sent] == [STATION, OTHER_STATION]


def test_a_policy_that_is_to_come_is_sent_ahead_with_its_moment(small: Office) -> None:
    sending = Sending(small)
    sending.rosters.answer(YUAN, STATION, 0)
    assert sending.last().header.next_policy is None
    sending.upcoming = SHORT
    stop = threading.Event()
    thread = threading.Thread(target=sending.rosters.run, args=(stop,))
    thread.start()
    until(lambda: sending.last().header.next_policy is not None)
    stop.set()
    thread.join()
    moment = int(SHORT.effective_from.timestamp() * 1000)
    assert sending.last().header.next_policy == (moment, SHORT.gate)
    assert sending.last().header.policy == POLICY.gate


def test_who_is_enrolled_while_a_roster_is_read_is_in_the_next_one(office: Office) -> None:
    """On PostgreSQL nobody waits for a reader: somebody may commit between what is read and what is noted of it."""
    sending = Sending(office)
    office.enrol(entry(A))
    enrolling = threading.Thread(target=lambda: office.enrol(entry(B)))

    def meanwhile(_c: object, _cursor: object, query: str, values: object, *_: object) -> None:
        if "credentials.token" in query and YUAN in str(values) and enrolling.ident is None:
            enrolling.start()
            until(lambda: not enrolling.is_alive() or waits(), what="an enrolment that is done, or waits")

    def waits() -> bool:
        if office.database.is_sqlite:
            return True
        with office.database.read() as connection:
            query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            return bool(connection.exec_driver_sql(query).scalar())

    event.listen(Engine, "after_cursor_execute", meanwhile)
    try:
        sending.rosters.publish()
    finally:
        event.remove(Engine, "after_cursor_execute", meanwhile)
    enrolling.join()
    sending.rosters.publish()
    assert {len(sending.last())} == {2}
