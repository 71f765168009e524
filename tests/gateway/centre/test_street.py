"""The street's pages over a running centre, and that its account reaches the communities of its street alone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.centre.accounts.book import Accounts, NotAllowed
from gateway.centre.audit import Who
from gateway.store import tables as t
from gateway.store.queries import places
from rules.quality import bursts
from rules.roles import Role
from tests.browsing import Visitor
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.grid import HOMES, account, case_of, cases, fill, line, phone, rows_of, sign_in
from tests.gateway.centre.office import MASTER, OTHER, TODAY, YUAN, number

STREET = "江湾街道"


@dataclass
class Town:
    """A centre whose second compound is of another street, and somebody of the first street."""

    centre: Centre
    street: Visitor


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with running(tmp_path, street_there="沿江街道") as centre:
        account(centre, "xiaowu", [Role.WORKER], shown="网格员 小吴")
        account(centre, "laowang", [Role.WORKER], shown="网格员 老王")
        fill(centre)
        fill(centre, community=OTHER, first=20, worker="there")
        yield Town(centre, account(centre, "jiedao", [Role.STREET], STREET))


def test_an_account_of_a_street_reaches_its_communities_alone(town: Town) -> None:
    assert town.street.get("/").to == "/street"
    page = town.street.get("/street").text
    assert "滨河苑" in page
    assert "沿江苑" not in page
    assert page.count('name="case"') == len(HOMES)
    (theirs,) = cases(town.centre, OTHER)[:1]
    api = "/api/v1/cases"
    assert {one["community"] for one in town.street.get_json(api)} == {YUAN}
    assert town.street.get(f"{api}/{theirs.id}/events").status == 404
    assert town.street.get(f"{api}/{cases(town.centre)[0].id}/events").status == 200
    assert {one["community"] for one in town.street.get_json("/api/v1/indicators")} <= {"", YUAN}
    form = {"community": OTHER, "to": "there", "case": f"{theirs.id}:{theirs.revision}"}
    assert town.street.post("/street/dispatch", form).status == 404
    for path in ("/street/quality", "/street/report"):
        assert "沿江苑" not in town.street.get(path).text
    nobody = account(town.centre, "elsewhere", [Role.STREET], "没有的街道")
    assert nobody.get("/street").text.count('name="case"') == 0
    assert nobody.get_json(api) == []
    assert places.of_street(town.centre.database(), STREET) == (YUAN,)
    book, who = Accounts(MASTER, district=False), Who("test", "security", 1)
    with town.centre.database().write() as connection, pytest.raises(NotAllowed, match="scope"):
        book.add(connection, who, "everywhere", "", [Role.STREET])


def test_cases_are_dispatched_and_given_to_somebody_else(town: Town) -> None:
    first, second, third = cases(town.centre)[:3]
    form = {"community": YUAN, "case": [f"{one.id}:{one.revision}" for one in (first, second)]}
    missing = town.street.post("/street/dispatch", form | {"to": ""})
    assert missing.status == 422
    assert missing.text.count("checked") == 2
    assert town.street.post("/street/dispatch", form | {"to": "there"}).status == 422, "no worker of that community"
    assert town.street.post("/street/dispatch", form | {"to": "laowang"}).to == "/street?which=&done=sent_to"
    assert {row.id: row.collector for row in rows_of(town.centre, t.cases) if row.id in (first.id, second.id)} == {
        first.id: "laowang",
        second.id: "laowang",
    }
    stale = town.street.post(
        "/street/dispatch",
        {"community": YUAN, "to": "xiaowu", "case": [f"{first.id}:1", f"{third.id}:{third.revision}"]},
    )
    assert stale.status == 409
    assert "派发了 1 项；1 项刚被别人处理过" in stale.text
    assert f'value="{first.id}:{case_of(town.centre, first.id).revision}" checked' in stale.text
    assert case_of(town.centre, third.id).revision == third.revision + 1


def test_what_is_overdue_or_has_nobody_is_counted_and_listed(town: Town) -> None:
    handed = cases(town.centre)[0]
    act = {"act": "hand_back", "revision": handed.revision, "note": "不在本人网格"}
    assert sign_in(town.centre, "xiaowu").post(f"/collect/cases/{handed.id}/act", act).status == 303
    listed = town.street.get("/street?which=unassigned").text
    assert re.findall(r'name="case" value="(\d+)', listed) == [str(handed.id)]
    assert town.street.get("/street?which=late").text.count('name="case"') == 0
    town.centre.clock[0] += 3 * 86_400
    street = sign_in(town.centre, "jiedao")
    assert street.get("/street?which=late").text.count('name="case"') == len(HOMES)
    assert "超期（2026-11-23）" in street.get("/street").text
    for _, _, _, name in HOMES:
        assert name not in listed


def test_hints_say_what_is_worth_a_look_and_name_nobody(town: Town) -> None:
    worker = sign_in(town.centre, "xiaowu")
    home = cases(town.centre)[2]
    form: dict[str, object] = {"lines": 6, "case": f"{home.id}:{home.revision}"}
    form |= line(0, number(3), "阿依古丽·买买提", phone=phone(77))
    for n in range(1, 6):
        form |= line(n, number(60 + n), f"租客{n}", phone=phone(77))
    assert worker.post(f"/collect/homes/{home.dwelling}", form).status == 303
    first = cases(town.centre)[0]
    body = {"act": "collect", "revision": first.revision}
    assert town.centre.ask("POST", f"/api/v1/cases/{first.id}/acts", "reviewer-here", body).status == 200
    said = {"community": YUAN, "building": "12栋", "unit": "1单元", "room": "302室", "day": TODAY.isoformat()}
    said |= {"number": number(5), "name": "何建国"}
    assert town.centre.ask("POST", "/api/v1/declarations", None, said).status == 201
    declared = f"/api/v1/communities/{YUAN}/declarations/{rows_of(town.centre, t.declarations)[0].id}/confirm"
    assert town.centre.ask("POST", declared, "reviewer-here").status == 200
    assert cases(town.centre)[4].state == "collected"
    page = town.street.get("/street/quality").text
    assert "302室" not in page, "a declaration needs no visit"
    assert "6 人" in page
    assert "3栋 2单元 502室 · reviewer-here" in page, "collected without a visit"
    assert "3栋 2单元 1002室 · xiaowu" not in page
    assert phone(77) not in page
    assert "租客1" not in page
    assert "没有待抽查的核销" in page


def test_more_than_ten_records_within_ten_minutes_are_one_span() -> None:
    minute = 60_000
    slow = [n * minute for n in range(0, 30, 2)]
    assert bursts(slow) == []
    assert bursts([n * minute for n in range(11)]) == [(0, 10 * minute, 11)]
    assert bursts([n * minute for n in range(10)]) == []
    quick = [*(n * 1000 for n in range(15)), *(3_600_000 + n * 1000 for n in range(11))]
    assert bursts(quick) == [(0, 14_000, 15), (3_600_000, 3_610_000, 11)]


def test_a_dismissal_is_looked_at_again_without_its_reason(town: Town) -> None:
    one = cases(town.centre)[3]
    body = {"act": "dismiss", "revision": one.revision, "dismissal": "visiting_relatives"}
    assert town.centre.ask("POST", f"/api/v1/cases/{one.id}/acts", "reviewer-here", body).status == 200
    with town.centre.database().write() as connection:
        draw = {"month": TODAY, "seed": "x", "population": 1, "cases": [one.id], "drawn": 1}
        number_of = connection.execute(t.draws.insert().values(**draw).returning(t.draws.c.id)).scalar_one()
        connection.execute(t.blind_checks.insert().values(draw=number_of, case=one.id))
    assert [row["case"] for row in town.street.get_json("/api/v1/blind-checks")] == [one.id]
    page = town.street.get("/street/quality").text
    assert "12栋 1单元 101室" in page
    assert "走亲访友" not in page
    check = rows_of(town.centre, t.blind_checks)[0].id
    blank = town.street.post(f"/street/checks/{check}", {"upheld": "no", "note": ""})
    assert blank.status == 422
    found = {"upheld": "no", "note": "住户确认长期居住"}
    assert town.street.post(f"/street/checks/{check}", found).to == "/street/quality?done=checked"
    assert case_of(town.centre, one.id).state == "open"
    assert town.street.post(f"/street/checks/{check}", found).status == 409
    other = account(town.centre, "elsewhere", [Role.STREET], "沿江街道")
    assert other.post(f"/street/checks/{check}", found).status == 404


def test_the_weeks_report_counts_what_was_done_and_can_be_signed(town: Town) -> None:
    worker, case = sign_in(town.centre, "xiaowu"), cases(town.centre)[3]
    visit = {"revision": case.revision, "met": "yes", "cadre": "示例干部", "volunteer": "示例队员"}
    assert worker.post(f"/collect/cases/{case.id}/visit", visit).status == 303
    page = town.street.get("/street/report").text
    row = re.findall(r'<th scope="row">滨河苑</th>(.*?)</tr>', page, re.DOTALL)[0]
    figures = [int(one) for one in re.findall(r"<div>(\d+)</div>", row)]
    assert figures == [5, 0, 0, 5, 0, 1, 1, 1, 0]
    assert "占 100.00 %" in page
    assert "江湾街道实有人口登记工作每周通报" in page
    assert "签发：" in page
    assert "这一周还没有结束" in page
    assert "示例干部" not in page
    before = town.street.get(f"/street/report?week={TODAY - timedelta(days=7)}").text
    assert "2026-11-16 至 2026-11-22" in before
    assert "这一周还没有结束" not in before
    assert [int(one) for one in re.findall(r"<div>(\d+)</div>", before.partition("滨河苑</th>")[2])][:8] == [0] * 8
    assert town.street.get("/street/report?week=soon").status == 200


def test_a_slip_that_the_community_left_is_the_streets_to_decide(town: Town) -> None:
    worker, one = sign_in(town.centre, "xiaowu"), cases(town.centre)[3]
    town.centre.clock[0] += 86_400
    worker = sign_in(town.centre, "xiaowu")
    visit = {"revision": one.revision, "met": "no", "notice_left": "yes"}
    assert worker.post(f"/collect/cases/{one.id}/visit", visit).status == 303
    (slip,) = rows_of(town.centre, t.alerts)
    assert slip.state == "proposed"
    street = sign_in(town.centre, "jiedao")
    early = street.post(f"/street/slips/{slip.slip}", {"do": "send", "revision": slip.revision})
    assert early.status == 409, "the community decides it first"
    with town.centre.database().write() as connection:
        connection.execute(t.alerts.update().values(level="street", revision=slip.revision + 1))
    assert slip.slip in street.get("/street").text
    blank = {"do": "withdraw", "revision": slip.revision + 1, "why": ""}
    assert street.post(f"/street/slips/{slip.slip}", blank).status == 422
    sent = street.post(f"/street/slips/{slip.slip}", {"do": "send", "revision": slip.revision + 1})
    assert sent.to == "/street?done=slip_sent"
    assert rows_of(town.centre, t.alerts)[0].state == "sent"
    other = account(town.centre, "elsewhere", [Role.STREET], "沿江街道")
    assert other.post(f"/street/slips/{slip.slip}", {"do": "withdraw", "revision": 1, "why": "x"}).status == 404
