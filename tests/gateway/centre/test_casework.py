"""From passes to cases: who gets one, who never does, how it closes; and that two at once open one."""

import threading
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from gateway.centre import deskwork
from gateway.centre.deskwork import Deed
from gateway.centre.slips import Stale
from gateway.centre.visiting import Visit, log_visit
from gateway.keys import seal
from gateway.store import tables as t
from gateway.store.queries import casefile
from gateway.store.queries.casefile import Subject
from rules.cases import Actor, CaseAct, Dismissal, NotPossible
from rules.model import CredentialKind, Role
from tests.gateway.centre.office import (
    BY,
    EPOCH,
    MASTER,
    STATION,
    STRANGER_DAYS,
    TODAY,
    YUAN,
    Office,
    entry,
    moment,
    number,
    registration,
    stranger,
    tenant,
    token,
    unknown,
)

A, B = number(1), number(2)
LONG_AGO = TODAY - timedelta(days=30)


def kinds(office: Office) -> list[tuple[str, str, str]]:
    return [(case.kind, case.source, case.state) for case in office.rows(t.cases)]


def act(office: Office, case: int, what: CaseAct, actor: Actor, who: str = "somebody", **over: Any) -> None:
    with office.database.write() as connection:
        row = deskwork.found(connection, case)
        deed = Deed(what, over.pop("revision", row.revision), actor, who, office.casework.now(), **over)
        deskwork.act_on(connection, case, deed, office.slips)


def test_a_tenant_who_came_on_three_days_two_of_them_evenings_gets_a_case(office: Office) -> None:
    office.enrol(entry(A))
    office.import_register()
    office.take(*tenant(A)[:2])
    assert kinds(office) == []
    office.take(*tenant(A)[2:])
    assert kinds(office) == [("collection", "gate", "open")]
    (case,) = office.rows(t.cases)
    assert (case.opened_on, case.due, case.is_open, case.revision) == (TODAY, TODAY + timedelta(days=14), True, 1)
    assert (case.because["evenings"], case.because["on"]) == (2, ["2026-11-20", "2026-11-21", "2026-11-22"])
    assert office.case_acts() == [("system", "open")]
    office.take(*tenant(A, first=11))
    assert len(office.rows(t.cases)) == 1


def test_a_tenant_who_was_enrolled_a_week_ago_gets_one_without_a_pass(office: Office) -> None:
    office.enrol(entry(A, since=TODAY - timedelta(days=7)), entry(B, since=TODAY - timedelta(days=6)))
    assert kinds(office) == [], "nothing opens before a register is known"
    office.import_register()
    assert kinds(office) == [("collection", "property", "open")]


NEVER = {
    "a child": ({"number": number(5, date(2017, 5, 1))}, "citizen-id"),
    "a visitor": ({"kind": CredentialKind.VISITOR, "number": "20261123001", "role": Role.VISITOR}, "visitor"),
    "staff": ({"number": A, "role": Role.STAFF}, "citizen-id"),
    "a guest": ({"number": A, "role": Role.GUEST}, "citizen-id"),
}


@pytest.mark.parametrize("who", NEVER)
def test_no_case_ever_opens_about(small: Office, who: str) -> None:
    over, _ = NEVER[who]
    text = str(over["number"])
    small.enrol(entry(text, since=LONG_AGO, **{k: v for k, v in over.items() if k != "number"}))
    small.import_register()
    kind = CredentialKind(NEVER[who][1])
    small.take(*tenant(A, token=token(text, kind=kind)))
    assert kinds(small) == []


@pytest.mark.parametrize("first", ["81", "82", "83", "9"])
def test_swipes_open_no_case_about_a_foreigner_or_a_resident_of_hong_kong_macao_or_taiwan(
    small: Office, first: str
) -> None:
    from rules.identity import check_digit

    first_17 = f"9{51}156{19000101}001" if first == "9" else f"{first}0000{19000101}001"
    text = first_17 + check_digit(first_17)
    small.enrol(entry(text))
    small.import_register()
    small.take(*tenant(text), *stranger(number(6), first=20, token=token(number(6)), sealed=False))
    sealed = [
        unknown(40 + i, number(7), moment(*when), sealed=False) for i, when in enumerate(STRANGER_DAYS)
    ]  # the token of nobody, whose seal holds a permit
    said = msgspec.json.encode({"kind": "citizen-id", "number": text})
    last = msgspec.structs.replace(
        sealed[-1], sealed=seal(MASTER.identity_public(), said, STATION, EPOCH, sealed[-1].seq)
    )
    small.take(last, *sealed[:-1])
    assert kinds(small) == [("gate_query", "gate", "open")], "only about the number that nothing is known of"
    assert small.rows(t.cases)[0].token == token(number(6))


def test_an_unknown_credential_is_a_question_for_the_gate(office: Office) -> None:
    office.import_register()
    office.take(*stranger(A)[:-1])
    assert kinds(office) == []
    office.take(stranger(A)[-1])
    assert kinds(office) == [("gate_query", "gate", "open")]
    (case,) = office.rows(t.cases)
    assert (case.person, case.token, case.dwelling) == (None, token(A), None)
    assert office.rows(t.persons) == [], "a seal makes nobody known"


def test_the_seal_of_a_child_opens_no_question_and_one_that_does_not_open_is_like_none(
    small: Office, caplog: pytest.LogCaptureFixture
) -> None:
    child = number(8, date(2017, 5, 1))
    small.import_register()
    small.take(*stranger(child))
    assert kinds(small) == []
    moved = [unknown(20 + i, A, moment(*when)) for i, when in enumerate(STRANGER_DAYS)]
    moved[-1] = msgspec.structs.replace(moved[-1], seq=90)  # sealed for another swipe
    small.take(*moved)
    assert kinds(small) == [("gate_query", "gate", "open")]
    assert any("does not open" in record.getMessage() for record in caplog.records)
    nonsense = [unknown(50 + i, B, moment(*when), sealed=False) for i, when in enumerate(STRANGER_DAYS)]
    for i, said in enumerate((b"[]", b"{}", b"not json", b'{"kind": "x", "number": 1}')):
        blob = seal(MASTER.identity_public(), said, STATION, EPOCH, nonsense[i].seq)
        nonsense[i] = msgspec.structs.replace(nonsense[i], sealed=blob)
    small.take(*reversed(nonsense))
    assert len(kinds(small)) == 2


def test_an_enrolment_answers_the_question_of_the_gate(office: Office) -> None:
    office.import_register()
    office.take(*stranger(A))
    office.enrol(entry(A))
    assert ("gate_query", "gate", "closed") in kinds(office)
    assert kinds(office).count(("collection", "gate", "open")) == 1, "who lives there unregistered has a case then"
    assert office.value("gateway_cases_closed_total") == 1


def test_a_question_that_nobody_answers_is_closed_by_the_sweep(small: Office) -> None:
    small.import_register()
    small.take(*stranger(A))
    small.moment += timedelta(days=30)
    with small.database.write() as connection:
        small.casework.sweep(connection)
    assert kinds(small) == [("gate_query", "gate", "closed")]


def test_a_registration_closes_the_case(office: Office) -> None:
    office.enrol(entry(A, since=LONG_AGO))
    office.import_register()
    office.import_register(registration(A), complete=False)
    assert kinds(office) == [("collection", "property", "registered")]
    assert office.case_acts() == [("system", "open"), ("system", "register")]
    (case,) = office.rows(t.cases)
    assert (case.is_open, case.how, case.closed) == (
        False,
        "registered_by_police",
        int(office.moment.timestamp() * 1000),
    )
    assert office.value("gateway_cases_closed_total") == 1


def test_an_overdue_case_is_reminded_of_and_raised_day_by_day(small: Office) -> None:
    small.enrol(entry(A, since=LONG_AGO))
    small.import_register()

    def after(days: int) -> tuple[str | None, date | None]:
        small.moment += timedelta(days=days)
        small.import_register(as_of=small.casework.today())
        (case,) = small.rows(t.cases)
        return case.level, case.reminded_on

    assert after(2) == (None, None)
    assert after(1) == (None, TODAY + timedelta(days=3))
    assert after(1) == (None, TODAY + timedelta(days=3))
    assert after(3) == ("community", TODAY + timedelta(days=6) + timedelta(days=1))
    assert after(3)[0] == "street"
    assert [act for _, act in small.case_acts()].count("escalate") == 2


def test_two_who_judge_the_same_person_at_once_open_one_case(office: Office) -> None:
    office.policy = office.policy
    with office.database.write() as connection:
        ids, _ = office.register.enrol(connection, BY, YUAN, [entry(A, since=LONG_AGO)])
        office.register.register(connection, BY, YUAN, TODAY, [], complete=True)
    ready = threading.Barrier(2, timeout=10)
    opened: list[int] = []

    def judge() -> None:
        ready.wait()
        with office.database.write() as connection:
            opened.append(office.casework.judge(connection, [Subject(YUAN, ids[0], None)]))

    threads = [threading.Thread(target=judge) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(opened) == [0, 1]
    assert kinds(office) == [("collection", "property", "open")]
    assert office.case_acts() == [("system", "open")]
    assert office.value("gateway_cases_opened_total") == 1


def test_of_two_who_act_on_one_case_at_once_one_wins(office: Office) -> None:
    office.enrol(entry(A, since=LONG_AGO))
    office.import_register()
    (case,) = office.rows(t.cases)
    ready = threading.Barrier(2, timeout=10)
    results: list[str] = []

    def dismiss(who: str) -> None:
        ready.wait()
        try:
            act(office, case.id, CaseAct.ASSIGN, Actor.REVIEWER, who, revision=case.revision, to="worker-1")
        except Stale:
            results.append("stale")
        else:
            results.append("done")

    threads = [threading.Thread(target=dismiss, args=(who,)) for who in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(results) == ["done", "stale"]
    assert [act for _, act in office.case_acts()] == ["open", "assign"]


def test_whoever_collected_does_not_review_and_the_ledger_ends_with_the_receipt(small: Office) -> None:
    small.enrol(entry(A, since=LONG_AGO))
    small.import_register()
    (case,) = small.rows(t.cases)
    act(small, case.id, CaseAct.ASSIGN, Actor.REVIEWER, "reviewer-1", to="worker-1")
    assert small.rows(t.cases)[0].collector == "worker-1"
    act(small, case.id, CaseAct.COLLECT, Actor.WORKER, "worker-1")
    with pytest.raises(NotPossible, match="collected"):
        act(small, case.id, CaseAct.REVIEW, Actor.REVIEWER, "worker-1")
    act(small, case.id, CaseAct.REVIEW, Actor.REVIEWER, "reviewer-1")
    act(small, case.id, CaseAct.FILE, Actor.REVIEWER, "reviewer-1")
    small.import_register(registration(A))
    assert kinds(small) == [("collection", "property", "registered")]


def test_a_visit_is_no_bare_act_and_lies_not_in_the_future(small: Office) -> None:
    small.enrol(entry(A, since=LONG_AGO))
    small.import_register()
    (case,) = small.rows(t.cases)
    act(small, case.id, CaseAct.ASSIGN, Actor.REVIEWER, to="worker-1")
    with pytest.raises(NotPossible, match="visit"):
        act(small, case.id, CaseAct.VISIT, Actor.WORKER)
    now, revision = small.casework.now(), small.rows(t.cases)[0].revision
    deed = Deed(CaseAct.VISIT, revision, Actor.WORKER, "worker-1", now)
    later, missed = Visit(now + 1, False, True), Visit(now, False, True)
    with small.database.write() as connection:
        with pytest.raises(NotPossible, match="future"):
            log_visit(connection, MASTER, case.id, later, deed)
        with pytest.raises(NotPossible, match="before the case"):
            log_visit(connection, MASTER, case.id, Visit(now - 86_400_000, False, True), deed)
        log_visit(connection, MASTER, case.id, missed, deed)
        with pytest.raises(LookupError):
            log_visit(connection, MASTER, case.id + 1, missed, deed)
    assert len(small.rows(t.visits)) == 1


def test_a_dismissed_case_is_reopened_unless_another_one_is_open(small: Office) -> None:
    (person,) = small.enrol(entry(A, since=LONG_AGO))
    small.import_register()
    (case,) = small.rows(t.cases)
    act(small, case.id, CaseAct.DISMISS, Actor.REVIEWER, word=Dismissal.MOVED_OUT)
    assert small.rows(t.cases)[0].how == "moved_out"
    act(small, case.id, CaseAct.REOPEN, Actor.REVIEWER, note="seen again")
    assert (small.rows(t.cases)[0].how, small.rows(t.cases)[0].closed) == (None, None)
    act(small, case.id, CaseAct.DISMISS, Actor.REVIEWER, word=Dismissal.MOVED_OUT)
    first = small.rows(t.cases)[0]
    keep = {"kind", "source", "state", "community", "opened_on", "opened", "due", "because", "policy"}
    values = {name: value for name, value in first._mapping.items() if name in keep}
    with small.database.write() as connection:
        casefile.open_case(connection, values | {"state": "open", "is_open": True, "person": person})
    with pytest.raises(NotPossible, match="another case"):
        act(small, case.id, CaseAct.REOPEN, Actor.REVIEWER, note="seen again")


def test_a_row_that_cannot_be_read_keeps_nobody_else_from_being_judged(small: Office) -> None:
    first, _ = small.enrol(entry(A, since=LONG_AGO), entry(B, since=LONG_AGO, room="502室"))
    with small.database.write() as connection:
        connection.execute(t.persons.update().where(t.persons.c.id == first).values(number=b"damaged"))
    small.import_register()
    assert kinds(small) == [("collection", "property", "open")]
