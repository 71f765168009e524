"""A resident on a phone and a reviewer at a desk in real browsers: declared, looked at on record, confirmed, told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.store import tables as t
from rules.roles import Role
from tests.browser.axe import violations
from tests.browser.people import DESK, PHONE, at_a_browser
from tests.gateway.centre import decisions
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.grid import account, fill, rows_of
from tests.gateway.centre.office import YUAN, number

pytestmark = pytest.mark.real("chromium")
NAME = "欧阳若兰"


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    with running(tmp_path) as made:
        account(made, "xiaowu", [Role.WORKER], shown="网格员 小吴")
        fill(made)
        account(made, "laozheng", [Role.REVIEWER], shown="社区审核员 老郑")
        yield made


def declare(page: Page, centre: Centre, lang: str) -> str:
    """Declare on a phone, with a slip in the number at first; the receipt."""
    page.goto(f"{centre.url}/me?at={YUAN}&lang={lang}")
    expect(page.locator("#f-community")).to_have_value(YUAN)
    page.locator("#f-building").fill("3")
    page.locator("#f-unit").fill("2")
    page.locator("#f-room").fill("502")
    page.locator("#f-name").fill(NAME)
    good = number(50)
    page.locator("#f-number").fill(good[:-1] + ("0" if good[-1] != "0" else "1"))
    send = page.get_by_role("button", name="提交" if lang == "zh" else "Send", exact=True)
    send.click()
    expect(page.locator("#e-number")).to_contain_text("校验位不对" if lang == "zh" else "check digit")
    expect(page.locator("#f-name")).to_have_value(NAME)
    assert violations(page) == []
    page.locator("#f-number").fill(good)
    send.click()
    receipt = page.locator(".receipt").inner_text()
    assert violations(page) == []
    return receipt


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_is_declared_on_a_phone_is_confirmed_at_a_desk_and_told_by_its_receipt(
    chromium: Browser, centre: Centre, lang: str
) -> None:
    zh = lang == "zh"
    phone = chromium.new_context(viewport={"width": PHONE[0], "height": PHONE[1]})
    resident = phone.new_page()
    receipt = declare(resident, centre, lang)
    with at_a_browser(chromium, centre, "laozheng", size=DESK, lang=lang) as (page, said):
        page.get_by_role("link", name="申报 1" if zh else "Declarations 1").click()
        page.get_by_role("link", name="3 2 502").click()
        expect(page.locator("#known")).to_contain_text("3栋 2单元 502室")
        expect(page.locator("#who h2")).to_have_text("欧**")
        page.get_by_role("button", name="显示姓名和号码" if zh else "Show name and number").click()
        expect(page.locator("#who h2")).to_have_text(NAME)
        assert violations(page) == []
        page.get_by_role("button", name="确认" if zh else "Confirm", exact=True).click()
        expect(page.locator(".note.good")).to_contain_text("已确认" if zh else "Confirmed")
        assert said == []
    assert [row.purpose for row in rows_of(centre, t.audit) if row.act == "reveal"] == ["check"]
    resident.goto(f"{centre.url}/me?lang={lang}")
    resident.locator("#f-receipt").fill(receipt)
    resident.get_by_role("button", name="查进度" if zh else "Look").click()
    expect(resident.locator("#state .notice")).to_contain_text("社区已确认" if zh else "has confirmed it")
    phone.close()


def test_the_second_of_two_reviewers_sees_what_the_first_decided_and_loses_nothing(
    chromium: Browser, centre: Centre
) -> None:
    one = decisions.declare(centre)
    account(centre, "laochen", [Role.REVIEWER], shown="社区审核员 老陈")
    with (
        at_a_browser(chromium, centre, "laozheng", size=DESK, lang="zh") as (first, _),
        at_a_browser(chromium, centre, "laochen", size=PHONE, lang="zh") as (second, _),
    ):
        for page in (first, second):
            page.goto(f"{centre.url}/collect/declarations/{one}")
        first.locator("#f-why").fill("查无此房")
        first.get_by_role("button", name="不采纳").click()
        expect(first.locator(".note.good")).to_contain_text("已记录不采纳的原因")
        second.locator("#f-why").fill("电话打不通,已贴条")
        second.get_by_role("button", name="不采纳").click()
        expect(second.locator("main")).to_contain_text("查无此房")
        expect(second.locator("main")).to_contain_text("电话打不通,已贴条")
        assert violations(second) == []
