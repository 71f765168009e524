"""Slips: proposed by policy, sent by a person, answered by the police, closed with their case; thin on the bus."""

import threading
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gateway import wire
from gateway.centre import deskwork
from gateway.centre.deskwork import Deed
from gateway.centre.slips import Stale
from gateway.centre.visiting import Visit, log_visit
from gateway.routes import Routes
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.queries import casefile, streams
from gateway.wire import alert_topic
from rules.acts import Grounds
from rules.cases import Actor, CaseAct, Dismissal, NotPossible
from tests.gateway.centre.office import (
    MASTER,
    OTHER_POLICE,
    POLICE,
    SHORT,
    TODAY,
    YUAN,
    Office,
    entry,
    number,
    registration,
    tenant,
)

A, B = number(1), number(2)
NAME = "测试甲"
LONG_AGO = TODAY - timedelta(days=30)


def proposed(office: Office, text: str = A, room: str = "501室") -> Any:
    """A slip that the policy has proposed: an old enrolment, a case, a visit."""
    office.policy = SHORT
    office.enrol(entry(text, since=LONG_AGO, name=NAME, room=room))
    office.import_register()
    office.take(*tenant(text, first=1 if text == A else 11))
    visit(office, office.rows(t.cases)[-1].id)
    return office.rows(t.alerts)[-1]


def visit(office: Office, case: int) -> None:
    now = office.casework.now()
    with office.database.write() as connection:
        row = deskwork.found(connection, case)
        if row.state == "open":
            deed = Deed(CaseAct.ASSIGN, row.revision, Actor.REVIEWER, "r", now, to="w")
            deskwork.act_on(connection, case, deed, office.slips)
        deed = Deed(CaseAct.VISIT, deskwork.found(connection, case).revision, Actor.WORKER, "w", now)
        log_visit(connection, MASTER, case, Visit(now, met=False, notice_left=True), deed)
        office.casework.judge(connection, [office.casework.subject_of(connection, deskwork.found(connection, case))])


def sent(office: Office, text: str = A) -> Any:
    send(office, proposed(office, text))
    return office.rows(t.alerts)[-1]


def send(office: Office, slip: Any) -> None:
    with office.database.write() as connection:
        office.slips.send(connection, slip.slip, slip.revision, actor="reviewer-1", now=office.casework.now())


def withdraw(office: Office, slip: Any) -> None:
    with office.database.write() as connection:
        office.slips.withdraw(connection, slip.slip, slip.revision, actor="r", why="found", now=office.casework.now())


def states(office: Office) -> list[tuple[str, str]]:
    return [(case.state, alert.state) for case, alert in zip(office.rows(t.cases), office.rows(t.alerts), strict=True)]


def said(office: Office) -> list[str | None]:
    return [payload and payload["state"] for _, payload in office.outbox()]


def test_a_slip_is_proposed_by_policy_and_sent_by_a_person_alone(office: Office) -> None:
    slip = proposed(office)
    assert (slip.state, slip.police_station, slip.community, slip.since) == ("proposed", POLICE, YUAN, TODAY)
    assert office.rows(t.outbox) == []
    send(office, slip)
    ((topic, payload),) = office.outbox()
    assert topic == alert_topic(POLICE, slip.slip)
    assert payload == {
        "id": slip.slip,
        "revision": 2,
        "state": "sent",
        "community": YUAN,
        "portal": "east",
        "rule": "overdue",
        "since": TODAY.isoformat(),
        "register_as_of": TODAY.isoformat(),
        "particulars": f"https://centre.example/api/v1/alerts/{slip.slip}",
        "sending": 1,
        "repeats": 0,
    }, "thin: no name, no number, no dwelling"
    assert ("reviewer-1", "send_slip") in office.case_acts()


def test_of_two_who_send_at_once_one_wins(office: Office) -> None:
    slip = proposed(office)
    ready = threading.Barrier(2, timeout=10)
    results: list[str] = []

    def press() -> None:
        ready.wait()
        try:
            send(office, slip)
        except (Stale, NotPossible) as error:
            results.append(type(error).__name__)
        else:
            results.append("sent")

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results.count("sent") == 1
    assert len(office.rows(t.outbox)) == 1


def test_a_slip_that_was_withdrawn_is_not_proposed_again_for_its_case(office: Office) -> None:
    slip = proposed(office)
    withdraw(office, slip)
    office.take(*tenant(A, first=31))
    visit(office, slip.case)
    with office.database.write() as connection:
        office.casework.sweep(connection)
    assert [(row.state, row.is_open) for row in office.rows(t.alerts)] == [("closed", False)]
    assert office.rows(t.outbox) == [], "the police never had it"


def test_withdrawing_what_the_police_have_closes_and_clears_it_there(small: Office) -> None:
    withdraw(small, sent(small))
    assert said(small) == ["sent", "closed", None]


def test_an_acknowledgement_is_shown_and_changes_nothing_else(small: Office) -> None:
    slip = sent(small)
    assert small.settle(small.answer(slip.slip, "acknowledged"), small.answer(slip.slip, "acknowledged"))
    assert states(small) == [("visited", "acknowledged")]
    assert said(small) == ["sent", "acknowledged"]
    assert small.quarantined() == []


def test_handled_with_a_receipt_registers_the_person_and_closes_case_and_slip(office: Office) -> None:
    slip = sent(office)
    with office.database.write() as connection:
        connection.execute(t.communities.update().values(roster_stale=False))
    assert office.settle(office.answer(slip.slip, "handled", receipt="HZ-1"))
    assert states(office) == [("registered", "closed")]
    (case,), (alert,) = office.rows(t.cases), office.rows(t.alerts)
    assert (case.is_open, case.how) == (False, "police_register")
    assert (alert.receipt, alert.answered_by, alert.is_open) == ("HZ-1", "示例民警", False)
    (row,) = office.rows(t.registrations)
    assert (row.person, row.since, row.until, row.source, row.receipt) == (case.person, TODAY, None, "answer", "HZ-1")
    with office.database.read() as connection:
        assert streams.community(connection, YUAN).roster_stale
    assert said(office) == ["sent", "closed", None]
    assert office.value("gateway_cases_closed_total") == 1
    assert office.settle(office.answer(slip.slip, "handled", receipt="HZ-1"))
    assert office.settle(office.answer(slip.slip, "acknowledged"))
    assert (len(office.rows(t.registrations)), office.quarantined()) == (1, []), "said again, nothing changes"
    assert office.value("gateway_cases_closed_total") == 1


def test_wrong_information_dismisses_the_case(small: Office) -> None:
    slip = sent(small)
    assert small.settle(small.answer(slip.slip, "wrong"))
    assert states(small) == [("dismissed", "closed")]
    assert small.rows(t.registrations) == []
    assert said(small) == ["sent", "closed", None]


def test_a_returned_slip_goes_back_to_the_community_which_may_send_it_again(small: Office) -> None:
    slip = sent(small)
    assert small.settle(small.answer(slip.slip, "returned", note="地址不全"))
    assert states(small) == [("visited", "returned")]
    assert said(small) == ["sent", "closed", None], "the police have it no more"
    visit(small, slip.case)
    assert len(small.rows(t.alerts)) == 1
    send(small, small.rows(t.alerts)[0])
    assert said(small)[3:] == ["sent"]
    assert small.settle(small.answer(slip.slip, "returned"))
    assert states(small) == [("visited", "returned")], "an answer to the second sending counts"


def test_an_answer_to_an_earlier_sending_that_comes_again_changes_nothing(office: Office) -> None:
    slip = sent(office)
    assert office.settle(office.answer(slip.slip, "returned", sending=1))
    send(office, office.rows(t.alerts)[0])
    assert office.settle(office.answer(slip.slip, "returned", sending=1), office.answer(slip.slip, "wrong", sending=1))
    assert states(office) == [("visited", "sent")]
    assert office.quarantined() == []
    assert office.settle(office.answer(slip.slip, "wrong", sending=3))
    assert office.quarantined() == ["this slip was not sent so many times"]
    assert office.settle(office.answer(slip.slip, "returned", sending=2))
    assert states(office) == [("visited", "returned")]


def test_what_is_done_in_vain_after_a_slip_was_proposed_is_counted_on_it(office: Office) -> None:
    slip = sent(office)
    later = office.moment
    for times in (1, 2):
        later += timedelta(hours=1)
        office.moment = later
        visit(office, slip.case)
        row = office.rows(t.alerts)[0]
        assert (row.repeats, row.repeated, row.state) == (times, office.casework.now(), "sent")
    with office.database.write() as connection:
        office.casework.sweep(connection)
    assert [(p["revision"], p["repeats"]) for _, p in office.outbox() if p] == [(2, 0), (3, 1), (4, 2)]
    assert len(office.rows(t.alerts)) == 1


@pytest.mark.parametrize(
    ("kinds", "match"),
    [
        (["citizen-id", "citizen-id", "citizen-id"], "document"),
        (["card-uid", "citizen-id", "card-uid"], "document"),
        (["id-chip", "card-uid", "id-chip"], "chip"),
        (["card-uid", "card-uid", "card-uid"], "card"),
    ],
)
def test_a_slip_says_how_the_person_is_known(small: Office, kinds: list[str], match: str) -> None:
    small.policy = SHORT
    small.enrol(entry(A, name=NAME))
    small.import_register()
    small.take(*(msgspec.structs.replace(one, kind=kind, roster=7) for one, kind in zip(tenant(A), kinds, strict=True)))
    visit(small, small.rows(t.cases)[-1].id)
    (slip,) = small.rows(t.alerts)
    assert slip.grounds == {
        "match": match,
        "policy": 2,
        "roster": 7,
        "register_as_of": TODAY.isoformat(),
        "days": 3,
        "evenings": 2,
        "window_days": 14,
        "unregistered_since": (TODAY - timedelta(days=1)).isoformat(),
    }


def test_where_no_pass_was_needed_a_slip_says_so(small: Office) -> None:
    assert proposed(small).grounds["match"] == "told"


def test_one_slip_is_open_about_one_person_though_there_were_two_records_of_them(small: Office) -> None:
    first, second = proposed(small, A), proposed(small, B)
    persons = {row.id: row.person for row in small.rows(t.cases)}
    with small.database.write() as connection:
        gone, kept = persons[second.case], persons[first.case]
        connection.execute(t.alerts.delete().where(t.alerts.c.slip == second.slip))
        connection.execute(t.persons.update().where(t.persons.c.id == gone).values(merged_into=kept))
        case = casefile.case(connection, second.case)
        because = Grounds(1, TODAY, False, TODAY, TODAY, TODAY, 2)
        small.slips.propose(connection, case, because, small.casework.now())
    assert [row.slip for row in small.rows(t.alerts)] == [first.slip]


def test_a_station_without_the_bus_among_its_routes_has_nothing_on_it(database: Database) -> None:
    quiet = Office(database, routes=Routes())
    slip = sent(quiet)
    with database.write() as connection:
        quiet.slips.republish(connection, quiet.casework.now())
    assert quiet.rows(t.outbox) == []
    assert quiet.settle(quiet.answer(slip.slip, "wrong"))
    assert states(quiet) == [("dismissed", "closed")]


def test_an_answer_of_another_police_station_is_refused(small: Office) -> None:
    slip = sent(small)
    assert small.settle(small.answer(slip.slip, "wrong", police=OTHER_POLICE))
    assert states(small) == [("visited", "sent")]
    assert small.quarantined() == ["there is no such slip at this police station"]


def test_what_was_only_proposed_cannot_be_answered(small: Office) -> None:
    slip = proposed(small)
    assert small.settle(small.answer(slip.slip, "handled"))
    assert states(small) == [("visited", "proposed")]


def test_an_answer_after_the_case_closed_changes_nothing_and_says_so(small: Office) -> None:
    slip = sent(small)
    small.import_register(registration(A))
    assert states(small) == [("registered", "closed")]
    assert said(small) == ["sent", "closed", None]
    assert small.settle(small.answer(slip.slip, "wrong"))
    assert states(small) == [("registered", "closed")]
    assert small.quarantined() == ["mark_wrong is not possible for a slip that is closed"]


def test_a_registration_closes_a_slip_that_was_only_proposed_without_a_word_to_the_police(small: Office) -> None:
    proposed(small)
    small.import_register(registration(A))
    assert states(small) == [("registered", "closed")]
    assert small.rows(t.outbox) == []


def test_an_answer_that_makes_the_batch_fail_counts_nothing_twice(small: Office) -> None:
    slip = sent(small)
    with small.database.write():
        assert not small.settle(small.answer(slip.slip, "handled", receipt="HZ-1"))
    assert small.settle(small.answer(slip.slip, "handled", receipt="HZ-1"))
    assert small.value("gateway_cases_closed_total") == 1


def test_what_the_broker_may_have_forgotten_or_kept_too_long_is_said_again(small: Office) -> None:
    first, second = sent(small, A), sent(small, B)
    assert small.settle(small.answer(first.slip, "wrong"))
    with small.database.write() as connection:
        streams.outbox_delivered(connection, [row.id for row in small.rows(t.outbox)], 1)
        small.slips.republish(connection, small.casework.now())
        small.slips.republish(connection, small.casework.now())
    fresh = [(row.topic, bool(row.payload)) for row in small.rows(t.outbox) if row.delivered is None]
    assert fresh == [(alert_topic(POLICE, first.slip), False), (alert_topic(POLICE, second.slip), True)]


def test_dismissing_a_case_takes_its_slip_back(small: Office) -> None:
    slip = sent(small)
    with small.database.write() as connection:
        row = deskwork.found(connection, slip.case)
        now, word = small.casework.now(), Dismissal.LOCAL_HUKOU
        deed = Deed(CaseAct.DISMISS, row.revision, Actor.REVIEWER, "r", now, word=word)
        deskwork.act_on(connection, slip.case, deed, small.slips)
    assert states(small) == [("dismissed", "closed")]
    assert said(small) == ["sent", "closed", None]


def test_no_slip_says_who_or_where(small: Office) -> None:
    slip = sent(small)
    assert small.settle(small.answer(slip.slip, "handled", receipt="HZ-1"))
    everything = b"".join(row.payload for row in small.rows(t.outbox)).decode()
    for secret in (A, NAME, "501室", "3栋", A[6:14]):
        assert secret not in everything
    with pytest.raises(wire.Malformed):
        wire.decode(b"", wire.Alert)
