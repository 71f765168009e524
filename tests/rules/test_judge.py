"""The centre's judgement: what opens a case, what never does, what closes one, and when a slip may be proposed."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rules.acts import Act, CloseCase, Escalate, Level, OpenCase, ProposeSlip, Remind, Restate, TakeBack
from rules.cases import CaseState, Close
from rules.judge import age_on, covers, judge
from rules.model import CIVIL, Case, CaseKind, Origin, Pass, Person, Registration, Rests, Role, Source, Visit
from rules.policy import Collection, Escalation, GateQuery, Policy, Slip
from tests import rule_strategies as some

TODAY = some.TODAY
AS_OF = TODAY - timedelta(days=1)
POLICY = Policy(7, "author", "reason", datetime(2026, 11, 1, tzinfo=CIVIL))
TENANT = Person(
    known=True, dwelling=True, role=Role.RESIDENT, birth=date(1900, 1, 1), enrolled_since=TODAY - timedelta(days=5)
)
STRANGER = Person(known=False, dwelling=False)
HERE = Registration(TODAY, None, TODAY)


def days_ago(days: int, clock: time = time(19, 30)) -> Pass:
    return Pass(datetime.combine(TODAY - timedelta(days=days), clock, CIVIL))


THREE_EVENINGS = (days_ago(1), days_ago(2), days_ago(3))
FIVE_EVENINGS = tuple(map(days_ago, range(5)))


def acts(
    person: Person = TENANT,
    passes: tuple[Pass, ...] = (),
    registrations: tuple[Registration, ...] = (),
    *,
    cases: tuple[Case, ...] = (),
    policy: Policy = POLICY,
    today: date = TODAY,
    as_of: date | None = AS_OF,
) -> tuple[Act, ...]:
    return judge(person, passes, registrations, cases, policy, today, as_of)


def opened(found: tuple[Act, ...]) -> list[tuple[CaseKind, Source]]:
    return [(act.kind, act.source) for act in found if isinstance(act, OpenCase)]


def slips(found: tuple[Act, ...]) -> list[ProposeSlip]:
    return [act for act in found if isinstance(act, ProposeSlip)]


COLLECTED_AT_GATE = [(CaseKind.COLLECTION, Source.GATE)]
FROM_PROPERTY = [(CaseKind.COLLECTION, Source.PROPERTY)]
ASKED_AT_GATE = [(CaseKind.GATE_QUERY, Source.GATE)]


def test_a_tenant_who_comes_on_three_days_gets_a_case_that_shows_its_arithmetic() -> None:
    (act,) = acts(passes=THREE_EVENINGS)
    assert isinstance(act, OpenCase)
    assert (act.kind, act.source, act.due) == (CaseKind.COLLECTION, Source.GATE, TODAY + timedelta(days=14))
    assert act.because.on == (TODAY - timedelta(days=3), TODAY - timedelta(days=2), TODAY - timedelta(days=1))
    assert (act.because.days, act.because.days_needed) == (3, 3)
    assert (act.because.evenings, act.because.evenings_needed) == (3, 2)
    assert (act.because.register_as_of, act.because.policy_version) == (AS_OF, 7)


@pytest.mark.parametrize(
    ("passes", "opens"),
    [
        (THREE_EVENINGS, True),
        (THREE_EVENINGS[:2], False),
        ((days_ago(1), days_ago(1, time(20)), days_ago(2)), False),
        (tuple(days_ago(n, time(12)) for n in range(10)), False),
        ((days_ago(1), days_ago(2), days_ago(3, time(12))), True),
        ((days_ago(1), days_ago(2), days_ago(13)), True),
        ((days_ago(1), days_ago(2), days_ago(14)), False),
        ((days_ago(0), days_ago(1), days_ago(-1)), False),
        ((days_ago(1, time(23, 30)), days_ago(0, time(0, 30)), days_ago(2, time(12))), False),
        ((days_ago(1, time(17, 59)), days_ago(2), days_ago(3, time(17, 59))), False),
        ((days_ago(1, time(5, 59)), days_ago(2, time(6)), days_ago(3)), True),
        ((days_ago(1, time(6)), days_ago(2, time(6)), days_ago(3)), False),
    ],
)
def test_days_and_evenings_are_counted_by_the_civil_calendar(passes: tuple[Pass, ...], opens: bool) -> None:
    assert opened(acts(passes=passes)) == (COLLECTED_AT_GATE if opens else [])


def test_a_moment_given_in_utc_counts_on_its_day_in_shanghai() -> None:
    moments = tuple(Pass(one.at.astimezone(UTC)) for one in THREE_EVENINGS)
    assert acts(passes=moments) == acts(passes=THREE_EVENINGS)


@given(st.lists(some.passes, max_size=30), some.persons, st.randoms(use_true_random=False))
def test_order_and_repetition_of_passes_never_matter(passes: list[Pass], person: Person, random: Random) -> None:
    shuffled = passes * 2
    random.shuffle(shuffled)
    assert acts(person, tuple(shuffled)) == acts(person, tuple(passes))


@given(
    some.settled,
    st.lists(some.passes, max_size=20).map(tuple),
    st.lists(some.registrations, max_size=3).map(tuple),
    st.none() | some.near_days,
)
def test_nothing_opens_for_whoever_is_registered_today_or_while_the_register_is_stale(
    person: Person, passes: tuple[Pass, ...], registrations: tuple[Registration, ...], as_of: date | None
) -> None:
    found = acts(person, passes, registrations, as_of=as_of)
    fresh = as_of is not None and (TODAY - as_of).days <= 7
    assert opened(acts(person, passes, (*registrations, HERE), as_of=as_of)) == []
    assert fresh or opened(found) == []


@given(st.lists(some.passes, min_size=1, max_size=20).map(tuple), some.persons)
def test_passes_older_than_the_window_open_nothing(passes: tuple[Pass, ...], person: Person) -> None:
    old = tuple(Pass(one.at - timedelta(days=40)) for one in passes)
    assert acts(person, old) == acts(person)


@given(some.persons, st.lists(some.passes, max_size=40).map(tuple))
def test_no_case_ever_opens_from_swipes_for_a_child_a_visitor_or_a_traveller(
    person: Person, passes: tuple[Pass, ...]
) -> None:
    child = person.birth is not None and age_on(person.birth, TODAY) < 16
    assume(child or person.travels or person.role in {Role.VISITOR, Role.GUEST, Role.STAFF})
    assert [source for _, source in opened(acts(person, passes)) if source is Source.GATE] == []


@pytest.mark.parametrize(
    ("change", "opens"),
    [
        ({}, COLLECTED_AT_GATE),
        ({"birth": None}, COLLECTED_AT_GATE),
        ({"role": None, "enrolled_since": None}, COLLECTED_AT_GATE),
        ({"birth": date(2010, 11, 24)}, []),
        ({"birth": date(2010, 11, 23)}, COLLECTED_AT_GATE),
        ({"role": Role.STAFF}, []),
        ({"role": Role.GUEST}, []),
        ({"role": Role.VISITOR}, []),
        ({"origin": Origin.FOREIGNER}, []),
        ({"dwelling": False}, ASKED_AT_GATE),
        ({"known": False, "role": None, "dwelling": False}, ASKED_AT_GATE),
        ({"enrolled_since": TODAY - timedelta(days=6)}, COLLECTED_AT_GATE),
        ({"enrolled_since": TODAY - timedelta(days=7)}, FROM_PROPERTY),
        ({"enrolled_since": TODAY - timedelta(days=7), "origin": Origin.FOREIGNER}, FROM_PROPERTY),
        ({"enrolled_since": TODAY - timedelta(days=7), "birth": date(2017, 1, 1)}, []),
        ({"enrolled_since": TODAY + timedelta(days=7)}, COLLECTED_AT_GATE),
    ],
)
def test_who_a_person_is_decides_which_case_opens(
    change: dict[str, object], opens: list[tuple[CaseKind, Source]]
) -> None:
    assert opened(acts(replace(TENANT, **change), FIVE_EVENINGS)) == opens


def test_a_move_in_opens_a_case_without_any_pass_when_its_days_of_grace_are_over() -> None:
    moved_in = replace(TENANT, enrolled_since=TODAY - timedelta(days=7))
    (act,) = acts(moved_in)
    assert isinstance(act, OpenCase)
    assert (act.source, act.because.on, act.because.unregistered_since) == (
        Source.PROPERTY,
        (),
        moved_in.enrolled_since,
    )
    assert acts(moved_in, today=TODAY - timedelta(days=1), as_of=AS_OF) == ()


def test_days_of_grace_begin_anew_when_a_registration_ends() -> None:
    resident = replace(TENANT, enrolled_since=date(2026, 1, 1))
    ended = (Registration(date(2026, 1, 1), TODAY - timedelta(days=7), AS_OF),)
    assert acts(resident, registrations=ended) == ()
    assert opened(acts(resident, registrations=ended, today=TODAY + timedelta(days=1))) == FROM_PROPERTY


def test_a_day_on_which_the_person_was_registered_does_not_count() -> None:
    ended = (Registration(date(2026, 1, 1), TODAY - timedelta(days=3), AS_OF),)
    assert acts(passes=THREE_EVENINGS, registrations=ended) == ()
    assert opened(acts(passes=(days_ago(0), *THREE_EVENINGS), registrations=ended)) == COLLECTED_AT_GATE


def test_a_stranger_who_comes_on_five_evenings_is_asked_about_at_the_gate() -> None:
    (act,) = acts(STRANGER, FIVE_EVENINGS)
    assert isinstance(act, OpenCase)
    assert (act.kind, act.due) == (CaseKind.GATE_QUERY, TODAY + timedelta(days=30))
    assert acts(STRANGER, FIVE_EVENINGS[1:]) == ()


@pytest.mark.parametrize(("visits", "asked"), [(6, True), (7, False), (9, False)])
def test_a_rider_with_many_visits_a_day_is_never_a_case(visits: int, asked: bool) -> None:
    rounds = tuple(days_ago(day, time(11 + hour)) for day in range(14) for hour in range(13 - visits, 13))
    assert opened(acts(STRANGER, rounds)) == (ASKED_AT_GATE if asked else [])


@given(some.settled, st.lists(some.passes, max_size=20).map(tuple), st.sampled_from(CaseState))
def test_registering_closes_an_open_collection_and_asks_for_nothing_else(
    person: Person, passes: tuple[Pass, ...], state: CaseState
) -> None:
    case = Case(1, CaseKind.COLLECTION, state, TODAY - timedelta(days=20), TODAY - timedelta(days=6), alert=True)
    ended = state in {CaseState.REGISTERED, CaseState.DISMISSED, CaseState.CLOSED}
    for as_of in (AS_OF, None):
        found = acts(person, passes, (HERE,), cases=(case,), as_of=as_of)
        assert found == (() if ended else (CloseCase(1, Close.REGISTERED),))


def test_a_gate_query_closes_when_the_person_is_known_and_the_collection_opens_in_its_place() -> None:
    case = Case(1, CaseKind.GATE_QUERY, CaseState.OPEN, TODAY, TODAY)
    found = acts(TENANT, THREE_EVENINGS, cases=(case,))
    assert found[0] == CloseCase(1, Close.IDENTIFIED)
    assert opened(found) == COLLECTED_AT_GATE


def test_a_gate_query_expires_on_its_thirtieth_day_and_another_does_not_follow_at_once() -> None:
    case = Case(1, CaseKind.GATE_QUERY, CaseState.OPEN, TODAY - timedelta(days=29), None)
    assert acts(STRANGER, FIVE_EVENINGS, cases=(case,)) == ()
    older = replace(case, opened=TODAY - timedelta(days=30))
    assert acts(STRANGER, FIVE_EVENINGS, cases=(older,)) == (CloseCase(1, Close.EXPIRED),)


@pytest.mark.parametrize("kind", CaseKind)
def test_no_second_case_opens_while_one_is_open(kind: CaseKind) -> None:
    case = Case(1, kind, CaseState.ASSIGNED, TODAY, TODAY + timedelta(days=14))
    assert opened(acts(passes=THREE_EVENINGS, cases=(case,))) == (
        [] if kind is not CaseKind.GATE_QUERY else COLLECTED_AT_GATE
    )


@pytest.mark.parametrize("state", [CaseState.DISMISSED, CaseState.CLOSED, CaseState.REGISTERED])
def test_a_case_that_ended_keeps_a_second_one_from_opening_for_its_quiet_days(state: CaseState) -> None:
    case = Case(1, CaseKind.COLLECTION, state, TODAY - timedelta(days=89), None)
    assert acts(passes=THREE_EVENINGS, cases=(case,)) == ()
    older = replace(case, opened=TODAY - timedelta(days=90))
    assert opened(acts(passes=THREE_EVENINGS, cases=(older,))) == COLLECTED_AT_GATE


def test_a_registration_that_came_and_went_after_a_case_makes_it_a_new_question() -> None:
    case = Case(1, CaseKind.COLLECTION, CaseState.REGISTERED, TODAY - timedelta(days=40), None)
    short = (Registration(TODAY - timedelta(days=45), TODAY - timedelta(days=5), AS_OF),)
    assert opened(acts(passes=THREE_EVENINGS, registrations=short, cases=(case,))) == COLLECTED_AT_GATE
    to_the_day = (replace(short[0], until=case.opened),)
    before = (replace(short[0], until=case.opened - timedelta(days=1)),)
    assert opened(acts(passes=THREE_EVENINGS, registrations=to_the_day, cases=(case,))) == COLLECTED_AT_GATE
    assert opened(acts(passes=THREE_EVENINGS, registrations=before, cases=(case,))) == []


VISITS = (
    Visit(datetime(2026, 11, 5, 10, tzinfo=CIVIL), met=False, notice_left=False),
    Visit(datetime(2026, 11, 10, 19, 30, tzinfo=CIVIL), met=False, notice_left=True),
)
OVERDUE = Case(
    id=4,
    kind=CaseKind.COLLECTION,
    state=CaseState.ASSIGNED,
    opened=TODAY - timedelta(days=15),
    due=TODAY - timedelta(days=1),
    visits=VISITS,
    reminded=TODAY,
)


def test_a_slip_is_proposed_with_its_grounds_when_everything_before_it_was_done() -> None:
    (slip,) = slips(acts(cases=(OVERDUE,)))
    assert slip.case == 4
    assert (slip.because.visits, slip.because.last_visit, slip.because.notice_left) == (2, date(2026, 11, 10), True)
    assert (slip.because.due, slip.because.register_as_of, slip.because.policy_version) == (OVERDUE.due, AS_OF, 7)


@pytest.mark.parametrize(
    "change",
    [
        {"visits": VISITS[:1]},
        {"visits": VISITS[1:]},
        {"visits": (VISITS[0], replace(VISITS[1], notice_left=False))},
        {"visits": (VISITS[1], VISITS[1])},
        {"visits": (VISITS[0], replace(VISITS[1], at=datetime(2026, 11, 10, 17, 59, tzinfo=CIVIL)))},
        {"visits": (VISITS[0], replace(VISITS[1], at=datetime(2026, 11, 24, 19, tzinfo=CIVIL)))},
        {"due": TODAY},
        {"due": None},
        {"opened": TODAY - timedelta(days=14)},
        {"alert": True},
        {"paused": True},
        {"state": CaseState.COLLECTED},
        {"state": CaseState.FILED},
        {"kind": CaseKind.RECHECK},
    ],
)
def test_no_slip_is_proposed_while_anything_before_it_is_missing(change: dict[str, object]) -> None:
    assert slips(acts(cases=(replace(OVERDUE, **change),))) == []


def test_a_visit_at_a_weekend_serves_as_well_as_one_in_the_evening() -> None:
    saturday = replace(VISITS[1], at=datetime(2026, 11, 7, 15, tzinfo=CIVIL))
    assert slips(acts(cases=(replace(OVERDUE, visits=(VISITS[0], saturday)),)))


@pytest.mark.parametrize(
    ("person", "proposed"),
    [
        (replace(TENANT, birth=date(2008, 11, 23)), True),
        (replace(TENANT, birth=date(2008, 11, 24)), False),
        (replace(TENANT, birth=None), False),
        (replace(TENANT, protected=True), False),
        (replace(TENANT, role=Role.GUEST), False),
    ],
)
def test_no_slip_is_proposed_about_a_minor_or_whoever_must_be_spared(person: Person, proposed: bool) -> None:
    assert bool(slips(acts(person, cases=(OVERDUE,)))) == proposed


def test_a_visit_at_six_in_the_evening_is_in_the_evening() -> None:
    dusk = replace(VISITS[1], at=datetime(2026, 11, 10, 18, 0, tzinfo=CIVIL))
    assert slips(acts(cases=(replace(OVERDUE, visits=(VISITS[0], dusk)),)))


def test_a_policy_without_days_between_reminders_reminds_once_a_day() -> None:
    policy = replace(POLICY, collection=Collection(remind_days=0))
    case = Case(1, CaseKind.COLLECTION, CaseState.OPEN, TODAY - timedelta(days=4), None, reminded=TODAY)
    assert acts(cases=(case,), policy=policy) == ()
    assert acts(cases=(replace(case, reminded=AS_OF),), policy=policy) == (Remind(1),)


@given(st.permutations((1, 2, 3)), st.permutations((4, 9, 40)))
def test_the_order_of_cases_and_registrations_never_matters(ids: list[int], ends: list[int]) -> None:
    cases = tuple(replace(OVERDUE, id=n) for n in ids)
    past = tuple(Registration(date(2026, 1, 1), TODAY - timedelta(days=n), AS_OF) for n in ends)
    assert [slip.case for slip in slips(acts(cases=cases))] == [1, 2, 3]
    moved_in = replace(TENANT, enrolled_since=date(2026, 1, 1))
    assert opened(acts(moved_in, registrations=past)) == []
    assert opened(acts(moved_in, registrations=past, today=TODAY + timedelta(days=4))) == FROM_PROPERTY


def test_no_slip_is_proposed_on_a_stale_register() -> None:
    assert slips(acts(cases=(OVERDUE,), as_of=TODAY - timedelta(days=7)))
    assert slips(acts(cases=(OVERDUE,), as_of=TODAY - timedelta(days=8))) == []
    assert slips(acts(cases=(OVERDUE,), as_of=None)) == []


def test_a_short_policy_proposes_a_slip_on_the_day_a_case_opens() -> None:
    policy = replace(
        POLICY,
        collection=Collection(due_days=0, grace_days=0),
        escalation=Escalation(0, 0, 0, 0),
        slip=Slip(visits=0, different_times=False, evening_or_weekend=False, notice=False, overdue_days=0),
    )
    case = Case(1, CaseKind.COLLECTION, CaseState.OPEN, TODAY, TODAY)
    assert [type(act) for act in acts(cases=(case,), policy=policy)] == [Remind, Escalate, ProposeSlip]


@pytest.mark.parametrize(
    ("age", "reminded", "expected"),
    [
        (2, None, []),
        (3, None, [Remind(1)]),
        (4, 1, []),
        (6, 3, [Remind(1)]),
        (7, 1, [Escalate(1, Level.COMMUNITY)]),
        (9, 1, [Escalate(1, Level.COMMUNITY)]),
        (10, 3, [Remind(1), Escalate(1, Level.STREET)]),
    ],
)
def test_a_case_is_reminded_of_and_goes_up_by_its_age(age: int, reminded: int | None, expected: list[Act]) -> None:
    case = Case(
        id=1,
        kind=CaseKind.COLLECTION,
        state=CaseState.ASSIGNED,
        opened=TODAY - timedelta(days=age),
        due=TODAY + timedelta(days=5),
        reminded=None if reminded is None else TODAY - timedelta(days=reminded),
    )
    assert list(acts(cases=(case,))) == expected
    assert acts(cases=(replace(case, paused=True),)) == ()
    assert acts(replace(TENANT, protected=True), cases=(case,)) == ()


def test_the_last_day_of_a_registration_counts_and_the_next_day_does_not() -> None:
    lease = Registration(date(2028, 1, 30), date(2028, 2, 29), date(2028, 2, 28))
    assert covers([lease], date(2028, 2, 29))
    assert not covers([lease], date(2028, 3, 1))
    assert not covers([lease], date(2028, 1, 29))


@pytest.mark.parametrize(
    ("birth", "day", "age"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2008, 11, 23), date(2026, 11, 22), 17),
        (date(2008, 11, 23), date(2026, 11, 23), 18),
    ],
)
def test_an_age_is_reached_on_the_birthday(birth: date, day: date, age: int) -> None:
    assert age_on(birth, day) == age


@given(some.settled, st.lists(some.passes, max_size=20).map(tuple), st.booleans())
def test_once_its_acts_are_done_judging_again_asks_for_nothing_more(
    person: Person, passes: tuple[Pass, ...], short: bool
) -> None:
    policy = replace(POLICY, gate_query=GateQuery(days_distinct=1, evenings=0)) if short else POLICY
    first = acts(person, passes, policy=policy)
    cases = tuple(
        Case(n, act.kind, CaseState.OPEN, TODAY, act.due) for n, act in enumerate(first, 1) if isinstance(act, OpenCase)
    )
    assert len(cases) == len(first) <= 1
    assert acts(person, passes, cases=cases, policy=policy) == () or not first


def after(cases: tuple[Case, ...], done: tuple[Act, ...], today: date = TODAY) -> tuple[Case, ...]:
    """The cases once these acts were done."""
    found = {case.id: case for case in cases}
    for act in done:
        match act:
            case OpenCase(kind=kind, source=source, due=due, because=because):
                rests = Rests(because.on, because.evenings, because.policy_version) if source is Source.GATE else None
                number = len(found) + 1
                found[number] = Case(number, kind, CaseState.OPEN, today, due, rests=rests)
            case Restate(case=number, because=because):
                rests = Rests(because.on, because.evenings, because.policy_version)
                found[number] = replace(found[number], rests=rests)
            case TakeBack(case=number):
                del found[number]
    return tuple(found.values())


busy_weeks = st.lists(
    st.tuples(st.integers(0, 15), st.sampled_from((9, 12, 19, 20, 23)), st.integers(0, 59)), min_size=20, max_size=60
)


@given(week=busy_weeks, data=st.data(), known=st.booleans())
def test_whatever_came_before_the_case_was_opened_and_whatever_after_the_end_is_the_same(
    week: list[tuple[int, int, int]], data: st.DataObject, known: bool
) -> None:
    """Also where a day turns out to be too busy to count, which only the last pass of it can show."""
    passes = tuple(days_ago(day, time(hour, minute)) for day, hour, minute in week)
    person = TENANT if known else STRANGER
    at_once = after((), acts(person, passes))
    cases: tuple[Case, ...] = ()
    shuffled = data.draw(st.permutations(passes))
    have = 0
    while have < len(shuffled):
        have += data.draw(st.integers(1, len(shuffled) - have))
        cases = after(cases, acts(person, tuple(shuffled[:have]), cases=cases))
    assert [replace(case, id=0) for case in cases] == [replace(case, id=0) for case in at_once]
    assert acts(person, passes, cases=cases) == (), "judging again changes nothing"


STALE_GROUNDS = Rests((TODAY,), 1, POLICY.version)


@pytest.mark.parametrize(
    "over",
    [
        {"rests": None},
        {"rests": replace(STALE_GROUNDS, policy_version=6)},
        {"opened": TODAY - timedelta(days=14)},
        {"visits": (Visit(datetime.combine(TODAY, time(10), CIVIL), True, False),)},
        {"alert": True},
        {"paused": True},
    ],
)
def test_a_case_that_somebody_has_touched_or_that_rests_on_what_is_gone_stays_as_it_is(over: dict[str, object]) -> None:
    case = Case(1, CaseKind.COLLECTION, CaseState.OPEN, TODAY, TODAY, rests=STALE_GROUNDS)
    assert acts(cases=(case,)) == (TakeBack(1),)
    touched = acts(cases=(replace(case, **over),))  # type: ignore[arg-type]
    assert not [act for act in touched if isinstance(act, TakeBack | Restate)]


def test_a_pass_after_the_opening_changes_nothing_about_why_a_case_was_opened() -> None:
    opened_on = TODAY - timedelta(days=2)
    passes = tuple(map(days_ago, range(2, 8)))
    (case,) = after((), acts(STRANGER, passes, today=opened_on), opened_on)
    assert acts(STRANGER, (*passes, *map(days_ago, range(2))), cases=(case,)) == ()
    (act,) = acts(STRANGER, (*passes, days_ago(9)), cases=(case,))
    assert isinstance(act, Restate)
    assert act.because.on == (TODAY - timedelta(days=9), *case.rests.on)  # type: ignore[union-attr]
