"""The grid worker's pages over a running centre: tonight, a case, a visit, a household, each taken once."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store import tables as t
from rules.roles import Role
from tests.browsing import Shown, Visitor
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.grid import (
    HOMES,
    account,
    case_of,
    cases,
    child_born,
    done,
    fill,
    line,
    phone,
    rows_of,
    sign_in,
)
from tests.gateway.centre.office import OTHER, TODAY, number

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    with running(tmp_path) as made:
        yield made


@pytest.fixture
def worker(centre: Centre) -> Visitor:
    visitor = account(centre, "xiaowu", [Role.WORKER])
    fill(centre)
    return visitor


def key_of(page: Shown) -> str:
    return re.findall(r'name="key" value="([0-9a-f]+)"', page.text)[0]


def visit(case: int, revision: int, **over: object) -> dict[str, object]:
    return {"key": KEY, "revision": revision, "met": "no", "notice_left": "yes"} | over


def test_signing_in_leads_a_worker_to_tonights_list_by_building(centre: Centre, worker: Visitor) -> None:
    assert worker.get("/").to == "/collect"
    assert worker.get("/collect").to == "/collect/tonight"
    page = worker.get("/collect/tonight").text
    assert re.findall(r"<h2>(3栋|12栋)", page) == ["3栋", "12栋"]
    assert "4 户，5 项任务" in page
    assert "周*" in page
    for _, _, _, name in HOMES:
        assert name not in page
    assert sign_in(centre, "xiaowu").get("/collect/review").status in (403, 404)


def test_no_page_shows_a_number_a_name_or_a_phone(centre: Centre, worker: Visitor) -> None:
    reviewer = account(centre, "zheng", [Role.REVIEWER])
    seen = set()
    for browser in (worker, reviewer):
        todo = ["/collect/tonight", "/collect/review", "/collect/ledger"]
        while todo:
            path = todo.pop()
            page = browser.get(path).text
            for seq, (_, _, _, name) in enumerate(HOMES, 1):
                assert name not in page, path
                assert number(seq) not in page, path
                assert phone(seq) not in page, path
            seen.add(path)
            links = re.findall(r'href="(/collect[^"#?]*)', page)
            todo += [one for one in links if one not in seen and one not in todo]
    assert any("/homes/" in path for path in seen)
    assert any("/cases/" in path for path in seen)


def test_a_name_is_shown_once_for_a_purpose_and_the_look_is_recorded(centre: Centre, worker: Visitor) -> None:
    case = cases(centre)[0]
    page = worker.post(f"/collect/cases/{case.id}/reveal", {"purpose": "find"})
    assert "周伟" in page.text
    assert phone(1) in page.text
    assert number(1) not in page.text, "a worker reads the number from the card"
    (noted,) = [row for row in rows_of(centre, t.audit) if row.act == "reveal"]
    assert (noted.actor, noted.role, noted.purpose) == ("xiaowu", "worker", "find")
    assert noted.about.startswith("persons/")
    assert "周伟" not in worker.get(f"/collect/cases/{case.id}").text
    assert worker.post(f"/collect/cases/{case.id}/reveal", {"purpose": ""}).status == 422
    other = account(centre, "laowang", [Role.WORKER])
    assert other.post(f"/collect/cases/{case.id}/reveal", {"purpose": "find"}).status == 404
    stranger = account(centre, "there", [Role.WORKER], OTHER)
    assert stranger.get(f"/collect/cases/{case.id}").status == 404
    assert len([row for row in rows_of(centre, t.audit) if row.act == "reveal"]) == 1


def test_a_visit_is_logged_with_who_came_and_on_the_whole_household(centre: Centre, worker: Visitor) -> None:
    first, second = cases(centre)[:2]
    form = visit(first.id, first.revision, household="yes", cadre="示例干部", volunteer="示例队员")
    form["appointment"] = "2026-11-24T19:30"
    assert worker.post(f"/collect/cases/{first.id}/visit", form).to == "/collect/tonight?done=visit"
    logged = rows_of(centre, t.visits)
    assert [(row.case, row.met, row.notice_left, row.attempt) for row in logged] == [
        (first.id, False, True, 1),
        (second.id, False, True, 1),
    ]
    assert {row.roles for row in logged} == {"cadre,volunteer,worker"}
    page = worker.get("/collect/tonight").text
    assert page.count("走访未遇 1 次") == 2
    assert "预约 2026-11-24 19:30" in page
    shown = worker.get(f"/collect/cases/{first.id}").text
    assert "走访未遇（第 1 次）" in shown
    assert "示例干部" not in shown


def test_the_same_form_sent_twice_is_one_visit_and_another_with_its_key_is_asked_about(
    centre: Centre, worker: Visitor
) -> None:
    case = cases(centre)[0]
    path = f"/collect/cases/{case.id}/visit"
    form = visit(case.id, case.revision)
    assert worker.post(path, form).to == "/collect/tonight?done=visit"
    assert worker.post(path, form).to == "/collect/tonight?done=visit"
    assert len(rows_of(centre, t.visits)) == 1
    again = worker.post(path, form | {"met": "yes", "revision": case_of(centre, case.id).revision})
    assert again.status == 409
    assert "之前已经提交过" in again.text
    assert key_of(again) != KEY
    other = account(centre, "laowang", [Role.WORKER])
    assert other.post(path, form).status == 409, "a key is of one account"


def test_whoever_comes_second_sees_the_fresh_state_and_keeps_what_they_typed(centre: Centre, worker: Visitor) -> None:
    case = cases(centre)[0]
    path = f"/collect/cases/{case.id}/visit"
    body = {"act": "assign", "revision": case.revision, "to": "xiaowu", "note": "again"}
    done(centre.ask("POST", f"/api/v1/cases/{case.id}/acts", "reviewer-here", body))
    again = worker.post(path, visit(case.id, case.revision, cadre="示例干部"))
    assert again.status == 409
    assert "刚被别人处理过" in again.text
    assert 'value="示例干部"' in again.text
    assert f'name="revision" value="{case.revision + 1}"' in again.text
    assert key_of(again) == KEY
    assert rows_of(centre, t.visits) == []
    sent = worker.post(path, visit(case.id, case.revision + 1, cadre="示例干部"))
    assert sent.to == "/collect/tonight?done=visit"


def test_a_visit_in_the_future_or_without_an_answer_is_not_taken(centre: Centre, worker: Visitor) -> None:
    case = cases(centre)[0]
    wrong = visit(
        case.id, case.revision, at="2026-11-23T23:00", met="", appointment="2026-11-23T20:00", cadre="示例干部"
    )
    page = worker.post(f"/collect/cases/{case.id}/visit", wrong)
    assert page.status == 422
    for said in ("不能晚于现在", "请选一项", "预约时间要晚于现在", 'value="示例干部"', 'value="2026-11-23T23:00"'):
        assert said in page.text
    ahead = visit(case.id, case.revision, at="2026-11-23T21:05")
    assert worker.post(f"/collect/cases/{case.id}/visit", ahead).status == 303, "a phone's clock may be a little ahead"
    assert [row.at for row in rows_of(centre, t.visits)] == [int(centre.clock[0] * 1000)]
    assert rows_of(centre, t.cases)[0].state == "visited"


def test_a_case_is_handed_back_with_a_reason_and_objections_pause_it(centre: Centre, worker: Visitor) -> None:
    first, _, third = cases(centre)[:3]
    act = {"act": "hand_back", "revision": first.revision, "key": KEY}
    blank = worker.post(f"/collect/cases/{first.id}/act", act | {"note": " "})
    assert blank.status == 422
    assert "请写明原因" in blank.text
    given = worker.post(f"/collect/cases/{first.id}/act", act | {"note": "不在本人网格"})
    assert given.to == "/collect/tonight?done=handed_back"
    assert case_of(centre, first.id).state == "open"
    says = {"act": "object", "revision": third.revision, "objection": "not_living_here"}
    assert worker.post(f"/collect/cases/{third.id}/act", says).to == "/collect/tonight?done=objected"
    assert f"/collect/cases/{third.id}" not in worker.get("/collect/tonight").text
    assert worker.post(f"/collect/cases/{third.id}/act", {"act": "dismiss"}).status == 422
    assert worker.post(f"/collect/cases/{cases(centre)[3].id}/act", {"act": "collect", "revision": 2}).status == 409


def test_a_household_is_taken_with_its_visit_and_its_cases(centre: Centre, worker: Visitor) -> None:
    first, second = cases(centre)[:2]
    page = worker.get(f"/collect/homes/{first.dwelling}").text
    seen = re.findall(r'name="case" value="([0-9:]+)"', page)
    assert seen == [f"{one.id}:{one.revision}" for one in (first, second)]
    form = {"key": KEY, "lines": 3, "case": seen, "cadre": "示例干部", "volunteer": "示例队员"}
    form |= line(0, number(1), "周伟", phone=phone(1), category="floating", stay="rented", relation="户主")
    form |= line(1, number(2), "周小敏", category="floating", employment="none")
    form |= line(2, number(90, child_born()), "周小雨", guardian=1)
    sent = worker.post(f"/collect/homes/{first.dwelling}", form)
    assert sent.to == "/collect/tonight?done=household", sent.text
    assert {case_of(centre, one.id).state for one in (first, second)} == {"collected"}
    lives = {row.dwelling: 0 for row in rows_of(centre, t.residents)}
    for row in rows_of(centre, t.residents):
        lives[row.dwelling] += 1
    assert lives[first.dwelling] == 3
    assert {row.roles for row in rows_of(centre, t.visits)} == {"cadre,volunteer,worker"}
    assert worker.post(f"/collect/homes/{first.dwelling}", form).to == "/collect/tonight?done=household"
    assert len(rows_of(centre, t.visits)) == 2
    again = worker.get(f"/collect/homes/{first.dwelling}").text
    assert "已知在住" in again
    assert "周小雨" not in again


def test_a_newborn_without_a_number_is_taken_by_the_day_of_birth(centre: Centre, worker: Visitor) -> None:
    case = cases(centre)[0]
    form = {"key": KEY, "lines": 2} | line(0, number(1), "周伟")
    baby = line(1, "", "周小雨", guardian=1) | {"kind-1": "no-number"}
    page = worker.post(f"/collect/homes/{case.dwelling}", form | baby)
    assert (page.status, 'id="e-born-1"' in page.text) == (422, True)
    page = worker.post(f"/collect/homes/{case.dwelling}", form | baby | {"kind-1": "citizen-id"})
    assert (page.status, 'id="e-number-1"' in page.text) == (422, True)
    sent = worker.post(f"/collect/homes/{case.dwelling}", form | baby | {"born-1": child_born().isoformat()})
    assert sent.to == "/collect/tonight?done=household", sent.text
    assert [row.kind for row in rows_of(centre, t.persons)].count("no-number") == 1


def test_mistakes_of_a_form_stand_at_their_fields_and_nothing_typed_is_lost(centre: Centre, worker: Visitor) -> None:
    case = cases(centre)[0]
    bad = number(1)[:-1] + ("0" if number(1)[-1] != "0" else "1")
    form = {"key": KEY, "lines": 2, "case": f"{case.id}:{case.revision}"}
    form |= line(0, bad, "周伟", employment="employed", phone="call me")
    form |= line(1, number(90, child_born()), "周小雨")
    page = worker.post(f"/collect/homes/{case.dwelling}", form)
    assert page.status == 422
    assert 'id="e-phone-0"' in page.text, "what cannot be read is said first"
    page = worker.post(f"/collect/homes/{case.dwelling}", form | {"phone-0": ""})
    assert page.status == 422
    for wrong in ("number-0", "employer-0", "guardian-1"):
        assert f'id="e-{wrong}"' in page.text
    assert "校验位不对" in page.text
    assert f'value="{bad}"' in page.text
    assert 'value="周小雨"' in page.text
    assert rows_of(centre, t.visits) == []
    more = worker.post(f"/collect/homes/{case.dwelling}", form | {"more": "1"})
    assert more.status == 200
    assert 'name="number-2"' in more.text
    assert f'value="{bad}"' in more.text


def test_a_household_whose_case_changed_meanwhile_is_shown_again_and_nothing_of_it_is_taken(
    centre: Centre, worker: Visitor
) -> None:
    case = cases(centre)[2]
    form = {"key": KEY, "lines": 1, "case": f"{case.id}:{case.revision - 1}"} | line(0, number(3), "阿依古丽·买买提")
    page = worker.post(f"/collect/homes/{case.dwelling}", form)
    assert page.status == 409
    assert "刚被别人处理过" in page.text
    assert f'value="{case.id}:{case.revision}" checked' in page.text
    assert {row.source for row in rows_of(centre, t.residents)} == {"property"}
    wrong = form | {"case": f"{case.id}:{case.revision}"} | line(0, number(50), "别人")
    assert worker.post(f"/collect/homes/{case.dwelling}", wrong).status == 409, "about nobody in the form"
    assert rows_of(centre, t.visits) == []
    assert worker.get("/collect/homes/99999").status == 404
    assert account(centre, "there", [Role.WORKER], OTHER).get(f"/collect/homes/{case.dwelling}").status == 404


def test_the_card_left_behind_names_the_room_and_nobody(centre: Centre, worker: Visitor) -> None:
    page = worker.get(f"/collect/cases/{cases(centre)[0].id}/notice").text
    assert "3栋 2单元 502室" in page
    assert "https://centre.example/me" in page
    assert "是否登记不影响您进出小区" in page
    assert not {"周伟", "周*"} & set(re.findall(r"周\S", page.split("<article")[1]))
    english = worker.get(f"/collect/cases/{cases(centre)[0].id}/notice?lang=en").text
    assert "makes no difference at the gate" in english
    assert TODAY.isoformat() not in english
