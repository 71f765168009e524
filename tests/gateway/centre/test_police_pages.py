"""The pages of a police station over a running centre: inbox, answers with reasons, lists, receipts, webhook."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook

from gateway.keys import write_secret
from gateway.store import tables as t
from rules.roles import Role
from simulators.receiver import Receiver
from tests.browsing import Shown, Visitor
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.office import NOW, OTHER_POLICE, POLICE, TODAY, YUAN, number
from tests.gateway.centre.station_desk import PEOPLE, account, sent_slips
from tests.gateway.centre.test_webhooks import SECRET, written
from tests.waiting import until

BOUNDARY = "xq-boundary"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Centre]:
    folder = tmp_path_factory.mktemp("station")
    write_secret(folder / "one.secret", written(SECRET))
    hook = f'[[police]]\nname = "{OTHER_POLICE}"\nroutes = [{{ kind = "webhook", url = "{receiver.url}",'
    with running(folder, more=f'{hook} secret_file = "one.secret", allow_internal = true }}]\n') as one:
        yield one


@pytest.fixture(scope="module")
def officer(centre: Centre) -> Visitor:
    return account(centre, "min-jing", Role.POLICE, POLICE, "社区民警 赵")


@pytest.fixture(scope="module")
def colleague(centre: Centre) -> Visitor:
    return account(centre, "min-jing-2", Role.POLICE, POLICE, "社区民警 钱")


@pytest.fixture(scope="module")
def elsewhere(centre: Centre) -> Visitor:
    return account(centre, "he-kou", Role.POLICE, OTHER_POLICE, "社区民警 孙")


@pytest.fixture
def slips(centre: Centre) -> list[str]:
    """Slips of a centre that had none."""
    with centre.database().write() as connection:
        for name in (
            "alerts",
            "visits",
            "case_events",
            "cases",
            "police_lists",
            "webhook_events",
            "registrations",
            "audit",
        ):
            connection.execute(t.metadata.tables[name].delete())
    centre.clock[0] = NOW.timestamp()
    return sent_slips(centre)


def answered(visitor: Visitor, slip: str, answer: str, **form: str) -> Shown:
    page = visitor.get(f"/police/slips/{slip}").text
    revision = re.findall(r'name="revision" value="(\d+)"', page)
    said: dict[str, object] = {"answer": answer, "revision": revision[0] if revision else 1}
    return visitor.post(f"/police/slips/{slip}/answer", said | form)


def put_in(visitor: Visitor, data: bytes, community: str = YUAN) -> Shown:
    """Put a file of receipts in, as the form does."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="community"\r\n\r\n{community}\r\n'.encode(),
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.xlsx"\r\n\r\n'.encode() + data,
        f"\r\n--{BOUNDARY}--\r\n".encode(),
    ]
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Origin": visitor.site}
    return visitor.ask("POST", "/police/receipts", b"".join(parts).decode("latin-1"), kind)


def test_the_inbox_has_what_is_open_oldest_first_and_neither_full_name_nor_number(
    officer: Visitor, slips: list[str]
) -> None:
    page = officer.get("/police").text
    assert re.findall(r'<a href="/police/slips/([0-9A-F-]+)"', page) == slips
    assert "江湾派出所" in page
    assert "周*" in page
    for at in ("/police", "/police/slips", f"/police/slips/{slips[0]}", f"/police/slips/{slips[0]}?lang=en"):
        text = officer.get(at).text
        assert not any(name in text for name, *_ in PEOPLE), at
        assert not any(number(seq) in text for seq in range(1, len(PEOPLE) + 1)), at
        assert "502室" not in text, at
    officer.get("/police?lang=zh")


def test_a_slip_says_what_where_since_when_what_was_done_and_how_sure(officer: Visitor, slips: list[str]) -> None:
    page = officer.get(f"/police/slips/{slips[0]}").text
    for words in ("什么事、什么人", "地点", "从何时起", "社区做了什么", "有多大把握", "滨河苑", "3栋2单元***"):
        assert words in page
    assert "共1次：" in page
    assert "温馨提示卡" in page
    assert "据申报或走访" in page


def test_a_name_is_shown_when_it_is_asked_for_and_that_is_noted(
    centre: Centre, officer: Visitor, slips: list[str]
) -> None:
    shown = officer.post(f"/police/slips/{slips[0]}/reveal", {}).text
    assert "周伟" in shown
    assert number(1) in shown
    assert "3栋2单元502室" in shown
    part = officer.post(f"/police/slips/{slips[0]}/reveal", {}, **{"HX-Request": "true"}).text
    assert part.lstrip().startswith("<section")
    assert "周伟" not in officer.get(f"/police/slips/{slips[0]}").text
    printed = officer.post(f"/police/slips/{slips[0]}/print", {}).text
    assert number(1) in printed
    with centre.database().read() as connection:
        rows = connection.execute(t.audit.select().where(t.audit.c.about == f"alerts/{slips[0]}")).all()
        events = connection.execute(t.case_events.select().where(t.case_events.c.act == "read_particulars")).all()
    assert {(row.actor, row.role, row.act, row.community) for row in rows} == {("min-jing", "police", "reveal", YUAN)}
    assert len(events) == 3, "twice on the page, once to print"


def test_each_answer_needs_a_reason_and_what_was_typed_stays(officer: Visitor, slips: list[str]) -> None:
    for answer, form, said in (
        ("acknowledged", {}, "请选一条理由"),
        ("handled", {"reason": "at_home"}, "须填回执号"),
        ("returned", {"reason": "other", "note": " "}, "请在说明中写明"),
        ("wrong", {"reason": "at_home", "note": "门牌<不符>"}, "请选一条理由"),
        ("wrong", {"reason": "number", "note": "长" * 401}, "太长了"),
        ("handled", {"reason": "at_home", "receipt": "H" * 65}, "太长了"),
    ):
        page = answered(officer, slips[0], answer, **form)
        assert page.status == 422, answer
        assert said in page.text
    assert "门牌&lt;不符&gt;" in answered(officer, slips[0], "wrong", reason="", note="门牌<不符>").text
    assert answered(officer, slips[0], "closed", reason="number").status == 422
    assert 'value="H-9"' in answered(officer, slips[0], "handled", receipt="H-9").text


def test_answers_are_kept_with_reason_and_who_and_lead_where_they_should(
    centre: Centre, officer: Visitor, slips: list[str]
) -> None:
    for slip, answer, form in (
        (slips[0], "acknowledged", {"reason": "visit"}),
        (slips[0], "handled", {"reason": "at_home", "receipt": "HZ-100", "note": "租赁合同已看"}),
        (slips[1], "returned", {"reason": "not_met"}),
        (slips[2], "wrong", {"reason": "other", "note": "已搬走"}),
    ):
        assert answered(officer, slip, answer, **form).to == f"/police/slips/{slip}"
    with centre.database().read() as connection:
        rows = {row.slip: row for row in connection.execute(t.alerts.select()).all()}
        registered = connection.execute(t.registrations.select().where(t.registrations.c.receipt == "HZ-100")).all()
    first = rows[slips[0]]
    assert (first.state, first.answer, first.receipt) == ("closed", "handled", "HZ-100")
    assert (first.answered_by, first.note) == ("社区民警 赵 (min-jing)", "上门核查时已登记：租赁合同已看")
    assert len(registered) == 1, "the person is registered by the answer"
    assert (rows[slips[1]].state, rows[slips[1]].note) == ("returned", "多次上门未见，请社区约定时间")
    assert (rows[slips[2]].state, rows[slips[2]].note) == ("closed", "已搬走")
    inbox = officer.get("/police").text
    assert re.findall(r'<a href="/police/slips/([0-9A-F-]+)"', inbox) == [slips[3]]
    every = officer.get("/police/slips").text
    assert re.findall(r'<a href="/police/slips/([0-9A-F-]+)"', every) == list(reversed(slips))
    assert "HZ-100" in every
    closed = officer.get(f"/police/slips/{slips[0]}").text
    assert 'id="answer"' not in closed, "what is settled takes no answer"


def test_the_second_of_two_officers_sees_what_the_first_did_and_loses_nothing(
    officer: Visitor, colleague: Visitor, slips: list[str]
) -> None:
    page = colleague.get(f"/police/slips/{slips[0]}").text
    revision = re.findall(r'name="revision" value="(\d+)"', page)[0]
    assert answered(officer, slips[0], "acknowledged", reason="visit").status == 303
    late: dict[str, object] = {"answer": "returned", "revision": revision, "reason": "not_ours", "note": "属河口所"}
    told = colleague.post(f"/police/slips/{slips[0]}/answer", late)
    assert told.status == 409
    assert "社区民警 赵 (min-jing)" in told.text
    assert "属河口所" in told.text
    assert re.search(r'value="not_ours"[^>]* checked', told.text)
    fresh = re.findall(r'name="revision" value="(\d+)"', told.text)[0]
    assert fresh != revision
    assert colleague.post(f"/police/slips/{slips[0]}/answer", late | {"revision": fresh}).status == 303
    gone = officer.post(f"/police/slips/{slips[0]}/answer", late | {"revision": fresh, "note": "我也写了一段"})
    assert gone.status == 409
    assert "我也写了一段" in gone.text
    assert "退回" in gone.text


def test_nobody_sees_slips_lists_or_receipts_of_another_station(elsewhere: Visitor, slips: list[str]) -> None:
    assert slips[0] not in elsewhere.get("/police").text + elsewhere.get("/police/slips").text
    assert elsewhere.get(f"/police/slips/{slips[0]}").status == 404
    for act in ("reveal", "print"):
        assert elsewhere.post(f"/police/slips/{slips[0]}/{act}", {}).status == 404
    assert answered(elsewhere, slips[0], "acknowledged", reason="visit").status == 404
    assert put_in(elsewhere, b"x", YUAN).status == 422


def test_from_an_older_part_one_comes_back_to_the_newest(officer: Visitor, slips: list[str]) -> None:
    older = officer.get("/police/slips?before=999999").text
    back = re.findall(r'<p class="pager"><a class="button" href="([^"]+)"', older)
    assert len(back) == 1
    assert slips[0] in officer.get(back[0]).text


def test_the_duty_desk_sees_counts_alone(centre: Centre, slips: list[str]) -> None:
    duty = account(centre, "zhi-ban", Role.DUTY, POLICE, "值班室")
    page = duty.get("/police").text
    assert slips[0] not in page
    assert re.findall(r'<dd class="figure[^"]*">([^<]*)', page)[:2] == [str(len(slips)), "0"]
    assert duty.get(f"/police/slips/{slips[0]}").status == 403
    assert duty.get("/police/lists").status == 403


def test_a_list_is_made_taken_filled_in_and_comes_back_as_receipts(
    centre: Centre, officer: Visitor, elsewhere: Visitor, slips: list[str], tmp_path: Path
) -> None:
    assert officer.post("/police/lists", {}).to == "/police/lists"
    assert f"/police/lists/{TODAY}/checklist" in officer.get("/police/lists").text
    assert officer.get("/police/lists/2020-01-01/checklist").status == 404
    assert elsewhere.get(f"/police/lists/{TODAY}/checklist").status == 404
    assert officer.get(f"/police/lists/{TODAY}/signature").status == 200
    with centre.database().read() as connection:
        noted = connection.execute(t.audit.select().where(t.audit.c.act == "export")).all()
    assert [(row.actor, row.about) for row in noted] == [("min-jing", f"police_lists/{POLICE}/{TODAY}")]
    book = load_workbook(centre.settings.data / "police" / POLICE / str(TODAY) / f"checklist-{POLICE}-{TODAY}.xlsx")
    sheet = book.worksheets[0]
    head = [cell.value for cell in sheet[1]]
    rows = {sheet.cell(at, head.index("单号") + 1).value: at for at in range(2, len(slips) + 2)}
    for slip, result in ((slips[0], "办结反馈"), (slips[1], "退回"), (slips[2], "没有这种结果"), (slips[3], "签收")):
        sheet.cell(rows[slip], head.index("办理结果") + 1, result)
        sheet.cell(rows[slip], head.index("经办人") + 1, "示例民警")
    filled = io.BytesIO()
    book.save(filled)
    kept = put_in(officer, filled.getvalue())
    assert kept.status == 303
    until(lambda: "已检查" in officer.get(kept.to).text, what="the check of the receipts")
    checked = officer.get(kept.to).text
    assert "不是可填的选项" in checked
    assert "确认导入 3 行" in checked
    assert slips[0] in officer.get("/police").text, "nothing has changed yet"
    assert elsewhere.get(kept.to).status == 404
    assert officer.post(f"{kept.to}/take", {}).to == kept.to
    until(lambda: "已导入" in officer.get(kept.to).text, what="the receipts taken")
    inbox = re.findall(r'<a href="/police/slips/([0-9A-F-]+)"', officer.get("/police").text)
    assert inbox == [slips[2], slips[3]]
    assert officer.post(f"{kept.to}/take", {}).status == 409, "nothing is taken twice"


def test_receipts_that_are_no_file_or_of_no_place_are_said_in_the_form(officer: Visitor) -> None:
    assert "请选择填好的文件" in put_in(officer, b"").text
    assert "请选本所的一个小区" in put_in(officer, b"x", "other-yuan").text
    kept = put_in(officer, b"neither Excel nor anything")
    until(lambda: "未导入" in officer.get(kept.to).text, what="the end of what is no list")
    assert "没有找到表头" in officer.get(kept.to).text
    assert officer.get("/police/receipts/99999").status == 404
    assert officer.get("/police/receipts/template").status == 200


def test_the_station_tries_its_own_webhook_and_sees_what_came_of_it(
    centre: Centre, officer: Visitor, elsewhere: Visitor, receiver: Receiver
) -> None:
    assert elsewhere.post("/police/deliveries/test", {}).to == "/police/deliveries"
    until(lambda: "已送达" in elsewhere.get("/police/deliveries").text, what="the test event")
    page = elsewhere.get("/police/deliveries").text
    assert f"127.0.0.1:{receiver.port}" in page
    assert "xiaoqu.test" in page
    assert "police-there" in page, "the station's client of the API"
    assert "police-here" not in page
    none = officer.get("/police/deliveries").text
    assert "此派出所未设推送地址" in none
    assert officer.post("/police/deliveries/test", {}).status == 409
