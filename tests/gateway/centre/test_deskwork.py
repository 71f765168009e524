"""What people do with cases: visits, deputies, objections, two made one, receipts; what is erased and who sees what."""

import threading
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.centre import deputies, deskwork, receipts
from gateway.centre.deskwork import Deed
from gateway.centre.merging import Merging
from gateway.centre.receipts import Receipt
from gateway.centre.slips import Stale
from gateway.centre.visiting import TOGETHER, Came, Role, Visit, log_also, log_visit, who_came
from gateway.store import tables as t
from gateway.store.queries import worklists
from gateway.store.queries.history import By
from rules.cases import Actor, CaseAct, CaseState, Dismissal, GateAnswer, NotPossible, Objection
from rules.model import CaseKind, Source
from tests.gateway.centre.office import (
    BY,
    MASTER,
    OTHER,
    SHORT,
    TODAY,
    YUAN,
    Office,
    entry,
    number,
    registration,
    stranger,
)

A, B = number(1), number(2)
CHILD = number(8, date(2017, 5, 1))


def assigned(office: Office, text: str = A, to: str = "worker-1", **over: Any) -> int:
    case = int(office.a_case(text, **over).id)
    office.act(case, CaseAct.ASSIGN, Actor.REVIEWER, "reviewer-1", to=to)
    return case


def missed(office: Office, **over: Any) -> Visit:
    return Visit(office.casework.now(), met=False, notice_left=True, **over)


def enter(office: Office, case: int, receipt: Receipt, who: str = "reviewer-1") -> CaseState:
    with office.database.write() as connection:
        row = deskwork.found(connection, case)
        return receipts.enter(connection, case, row.revision, receipt, who, office.casework.now(), office.slips)


# --- visits -----------------------------------------------------------------------------------------------------------


def test_a_visit_says_who_came_which_attempt_it_was_and_when_they_come_again(office: Office) -> None:
    case = assigned(office)
    came = (Came(Role.CADRE, "示例干部"), Came(Role.VOLUNTEER, "示例队员"))
    again = office.casework.now() + 86_400_000
    office.visit(case, missed(office, came=came, appointment=again))
    office.visit(case, missed(office))
    assert (office.case(case).state, office.case(case).appointment) == ("visited", None)
    office.visit(case, Visit(office.casework.now(), met=True, notice_left=False))
    rows = office.rows(t.visits)
    assert [(row.attempt, row.roles) for row in rows] == [(1, TOGETHER), (2, "worker"), (None, "worker")]
    assert rows[0].appointment == again
    assert who_came(MASTER, rows[0]) == [("cadre", "示例干部"), ("volunteer", "示例队员")]
    assert who_came(MASTER, rows[1]) == []
    assert "示例".encode() not in rows[0].came
    assert [event.note for event in office.rows(t.case_events) if event.act == "visit"] == ["not_met", "not_met", "met"]


def test_an_appointment_lies_in_the_future(small: Office) -> None:
    case = assigned(small)
    with pytest.raises(NotPossible, match="appointment"):
        small.visit(case, missed(small, appointment=small.casework.now()))
    assert small.rows(t.visits) == []


def test_one_visit_is_logged_on_every_case_of_the_door_that_is_theirs(small: Office) -> None:
    first = assigned(small)
    second = assigned(small, B, name="测试乙")
    strangers = assigned(small, number(3), to="worker-2")
    elsewhere = assigned(small, number(4), room="502室")
    with small.database.write() as connection:
        row = deskwork.found(connection, first)
        others = worklists.at_one_door(connection, row)
        deed = Deed(CaseAct.VISIT, row.revision, Actor.WORKER, "worker-1", small.casework.now())
        log_visit(connection, MASTER, first, missed(small), deed)
        log_also(connection, MASTER, others, missed(small), deed)
    assert sorted(row.case for row in small.rows(t.visits)) == [first, second]
    assert {small.case(one).state for one in (strangers, elsewhere)} == {"assigned"}


# --- deputies ---------------------------------------------------------------------------------------------------------


def test_a_case_is_its_workers_and_their_deputys_within_the_days(office: Office) -> None:
    case = assigned(office)
    with pytest.raises(NotPossible, match="somebody else"):
        office.visit(case, missed(office), "worker-2")
    with office.database.write() as connection:
        by = By("reviewer-1", office.casework.now())
        number_of = deputies.appoint(connection, by, YUAN, "worker-1", "worker-2", TODAY, TODAY + timedelta(days=2))
    office.visit(case, missed(office), "worker-2")
    office.visit(case, missed(office), "worker-1")

    def does(who: str, days: int, place: str = YUAN) -> bool:
        with office.database.read() as connection:
            day = TODAY + timedelta(days=days)
            found = worklists.to_visit(connection, who, day, YUAN, 10)
            assert (case in [row.id for row in found]) == deputies.may_do(connection, YUAN, who, "worker-1", day)
            return deputies.may_do(connection, place, who, "worker-1", day)

    assert [does("worker-2", days) for days in (-1, 0, 2, 3)] == [False, True, True, False]
    assert does("worker-1", 9)
    assert not does("worker-2", 0, OTHER)
    with office.database.write() as connection:
        with pytest.raises(LookupError):
            deputies.end(connection, by, YUAN, number_of, "worker-2")
        deputies.end(connection, by, YUAN, number_of, "worker-1")
    with pytest.raises(NotPossible, match="somebody else"):
        office.act(case, CaseAct.HAND_BACK, Actor.WORKER, "worker-2", note="ill")
    with office.database.write() as connection, pytest.raises(LookupError):
        deputies.end(connection, by, YUAN, number_of)


@pytest.mark.parametrize(
    ("deputy", "since", "until"),
    [("worker-1", 0, 1), ("worker-2", 1, 0), ("worker-2", -3, -1), ("worker-2", 0, deputies.LONGEST_DAYS)],
)
def test_a_deputy_is_somebody_else_for_some_days(small: Office, deputy: str, since: int, until: int) -> None:
    days = (TODAY + timedelta(days=since), TODAY + timedelta(days=until))
    with small.database.write() as connection, pytest.raises(NotPossible):
        deputies.appoint(connection, BY, YUAN, "worker-1", deputy, *days)


def test_handing_back_returning_and_reopening_have_a_reason_and_an_assignment_a_name(small: Office) -> None:
    case = assigned(small)
    for act, actor in ((CaseAct.HAND_BACK, Actor.WORKER), (CaseAct.ASSIGN, Actor.REVIEWER)):
        with pytest.raises(NotPossible):
            small.act(case, act, actor, "worker-1", note=" ")
    with pytest.raises(NotPossible, match="names who"):
        small.act(case, CaseAct.COLLECT, Actor.WORKER, "worker-1", to="worker-2")
    small.act(case, CaseAct.HAND_BACK, Actor.WORKER, "worker-1", note="moved to another grid")
    assert (small.case(case).state, small.case(case).collector) == ("open", None)
    small.act(case, CaseAct.ASSIGN, Actor.STREET, "street-1", to="worker-2")
    small.act(case, CaseAct.ASSIGN, Actor.REVIEWER, "reviewer-1", to="worker-3")
    assert small.case(case).collector == "worker-3"
    notes = [event.note for event in small.rows(t.case_events)]
    assert notes == ["property", "worker-1", "moved to another grid", "worker-2", "worker-3"]


# --- objections -------------------------------------------------------------------------------------------------------


def test_an_objection_pauses_reminders_and_proposals_until_a_reviewer_has_looked(office: Office) -> None:
    office.policy = SHORT
    case = int(office.a_case(A).id)
    office.import_register()
    before = office.case(case).reminded_on
    assert before == TODAY
    office.act(case, CaseAct.OBJECT, Actor.RESIDENT, "resident", word=Objection.NOT_LIVING_HERE)
    assert (office.case(case).paused, office.case(case).objection) == (True, "not_living_here")
    office.moment += timedelta(days=30)
    office.import_register(as_of=office.casework.today())
    assert office.case(case).reminded_on == before
    office.act(case, CaseAct.ASSIGN, Actor.REVIEWER, "reviewer-1", to="worker-1")
    office.visit(case, missed(office))
    assert office.rows(t.alerts) == []
    with pytest.raises(NotPossible, match="reason"):
        office.act(case, CaseAct.RESOLVE, Actor.REVIEWER, "reviewer-1")
    office.act(case, CaseAct.RESOLVE, Actor.REVIEWER, "reviewer-1", note="the neighbours know them")
    assert not office.case(case).paused
    assert office.case(case).reminded_on == office.casework.today()
    assert [row.state for row in office.rows(t.alerts)] == ["proposed"]


def test_a_proposed_slip_is_not_sent_while_somebody_objects(small: Office) -> None:
    small.policy = SHORT
    case = assigned(small)
    small.visit(case, missed(small))
    (slip,) = small.rows(t.alerts)
    small.act(case, CaseAct.OBJECT, Actor.PROPERTY, "desk", word=Objection.WRONG_INFORMATION)
    with small.database.write() as connection, pytest.raises(NotPossible, match="objects"):
        small.slips.send(connection, slip.slip, slip.revision, actor="reviewer-1", now=small.casework.now())
    small.act(case, CaseAct.DISMISS, Actor.REVIEWER, "reviewer-1", word=Dismissal.WRONG_INFORMATION)
    assert (small.case(case).paused, small.rows(t.alerts)[0].state) == (False, "closed")


# --- two made one -----------------------------------------------------------------------------------------------------


def test_two_cases_of_one_person_are_made_one_with_their_trail(office: Office) -> None:
    kept, gone = assigned(office), assigned(office, B)
    office.visit(gone, missed(office))
    persons = {case: office.case(case).person for case in (kept, gone)}

    def merge(revision: int) -> None:
        with office.database.write() as connection:
            deed = Deed(CaseAct.MERGE, revision, Actor.REVIEWER, "reviewer-1", office.casework.now(), note="one person")
            deskwork.merge(connection, gone, kept, deed, office.slips)

    with pytest.raises(NotPossible, match="about one person"):
        merge(office.case(gone).revision)
    with office.database.write() as connection:
        Merging(MASTER).merge(connection, BY, persons[kept], persons[gone])
    with pytest.raises(Stale):
        merge(office.case(gone).revision - 1)
    merge(office.case(gone).revision)
    row = office.case(gone)
    assert (row.state, row.how, row.merged_into, row.is_open) == ("closed", "merged", kept, False)
    assert [visit.case for visit in office.rows(t.visits)] == [kept]
    trail = [(e.case, e.note) for e in office.rows(t.case_events) if e.act == "merge"]
    assert trail == [(gone, f"into {kept} one person"), (kept, f"from {gone} one person")]
    assert office.case(kept).is_open


# --- the police -------------------------------------------------------------------------------------------------------


def test_a_receipt_on_paper_registers_and_closes_the_case_and_its_slip(office: Office) -> None:
    office.policy = SHORT
    case = assigned(office)
    office.visit(case, missed(office))
    with pytest.raises(NotPossible, match="collected"):
        enter(office, case, Receipt("HZ-1", TODAY), "worker-1")
    with pytest.raises(NotPossible, match="not come"):
        enter(office, case, Receipt("HZ-1", TODAY + timedelta(days=1)))
    assert enter(office, case, Receipt("HZ-1", TODAY)) is CaseState.REGISTERED
    (row,) = office.rows(t.registrations)
    assert (row.source, row.receipt, row.since, row.until) == ("receipt", "HZ-1", TODAY, None)
    assert (office.case(case).how, office.rows(t.alerts)[0].state) == ("police_receipt", "closed")
    with pytest.raises(NotPossible):
        enter(office, case, Receipt("HZ-2", TODAY))


def test_a_deregistration_ends_with_the_polices_receipt_or_their_list(office: Office) -> None:
    first, second = office.enrol(entry(A), entry(B, room="502室"))
    office.import_register(registration(A), registration(B))
    cases = [office.tell(one, Source.LANDLORD, kind=CaseKind.DEREGISTRATION)[0] for one in (first, second)]
    assert [office.case(one).kind for one in cases] == ["deregistration"] * 2
    assert {(row.until, row.left_why) for row in office.rows(t.residents)} == {(TODAY, "landlord")}
    enter(office, cases[0], Receipt("HZ-9", TODAY))
    assert office.rows(t.registrations)[0].until == TODAY
    office.moment += timedelta(days=2)
    office.import_register(as_of=office.casework.today())
    assert [office.case(one).state for one in cases] == ["registered", "registered"]
    assert office.case(cases[1]).how == "deregistered_by_police"


# --- the gate ---------------------------------------------------------------------------------------------------------


def test_a_question_that_nobody_answers_leaves_nothing_of_whom_it_was_about(office: Office) -> None:
    office.import_register()
    office.take(*stranger(A))
    (case,) = office.rows(t.cases)
    office.moment += timedelta(days=30)
    with office.database.write() as connection:
        office.casework.sweep(connection)
    row = office.case(case.id)
    assert (row.state, row.token, row.because["on"], row.because["evenings"]) == ("closed", None, [], 0)
    assert {(swipe.token, swipe.sealed) for swipe in office.rows(t.swipes)} == {(None, None)}
    assert len(office.rows(t.swipes)) == 5, "they are counted as before"
    assert [event.act for event in office.rows(t.case_events)] == ["open", "expire"]
    with pytest.raises(NotPossible):
        office.act(case.id, CaseAct.REOPEN, Actor.REVIEWER, note="who was it?")


def test_the_gate_answers_its_question_with_one_of_six_words(small: Office) -> None:
    small.import_register()
    small.take(*stranger(A))
    (case,) = small.rows(t.cases)
    with pytest.raises(NotPossible, match="word"):
        small.act(case.id, CaseAct.IDENTIFY, Actor.PROPERTY)
    with pytest.raises(NotPossible):
        small.act(case.id, CaseAct.ASSIGN, Actor.REVIEWER, to="worker-1")
    assert small.act(case.id, CaseAct.IDENTIFY, Actor.PROPERTY, word=GateAnswer.DELIVERY) is CaseState.CLOSED
    assert small.case(case.id).how == "delivery"


# --- sources ----------------------------------------------------------------------------------------------------------

BY_A_PERSON = [Source.PROPERTY, Source.LANDLORD, Source.SELF, Source.POLICE, Source.VISIT]


@pytest.mark.parametrize("source", BY_A_PERSON)
def test_a_case_opens_once_by_whoever_says_so_and_shows_its_source(office: Office, source: Source) -> None:
    (person,) = office.enrol(entry(A))
    case, new = office.tell(person, source)
    assert new
    assert office.tell(person, source) == (case, False)
    others = [one for one in BY_A_PERSON if one is not source]
    for other in [*others, *others]:
        assert office.tell(person, other) == (case, False)
    assert (office.case(case).source, office.case(case).because["register_as_of"]) == (source.value, None)
    assert office.case(case).due == TODAY + timedelta(days=14)
    said = [(event.act, event.note) for event in office.rows(t.case_events)]
    assert said == [("open", source.value), *(("tell", other.value) for other in others)]


def test_no_case_is_opened_by_hand_about_whom_it_cannot_be(small: Office) -> None:
    child, known, homeless = small.enrol(entry(CHILD), entry(A, room="502室"), entry(B, room=""))
    small.import_register(registration(A))
    for person, over in (
        (child, {}),
        (known, {}),
        (homeless, {}),
        (homeless, {"kind": CaseKind.DEREGISTRATION}),
        (known, {"kind": CaseKind.GATE_QUERY}),
    ):
        with pytest.raises(NotPossible):
            small.tell(person, Source.VISIT, **over)
    with pytest.raises(NotPossible):
        small.tell(homeless, Source.GATE)
    for over in ({"dwelling": 99}, {"community": "nowhere"}):
        with pytest.raises(LookupError):
            small.tell(homeless, Source.VISIT, **over)
    with pytest.raises(LookupError):
        small.tell(999, Source.VISIT)
    assert small.rows(t.cases) == []


def test_new_evidence_reopens_what_was_dismissed(office: Office) -> None:
    case = office.a_case(A)
    office.act(case.id, CaseAct.DISMISS, Actor.REVIEWER, word=Dismissal.VISITING_RELATIVES)
    office.moment += timedelta(days=5)
    assert office.tell(case.person, Source.LANDLORD) == (case.id, True)
    row = office.case(case.id)
    assert (row.state, row.how, row.due) == ("open", None, office.casework.today() + timedelta(days=14))
    office.act(case.id, CaseAct.DISMISS, Actor.REVIEWER, word=Dismissal.VISITING_RELATIVES)
    office.moment += timedelta(days=90)
    again, new = office.tell(case.person, Source.LANDLORD)
    assert (again != case.id, new) == (True, True)


def test_two_who_say_the_same_at_once_open_one_case(office: Office) -> None:
    (person,) = office.enrol(entry(A))
    ready, told = threading.Barrier(2, timeout=10), []

    def tell(source: Source) -> None:
        ready.wait()
        told.append(office.tell(person, source))

    threads = [threading.Thread(target=tell, args=(one,)) for one in (Source.LANDLORD, Source.SELF)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(new for _, new in told) == [False, True]
    assert len({case for case, _ in told}) == 1 == len(office.rows(t.cases))


# --- reviews and protected records ------------------------------------------------------------------------------------


def test_a_review_is_noted_on_the_resident_and_the_dwelling(office: Office) -> None:
    case = assigned(office)
    office.act(case, CaseAct.COLLECT, Actor.WORKER, "worker-1")
    office.act(case, CaseAct.REVIEW, Actor.REVIEWER, "reviewer-1")
    (lives,) = office.rows(t.residents)
    assert (lives.reviewed_on, lives.reviewed_by, lives.checked_on) == (TODAY, "reviewer-1", TODAY)
    assert office.rows(t.dwellings)[0].checked_on == TODAY


def test_a_recheck_that_found_nothing_new_is_confirmed_without_the_police(small: Office) -> None:
    (person,) = small.enrol(entry(A))
    small.import_register(registration(A))
    case, _ = small.tell(person, Source.VISIT, kind=CaseKind.RECHECK)
    small.act(case, CaseAct.COLLECT, Actor.WORKER, "worker-1")
    small.act(case, CaseAct.REVIEW, Actor.REVIEWER, "reviewer-1")
    assert small.act(case, CaseAct.CONFIRM, Actor.REVIEWER, "reviewer-1") is CaseState.CLOSED


def test_a_protected_persons_case_is_there_for_reviewers_alone(office: Office) -> None:
    case = office.a_case(A, protected=True).id
    for actor in (Actor.WORKER, Actor.STREET, Actor.PROPERTY):
        with office.database.read() as connection, pytest.raises(LookupError):
            deskwork.found(connection, case, actor)
    office.act(case, CaseAct.ASSIGN, Actor.REVIEWER, "reviewer-1", to="reviewer-1")
    office.visit(case, missed(office), "reviewer-1", Actor.REVIEWER)
    assert office.rows(t.visits)[0].roles == "cadre"
    office.act(case, CaseAct.COLLECT, Actor.REVIEWER, "reviewer-1")
    with pytest.raises(NotPossible, match="collected"):
        office.act(case, CaseAct.REVIEW, Actor.REVIEWER, "reviewer-1")
    office.act(case, CaseAct.REVIEW, Actor.REVIEWER, "reviewer-2")
    with office.database.read() as connection:
        assert worklists.to_visit(connection, "reviewer-1", TODAY, YUAN, 10) == []
