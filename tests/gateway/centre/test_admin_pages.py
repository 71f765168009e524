"""The pages of administration over a running centre: each of the three administrators signed in, with a browser."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from gateway.store import tables as t
from tests.browsing import Visitor, links
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.office import OTHER, POLICE, YUAN

PASSWORD = "a long way home"
ORIGINS = {"administrator": "xi-tong", "security": "an-quan", "auditor": "shen-ji"}


@dataclass
class Three:
    """A centre of a district with its three administrators, each in a browser."""

    centre: Centre
    administrator: Visitor
    security: Visitor
    auditor: Visitor


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    with running(tmp_path_factory.mktemp("three"), profile="district") as centre:
        code = (centre.settings.data / "first-run").read_text().strip()
        made = Visitor(centre.url).post("/setup", {"code": code, "names": list(ORIGINS.values())})
        browsers = {}
        for (role, name), link in zip(ORIGINS.items(), links(made.text), strict=True):
            browsers[role] = Visitor(centre.url)
            browsers[role].take_up(link, PASSWORD)
            browsers[role].sign_in(name, PASSWORD)
            browsers[role].second_factor(centre.clock[0])
        yield Three(centre, **browsers)


def test_each_administrator_sees_their_own_tabs(three: Three) -> None:
    tabs = {
        role: set(re.findall(r'<li><a href="(/admin[^"]*)"', browser.get(at).text))
        for role, browser, at in (
            ("administrator", three.administrator, "/admin"),
            ("security", three.security, "/admin/accounts"),
            ("auditor", three.auditor, "/admin/audit"),
        )
    }
    assert "/admin/deliveries" in tabs["administrator"]
    assert "/admin/accounts" not in tabs["administrator"] | tabs["auditor"]
    assert tabs["security"] == {"/admin/accounts", "/admin/keys", "/admin/lawful", "/admin/rules"}
    assert three.security.get("/admin/audit").status == 403
    assert three.administrator.get("/admin/accounts").status == 403


def test_an_account_is_made_taken_up_changed_and_ended(three: Three) -> None:
    form = {"account": "Wang-Ge", "shown": "网格员 小吴", "roles": ["worker"], "scope": YUAN}
    made = three.security.post("/admin/accounts/new", form)
    code = re.findall(r'<p class="receipt">([^<]+)</p>', made.text)[0]
    worker = Visitor(three.centre.url)
    worker.take_up(code, PASSWORD)
    assert worker.get("/account").status == 200
    listed = three.security.get("/admin/accounts").text
    assert "网格员 小吴" in listed
    assert code not in listed, "an invitation is shown once"
    moved = three.security.post("/admin/accounts/wang-ge", {"roles": ["worker", "reviewer"], "scope": OTHER})
    assert moved.to == "/admin/accounts"
    assert worker.get("/account").to.startswith("/sign-in"), "what an account may do has changed"
    assert f'value="{OTHER}" selected' in three.security.get("/admin/accounts/wang-ge").text
    again = re.findall(
        r'<p class="receipt">([^<]+)</p>', three.security.post("/admin/accounts/wang-ge/invitation", {}).text
    )[0]
    assert worker.sign_in("wang-ge", PASSWORD).status == 403, "the old password is gone"
    worker.take_up(again, PASSWORD + "s")
    ended = {"roles": ["worker"], "scope": OTHER, "disabled": "yes"}
    assert three.security.post("/admin/accounts/wang-ge", ended).status == 303
    assert worker.sign_in("wang-ge", PASSWORD + "s").status == 403


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"account": "x", "roles": ["worker"], "scope": YUAN}, "账号名须为2至40位"),
        ({"account": "an-quan", "roles": ["security"]}, "已有同名账号"),
        ({"account": "nobody"}, "请至少选一个角色"),
        ({"account": "nobody", "roles": ["auditor", "security"]}, "不得由同一人担任"),
        ({"account": "nobody", "roles": ["worker"]}, "请选择此角色所属"),
        ({"account": "nobody", "roles": ["worker"], "scope": "no-such-place"}, "请选择此角色所属"),
        ({"account": "nobody", "roles": ["police", "worker"], "scope": POLICE}, "不能兼任"),
    ],
)
def test_a_wrong_account_is_said_in_its_form_and_nothing_typed_is_lost(
    three: Three, form: dict[str, object], said: str
) -> None:
    answer = three.security.post("/admin/accounts/new", form | {"shown": "某<某>"})
    assert answer.status == 422
    assert said in answer.text
    assert "某&lt;某&gt;" in answer.text
    assert "nobody" not in three.security.get("/admin/accounts").text


def test_the_last_account_that_keeps_accounts_stays(three: Three) -> None:
    answer = three.security.post("/admin/accounts/an-quan", {"roles": ["security"], "disabled": "yes"})
    assert answer.status == 422
    assert "最后一个" in answer.text
    assert three.security.get("/admin/accounts").status == 200


def test_an_account_that_is_not_there_is_not_found(three: Three) -> None:
    assert three.security.get("/admin/accounts/no-one").status == 404
    assert three.security.post("/admin/accounts/no-one", {"roles": ["street"]}).status == 404
    assert three.security.post("/admin/accounts/no-one/invitation", {}).status == 404


def test_the_record_is_searched_verified_and_a_change_of_it_shows(three: Three) -> None:
    three.security.post("/admin/accounts/new", {"account": "jiedao", "roles": ["street"], "scope": "江湾街道"})
    found = three.auditor.get("/admin/audit?actor=an-quan&about=accounts/jiedao").text
    assert "新建账号" in found
    assert "shen-ji" not in re.sub(r"(?s)<header>.*?</header>", "", found)
    assert "条记录完整" in three.auditor.get("/admin/audit/verified").text
    with three.centre.database().write() as connection:
        row = connection.execute(t.audit.select().order_by(t.audit.c.id).limit(1)).one()
        connection.execute(t.audit.update().where(t.audit.c.id == row.id).values(actor="somebody"))
    broken = three.auditor.get("/admin/audit/verified").text
    with three.centre.database().write() as connection:
        connection.execute(t.audit.update().where(t.audit.c.id == row.id).values(actor=row.actor))
    assert f"编号 {row.id} 处与原记录不符" in broken
    assert three.auditor.get("/admin/audit?before=0").status == 422


def test_the_retention_shows_its_periods_and_its_runs(three: Three) -> None:
    for who in (three.administrator, three.auditor):
        page = who.get("/admin/retention").text
        assert "没有到期的" in page, "the centre has run it when it began"
        assert re.search(r"通行记录</th>\s*<td[^>]*><div>30<", page)
    assert three.security.get("/admin/retention").status == 403


def test_communities_and_deliveries_show_what_is_configured(three: Three) -> None:
    communities = three.administrator.get("/admin/communities").text
    assert "滨河苑" in communities
    assert "east · west" in communities
    assert "江湾派出所" in three.administrator.get("/admin/deliveries").text
    one = three.administrator.get(f"/admin/deliveries/{POLICE}")
    assert "此派出所未设推送地址" in one.text
    refused = three.administrator.post(f"/admin/deliveries/{POLICE}/test", {})
    assert refused.status == 409
    assert "no webhook" in refused.text
    assert three.administrator.get("/admin/deliveries/no-such").status == 404


def test_administrators_of_one_community_see_nothing_of_the_district(three: Three) -> None:
    confined = {"account": "one-yuan", "roles": ["administrator"], "scope": YUAN}
    made = three.security.post("/admin/accounts/new", confined)
    visitor = Visitor(three.centre.url)
    visitor.take_up(re.findall(r'<p class="receipt">([^<]+)</p>', made.text)[0], PASSWORD)
    visitor.second_factor(three.centre.clock[0])
    assert visitor.get("/admin/communities").status == 404
    assert visitor.get(f"/admin/deliveries/{POLICE}").status == 404
