"""Blind re-checks: a sample of each month's dismissals, looked at by somebody who had no hand in them."""

import threading
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.centre import blind
from gateway.centre.blind import Finding
from gateway.centre.policies import Policies
from gateway.centre.slips import Stale
from gateway.centre.sweep import Sweep
from gateway.store import tables as t
from gateway.store.queries import blind as rows
from rules.cases import Actor, CaseAct, CaseState, Dismissal, NotPossible
from rules.sampling import draw
from tests.gateway.centre.office import TODAY, YUAN, Office, entry, number, registration

LONG_AGO = TODAY - timedelta(days=30)


def dismissed(office: Office, how_many: int, who: str = "reviewer-1") -> list[int]:
    """So many cases, dismissed by a reviewer today."""
    office.enrol(*[entry(number(i + 1), since=LONG_AGO, room=f"{i}室") for i in range(how_many)])
    office.import_register()
    cases = [row.id for row in office.rows(t.cases) if row.is_open]
    for case in cases:
        office.act(case, CaseAct.DISMISS, Actor.REVIEWER, who, word=Dismissal.VISITING_RELATIVES)
    return cases


def drawn(office: Office, day: date = date(2026, 12, 1)) -> int:
    with office.database.write() as connection:
        return blind.draw_month(connection, day, office.casework.now())


def decide(office: Office, check: int, who: str, *, upheld: bool, **over: Any) -> CaseState:
    values = {"actor": Actor.REVIEWER, "note": "asked the neighbours"} | over
    found = Finding(values["actor"], who, office.casework.now(), upheld, values["note"])
    with office.database.write() as connection:
        return blind.decide(connection, check, found, office.slips)


def test_a_months_sample_is_drawn_once_by_a_recorded_seed_that_draws_it_again(office: Office) -> None:
    cases = dismissed(office, 7)
    assert drawn(office, TODAY) == 0, "of the month before there is nothing"
    assert drawn(office) == 5
    assert drawn(office) == drawn(office, date(2026, 12, 31)) == 0
    october, november = office.rows(t.draws)
    assert (october.month, october.population, november.month) == (date(2026, 10, 1), 0, date(2026, 11, 1))
    assert (november.cases, november.population) == (cases, 7)
    assert [row.case for row in office.rows(t.blind_checks)] == list(draw(november.seed, november.cases, 5))
    assert len(november.seed) == 32


def test_what_the_police_found_wrong_or_what_goes_on_again_is_not_drawn(small: Office) -> None:
    first, second, third = dismissed(small, 3)
    small.act(second, CaseAct.REOPEN, Actor.REVIEWER, "reviewer-1", note="seen again")
    with small.database.write() as connection:
        connection.execute(t.cases.update().where(t.cases.c.id == third).values(how="police_dismiss"))
    assert drawn(small) == 1
    assert [row.case for row in small.rows(t.blind_checks)] == [first]


def test_whoever_had_a_hand_in_a_case_neither_sees_nor_decides_its_check(office: Office) -> None:
    dismissed(office, 1)
    drawn(office)
    (check,) = office.rows(t.blind_checks)

    def sees(who: str) -> list[Any]:
        with office.database.read() as connection:
            return list(rows.waiting(connection, [YUAN], who, 10, protected=False))

    assert sees("reviewer-1") == []
    (shown,) = sees("reviewer-2")
    assert not {"how", "actor", "note", "reason"} & set(shown._mapping)
    with pytest.raises(NotPossible, match="hand"):
        decide(office, check.id, "reviewer-1", upheld=True)
    with pytest.raises(NotPossible, match="words"):
        decide(office, check.id, "reviewer-2", upheld=True, note=" ")
    assert decide(office, check.id, "reviewer-2", upheld=True) is CaseState.DISMISSED
    with pytest.raises(Stale):
        decide(office, check.id, "reviewer-3", upheld=False)
    (check,) = office.rows(t.blind_checks)
    assert (check.checker, check.upheld, check.note) == ("reviewer-2", True, "asked the neighbours")
    assert sees("reviewer-3") == []
    assert office.case_acts()[-1] == ("reviewer-2", "blind_check")


def test_a_dismissal_that_was_wrong_is_reopened_unless_the_work_goes_on_already(office: Office) -> None:
    first, second = dismissed(office, 2)
    drawn(office)
    checks = {row.case: row.id for row in office.rows(t.blind_checks)}
    assert decide(office, checks[first], "street-1", upheld=False, actor=Actor.STREET) is CaseState.OPEN
    assert (office.case(first).is_open, office.case(first).how) == (True, None)
    office.act(second, CaseAct.REOPEN, Actor.REVIEWER, "reviewer-9", note="seen again")
    assert decide(office, checks[second], "reviewer-2", upheld=False) is CaseState.OPEN
    assert [act for _, act in office.case_acts()].count("reopen") == 2


def test_of_two_who_decide_at_once_one_wins(office: Office) -> None:
    dismissed(office, 1)
    drawn(office)
    (check,) = office.rows(t.blind_checks)
    ready, said = threading.Barrier(2, timeout=10), []

    def one(who: str, upheld: bool) -> None:
        ready.wait()
        try:
            decide(office, check.id, who, upheld=upheld)
        except Stale:
            said.append("stale")
        else:
            said.append("done")

    threads = [threading.Thread(target=one, args=each) for each in (("reviewer-2", True), ("reviewer-3", False))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(said) == ["done", "stale"]


def test_the_first_sweep_of_a_month_draws(small: Office, tmp_path: Path) -> None:
    dismissed(small, 2)
    sample = Path(__file__).parents[3] / "config" / "policy.toml"
    (tmp_path / "policy.toml").write_text(sample.read_text(encoding="utf-8"), encoding="utf-8")
    policies = Policies(small.database, tmp_path / "policy.toml", wall=small.wall)
    sweep = Sweep(small.database, small.casework, policies, lambda: None)
    assert sweep.turn()
    assert [row.month for row in small.rows(t.draws)] == [date(2026, 10, 1)]
    small.moment += timedelta(days=8)
    small.import_register(registration(number(1)), registration(number(2)), as_of=small.casework.today())
    assert sweep.turn()
    assert [row.population for row in small.rows(t.draws)] == [0, 2]
