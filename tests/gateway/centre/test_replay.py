"""Another policy on the stored swipes and today's register: what it would change, in counts that name nobody."""

from dataclasses import replace
from datetime import timedelta

from gateway.centre.replay import Replay
from gateway.store import tables as t
from gateway.web.rules_view import Change, Replayed
from rules.conditions import Clause, Condition, Then
from rules.model import GatePolicy, Passback
from rules.policy import Collection, GateQuery, Policy
from rules.rehearse import told
from tests.gateway.centre.office import (
    MASTER,
    NOW,
    OTHER,
    POLICY,
    TODAY,
    Office,
    entry,
    moment,
    number,
    stranger,
    swipe,
    tenant,
)

PEOPLE = [number(n) for n in range(1, 7)]


def tried(office: Office, after: Policy, *, before: Policy = POLICY, days: int = 30) -> Replayed:
    return Replay(office.database, MASTER, before, after, days=days, now=NOW.timestamp).run()


def said(changes: list[Change]) -> list[tuple[str, str, int | None, int | None]]:
    def word(outcome: object) -> str:
        return ", ".join(outcome) if isinstance(outcome, tuple) else told(outcome)  # type: ignore[arg-type]

    return [(word(one.before), word(one.after), one.swipes, one.concerned) for one in changes]


def filled(office: Office, people: list[str]) -> None:
    office.enrol(*(entry(one, room=f"{n}室", since=TODAY - timedelta(days=5)) for n, one in enumerate(people)))
    office.import_register()
    for n, one in enumerate(people):
        office.take(*tenant(one, first=1 + 3 * n, roster=1))


def test_the_same_policy_changes_nothing(office: Office) -> None:
    filled(office, PEOPLE)
    done = tried(office, replace(POLICY, version=2))
    assert (done.gate, done.cases, done.versions) == ([], [], (1, 2))
    assert (done.swipes, done.cards, done.people) == (18, 6, 6)


def test_it_is_counted_who_would_be_judged_otherwise_as_if_no_case_stood_yet(office: Office) -> None:
    filled(office, PEOPLE)
    slower = replace(POLICY, version=2, collection=Collection(days_distinct=4))
    assert said(tried(office, slower).cases) == [("open collection gate", "", None, 6)]
    assert said(tried(office, POLICY, before=slower).cases) == [("", "open collection gate", None, 6)]
    graceless = replace(POLICY, version=2, collection=Collection(grace_days=1))
    assert said(tried(office, graceless).cases) == [("open collection gate", "open collection property", None, 6)]


def test_what_concerns_fewer_than_five_is_not_told_apart(office: Office) -> None:
    filled(office, PEOPLE[:4])
    rows = (Condition("evening", Then.ATTEND, (Clause("time", inside=True, values=("19:00-20:00",)),)),)
    after = replace(POLICY, version=2, collection=Collection(days_distinct=4), gate=GatePolicy(conditions=rows))
    done = tried(office, after)
    assert said(done.cases) == [("open collection gate", "", None, None)]
    assert said(done.gate) == [("grant: enrolled [unregistered]", "attend: out_of_hours [unregistered]", None, None)]


def test_a_row_of_the_site_is_tried_on_every_swipe_that_it_could_concern(office: Office) -> None:
    filled(office, PEOPLE)
    rows = (Condition("evening", Then.ATTEND, (Clause("time", inside=True, values=("19:00-21:00",)),)),)
    done = tried(office, replace(POLICY, version=2, gate=GatePolicy(conditions=rows)))
    change = ("grant: enrolled [unregistered]", "attend: out_of_hours [unregistered]")
    assert said(done.gate) == [(*change, 12, 6)], "two of three passes were in the evening"
    assert done.cases == []


def test_passback_goes_by_the_passes_before_and_by_the_day_on_which_they_were(office: Office) -> None:
    office.enrol(*(entry(one, room=f"{n}室", since=TODAY - timedelta(days=20)) for n, one in enumerate(PEOPLE)))
    office.import_register()
    seq = 1
    for one in PEOPLE:
        for at, way in ((0, "in"), (30_000, "in"), (50_000, "out"), (60_000, "in")):
            reasons = ["exit"] if way == "out" else ["enrolled"]
            office.take(swipe(seq, one, moment(22) + at, direction=way, reasons=reasons, roster=1))
            seq += 1
    area = GatePolicy(passback=(Passback(("east",), "court", 3600),))
    done = tried(office, replace(POLICY, version=2, gate=area))
    (change,) = said(done.gate)
    assert change[2:] == (6, 6), "only the second: the third leaves, and the fourth comes in after that"
    assert change[1].startswith("attend: passback")


def test_days_back_and_what_no_policy_touches_are_left_out(office: Office) -> None:
    filled(office, PEOPLE)
    everybody = (Condition("all", Then.ATTEND, (Clause("portal", inside=False, values=()),)),)
    after = replace(POLICY, version=2, gate=GatePolicy(conditions=everybody))
    assert tried(office, after, days=1).swipes == 0
    with office.database.write() as connection:
        connection.execute(t.swipes.update().values(reasons="open_portal"))
    done = tried(office, after)
    assert (done.swipes, done.gate) == (18, [])


def test_strangers_are_judged_by_both_policies_too(office: Office) -> None:
    office.import_register()
    for n in range(5):
        office.take(*stranger(number(100 + n), first=1 + 5 * n))
    after = replace(POLICY, version=2, gate_query=GateQuery(days_distinct=6))
    assert said(tried(office, after).cases) == [("open gate_query gate", "", None, 5)]


def test_cases_that_stand_are_asked_what_would_be_done_about_them(office: Office) -> None:
    filled(office, PEOPLE)
    office.moment = NOW + timedelta(days=4)
    later = Replay(
        office.database,
        MASTER,
        POLICY,
        replace(POLICY, version=2, escalation=replace(POLICY.escalation, worker_days=5)),
        days=30,
        now=office.moment.timestamp,
    )
    assert ("remind", "", None, 6) in said(later.run().cases)


def test_nothing_of_it_names_anybody(office: Office) -> None:
    filled(office, PEOPLE)
    office.enrol(entry(number(9), room="901室"), community=OTHER)
    done = repr(tried(office, replace(POLICY, version=2, collection=Collection(days_distinct=4))))
    assert not any(secret in done for secret in (*PEOPLE, "测试甲", "901", "室"))
