"""Lists over the API: a template that is taken as it is, problems in words, exports that come back unchanged."""

import http.client
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from openpyxl import load_workbook

from gateway.centre.lists.forms import FORMS, Kind
from gateway.centre.lists.sheet import rows_of
from gateway.store import tables as t
from tests.gateway.centre.centres import Centre, running, secret
from tests.gateway.centre.office import TODAY, YUAN, number
from tests.gateway.centre.sheets import excel, separated
from tests.waiting import until

HERE = f"/api/v1/communities/{YUAN}/lists"
A = number(1)
HOMES = excel(("楼栋", "单元", "房号"), ("3栋", "2单元", "501室"), ("3栋", "2单元", "502室"))
HEAD = ("姓名", "身份证号码", "楼栋", "单元", "房号", "联系电话", "婚姻状况")


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running(tmp_path_factory.mktemp("centre")) as one:
        taken(one, "dwellings", HOMES)
        yield one


def checked(centre: Centre, kind: str, data: bytes, client: str = "reviewer-here", query: str = "") -> Any:
    sent = centre.ask("POST", f"{HERE}/{kind}{query}", client, raw=data)
    assert sent.status == 202, sent.text
    path = f"{HERE}/{sent.json['id']}"
    ended = ("checked", "refused")
    until(lambda: centre.ask("GET", path, client).json["state"] in ended, what="a list that is checked")
    return centre.ask("GET", path, client).json


def taken(centre: Centre, kind: str, data: bytes, client: str = "reviewer-here", query: str = "") -> Any:
    run = checked(centre, kind, data, client, query)
    path = f"{HERE}/{run['id']}"
    assert centre.ask("POST", f"{path}/take", client).status == 202
    until(lambda: centre.ask("GET", path, client).json["state"] == "taken", what="a list that is taken")
    return centre.ask("GET", path, client).json


def file_of(centre: Centre, path: str, client: str = "reviewer-here") -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", centre.process.port, timeout=10)
    connection.request("GET", path, headers={"Authorization": f"Bearer {secret(client)}"})
    reply = connection.getresponse()
    data = reply.read()
    connection.close()
    assert reply.status == 200, data
    assert reply.headers["Cache-Control"] == "no-store"
    return data


@pytest.mark.parametrize("kind", [one.value for one in Kind])
def test_a_template_has_every_heading_and_says_what_may_stand_there(centre: Centre, kind: str) -> None:
    client = "property-here" if kind == "visitors" else "administrator-here"
    data = file_of(centre, f"{HERE}/{kind}/template", client)
    ((_, cells),) = rows_of(data)
    assert list(cells) == [column.headings[0] for column in FORMS[Kind(kind)].columns]
    notes = load_workbook(io.BytesIO(data)).worksheets[1]
    assert notes.max_row == len(cells)


def test_what_is_wrong_is_said_in_the_users_words_and_never_quoted(centre: Centre) -> None:
    bad = A[:-1] + ("0" if A[-1] != "0" else "1")
    married = ("测试甲", bad, "3栋", "2单元", "501室", "", "已婚")
    run = checked(centre, "residents", excel(HEAD, married, ("测试乙", number(2), "3栋", "2单元", "999室", "", "")))
    assert (run["bad"], run["dropped"], run["dropped_because"]) == (2, ["婚姻状况"], "该列与居住登记无关，未导入")
    said = centre.ask("GET", f"{HERE}/{run['id']}/rows", "reviewer-here").json
    assert [(row["row"], row["column"], row["said"]) for row in said] == [
        (2, "证件号码", "证件号码校验位不对，请核对原件"),
        (3, "房号", "没有这个房号，请先导入房屋"),
    ]
    english = centre.ask("GET", f"{HERE}/{run['id']}/rows?lang=en&after={said[0]['id']}", "reviewer-here").json
    assert [row["said"] for row in english] == ["There is no such room: import the dwellings first"]
    assert bad not in centre.ask("GET", f"{HERE}/{run['id']}/rows", "reviewer-here").text


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_an_export_comes_back_and_changes_nothing(centre: Centre, form: str) -> None:
    names = ("=HYPERLINK(1)", "+86甲", "-乙", "@丙")
    rows = [(name, number(i), "3栋", "2单元", "501室", "+8613800000000", "") for i, name in enumerate(names, 10)]
    taken(centre, "residents", separated(HEAD, *[(f"'{row[0]}", *row[1:5], f"'{row[5]}", "") for row in rows]))
    data = file_of(centre, f"{HERE}/residents/export?purpose=%E6%A0%B8%E5%AF%B9&format={form}")
    found = [cells[0] for _, cells in rows_of(data)]
    assert {str(name).removeprefix("'") for name in found} >= set(names)
    if form == "csv":
        texts = [str(cell) for _, cells in rows_of(data) for cell in cells]
        assert not [text for text in texts if text.startswith(("=", "+", "-", "@"))]
    else:
        sheet = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml")
        assert b"<f>" not in sheet
    run = checked(centre, "residents", data)
    assert (run["bad"], run["fresh"], run["changed"], run["good"]) == (0, 0, 0, len(found) - 1)


def test_who_took_an_export_and_what_for_is_noted(centre: Centre) -> None:
    assert centre.ask("GET", f"{HERE}/residents/export", "reviewer-here").status == 422
    file_of(centre, f"{HERE}/residents/export?purpose=monthly+check")
    with centre.database().read() as connection:
        noted = connection.execute(t.history.select().where(t.history.c.subject == "lists")).all()
    assert (noted[-1].actor, noted[-1].why) == ("reviewer-here", "monthly check")
    assert noted[-1].changes == {"export": [None, "residents"]}


def test_each_role_has_its_lists_and_sees_no_others(centre: Centre) -> None:
    assert centre.ask("POST", f"{HERE}/residents", "property-here", raw=b"a").status == 403
    assert centre.ask("GET", f"{HERE}/registrations/export?purpose=look", "reviewer-here").status == 403
    assert centre.ask("GET", f"{HERE}/residents/export?purpose=look", "property-here").status == 403
    run = checked(centre, "residents", excel(HEAD))
    assert centre.ask("GET", f"{HERE}/{run['id']}", "property-here").status == 403
    assert centre.ask("GET", f"{HERE}/{run['id']}", "reviewer-there").status == 404
    kinds = {row["kind"] for row in centre.ask("GET", HERE, "property-here").json}
    assert kinds <= {"dwellings", "visitors"}


def test_bad_requests_are_said(centre: Centre) -> None:
    assert centre.ask("POST", f"{HERE}/residents", "reviewer-here", raw=b"").status == 422
    assert centre.ask("POST", f"{HERE}/moons", "reviewer-here", raw=b"a").status == 422
    assert centre.ask("POST", f"{HERE}/registrations", "administrator-here", raw=b"a").status == 422
    future = f"{HERE}/registrations?as_of={TODAY.replace(year=2027)}"
    assert centre.ask("POST", future, "administrator-here", raw=b"a").status == 422
    run = checked(centre, "residents", b"\xff\xfe\x80")
    assert (run["state"], run["problem"]) == ("refused", "文字编码无法识别，请存为 UTF-8 或 GB18030")
    assert centre.ask("POST", f"{HERE}/{run['id']}/take", "reviewer-here").status == 409


def test_a_list_may_be_large_and_nothing_else_may(centre: Centre) -> None:
    large = separated(HEAD, *[("测试甲", "x" * 400, "", "", "", "", "")] * 6000)
    assert len(large) > 2 * 1024 * 1024
    assert checked(centre, "residents", large)["bad"] == 6000
    assert centre.ask("PUT", f"/api/v1/communities/{YUAN}/enrolments", "property-here", raw=large).status == 413
    assert centre.ask("POST", f"{HERE}/residents/take", "reviewer-here", raw=large).status == 413
