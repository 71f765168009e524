"""A household in one form: checked without quoting, written down, its members' cases collected, differences shown."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.centre import differences
from gateway.centre.household import BadForm, Form, Households, Member, check
from gateway.centre.persons import Identity, Persons
from gateway.centre.slips import Stale
from gateway.store import tables as t
from gateway.store.queries.casefile import Subject
from gateway.store.queries.history import By
from rules.cases import Actor, CaseAct, NotPossible
from rules.model import CaseKind, CredentialKind, Origin, Source
from tests.gateway.centre.office import MASTER, TODAY, YUAN, Office, entry, number, registration

A, B, C = number(1), number(2), number(3)
CHILD, TEENAGER = number(8, date(2017, 5, 1)), number(9, date(2009, 5, 1))
SINCE = date(2026, 10, 1)
ALICE = Member(CredentialKind.CITIZEN_ID, A, "测试甲", "户主", "floating", SINCE, phone="13900000001")
BOB = replace(ALICE, number=B, name="测试乙", relation="配偶", phone="", employment="employed", employer="示例工厂")
KID = replace(ALICE, number=CHILD, name="测试丙", relation="子", phone="", guardian=0)


def problems(*members: Member) -> list[tuple[int, str, str]]:
    return [(one.row, one.field, one.code) for one in check(members, TODAY)]


def home(office: Office) -> int:
    return int(office.rows(t.dwellings)[0].id)


def take(
    office: Office, *members: Member, who: str = "worker-1", actor: Actor = Actor.WORKER, **over: Any
) -> tuple[list[int], list[int]]:
    source = Source.PROPERTY if actor is Actor.PROPERTY else Source.VISIT
    with office.database.write() as connection:
        form = Form(over.pop("dwelling", None) or home(office), members, over.pop("seen", {}))
        by = By(who, office.casework.now())
        return Households(MASTER, office.slips).take(connection, by, YUAN, form, actor, source)


def test_a_form_that_fits_has_no_problems() -> None:
    assert problems(ALICE, BOB, KID, replace(ALICE, number=TEENAGER, name="测试丁")) == []
    foreigner = replace(ALICE, kind=CredentialKind.PR_2017, number="USA110161010105")
    assert all(field != "guardian" for _, field, _ in problems(foreigner))


@pytest.mark.parametrize(
    ("over", "found"),
    [
        ({"number": A[:17] + ("0" if A[17] != "0" else "1")}, (1, "number", "check_digit")),
        ({"number": A[:10]}, (1, "number", "length")),
        ({"number": "99" + A[2:]}, (1, "number", "region")),
        ({"number": A}, (1, "number", "twice")),
        ({"number": f" {A.lower()} "}, (1, "number", "twice")),
        ({"since": TODAY + timedelta(days=1)}, (1, "since", "impossible_date")),
        ({"since": date(1899, 12, 31)}, (1, "since", "impossible_date")),
        ({"employer": " "}, (1, "employer", "missing")),
    ],
)
def test_each_problem_is_a_code_at_its_line_and_field(over: dict[str, Any], found: tuple[int, str, str]) -> None:
    assert problems(ALICE, replace(BOB, **over)) == [found]


def test_a_newborn_without_a_number_is_a_line_that_a_parent_declares(office: Office) -> None:
    office.enrol(entry(A))
    persons, born = Persons(MASTER), TODAY - timedelta(days=40)
    number = persons.without_number(YUAN, "测试婴", born, Origin.MAINLAND)
    baby = replace(
        ALICE, kind=CredentialKind.NO_NUMBER, number=number, name="测试婴", phone="", relation="子", since=born
    )
    assert problems(ALICE, baby) == [(1, "guardian", "missing")]
    for _ in range(2):
        ids, _ = take(office, ALICE, replace(baby, guardian=0), actor=Actor.PROPERTY, who="desk")
    assert len(set(ids)) == 2
    assert [row.kind for row in office.rows(t.persons)] == ["citizen-id", "no-number"]
    assert len([row for row in office.rows(t.residents) if row.until is None]) == 2
    with office.database.write() as connection:
        office.casework.judge(connection, [Subject(YUAN, ids[1], None)])
    assert [row for row in office.rows(t.cases) if row.person == ids[1]] == []


def test_a_child_is_declared_by_an_adult_of_the_form() -> None:
    assert problems(KID) == [(0, "guardian", "not_an_adult")]
    assert problems(ALICE, replace(KID, guardian=None)) == [(1, "guardian", "missing")]
    assert problems(ALICE, replace(KID, guardian=2)) == [(1, "guardian", "missing")]
    young = replace(ALICE, number=TEENAGER)
    assert problems(young, KID) == [(1, "guardian", "not_an_adult")]
    sixteen = number(7, TODAY.replace(year=TODAY.year - 16))
    assert problems(ALICE, replace(KID, number=sixteen, since=TODAY, guardian=None)) == []
    fifteen = number(7, TODAY.replace(year=TODAY.year - 16) + timedelta(days=1))
    assert problems(ALICE, replace(KID, number=fifteen, since=TODAY, guardian=None)) == [(1, "guardian", "missing")]


def test_a_bad_form_leaves_nothing_and_quotes_nothing(office: Office) -> None:
    case = office.a_case(A)
    wrong = replace(BOB, number="110101190001010011")
    before = office.rows(t.residents), office.rows(t.persons), office.rows(t.history)
    with pytest.raises(BadForm) as raised:
        take(office, ALICE, wrong)
    assert "110101" not in f"{raised.value} {raised.value.problems!r} {wrong!r}"
    assert (office.rows(t.residents), office.rows(t.persons), office.rows(t.history)) == before
    assert office.case(case.id).state == "open"


def test_one_form_writes_a_household_down_and_collects_its_cases_and_no_child_has_one(office: Office) -> None:
    first = office.a_case(A, name="测试")
    second = office.a_case(B)
    ids, cases = take(office, ALICE, BOB, KID, seen={first.id: first.revision})
    assert cases == [first.id, second.id]
    assert {office.case(one).state for one in cases} == {"collected"}
    (household,) = office.rows(t.households)
    assert (household.head, household.dwelling) == (ids[0], home(office))
    lives = {row.person: row for row in office.rows(t.residents)}
    assert {row.household for row in lives.values()} == {household.id}
    assert [lives[one].relation for one in ids] == ["户主", "配偶", "子"]
    assert (lives[ids[2]].source, lives[ids[2]].confirmed_by) == ("visit", "worker-1")
    with office.database.write() as connection:
        office.casework.sweep(connection)
    assert {row.person for row in office.rows(t.cases)} == set(ids[:2])
    take(office, ALICE, BOB, KID)
    assert len(office.rows(t.households)) == 1
    assert [act for _, act in office.case_acts()].count("collect") == 2


def test_of_two_forms_that_saw_the_same_case_one_is_taken(office: Office) -> None:
    case = office.a_case(A)
    take(office, ALICE, seen={case.id: case.revision})
    with pytest.raises((Stale, NotPossible)):
        take(office, ALICE, BOB, seen={case.id: case.revision}, who="worker-2")
    assert len(office.rows(t.persons)) == 1, "nothing of the second is there"


def test_a_case_that_was_shown_is_about_somebody_in_the_form(small: Office) -> None:
    case = small.a_case(A)
    with pytest.raises(NotPossible, match="nobody in the form"):
        take(small, BOB, seen={case.id: case.revision})
    with pytest.raises(LookupError):
        take(small, ALICE, seen={case.id + 1: 1})
    with pytest.raises(LookupError):
        take(small, ALICE, dwelling=99)


def test_another_workers_case_and_a_protected_one_are_left_and_a_move_out_is_not_collected(small: Office) -> None:
    theirs = small.a_case(A)
    small.act(theirs.id, CaseAct.ASSIGN, Actor.REVIEWER, to="worker-2")
    hidden = small.a_case(B, protected=True)
    (gone,) = small.enrol(entry(C, room="502室"))
    small.import_register(registration(C))
    moved, _ = small.tell(gone, Source.LANDLORD, kind=CaseKind.DEREGISTRATION)
    carol = replace(ALICE, number=C, name="测试丁")
    assert take(small, ALICE, BOB, carol)[1] == []
    assert [small.case(one).state for one in (theirs.id, hidden.id, moved)] == ["assigned", "open", "open"]
    with pytest.raises(NotPossible, match="somebody else"):
        take(small, ALICE, seen={theirs.id: small.case(theirs.id).revision})
    with pytest.raises(NotPossible, match="who lives here"):
        take(small, carol, seen={moved: small.case(moved).revision})
    assert take(small, BOB, actor=Actor.REVIEWER, who="reviewer-1")[1] == [hidden.id]


def test_the_reviewer_sees_what_differs_from_what_stood_before(office: Office) -> None:
    case = office.a_case(A, name="测试")
    with office.database.write() as connection, pytest.raises(NotPossible):
        differences.of(connection, MASTER, case.id, "reviewer-1", office.casework.now())
    office.moment += timedelta(hours=1)
    changed = replace(ALICE, employment="employed", employer="示例工厂", stay="rented")
    take(office, changed, seen={case.id: case.revision})

    def shown() -> dict[str, tuple[str | None, str | None]]:
        with office.database.write() as connection:
            found = differences.of(connection, MASTER, case.id, "reviewer-1", office.casework.now())
        assert "13900000001" not in repr(found)
        return {one.name: (one.before, one.after) for one in found}

    assert shown() == {
        "name": ("测试", "测试甲"),
        "phone": (None, "13900000001"),
        "category": ("unknown", "floating"),
        "relation": ("", "户主"),
        "stay": ("unknown", "rented"),
        "employment": ("unknown", "employed"),
        "employer": (None, "示例工厂"),
    }
    assert office.case_acts()[-1] == ("reviewer-1", "read_collected")
    office.act(case.id, CaseAct.RETURN, Actor.REVIEWER, "reviewer-1", note="which factory?")
    office.act(case.id, CaseAct.ASSIGN, Actor.REVIEWER, "reviewer-1", to="worker-1")
    office.moment += timedelta(hours=1)
    take(office, replace(changed, employer="另一工厂"))
    assert shown() == {"employer": ("示例工厂", "另一工厂")}


def test_of_somebody_who_was_not_known_everything_is_new(office: Office) -> None:
    office.enrol(entry(B))
    office.import_register()
    with office.database.write() as connection:
        who = Identity(CredentialKind.CITIZEN_ID, A, "测试甲")
        kept = Persons(MASTER).put(connection, By("desk-1", office.casework.now()), YUAN, [who])
    (person,) = kept.ids.values()
    case, _ = office.tell(person, Source.SELF, dwelling=home(office))
    with office.database.write() as connection:
        connection.execute(t.residents.delete().where(t.residents.c.person == person))
    office.moment += timedelta(hours=1)
    take(office, ALICE)
    with office.database.write() as connection:
        found = differences.of(connection, MASTER, case, "reviewer-1", office.casework.now())
    said = {one.name: (one.before, one.after) for one in found}
    assert said["relation"] == (None, "户主")
    assert said["dwelling"] == (None, str(home(office)))
    assert said["since"] == (None, "2026-10-01")
    assert said["phone"] == (None, "13900000001")
