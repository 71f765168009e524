"""Who lives where over time: rechecks, moves out, leases that end, service staff, people registered elsewhere."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.acts import Act, Ask, CloseCase, Escalate, Level, OpenCase, ProposeSlip, RaiseSlip, Remind
from rules.cases import CaseState, Close
from rules.known import band_of, months_after
from rules.model import (
    AgeBand,
    Case,
    CaseKind,
    MovedOut,
    MoveOutBy,
    Origin,
    Pass,
    Person,
    Question,
    Registration,
    Role,
    Source,
)
from rules.policy import Escalation
from tests import rule_strategies as some
from tests.rules.test_judge import AS_OF, FIVE_EVENINGS, OVERDUE, POLICY, TENANT, THREE_EVENINGS, TODAY, acts, opened

HERE = Registration(date(2026, 1, 1), None, AS_OF)
ENDED = Registration(date(2026, 1, 1), TODAY - timedelta(days=1), AS_OF)


def kinds(found: tuple[Act, ...]) -> list[tuple[CaseKind, Source]]:
    return opened(found)


@pytest.mark.parametrize(
    ("last", "rented", "due"),
    [
        (date(2026, 8, 23), True, True),
        (date(2026, 8, 24), True, False),
        (date(2025, 11, 23), False, True),
        (date(2025, 11, 24), False, False),
        (date(2026, 8, 23), False, False),
        (None, True, False),
    ],
)
def test_a_recheck_is_due_every_three_months_in_a_rented_dwelling_and_every_twelve_in_others(
    last: date | None, rented: bool, due: bool
) -> None:
    person = replace(TENANT, last_checked=last, rented=rented)
    found = acts(person, registrations=(HERE,))
    assert kinds(found) == ([(CaseKind.RECHECK, Source.VISIT)] if due else [])
    if due:
        (act,) = found
        assert isinstance(act, OpenCase)
        assert (act.because.last_checked, act.because.months) == (last, 3 if rented else 12)
        assert act.due == TODAY + timedelta(days=30)


def test_no_recheck_opens_for_whoever_is_not_registered_a_child_or_on_a_stale_register() -> None:
    person = replace(TENANT, last_checked=date(2020, 1, 1), enrolled_since=None)
    assert kinds(acts(person, registrations=(HERE,))) == [(CaseKind.RECHECK, Source.VISIT)]
    assert acts(person) == ()
    assert acts(person, registrations=(HERE,), as_of=None) == ()
    for spared in (
        replace(person, birth=TODAY.replace(year=TODAY.year - 15)),
        replace(person, role=Role.GUEST),
        replace(person, dwelling=False),
    ):
        assert acts(spared, registrations=(HERE,)) == ()


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2027, 11, 30), 3, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2026, 12, 31), 1, date(2027, 1, 31)),
        (date(2026, 1, 31), 12, date(2027, 1, 31)),
        (date(2026, 10, 15), 3, date(2027, 1, 15)),
    ],
)
def test_months_go_by_the_calendar(day: date, months: int, then: date) -> None:
    assert months_after(day, months) == then


@given(some.days, st.integers(1, 60))
def test_so_many_months_later_it_is_that_many_months_later(day: date, months: int) -> None:
    then = months_after(day, months)
    assert (then.year - day.year) * 12 + then.month - day.month == months
    assert then.day == day.day or (then + timedelta(days=1)).day == 1


@pytest.mark.parametrize(
    ("by", "source"),
    [
        (MoveOutBy.CARD_RETURNED, Source.PROPERTY),
        (MoveOutBy.LEASE_ENDED, Source.PROPERTY),
        (MoveOutBy.LANDLORD, Source.LANDLORD),
        (MoveOutBy.DECLARATION, Source.SELF),
        (MoveOutBy.VISIT, Source.VISIT),
        (MoveOutBy.POLICE, Source.POLICE),
    ],
)
def test_whoever_is_known_to_have_moved_out_is_to_be_deregistered(by: MoveOutBy, source: Source) -> None:
    gone = replace(TENANT, moved_out=MovedOut(TODAY, by))
    (act,) = acts(gone, registrations=(HERE,))
    assert isinstance(act, OpenCase)
    assert (act.kind, act.source, act.because.moved_out) == (CaseKind.DEREGISTRATION, source, TODAY)
    tomorrow = replace(gone, moved_out=MovedOut(TODAY + timedelta(days=1), by))
    assert acts(tomorrow, registrations=(HERE,)) == ()


@given(some.persons, st.lists(some.passes, max_size=3).map(tuple))
def test_silence_in_swipes_never_says_that_somebody_moved_out(person: Person, passes: tuple[Pass, ...]) -> None:
    person = replace(person, moved_out=None)
    found = (*acts(person, (), (HERE,)), *acts(person, passes, (HERE,)))
    assert CaseKind.DEREGISTRATION not in [kind for kind, _ in kinds(found)]


def test_a_move_out_ends_with_the_registration_and_the_next_one_is_followed_up_again() -> None:
    gone = replace(TENANT, moved_out=MovedOut(TODAY - timedelta(days=3), MoveOutBy.LANDLORD))
    case = Case(1, CaseKind.DEREGISTRATION, CaseState.ASSIGNED, TODAY - timedelta(days=2), TODAY)
    assert acts(gone, registrations=(HERE,), cases=(case,)) == ()
    assert acts(gone, registrations=(ENDED,), cases=(case,)) == (CloseCase(1, Close.DEREGISTERED),)
    assert acts(gone, registrations=(), cases=(case,)) == (), "nothing known is not the same as ended"
    dismissed = replace(case, state=CaseState.DISMISSED)
    assert acts(gone, registrations=(HERE,), cases=(dismissed,)) == ()
    again = replace(gone, moved_out=MovedOut(TODAY - timedelta(days=1), MoveOutBy.LANDLORD))
    assert kinds(acts(again, registrations=(HERE,), cases=(dismissed,))) == [(CaseKind.DEREGISTRATION, Source.LANDLORD)]


def test_whoever_moved_out_gets_no_collection_and_no_slip_any_more() -> None:
    gone = replace(TENANT, moved_out=MovedOut(TODAY, MoveOutBy.CARD_RETURNED))
    assert kinds(acts(gone, FIVE_EVENINGS)) == []
    assert any(isinstance(act, ProposeSlip) for act in acts(cases=(OVERDUE,)))
    assert not any(isinstance(act, ProposeSlip) for act in acts(gone, cases=(OVERDUE,)))


@pytest.mark.parametrize(("days", "asked"), [(0, False), (1, True)])
def test_a_lease_is_asked_about_from_the_day_after_its_last(days: int, asked: bool) -> None:
    last = TODAY - timedelta(days=days)
    person = replace(TENANT, lease_until=last)
    expected = (Ask(Question.LEASE_ENDED, last + timedelta(days=1)),) if asked else ()
    assert acts(person, registrations=(HERE,)) == expected
    assert acts(person, registrations=(HERE,), as_of=None) == expected, "a lease is the property's own matter"
    gone = replace(person, moved_out=MovedOut(TODAY, MoveOutBy.LEASE_ENDED))
    assert not any(isinstance(act, Ask) for act in acts(gone, registrations=(HERE,)))


def test_a_lease_of_31_days_is_asked_about_on_the_thirty_second_day() -> None:
    first = date(2026, 10, 24)
    person = replace(TENANT, enrolled_since=first, lease_until=first + timedelta(days=30))
    assert person.lease_until == TODAY
    assert acts(person, registrations=(HERE,)) == ()
    tomorrow = TODAY + timedelta(days=1)
    assert acts(person, registrations=(HERE,), today=tomorrow) == (Ask(Question.LEASE_ENDED, tomorrow),)


@pytest.mark.parametrize(
    ("until", "counts"),
    [
        (TODAY, False),
        (TODAY - timedelta(days=1), True),
        (date(2027, 5, 23), False),
        (date(2027, 5, 24), True),
        (None, True),
    ],
)
def test_service_staff_whom_a_household_has_confirmed_for_six_months_at_most_never_count(
    until: date | None, counts: bool
) -> None:
    helper = replace(TENANT, service_until=until)
    assert bool(kinds(acts(helper, THREE_EVENINGS))) is counts
    staff = replace(helper, role=Role.STAFF)
    assert kinds(acts(staff, THREE_EVENINGS)) == []
    asked = [act.question for act in acts(staff, THREE_EVENINGS) if isinstance(act, Ask)]
    assert asked == ([Question.SERVICE_ENDED] if until is not None and until < TODAY else [])


def test_who_is_registered_elsewhere_in_the_district_gets_a_case_that_says_so() -> None:
    for person in (replace(TENANT, registered_elsewhere=True), TENANT):
        (act,) = acts(person, THREE_EVENINGS)
        assert isinstance(act, OpenCase)
        assert act.kind is CaseKind.COLLECTION
        assert act.because.registered_elsewhere is person.registered_elsewhere


@pytest.mark.parametrize("origin", [Origin.FOREIGNER, Origin.COMPATRIOT])
def test_neither_a_foreigner_nor_a_compatriot_gets_a_case_from_swipes(origin: Origin) -> None:
    assert kinds(acts(replace(TENANT, origin=origin), FIVE_EVENINGS)) == []
    stranger = Person(known=False, dwelling=False, origin=origin)
    assert kinds(acts(stranger, FIVE_EVENINGS)) == []


def test_a_slip_that_nobody_decides_upon_goes_to_the_street_on_the_third_day() -> None:
    case = replace(OVERDUE, alert=True, slip_waits_since=TODAY - timedelta(days=2))
    assert RaiseSlip(4) not in acts(cases=(case,))
    late = replace(case, slip_waits_since=TODAY - timedelta(days=3))
    assert RaiseSlip(4) in acts(cases=(late,))
    assert RaiseSlip(4) not in acts(cases=(replace(late, paused=True),))
    assert RaiseSlip(4) not in acts(cases=(replace(late, slip_waits_since=None),))
    slow = replace(POLICY, escalation=Escalation(undecided_days=4))
    assert RaiseSlip(4) not in acts(cases=(late,), policy=slow)


@pytest.mark.parametrize(
    ("past_due", "level"), [(6, None), (7, Level.COMMUNITY), (9, Level.COMMUNITY), (10, Level.STREET)]
)
def test_a_recheck_is_reminded_of_and_goes_up_only_when_it_is_overdue(past_due: int, level: Level | None) -> None:
    case = Case(
        2, CaseKind.RECHECK, CaseState.OPEN, TODAY - timedelta(days=60), TODAY - timedelta(days=past_due), reminded=None
    )
    expected: list[Act] = [Remind(2)] + ([Escalate(2, level)] if level is not None else [])
    assert list(acts(registrations=(HERE,), cases=(case,))) == expected


def test_a_weekend_on_which_people_work_is_no_weekend_for_a_visit() -> None:
    saturday = replace(OVERDUE.visits[1], at=OVERDUE.visits[1].at.replace(day=7, hour=15))
    case = replace(OVERDUE, visits=(OVERDUE.visits[0], saturday))
    assert any(isinstance(act, ProposeSlip) for act in acts(cases=(case,)))
    worked = replace(POLICY, gate=replace(POLICY.gate, workdays=frozenset({date(2026, 11, 7)})))
    assert not any(isinstance(act, ProposeSlip) for act in acts(cases=(case,), policy=worked))


@pytest.mark.parametrize(
    ("birth", "band"),
    [
        (date(2010, 11, 24), AgeBand.CHILD),
        (date(2010, 11, 23), AgeBand.ADULT),
        (date(1966, 11, 24), AgeBand.ADULT),
        (date(1966, 11, 23), AgeBand.SENIOR),
        (None, None),
    ],
)
def test_an_age_band_changes_on_the_birthday(birth: date | None, band: AgeBand | None) -> None:
    assert band_of(birth, TODAY) is band


@given(
    some.persons,
    st.lists(some.passes, max_size=10).map(tuple),
    st.lists(some.registrations, max_size=3).map(tuple),
    st.randoms(use_true_random=False),
)
def test_in_whatever_order_passes_and_registrations_come_the_acts_are_the_same(
    person: Person, passes: tuple[Pass, ...], registrations: tuple[Registration, ...], random: object
) -> None:
    mixed_passes, mixed = list(passes) * 2, list(registrations) * 2
    random.shuffle(mixed_passes)  # type: ignore[attr-defined]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert acts(person, tuple(mixed_passes), tuple(mixed)) == acts(person, passes, registrations)


@given(some.persons, st.lists(some.passes, max_size=20).map(tuple), st.lists(some.registrations, max_size=3).map(tuple))
def test_no_child_ever_gets_a_case_of_their_own(
    person: Person, passes: tuple[Pass, ...], registrations: tuple[Registration, ...]
) -> None:
    child = replace(person, birth=TODAY.replace(year=TODAY.year - 10))
    assert kinds(acts(child, passes, registrations)) == []
