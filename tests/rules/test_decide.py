"""The gate's judgement: the table of verdicts, its order, and what registration may never do."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.decide import CHECKS, decide, explain, flags, likeness
from rules.model import (
    CIVIL,
    CredentialKind,
    Direction,
    Enrolment,
    Flag,
    GatePolicy,
    Hours,
    Passback,
    Portal,
    Reason,
    Recent,
    Role,
    Snapshot,
    Swipe,
    Verdict,
)
from tests import rule_strategies as some

SEVERITY = {Verdict.GRANT: 0, Verdict.ATTEND: 1, Verdict.REFUSE: 2}
NOON = datetime(2026, 11, 23, 12, tzinfo=CIVIL)
ROW = Enrolment(
    token=bytes(16),
    since=date(2026, 1, 1),
    until=date(2026, 12, 31),
    portals=None,
    schedule=None,
    role=Role.RESIDENT,
    registered_until=date.max,
)
AROUND = Snapshot(
    civil=NOON, portal=Portal("east"), row=ROW, has_roster=True, register_as_of=date(2026, 11, 22), policy=GatePolicy()
)
DAYTIME = (Hours(time(6), time(22)),)


def swipe(direction: Direction = Direction.IN, at: datetime = NOON) -> Swipe:
    return Swipe("east", "east-1", direction, CredentialKind.CITIZEN_ID, bytes(16), at.astimezone(UTC))


def verdict(snapshot: Snapshot, direction: Direction = Direction.IN) -> tuple[Verdict, tuple[Reason, ...]]:
    decision = decide(swipe(direction, snapshot.civil), snapshot)
    return decision.verdict, decision.reasons


def attempt(seconds_ago: float, verdict: Verdict = Verdict.ATTEND, *, signalled: bool = True) -> Recent:
    return Recent("east", Direction.IN, verdict, seconds_ago, signalled)


def entry(seconds_ago: float, portal: str = "east", *, signalled: bool = True) -> Recent:
    return Recent(portal, Direction.IN, Verdict.GRANT, seconds_ago, signalled)


GATE = GatePolicy(passback_seconds=60, attempts=3)


@pytest.mark.parametrize(
    ("change", "expected", "reasons"),
    [
        ({}, Verdict.GRANT, [Reason.ENROLLED]),
        ({"row": replace(ROW, role=Role.GUEST)}, Verdict.GRANT, [Reason.ENROLLED]),
        ({"row": replace(ROW, role=Role.STAFF)}, Verdict.GRANT, [Reason.ENROLLED]),
        ({"row": replace(ROW, role=Role.VISITOR)}, Verdict.GRANT, [Reason.VISITOR]),
        ({"row": None}, Verdict.ATTEND, [Reason.UNKNOWN_CREDENTIAL]),
        ({"row": None, "has_roster": False}, Verdict.ATTEND, [Reason.UNKNOWN_CREDENTIAL]),
        ({"row": replace(ROW, enrolled=False)}, Verdict.ATTEND, [Reason.UNKNOWN_CREDENTIAL]),
        ({"row": replace(ROW, until=date(2026, 11, 22))}, Verdict.ATTEND, [Reason.ENROLMENT_EXPIRED]),
        ({"row": replace(ROW, since=date(2026, 11, 24))}, Verdict.ATTEND, [Reason.ENROLMENT_EXPIRED]),
        ({"row": replace(ROW, portals=frozenset({"west"}))}, Verdict.REFUSE, [Reason.WRONG_PORTAL]),
        ({"row": replace(ROW, portals=frozenset())}, Verdict.REFUSE, [Reason.WRONG_PORTAL]),
        ({"row": replace(ROW, portals=frozenset({"west", "east"}))}, Verdict.GRANT, [Reason.ENROLLED]),
        ({"row": replace(ROW, lost=True)}, Verdict.REFUSE, [Reason.CREDENTIAL_LOST]),
        ({"row": replace(ROW, lost=True, enrolled=False)}, Verdict.REFUSE, [Reason.CREDENTIAL_LOST]),
        ({"row": replace(ROW, schedule="day"), "schedules": {"day": DAYTIME}}, Verdict.GRANT, [Reason.ENROLLED]),
        ({"row": replace(ROW, schedule="day"), "schedules": {"day": ()}}, Verdict.ATTEND, [Reason.OUT_OF_HOURS]),
        ({"row": replace(ROW, schedule="day"), "schedules": {}}, Verdict.ATTEND, [Reason.OUT_OF_HOURS]),
        ({"held_open_by_hand": True}, Verdict.GRANT, [Reason.OPEN_PORTAL]),
        ({"portal": Portal("east", DAYTIME), "row": None}, Verdict.GRANT, [Reason.OPEN_PORTAL]),
        ({"held_open_by_hand": True, "row": None, "has_roster": False}, Verdict.GRANT, [Reason.OPEN_PORTAL]),
        ({"policy": GATE, "recent": (entry(30),)}, Verdict.ATTEND, [Reason.PASSBACK]),
        ({"policy": GATE, "recent": tuple(map(attempt, (5, 10, 15)))}, Verdict.ATTEND, [Reason.TOO_MANY_ATTEMPTS]),
    ],
)
def test_each_verdict_has_its_reason(change: dict[str, object], expected: Verdict, reasons: list[Reason]) -> None:
    assert verdict(replace(AROUND, **change)) == (expected, tuple(reasons))


def test_a_lost_card_leaves_and_passes_an_open_portal_and_the_guard_sees_that_it_is_lost() -> None:
    lost = replace(AROUND, row=replace(ROW, lost=True))
    held = replace(lost, held_open_by_hand=True)
    assert verdict(lost, Direction.OUT) == (Verdict.GRANT, (Reason.EXIT, Reason.CREDENTIAL_LOST))
    assert verdict(held) == (Verdict.GRANT, (Reason.OPEN_PORTAL, Reason.CREDENTIAL_LOST))


def test_what_is_wrong_is_said_in_the_order_in_which_the_guard_can_put_it_right() -> None:
    gate = GatePolicy(passback_seconds=300, attempts=3)
    recent = (*map(attempt, (5, 10, 15)), entry(20))
    row = replace(ROW, lost=True, enrolled=False, until=date(2026, 11, 1), portals=frozenset(), schedule="none")
    steps = [
        ({}, Reason.CREDENTIAL_LOST),
        ({"lost": False}, Reason.TOO_MANY_ATTEMPTS),
        ({"lost": False}, Reason.UNKNOWN_CREDENTIAL),
        ({"enrolled": True}, Reason.ENROLMENT_EXPIRED),
        ({"until": None}, Reason.WRONG_PORTAL),
        ({"portals": None}, Reason.OUT_OF_HOURS),
        ({"schedule": None}, Reason.PASSBACK),
    ]
    said = []
    for n, (change, _) in enumerate(steps):
        row = replace(row, **change)
        said.append(verdict(replace(AROUND, row=row, policy=gate, recent=recent if n < 2 else recent[3:]))[1][0])
    assert said == [reason for _, reason in steps]


@given(some.presented(ways=st.just(Direction.OUT)))
def test_leaving_is_always_granted(case: tuple[Swipe, Snapshot]) -> None:
    decision = decide(*case)
    assert (decision.verdict, decision.reasons[0]) == (Verdict.GRANT, Reason.EXIT)


@given(some.presented())
def test_refusal_exists_for_a_lost_card_and_for_a_door_not_theirs_only(case: tuple[Swipe, Snapshot]) -> None:
    decision = decide(*case)
    reasons = {Reason.CREDENTIAL_LOST, Reason.WRONG_PORTAL}
    assert (decision.verdict is Verdict.REFUSE) == (decision.reasons[0] in reasons)


@given(some.presented(), st.none() | some.near_days, some.near_days | st.none(), st.booleans())
def test_registration_never_changes_a_verdict(
    case: tuple[Swipe, Snapshot], until: date | None, as_of: date | None, elsewhere: bool
) -> None:
    swiped, snapshot = case
    row = snapshot.row and replace(snapshot.row, registered_until=until, registered_elsewhere=elsewhere)
    before, after = decide(*case), decide(swiped, replace(snapshot, row=row, register_as_of=as_of))
    assert (before.verdict, before.reasons) == (after.verdict, after.reasons)


@given(some.presented(rows=st.none()), some.enrolments)
def test_being_registered_without_being_enrolled_never_worsens_a_verdict(
    case: tuple[Swipe, Snapshot], row: Enrolment
) -> None:
    swiped, stranger = case
    known = replace(stranger, row=replace(row, enrolled=False, lost=False))
    assert SEVERITY[decide(swiped, known).verdict] <= SEVERITY[decide(swiped, stranger).verdict]


@given(some.presented(rows=st.none()), some.enrolments, st.booleans())
def test_enrolling_someone_for_this_portal_never_worsens_their_verdict(
    case: tuple[Swipe, Snapshot], row: Enrolment, everywhere: bool
) -> None:
    swiped, stranger = case
    portals = None if everywhere else frozenset({stranger.portal.id})
    known = replace(stranger, row=replace(row, enrolled=True, lost=False, portals=portals))
    assert SEVERITY[decide(swiped, known).verdict] <= SEVERITY[decide(swiped, stranger).verdict]


@given(some.presented(rows=some.enrolments))
def test_enrolling_whoever_is_already_listed_for_this_portal_never_worsens_their_verdict(
    case: tuple[Swipe, Snapshot],
) -> None:
    swiped, listed = case
    assert listed.row is not None
    row = replace(listed.row, portals=None)
    before = decide(swiped, replace(listed, row=replace(row, enrolled=False)))
    after = decide(swiped, replace(listed, row=replace(row, enrolled=True)))
    assert SEVERITY[after.verdict] <= SEVERITY[before.verdict]


@given(some.presented())
def test_the_first_check_that_answers_is_the_verdict_and_one_always_answers(case: tuple[Swipe, Snapshot]) -> None:
    answers = explain(*case)
    first = next(answer for _, answer in answers if answer is not None)
    decision = decide(*case)
    assert [name for name, _ in answers] == [check.__name__ for check in CHECKS]
    assert (first.verdict, first.reasons) == (decision.verdict, decision.reasons)


def test_the_civil_day_turns_at_midnight_in_shanghai_not_in_utc() -> None:
    last_day = replace(AROUND, row=replace(ROW, until=date(2026, 11, 23)))
    last_moment = replace(last_day, civil=datetime(2026, 11, 23, 23, 59, 59, 999999, CIVIL))
    next_moment = replace(last_day, civil=datetime(2026, 11, 24, 0, 0, tzinfo=CIVIL))
    assert verdict(last_moment) == (Verdict.GRANT, (Reason.ENROLLED,))
    assert verdict(next_moment) == (Verdict.ATTEND, (Reason.ENROLMENT_EXPIRED,))
    assert next_moment.civil.astimezone(UTC).date() == date(2026, 11, 23)


def test_an_enrolment_begins_on_its_first_day_at_midnight() -> None:
    tomorrow = replace(AROUND, row=replace(ROW, since=date(2026, 11, 24)))
    assert verdict(replace(tomorrow, civil=datetime(2026, 11, 23, 23, 59, tzinfo=CIVIL)))[0] is Verdict.ATTEND
    assert verdict(replace(tomorrow, civil=datetime(2026, 11, 24, tzinfo=CIVIL)))[0] is Verdict.GRANT


def test_an_enrolment_until_a_leap_day_is_good_on_the_leap_day() -> None:
    row = replace(ROW, until=date(2028, 2, 29))
    leap = replace(AROUND, row=row, civil=datetime(2028, 2, 29, 23, 59, tzinfo=CIVIL))
    assert verdict(leap)[0] is Verdict.GRANT
    assert verdict(replace(leap, civil=datetime(2028, 3, 1, tzinfo=CIVIL)))[0] is Verdict.ATTEND


def test_a_lease_of_31_days_is_good_on_its_thirty_first_day() -> None:
    first = date(2026, 12, 1)
    row = replace(ROW, since=first, until=first + timedelta(days=30))
    assert verdict(replace(AROUND, row=row, civil=datetime(2026, 12, 31, 23, tzinfo=CIVIL)))[0] is Verdict.GRANT
    assert verdict(replace(AROUND, row=row, civil=datetime(2027, 1, 1, tzinfo=CIVIL)))[0] is Verdict.ATTEND


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        (time(5, 59), Verdict.ATTEND),
        (time(6), Verdict.GRANT),
        (time(21, 59), Verdict.GRANT),
        (time(22), Verdict.ATTEND),
    ],
)
def test_hours_include_their_beginning_and_not_their_end(clock: time, expected: Verdict) -> None:
    scheduled = replace(AROUND, row=replace(ROW, schedule="day"), schedules={"day": DAYTIME})
    assert verdict(replace(scheduled, civil=datetime.combine(NOON.date(), clock, CIVIL)))[0] is expected


@pytest.mark.parametrize(
    ("weekdays", "policy", "expected"),
    [
        ({0}, GatePolicy(), Verdict.GRANT),
        ({0}, GatePolicy(holidays=frozenset({NOON.date()})), Verdict.ATTEND),
        ({6}, GatePolicy(holidays=frozenset({NOON.date()})), Verdict.GRANT),
        ({6}, GatePolicy(), Verdict.ATTEND),
        ({6}, GatePolicy(holidays=frozenset({NOON.date() + timedelta(days=1)})), Verdict.ATTEND),
    ],
)
def test_a_holiday_counts_as_a_sunday(weekdays: set[int], policy: GatePolicy, expected: Verdict) -> None:
    hours = (Hours(time(7), time(22), frozenset(weekdays)),)
    row = replace(ROW, schedule="day")
    assert verdict(replace(AROUND, row=row, schedules={"day": hours}, policy=policy))[0] is expected
    held = replace(AROUND, row=None, portal=Portal("east", hours), policy=policy)
    assert (verdict(held)[0] is Verdict.GRANT) is (expected is Verdict.GRANT)


def test_a_saturday_on_which_people_work_counts_as_a_monday() -> None:
    saturday = datetime(2026, 11, 28, 12, tzinfo=CIVIL)
    hours = (Hours(time(7), time(22), frozenset(range(5))),)
    there = replace(AROUND, civil=saturday, row=replace(ROW, schedule="day"), schedules={"day": hours})
    assert verdict(there)[0] is Verdict.ATTEND
    policy = GatePolicy(workdays=frozenset({saturday.date()}))
    assert verdict(replace(there, policy=policy))[0] is Verdict.GRANT


def test_hours_that_end_at_midnight_last_to_the_end_of_the_day() -> None:
    scheduled = replace(AROUND, row=replace(ROW, schedule="late"), schedules={"late": (Hours(time(22), time(0)),)})
    assert verdict(replace(scheduled, civil=datetime(2026, 11, 23, 23, 59, 59, tzinfo=CIVIL)))[0] is Verdict.GRANT
    assert verdict(replace(scheduled, civil=datetime(2026, 11, 24, tzinfo=CIVIL)))[0] is Verdict.ATTEND


@pytest.mark.parametrize(
    ("recent", "counted"),
    [
        ((attempt(1), attempt(2), attempt(3)), True),
        ((attempt(1), attempt(2)), False),
        ((attempt(29.9), attempt(40), attempt(59)), True),
        ((attempt(30), attempt(40), attempt(59)), False),
        ((attempt(1), attempt(2), attempt(60)), False),
        ((attempt(1), attempt(2), attempt(3, signalled=False)), False),
        ((attempt(1), attempt(2), attempt(2.5, Verdict.GRANT), attempt(3)), False),
        ((attempt(1, Verdict.REFUSE), attempt(2, Verdict.REFUSE), attempt(3, Verdict.REFUSE)), True),
    ],
)
def test_attempts_count_what_was_shown_since_the_last_grant(recent: tuple[Recent, ...], counted: bool) -> None:
    stranger = replace(AROUND, row=None, policy=GATE, recent=recent)
    expected = Reason.TOO_MANY_ATTEMPTS if counted else Reason.UNKNOWN_CREDENTIAL
    assert verdict(stranger) == (Verdict.ATTEND, (expected,))


@pytest.mark.parametrize(
    ("recent", "stopped"),
    [
        ((entry(59.9),), True),
        ((entry(60),), False),
        ((entry(10, "west"),), False),
        ((entry(10, signalled=False),), False),
        ((entry(5, "west"), entry(10)), True),
        ((Recent("west", Direction.OUT, Verdict.GRANT, 5), entry(10)), False),
        ((Recent("east", Direction.IN, Verdict.ATTEND, 5),), False),
    ],
)
def test_passback_counts_signalled_entries_by_this_portal_since_the_last_exit(
    recent: tuple[Recent, ...], stopped: bool
) -> None:
    expected = (Verdict.ATTEND, (Reason.PASSBACK,)) if stopped else (Verdict.GRANT, (Reason.ENROLLED,))
    assert verdict(replace(AROUND, policy=GATE, recent=recent)) == expected


@given(st.lists(some.recents, max_size=6).map(tuple))
def test_attempts_and_passback_are_off_unless_the_policy_asks_for_them(recent: tuple[Recent, ...]) -> None:
    assert verdict(replace(AROUND, recent=recent)) == (Verdict.GRANT, (Reason.ENROLLED,))


@pytest.mark.parametrize(
    ("row", "as_of", "flag"),
    [
        ({"registered_until": date.max}, date(2026, 11, 22), None),
        ({"registered_until": date(2026, 11, 23)}, date(2026, 11, 22), None),
        ({"registered_until": date(2026, 11, 22)}, date(2026, 11, 22), Flag.REGISTRATION_EXPIRED),
        ({"registered_until": None}, date(2026, 11, 22), Flag.UNREGISTERED),
        ({"registered_until": None, "registered_elsewhere": True}, date(2026, 11, 22), Flag.REGISTERED_ELSEWHERE),
        ({"registered_until": date.max, "registered_elsewhere": True}, date(2026, 11, 22), None),
        ({"registered_until": None}, date(2026, 11, 16), Flag.UNREGISTERED),
        ({"registered_until": None}, date(2026, 11, 15), Flag.REGISTRATION_UNKNOWN),
        ({"registered_until": date.max}, date(2026, 11, 15), Flag.REGISTRATION_UNKNOWN),
        ({"registered_until": None}, None, Flag.REGISTRATION_UNKNOWN),
        ({"registered_until": None, "role": Role.GUEST}, date(2026, 11, 22), None),
        ({"registered_until": None, "role": Role.VISITOR}, None, None),
        ({"registered_until": None, "role": Role.STAFF}, date(2026, 11, 22), None),
        ({"registered_until": None, "count_only": True}, date(2026, 11, 22), None),
        ({"registered_until": None, "lost": True}, date(2026, 11, 22), None),
    ],
)
def test_a_flag_follows_from_dates(row: dict[str, object], as_of: date | None, flag: Flag | None) -> None:
    snapshot = replace(AROUND, row=replace(ROW, **row), register_as_of=as_of)
    assert flags(snapshot) == (frozenset() if flag is None else {flag})


@given(some.presented())
def test_there_is_at_most_one_flag_and_only_for_a_resident_who_is_not_merely_counted(
    case: tuple[Swipe, Snapshot],
) -> None:
    swiped, snapshot = case
    raised = decide(swiped, snapshot).flags
    row = snapshot.row
    may_carry = row is not None and row.role is Role.RESIDENT and not row.count_only and not row.lost
    assert len(raised) <= (1 if may_carry else 0)


COURT = Passback(("east", "west"), "court", 3600)
GARAGE = Passback(("garage",), seconds=300)


def leaving_by(portal: str, seconds_ago: float) -> Recent:
    return Recent(portal, Direction.OUT, Verdict.GRANT, seconds_ago)


@pytest.mark.parametrize(
    ("recent", "stopped"),
    [
        ((), False),
        ((entry(10),), True),
        ((entry(10, "west"),), True),
        ((entry(3599.9, "west"),), True),
        ((entry(3600, "west"),), False),
        ((leaving_by("west", 5), entry(10)), False),
        ((leaving_by("garage", 5), entry(10)), True),
        ((entry(3), leaving_by("west", 5), entry(10)), True),
        ((entry(10, "garage"),), False),
        ((entry(10, signalled=False),), False),
        ((attempt(10),), False),
    ],
)
def test_whoever_is_in_an_area_leaves_by_one_of_its_portals_before_they_come_in_again(
    recent: tuple[Recent, ...], stopped: bool
) -> None:
    gate = GatePolicy(passback=(COURT,))
    expected = (Verdict.ATTEND, (Reason.PASSBACK,)) if stopped else (Verdict.GRANT, (Reason.ENROLLED,))
    assert verdict(replace(AROUND, policy=gate, recent=recent)) == expected
    assert verdict(replace(AROUND, policy=gate, recent=recent), Direction.OUT)[0] is Verdict.GRANT


@pytest.mark.parametrize(
    ("portal", "seconds_ago", "stopped"),
    [("garage", 299, True), ("garage", 300, False), ("east", 59, True), ("east", 60, False)],
)
def test_a_portal_has_its_own_time_or_the_one_of_all_portals(portal: str, seconds_ago: float, stopped: bool) -> None:
    gate = GatePolicy(passback_seconds=60, passback=(GARAGE,))
    there = replace(AROUND, policy=gate, portal=Portal(portal), recent=(entry(seconds_ago, portal),))
    assert (verdict(there)[0] is Verdict.ATTEND) is stopped
    off = replace(there, policy=GatePolicy(passback_seconds=60, passback=(Passback(("garage",)),)))
    assert (verdict(off)[0] is Verdict.ATTEND) is (stopped and portal == "east")


@given(some.presented(rows=some.enrolments), st.none() | some.near_days, st.none() | some.near_days, st.booleans())
def test_a_flag_changes_neither_verdict_nor_reason_nor_line(
    case: tuple[Swipe, Snapshot], until: date | None, as_of: date | None, elsewhere: bool
) -> None:
    swiped, snapshot = case
    assert snapshot.row is not None
    row = replace(snapshot.row, registered_until=until, registered_elsewhere=elsewhere)
    one, two = decide(*case), decide(swiped, replace(snapshot, row=row, register_as_of=as_of))
    assert (one.verdict, one.reasons, one.side) == (two.verdict, two.reasons, two.side)


@given(some.presented(rows=some.enrolments), some.near_days)
def test_registering_someone_never_worsens_their_verdict(case: tuple[Swipe, Snapshot], until: date) -> None:
    swiped, snapshot = case
    assert snapshot.row is not None
    without = decide(swiped, replace(snapshot, row=replace(snapshot.row, registered_until=None)))
    registered = decide(swiped, replace(snapshot, row=replace(snapshot.row, registered_until=until)))
    assert SEVERITY[registered.verdict] <= SEVERITY[without.verdict]


def twin(row: Enrolment, portal: str, today: date, n: int, *, other: bool) -> Enrolment:
    """Another row that says the same of today: other dates, other portals, another token."""
    near, far = today - timedelta(days=n), today + timedelta(days=n)
    in_time = row.since <= today and (row.until is None or today <= row.until)
    over: dict[str, date | None] = {"since": near, "until": None if other else far}
    if not in_time:
        over = {"since": far + timedelta(days=1)} if other else {"since": near, "until": near - timedelta(days=1)}
    listed = row.portals is None or portal in row.portals
    places = (None if other else frozenset({portal})) if listed else frozenset({"another"} if other else ())
    until = row.registered_until
    known = until if until is None else far if today <= until else near - timedelta(days=1)
    return replace(row, token=bytes([n] * 16), portals=places, registered_until=known, **over)


@given(some.presented(rows=some.enrolments), st.integers(0, 200), st.booleans())
def test_rows_that_are_alike_are_decided_alike(case: tuple[Swipe, Snapshot], n: int, other: bool) -> None:
    swiped, snapshot = case
    assert snapshot.row is not None
    portal, today = snapshot.portal.id, snapshot.today
    alike = twin(snapshot.row, portal, today, n, other=other)
    assert likeness(alike, portal, today) == likeness(snapshot.row, portal, today)
    assert decide(swiped, replace(snapshot, row=alike)) == decide(*case)


@given(some.presented(rows=some.enrolments), some.enrolments)
def test_whatever_else_a_row_may_say_is_seen_or_makes_no_difference(
    case: tuple[Swipe, Snapshot], other: Enrolment
) -> None:
    swiped, snapshot = case
    portal, today = snapshot.portal.id, snapshot.today
    assert snapshot.row is not None
    resident = replace(snapshot.row, role=Role.RESIDENT, count_only=False, lost=False)
    for row, as_of in ((snapshot.row, snapshot.register_as_of), (resident, today)):
        around = replace(snapshot, row=row, register_as_of=as_of)
        for one in fields(Enrolment):
            changed = replace(row, **{one.name: getattr(other, one.name)})
            seen = likeness(changed, portal, today) != likeness(row, portal, today)
            assert seen or decide(swiped, replace(around, row=changed)) == decide(swiped, around), one.name
