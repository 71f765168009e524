"""Policy files: the sample is right, every mistake is said at once, and the tests inside a file are run."""

from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.model import CIVIL, GatePolicy, Passback
from rules.policy import Collection, Escalation, GateQuery, Policy, PolicyError, Retention, Slip, departures, parse
from rules.rehearse import Failure, run_tests

SAMPLE = Path(__file__).parents[2] / "config" / "policy.toml"
HEAD = 'version = 3\nauthor = "a"\nreason = "r"\neffective_from = 2026-11-23T00:00:00\n'


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as raised:
        parse(text)
    return raised.value.mistakes


def test_the_sample_says_the_defaults_and_passes_its_own_tests() -> None:
    policy = parse(SAMPLE.read_text(encoding="utf-8"))
    assert policy.gate == GatePolicy(version=1)
    defaults = (Collection(), GateQuery(), Slip(), Escalation(), Retention())
    assert (policy.collection, policy.gate_query, policy.slip, policy.escalation, policy.retention) == defaults
    assert len(policy.tests) >= 9
    assert run_tests(policy) == []
    assert departures(policy) == ()


def test_a_policy_that_says_only_who_and_why_has_the_defaults() -> None:
    effective = datetime(2026, 11, 23, tzinfo=CIVIL)
    assert parse(HEAD) == Policy(3, "a", "r", effective, GatePolicy(version=3))


def test_a_moment_with_an_offset_is_the_same_moment_in_civil_time() -> None:
    policy = parse(HEAD.replace("2026-11-23T00:00:00", "2026-11-22T16:00:00Z"))
    assert policy.effective_from.isoformat() == "2026-11-23T00:00:00+08:00"


def test_every_mistake_is_said_at_once() -> None:
    text = """
        version = 0
        author = " "
        effective_from = 2026-11-23
        colour = "red"
        [register]
        max_age_days = true
        [slip]
        min_age = 17
        notice = 1
        [collection]
        days_distinct = "three"
        [gate]
        registered = true
        [retention]
        passes_days = 3650
    """
    assert mistakes(text) == (
        "version: must be from 1 to 2147483647, is 0",
        "register.max_age_days: must be a whole number",
        "author: must not be empty",
        "reason: is missing",
        "effective_from: must be a moment, like 2026-01-31T18:30:00",
        "gate.registered: is not known",
        "collection.days_distinct: must be a whole number",
        "slip.notice: must be true or false",
        "slip.min_age: must be from 18 to 120, is 17",
        "retention.passes_days: must be from 1 to 90, is 3650",
        "colour: is not known",
    )


def test_text_that_is_no_toml_is_one_mistake() -> None:
    assert len(mistakes("version =")) == 1


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[collection]\ndays_distinct = 15", "collection.days_distinct: more than window_days, so it never opens"),
        ("[gate_query]\nevenings = 15", "gate_query.evenings: more than window_days, so it never opens"),
        ("[collection]\nwindow_days = 31", "collection.window_days: longer than retention.passes_days"),
        (
            "[escalation]\nstreet_days = 6",
            "escalation: the days must not go down from worker to community, street and police",
        ),
        ("collection = 3", "collection: must be a table"),
        ("tests = 3", "tests: must be a list"),
        ("[[tests]]\nname = 'x'\ntoday = 2026-01-01", "tests[1].swipe: a test has either a swipe or a person"),
        (
            "[[tests]]\nname = 'x'\nswipe = { at = 2026-01-01T00:00:00 }\nverdict = 'maybe'",
            "tests[1].verdict: must be one of grant, attend, refuse",
        ),
        ("[[tests]]\nname = 'x'\nswipe = { at = 2026-01-01T00:00:00 }", "tests[1].verdict: is missing"),
        (
            "[[tests]]\nname = 'x'\nswipe = { at = 0001-01-01T00:00:00 }\nverdict = 'grant'",
            "tests[1].swipe.at: must be a moment, like 2026-01-31T18:30:00",
        ),
        ("[[tests]]\nname = 'x'\nperson = { name = 'y' }\ntoday = 2026-01-01", "tests[1].person.name: is not known"),
        (
            "[[tests]]\nname = 'x'\nperson = {}\ntoday = 9999-12-31",
            "tests[1].today: must be a day, like 2026-01-31",
        ),
    ],
)
def test_a_mistake_names_its_place(text: str, mistake: str) -> None:
    head = HEAD if text.startswith("[") else f"{HEAD}{text}\n"
    assert mistakes(head + (text if text.startswith("[") else "")) == (mistake,)


def test_no_policy_may_propose_a_slip_about_a_minor() -> None:
    assert parse(HEAD + "[slip]\nmin_age = 18").slip.min_age == 18
    assert mistakes(HEAD + "[slip]\nmin_age = 17")


def test_a_short_policy_is_possible_and_says_where_it_asks_for_less() -> None:
    text = """
        [collection]
        grace_days = 0
        due_days = 0
        [escalation]
        worker_days = 0
        community_days = 0
        street_days = 0
        police_days = 0
        [slip]
        visits = 0
        different_times = false
        evening_or_weekend = false
        notice = false
        overdue_days = 0
    """
    assert [what.split(":")[0] for what in departures(parse(HEAD + text))] == [
        "slip.visits",
        "slip.different_times",
        "slip.evening_or_weekend",
        "slip.notice",
        "slip.overdue_days",
    ]


def test_a_test_that_fails_says_what_was_expected_and_what_came_out() -> None:
    policy = parse(
        HEAD
        + """
        [[tests]]
        name = "strangers come in"
        swipe = { at = 2026-11-23T08:00:00 }
        verdict = "grant"
        reasons = ["enrolled"]

        [[tests]]
        name = "a staff member is a resident"
        person = { role = "staff", enrolled_since = 2026-01-01 }
        today = 2026-11-23
        register_as_of = 2026-11-23
        acts = ["open collection property"]
        """
    )
    assert run_tests(policy) == [
        Failure("strangers come in", "grant: enrolled", "attend: unknown_credential"),
        Failure("a staff member is a resident", "open collection property", "nothing"),
    ]


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.sampled_from(("", " ", "grant", "令牌", "\x00\"'"))
    | st.dates()
    | st.datetimes()
)
KEYS = ("version", "author", "reason", "effective_from", "gate", "collection", "slip", "tests", "register", "retention")


def toml(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case bool():
            return str(value).lower()
        case date():
            return value.isoformat()
        case str():
            return '"' + "".join(f"\\U{ord(letter):08x}" for letter in value) + '"'
        case _:
            return str(value or 0)


tables = st.dictionaries(
    st.sampled_from(("swipe", "person", "at", "today", "visits", "days_distinct", "min_age", "cases", "name")), scalars
)


@given(st.dictionaries(st.sampled_from(KEYS), scalars | tables | st.lists(scalars | tables, max_size=3)))
def test_any_file_is_a_policy_or_a_list_of_mistakes(content: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {toml(value)}" for key, value in content.items())
    result = policy_or_mistakes(text)
    assert result.version >= 1 if isinstance(result, Policy) else result


def policy_or_mistakes(text: str) -> Policy | tuple[str, ...]:
    try:
        return parse(text)
    except PolicyError as error:
        return error.mistakes


def test_holidays_are_days_and_none_is_a_workday_too() -> None:
    head = 'version = 1\nauthor = "a"\nreason = "r"\neffective_from = 2026-11-23T00:00:00\n[gate]\n'
    policy = parse(head + "holidays = [2027-01-01]\nworkdays = [2027-01-02]\n")
    assert (policy.gate.holidays, policy.gate.workdays) == ({date(2027, 1, 1)}, {date(2027, 1, 2)})
    for wrong, what in (
        ("holidays = [2027-01-01]\nworkdays = [2027-01-01]", "cannot be a holiday too"),
        ('holidays = ["2027-01-01"]', "must be a list of at most 200 days"),
        ("holidays = [2027-01-01T00:00:00]", "must be a list of at most 200 days"),
        ("holidays = 3", "must be a list"),
    ):
        with pytest.raises(PolicyError, match=what):
            parse(head + wrong)


def test_passback_is_set_by_portal_and_by_area() -> None:
    policy = parse(
        HEAD
        + '[[passback]]\nportals = ["garage"]\nseconds = 300\n'
        + '[[passback]]\narea = "court"\nportals = ["west", "east"]\nreset_minutes = 60\n'
    )
    assert policy.gate.passback == (Passback(("garage",), "", 300), Passback(("east", "west"), "court", 3600))
    for wrong, what in (
        ('[[passback]]\nportals = ["garage"]', "passback[1].seconds: is missing"),
        ("[[passback]]\nportals = []\nseconds = 3", "passback[1].portals: name at least one"),
        ('[[passback]]\nportals = ["a"]\narea = "x"\nseconds = 3', "passback[1].seconds: is not known"),
        (
            '[[passback]]\nportals = ["a"]\narea = "x"\n[[passback]]\nportals = ["a"]\narea = "y"',
            "passback: a stands in two areas",
        ),
        (
            '[[passback]]\nportals = ["a"]\nseconds = 1\n[[passback]]\nportals = ["a"]\nseconds = 2',
            "passback: a stands in two rows by time",
        ),
    ):
        assert mistakes(HEAD + wrong) == (what,)


def test_the_tests_of_a_file_know_everything_that_its_rules_ask_about() -> None:
    policy = parse(
        HEAD
        + """
        [[passback]]
        area = "court"
        portals = ["east"]
        [[conditions]]
        name = "guests at night"
        then = "attend"
        role = { in = ["guest"] }
        time = { in = ["22:00-24:00"] }
        [[conditions]]
        name = "children"
        then = "say"
        say = "先放行，再联系家长"
        age = { in = ["0-15"] }

        [[tests]]
        name = "a guest at night"
        swipe = { at = 2026-11-23T22:00:00, kind = "card-uid" }
        enrolment = { since = 2026-01-01, role = "guest" }
        verdict = "attend"
        reasons = ["out_of_hours"]
        [[tests]]
        name = "a child on its own"
        swipe = { at = 2026-11-23T22:00:00 }
        enrolment = { since = 2026-01-01, role = "guest", age = "0-15" }
        verdict = "grant"
        side = "先放行，再联系家长"
        [[tests]]
        name = "inside already"
        swipe = { at = 2026-11-23T12:00:00, portal = "east" }
        enrolment = { since = 2026-01-01 }
        recent = [{ portal = "east", seconds_ago = 600 }]
        verdict = "attend"
        reasons = ["passback"]
        [[tests]]
        name = "left since"
        swipe = { at = 2026-11-23T12:00:00, portal = "east" }
        enrolment = { since = 2026-01-01 }
        recent = [{ portal = "east", seconds_ago = 600 }, { portal = "east", direction = "out", seconds_ago = 60 }]
        verdict = "grant"
        [[tests]]
        name = "while it stands open"
        swipe = { at = 2026-11-23T07:45:00 }
        hold_open = ["07:30-08:00"]
        verdict = "grant"
        reasons = ["open_portal"]
        [[tests]]
        name = "outside of the hours of an enrolment"
        swipe = { at = 2026-11-23T05:59:59 }
        enrolment = { since = 2026-01-01, role = "staff" }
        hours = ["06:00-22:00"]
        verdict = "attend"
        reasons = ["out_of_hours"]
        [[tests]]
        name = "a lease that ended, and a recheck"
        person = { role = "resident", lease_until = 2026-11-22, rented = true, last_checked = 2026-08-23 }
        registrations = [{ since = 2026-01-01 }]
        today = 2026-11-23
        register_as_of = 2026-11-23
        acts = ["open recheck visit", "ask lease_ended"]
        [[tests]]
        name = "gone by the landlord's word"
        person = { role = "resident", moved_out = 2026-11-20, moved_out_by = "landlord" }
        registrations = [{ since = 2026-01-01 }]
        today = 2026-11-23
        register_as_of = 2026-11-23
        acts = ["open deregistration landlord"]
        [[tests]]
        name = "a slip that nobody decides upon"
        person = { role = "resident", birth = 1990-01-01 }
        today = 2026-11-23
        register_as_of = 2026-11-23
        acts = ["raise_slip"]
        [[tests.cases]]
        state = "assigned"
        opened = 2026-11-20
        due = 2026-11-30
        alert = true
        slip_waits_since = 2026-11-20
        reminded = 2026-11-23
        """
    )
    assert run_tests(policy) == []


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("person = { moved_out = 2026-11-01 }\ntoday = 2026-11-23", "tests[1].person.moved_out: a day and"),
        ("swipe = { at = 2026-11-23T07:45:00 }\nhours = ['22:00-06:00']\nverdict = 'grant'", "tests[1].hours: "),
        (
            "swipe = { at = 2026-11-23T07:45:00 }\nrecent = [{}]\nverdict = 'grant'",
            "tests[1].recent[1].seconds_ago: is",
        ),
        ("person = { origin = 'abroad' }\ntoday = 2026-11-23", "tests[1].person.origin: must be one of mainland"),
    ],
)
def test_a_mistake_in_a_test_names_its_place(text: str, mistake: str) -> None:
    (found,) = mistakes(f"{HEAD}[[tests]]\nname = 'x'\n{text}\n")
    assert found.startswith(mistake)
