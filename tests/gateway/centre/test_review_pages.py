"""The reviewer's pages and the month's ledger over a running centre."""

import http.client
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook

from gateway.centre.pages.collect.ledger import SHOWN
from gateway.store import tables as t
from rules.roles import Role
from tests.browsing import Visitor
from tests.gateway.centre.centres import Centre, running, secret
from tests.gateway.centre.grid import account, case_of, cases, done, fill, line, phone, rows_of
from tests.gateway.centre.office import OTHER, TODAY, number


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    with running(tmp_path) as made:
        account(made, "xiaowu", [Role.WORKER], shown="网格员 小吴")
        fill(made)
        yield made


@pytest.fixture
def reviewer(centre: Centre) -> Visitor:
    return account(centre, "laozheng", [Role.REVIEWER], shown="社区审核员 老郑")


def collect(centre: Centre, browser: Visitor | None = None) -> int:
    """Have the first household collected; the number of its first case."""
    worker = browser or sign(centre)
    first, second = cases(centre)[:2]
    form: dict[str, object] = {"lines": 2, "case": [f"{one.id}:{one.revision}" for one in (first, second)]}
    form |= line(0, number(1), "周大伟", phone="13911112222", category="floating", stay="rented", relation="户主")
    form |= line(1, number(2), "周小敏", category="floating")
    sent = worker.post(f"/collect/homes/{first.dwelling}", form)
    assert sent.to == "/collect/tonight?done=household", sent.text
    return first.id


def sign(centre: Centre) -> Visitor:
    visitor = Visitor(centre.url)
    visitor.sign_in("xiaowu", "a long way home")
    return visitor


def groups(browser: Visitor) -> list[str]:
    """What stands in the queue, by its headings."""
    return re.findall(r"<h2>(待审核|待派发|待报送|待回执)", browser.get("/collect/review").text)


def act(centre: Centre, browser: Visitor, case: int, what: str, **over: object) -> str:
    form = {"act": what, "revision": case_of(centre, case).revision} | over
    return browser.post(f"/collect/review/{case}/act", form).to


def test_a_collected_case_is_reviewed_filed_and_ended_by_a_receipt(centre: Centre, reviewer: Visitor) -> None:
    case = collect(centre)
    assert reviewer.get("/collect").to == "/collect/review"
    assert groups(reviewer) == ["待审核"]
    assert act(centre, reviewer, case, "review") == "/collect/review?done=acted"
    assert act(centre, reviewer, case, "file") == "/collect/review?done=acted"
    assert case_of(centre, case).state == "filed"
    assert re.findall(r"<h2>(待审核|待派发|待报送|待回执)", reviewer.get("/collect/review").text) == [
        "待审核",
        "待回执",
    ]
    form = {"revision": case_of(centre, case).revision, "receipt": "H-1", "since": TODAY.isoformat()}
    late = reviewer.post(f"/collect/review/{case}/receipt", form | {"since": "2026-12-24", "until": "2026-01-01"})
    assert late.status == 422
    assert 'value="H-1"' in late.text
    assert reviewer.post(f"/collect/review/{case}/receipt", form).to == "/collect/review?done=acted"
    assert case_of(centre, case).state == "registered"
    assert [row.receipt for row in rows_of(centre, t.registrations)] == ["H-1"]


def test_differences_are_marked_masked_and_shown_in_full_once_on_record(centre: Centre, reviewer: Visitor) -> None:
    case = collect(centre)
    page = reviewer.get(f"/collect/review/{case}").text
    shown = page.partition("采集前后对照</h2>")[2].partition("</section>")[0]
    assert "改动" in shown
    assert "周大伟" not in page
    assert "13911112222" not in page
    assert phone(1) not in page
    assert "租住" in shown
    plain = reviewer.post(f"/collect/review/{case}/reveal", {"purpose": "check"}).text
    assert "13911112222" in plain
    assert phone(1) in plain
    assert number(1) in plain
    noted = [(row.about.partition("/")[0], row.purpose) for row in rows_of(centre, t.audit) if row.act == "reveal"]
    assert noted == [("persons", "check"), ("cases", "check")]
    assert "read_collected" in [row.act for row in rows_of(centre, t.case_events)]
    assert reviewer.post(f"/collect/review/{case}/reveal", {"purpose": "curious"}).status == 422


def test_whoever_collected_does_not_review_and_is_told_so(centre: Centre) -> None:
    both = account(centre, "both", [Role.WORKER, Role.REVIEWER])
    for one in cases(centre)[:2]:
        body = {"act": "assign", "revision": one.revision, "to": "both"}
        done(centre.ask("POST", f"/api/v1/cases/{one.id}/acts", "reviewer-here", body))
    case = collect(centre, both)
    page = both.get(f"/collect/review/{case}").text
    assert "要由另一位审核员审核" in page
    assert 'name="act" value="review"' not in page
    form = {"act": "review", "revision": case_of(centre, case).revision}
    assert both.post(f"/collect/review/{case}/act", form).status == 409
    assert case_of(centre, case).state == "collected"


def test_acts_need_their_reasons_and_keep_what_was_typed(centre: Centre, reviewer: Visitor) -> None:
    case = collect(centre)
    revision = case_of(centre, case).revision
    path = f"/collect/review/{case}/act"
    assert "请写明原因" in reviewer.post(path, {"act": "return", "revision": revision, "note": " "}).text
    assert "请选一项" in reviewer.post(path, {"act": "dismiss", "revision": revision, "dismissal": "because"}).text
    assert reviewer.post(path, {"act": "assign", "revision": revision, "to": ""}).status == 422
    assert reviewer.post(path, {"act": "register", "revision": revision}).status == 422
    stale = reviewer.post(path, {"act": "return", "revision": revision - 1, "note": "电话缺一位"})
    assert stale.status == 409
    assert "电话缺一位" in stale.text
    assert reviewer.post(path, {"act": "return", "revision": revision, "note": "电话缺一位"}).status == 303
    assert case_of(centre, case).state == "assigned"
    other = cases(centre)[2]
    unknown = reviewer.post(
        f"/collect/review/{other.id}/act", {"act": "assign", "revision": other.revision, "to": "me"}
    )
    assert unknown.status == 409, "there is no such worker"
    dismissed = act(centre, reviewer, other.id, "dismiss", dismissal="visiting_relatives", note="女儿家")
    assert dismissed == "/collect/review?done=acted"
    assert "走亲访友" in reviewer.get(f"/collect/review/{other.id}").text
    stranger = account(centre, "there", [Role.REVIEWER], OTHER)
    assert stranger.get(f"/collect/review/{case}").status == 404
    assert stranger.post(path, {"act": "review", "revision": 1}).status == 404


def test_an_objection_stands_first_and_is_resolved_with_what_was_found(centre: Centre, reviewer: Visitor) -> None:
    last = cases(centre)[4]
    says = {"act": "object", "revision": last.revision, "objection": "not_living_here"}
    assert sign(centre).post(f"/collect/cases/{last.id}/act", says).status == 303
    queue = reviewer.get("/collect/review").text
    assert "本人有异议" in queue
    assert "我不住这里" in queue
    assert act(centre, reviewer, last.id, "resolve", note="核实确住") == "/collect/review?done=acted"
    assert "本人有异议" not in reviewer.get("/collect/review").text


def test_a_slip_is_sent_by_the_reviewer_or_withdrawn_with_a_reason(centre: Centre, reviewer: Visitor) -> None:
    worker = sign(centre)
    for one in cases(centre)[2:4]:
        sent = worker.post(
            f"/collect/cases/{one.id}/visit", {"revision": one.revision, "met": "no", "notice_left": "yes"}
        )
        assert sent.status == 303
    centre.clock[0] += 86_400
    for one in cases(centre)[2:4]:
        again = {"revision": one.revision, "met": "no", "notice_left": "yes"}
        assert worker.post(f"/collect/cases/{one.id}/visit", again).to.startswith(("/collect", "/sign-in"))
    slips = {row.case: row for row in rows_of(centre, t.alerts)}
    assert {row.state for row in slips.values()} == {"proposed"}, "the short policy proposes it"
    fresh = Visitor(centre.url)
    fresh.sign_in("laozheng", "a long way home")
    first, second = sorted(slips)[:2]
    page = fresh.get(f"/collect/review/{first}").text
    assert "报派出所协助" in page
    form = {"do": "send", "revision": slips[first].revision}
    assert fresh.post(f"/collect/review/{first}/slip", form).to == "/collect/review?done=acted"
    assert fresh.post(f"/collect/review/{first}/slip", form | {"key": "0" * 32}).status == 409
    assert fresh.post(f"/collect/review/{second}/slip", {"do": "withdraw", "revision": 1}).status == 422
    gone = {"do": "withdraw", "revision": slips[second].revision, "why": "已自行登记"}
    assert fresh.post(f"/collect/review/{second}/slip", gone).status == 303
    assert {row.case: row.state for row in rows_of(centre, t.alerts)} == {first: "sent", second: "closed"}


def test_the_ledger_has_ones_own_work_in_ones_own_columns(centre: Centre, reviewer: Visitor) -> None:
    case = collect(centre)
    act(centre, reviewer, case, "review")
    worker = sign(centre)
    page = worker.get("/collect/ledger").text
    assert page.count("<tr>") - 1 == 4, "two visits, two collections"
    assert ">审核<" not in page
    assert "2026-11 台账" in page
    assert "周大伟" not in page
    everybody = reviewer.get("/collect/ledger").text
    assert everybody.count("<tr>") - 1 == 5
    assert ">审核<" in everybody
    places = {"place-room": 1, "place-at": 2, "place-what": 3, "place-who": "0"}
    assert worker.post("/collect/ledger", places).to == "/collect/ledger"
    heads = re.findall(r'<th scope="col">([^<]+)', worker.get("/collect/ledger").text)
    assert heads == ["房号", "时间", "事项"]
    assert "这个月还没有记录" in worker.get("/collect/ledger?month=2026-10").text
    assert worker.get("/collect/ledger?month=nonsense").status == 200
    other = account(centre, "laowang", [Role.WORKER])
    assert "这个月还没有记录" in other.get("/collect/ledger").text


def test_a_long_month_shows_its_newest_lines_and_how_many_there_are(centre: Centre, reviewer: Visitor) -> None:
    case = collect(centre)
    with centre.database().write() as connection:
        event = {"case": case, "actor": "xiaowu", "act": "collect", "state": "collected", "note": ""}
        first = int(centre.clock[0] * 1000) - 86_400_000
        connection.execute(t.case_events.insert(), [event | {"at": first + n} for n in range(SHOWN)])
    page = reviewer.get("/collect/ledger").text
    assert page.count("<tr>") - 1 == SHOWN
    assert f"{SHOWN + 4} 条" in page
    assert ">走访<" in page, "the visits are the newest"


def test_the_ledger_is_exported_as_it_stands_and_that_is_on_record(centre: Centre, reviewer: Visitor) -> None:
    collect(centre)
    reply = centre.ask("GET", "/collect/ledger/export?month=2026-11", "reviewer-here")
    assert reply.status == 200
    book = load_workbook(io.BytesIO(raw(centre, "/collect/ledger/export?month=2026-11")), read_only=True)
    rows = [[cell.value for cell in row] for row in book.active.rows]
    assert rows[0][:3] == ["时间", "事项", "楼栋"]
    assert len(rows) == 5
    assert "周大伟" not in str(rows)
    assert [row.about for row in rows_of(centre, t.audit) if row.act == "export"] == ["ledger/2026-11"] * 2
    assert reviewer.get("/collect/ledger").status == 200


def raw(centre: Centre, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", centre.process.port, timeout=20)
    connection.request("GET", path, headers={"Authorization": f"Bearer {secret('reviewer-here')}"})
    found = connection.getresponse().read()
    connection.close()
    return found
