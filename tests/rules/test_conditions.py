"""Site conditions: what a row may do, what it may never do, and which rows can do nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.conditions import CLOSED, WEEKDAYS, Clause, Condition, Field, Then, idle, is_span
from rules.decide import decide
from rules.model import (
    CIVIL,
    AgeBand,
    CredentialKind,
    Decision,
    Direction,
    Enrolment,
    GatePolicy,
    Portal,
    Reason,
    Role,
    Snapshot,
    Swipe,
    Verdict,
)
from rules.policy import PolicyError, parse
from tests import rule_strategies as some

HEAD = 'version = 3\nauthor = "a"\nreason = "r"\neffective_from = 2026-11-23T00:00:00\n'
MONDAY_NIGHT = datetime(2026, 11, 23, 22, 30, tzinfo=CIVIL)
ROW = Enrolment(bytes(16), date(2026, 1, 1), None, None, None, Role.GUEST, registered_until=date.max)


def row(name: str, then: Then, say: str = "", **asked: tuple[str, ...]) -> Condition:
    return Condition(
        name, then, tuple(Clause(field, inside=True, values=values) for field, values in asked.items()), say
    )


def at_gate(
    *rows: Condition, holder: Enrolment = ROW, at: datetime = MONDAY_NIGHT, direction: Direction = Direction.IN
) -> tuple[Swipe, Snapshot]:
    swipe = Swipe("east", "east-1", direction, CredentialKind.CARD_UID, holder.token, at.astimezone(UTC))
    policy = GatePolicy(conditions=rows)
    return swipe, Snapshot(at, Portal("east"), holder, has_roster=True, register_as_of=at.date(), policy=policy)


NIGHT = row("guests at night", Then.ATTEND, role=("guest",), time=("22:00-24:00", "00:00-06:00"))


@pytest.mark.parametrize(
    ("clock", "attended"),
    [
        (time(21, 59, 59), False),
        (time(22), True),
        (time(23, 59, 59), True),
        (time(0), True),
        (time(5, 59), True),
        (time(6), False),
    ],
)
def test_a_row_asks_for_the_guard_within_its_hours_and_not_a_minute_longer(clock: time, attended: bool) -> None:
    decision = decide(*at_gate(NIGHT, at=datetime.combine(MONDAY_NIGHT.date(), clock, CIVIL)))
    expected = (Verdict.ATTEND, (Reason.OUT_OF_HOURS,)) if attended else (Verdict.GRANT, (Reason.ENROLLED,))
    assert (decision.verdict, decision.reasons) == expected


def test_a_row_holds_only_where_every_field_does() -> None:
    weekend = replace(NIGHT, clauses=(*NIGHT.clauses, Clause("weekday", inside=True, values=("sat", "sun"))))
    assert decide(*at_gate(weekend)).verdict is Verdict.GRANT
    swipe, snapshot = at_gate(weekend)
    holiday = replace(snapshot.policy, holidays=frozenset({MONDAY_NIGHT.date()}))
    assert decide(swipe, replace(snapshot, policy=holiday)).verdict is Verdict.ATTEND, "a holiday counts as a Sunday"
    elsewhere = replace(NIGHT, clauses=(*NIGHT.clauses, Clause("portal", inside=False, values=("east",))))
    assert decide(*at_gate(elsewhere)).verdict is Verdict.GRANT


def test_nobody_is_asked_on_the_way_out_and_no_child_waits_for_a_guard() -> None:
    everyone = Condition("everyone", Then.ATTEND, (Clause("portal", inside=False, values=()),))
    assert decide(*at_gate(everyone)).verdict is Verdict.ATTEND
    assert decide(*at_gate(everyone, direction=Direction.OUT)).verdict is Verdict.GRANT
    for child in (replace(ROW, age_band=AgeBand.CHILD), replace(ROW, count_only=True)):
        assert decide(*at_gate(everyone, holder=child)).verdict is Verdict.GRANT


def test_a_line_of_the_site_stands_beside_a_grant_and_the_first_that_holds_is_said() -> None:
    lines = (row("a", Then.SAY, "请从二号门出", role=("guest",)), row("b", Then.SAY, "other", role=("guest",)))
    decision = decide(*at_gate(*lines))
    assert (decision.verdict, decision.side) == (Verdict.GRANT, "请从二号门出")
    assert decide(*at_gate(*lines, holder=replace(ROW, role=Role.STAFF))).side == ""
    assert decide(*at_gate(*lines, direction=Direction.OUT)).side == ""


@pytest.mark.parametrize("until", [None, date.max, date(2026, 11, 1)])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_line_of_the_site_is_the_same_whatever_registration_says(until: date | None, elsewhere: bool) -> None:
    line = row("a", Then.SAY, "请从二号门出", role=("resident",))
    tenant = replace(ROW, role=Role.RESIDENT, registered_until=until, registered_elsewhere=elsewhere)
    assert decide(*at_gate(line, holder=tenant)).side == "请从二号门出"


def test_a_row_may_leave_the_reminder_out() -> None:
    tenant = replace(ROW, role=Role.RESIDENT, registered_until=None)
    quiet = row("busy gate", Then.QUIET, flag=("unregistered",), time=("22:00-23:00",))
    assert decide(*at_gate(quiet, holder=tenant)).quiet
    assert not decide(*at_gate(quiet, holder=replace(tenant, registered_until=date.max))).quiet
    assert not decide(*at_gate(quiet, holder=tenant, at=MONDAY_NIGHT + timedelta(minutes=30))).quiet


def test_a_row_of_a_newer_policy_that_this_station_does_not_know_does_nothing() -> None:
    newer = Condition("newer", Then.ATTEND, (Clause("mood", inside=False, values=()),))
    unheard = Condition("unheard", "sing", (Clause("role", inside=True, values=("guest",)),))
    assert decide(*at_gate(newer, unheard)) == decide(*at_gate())


values_of = {
    **{field: st.sampled_from(values) for field, values in CLOSED.items()},
    Field.PORTAL: st.sampled_from(some.PORTALS),
    Field.TIME: st.sampled_from(("00:00-06:00", "06:00-22:00", "12:00-13:00", "22:00-24:00")),
}
clauses = st.sampled_from(Field).flatmap(
    lambda field: st.builds(
        Clause,
        field=st.just(field.value),
        inside=st.booleans(),
        values=st.lists(values_of[field], max_size=3, unique=True).map(lambda v: tuple(sorted(v))),
    )
)
rows_of_any_kind = st.lists(
    st.builds(
        Condition,
        name=st.integers(0, 99).map(str),
        then=st.sampled_from(Then),
        clauses=st.lists(clauses, min_size=1, max_size=3).map(tuple),
        say=st.just("line"),
    ),
    max_size=5,
).map(tuple)


@given(some.presented(), rows_of_any_kind)
def test_a_row_can_turn_a_grant_into_a_question_and_change_no_other_verdict(
    case: tuple[Swipe, Snapshot], rows: tuple[Condition, ...]
) -> None:
    swipe, snapshot = case
    before = decide(swipe, replace(snapshot, policy=replace(snapshot.policy, conditions=())))
    after = decide(swipe, replace(snapshot, policy=replace(snapshot.policy, conditions=rows)))
    if (after.verdict, after.reasons) != (before.verdict, before.reasons):
        assert (before.verdict, after.verdict, after.reasons) == (
            Verdict.GRANT,
            Verdict.ATTEND,
            (Reason.OUT_OF_HOURS,),
        )
        assert swipe.direction is Direction.IN


@given(some.presented(rows=some.enrolments), rows_of_any_kind, st.none() | some.near_days, st.booleans())
def test_no_row_makes_a_flag_change_verdict_reason_or_text(
    case: tuple[Swipe, Snapshot], rows: tuple[Condition, ...], until: date | None, elsewhere: bool
) -> None:
    swipe, snapshot = case
    snapshot = replace(snapshot, policy=replace(snapshot.policy, conditions=rows))
    assert snapshot.row is not None
    other = replace(snapshot, row=replace(snapshot.row, registered_until=until, registered_elsewhere=elsewhere))
    one, two = decide(swipe, snapshot), decide(swipe, other)
    assert (one.verdict, one.reasons, one.side) == (two.verdict, two.reasons, two.side)


FEW = (Field.ROLE, Field.AGE, Field.FLAG, Field.TIME, Field.PORTAL)
few_rows = st.lists(
    st.builds(
        Condition,
        name=st.uuids().map(str),
        then=st.sampled_from(Then),
        clauses=st.lists(clauses.filter(lambda one: one.field in FEW), min_size=1, max_size=2).map(tuple),
    ),
    min_size=1,
    max_size=4,
).map(tuple)


@settings(max_examples=60)
@given(few_rows)
def test_a_row_is_said_to_be_idle_exactly_when_no_swipe_there_is_makes_it_do_anything(
    rows: tuple[Condition, ...],
) -> None:
    rows = tuple(one for one in rows if one.then == Then.QUIET or not one.asks(Field.FLAG))
    assert {name for name, _ in idle(rows)} == {one.name for one in rows} - by_hand(rows)


def by_hand(rows: tuple[Condition, ...]) -> set[str]:
    """The rows that do something for some swipe, found by trying one of each kind."""
    acting: set[str] = set()
    holders = [
        Enrolment(bytes(16), date(2026, 1, 1), None, None, None, role, registered_until=until, age_band=band)
        for role, band, until in product(Role, (*AgeBand, None), (date.max, None, date(2026, 6, 1)))
    ]
    clocks = (time(0), time(6), time(12), time(13), time(22))
    for holder, portal, clock, away in product(holders, (*some.PORTALS, "other"), clocks, (False, True)):
        at = datetime.combine(MONDAY_NIGHT.date(), clock, CIVIL)
        swipe, snapshot = at_gate(holder=replace(holder, registered_elsewhere=away), at=at)
        acting |= set(doing(rows, swipe, replace(snapshot, portal=Portal(portal))))
    return acting


def doing(rows: tuple[Condition, ...], swipe: Swipe, snapshot: Snapshot) -> list[str]:
    """The rows from which something of the decision comes."""

    def decided(*some_rows: Condition) -> Decision:
        named = tuple(replace(one, say=one.name) for one in some_rows)
        return decide(swipe, replace(snapshot, policy=GatePolicy(conditions=named)))

    whole = decided(*rows)
    if whole.verdict is Verdict.ATTEND:
        return [next(one.name for one in rows if decided(one).verdict is Verdict.ATTEND)]
    quiet = [one.name for one in rows if whole.quiet and whole.flags and decided(one).quiet]
    return [whole.side] * bool(whole.side) + quiet[:1]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ('role = { in = ["staff"] }\nflag = { in = ["unregistered"] }\nthen = "quiet"', "no swipe ever fits it"),
        ('direction = { in = ["out"] }\nthen = "attend"', "no swipe ever fits it"),
        ('age = { in = ["0-15"] }\nthen = "attend"', "no swipe ever fits it"),
        ('flag = { in = ["registration_unknown"] }\nthen = "quiet"', "no swipe ever fits it"),
        (f'weekday = {{ not_in = {list(WEEKDAYS)} }}\nthen = "attend"'.replace("'", '"'), "no swipe ever fits it"),
        (
            'role = { in = ["guest"] }\nthen = "attend"\n[[conditions]]\nname = "y"\nthen = "attend"\n'
            'role = { in = ["guest"] }\ntime = { in = ["22:00-23:00"] }',
            "another row before it always answers first",
        ),
    ],
)
def test_a_row_that_can_do_nothing_is_a_mistake(rows: str, why: str) -> None:
    name = "y" if "another" in why else "x"
    assert mistakes(f'[[conditions]]\nname = "x"\n{rows}\n') == (f"conditions: {name!r} can never do anything: {why}",)


def test_time_spans_that_together_cover_a_row_shadow_it_although_neither_does() -> None:
    whole = '[[conditions]]\nname = "day"\nthen = "attend"\nrole = {{ in = ["guest"] }}\ntime = {{ in = ["{}"] }}\n'
    rows = [whole.replace('"day"', f'"{n}"').format(s) for n, s in enumerate(("08:00-12:00", "12:00-18:00"))]
    inside, beyond = whole.format("11:00-13:00"), whole.format("11:00-18:01")
    assert len(mistakes("".join(rows) + inside)) == 1
    assert parse(HEAD + "".join(rows) + beyond).gate.conditions[2].name == "day"


@pytest.mark.parametrize(
    ("row_text", "mistake"),
    [
        ('then = "attend"', "conditions[1].name: the row asks about nothing, so it would hold for everybody"),
        ('role = { in = ["guest"] }', "conditions[1].then: is missing"),
        (
            'then = "refuse"\nrole = { in = ["guest"] }',
            "conditions[1].then: must be one of attend, say, quiet",
        ),
        (
            'then = "attend"\nflag = { in = ["unregistered"] }',
            "conditions[1].flag: a flag can leave the reminder out (then = 'quiet') and do nothing else",
        ),
        (
            'then = "say"\nsay = "x"\nflag = { in = ["unregistered"] }',
            "conditions[1].flag: a flag can leave the reminder out (then = 'quiet') and do nothing else",
        ),
        ('then = "say"\nrole = { in = ["guest"] }', "conditions[1].say: belongs to then = 'say', and to nothing else"),
        (
            'then = "attend"\nsay = "x"\nrole = { in = ["guest"] }',
            "conditions[1].say: belongs to then = 'say', and to nothing else",
        ),
        (
            f'then = "say"\nsay = "{41 * "x"}"\nrole = {{ in = ["guest"] }}',
            "conditions[1].say: is one line of at most 40 letters",
        ),
        (
            'then = "attend"\nrole = { in = ["tenant"] }',
            "conditions[1].role.in: 'tenant' must be one of resident, guest, visitor, staff",
        ),
        (
            'then = "attend"\nrole = { in = ["guest"], not_in = ["staff"] }',
            "conditions[1].role.in: state either in or not_in, as a list",
        ),
        ('then = "attend"\nrole = { in = [] }', "conditions[1].role.in: name 1 to 50 values"),
        (
            'then = "attend"\ntime = { in = ["22:00-06:00"] }',
            "conditions[1].time.in: '22:00-06:00' must be a span within a day, like 22:00-24:00",
        ),
        ('then = "attend"\nmood = { in = ["bad"] }\nrole = { in = ["guest"] }', "conditions[1].mood: is not known"),
    ],
)
def test_a_mistake_in_a_row_names_its_place(row_text: str, mistake: str) -> None:
    found = mistakes(f'[[conditions]]\nname = "x"\n{row_text}\n')
    assert mistake in found


def test_two_rows_of_one_name_are_a_mistake() -> None:
    text = '[[conditions]]\nname = "x"\nthen = "attend"\nrole = {{ in = ["{}"] }}\n'
    assert mistakes(text.format("guest") + text.format("staff")) == ("conditions: 'x' stands twice",)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("00:00-24:00", True),
        ("22:00-24:00", True),
        ("09:30-09:31", True),
        ("09:30-09:30", False),
        ("24:00-24:00", False),
        ("9:30-10:00", False),
        ("09:60-10:00", False),
        ("22:00-06:00", False),
        ("09:30–10:00", False),
        ("0９:30-10:00", False),
        ("", False),
    ],
)
def test_a_span_lies_within_one_day(text: str, good: bool) -> None:
    assert is_span(text) is good


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as caught:
        parse(HEAD + text)
    return caught.value.mistakes
