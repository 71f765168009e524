"""The loop in four people's windows: the guard sees a swipe, a case is collected, reviewed and closed by a receipt."""

import secrets
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.signed import SIZES
from tests.browsing import Visitor
from tests.gateway.centre.sheets import excel
from tests.story.plot import BEGINS, NAMES, TENANT, D, Story, card
from tests.story.town import COMMUNITY, POLICE, Town

pytestmark = [
    pytest.mark.real("chromium", "mosquitto", "faketime"),
    pytest.mark.xdist_group("e2e"),
    pytest.mark.timeout(400),
]
ROOM = "2栋 1单元 3室"


class Windows:
    """A window for each account. Days pass, and with them sessions: whoever comes back signs in again."""

    def __init__(self, chromium: Browser, town: Town, said: list[str]) -> None:
        self._chromium, self._town, self._said = chromium, town, said
        self._passwords: dict[str, str] = {}
        self._open: dict[str, Page] = {}

    def account(self, name: str, role: str, scope: str) -> None:
        """An account whose owner has taken up the invitation."""
        made = self._town.ask("security", "POST", "/accounts", {"name": name, "roles": [role], "scope": scope})
        self._passwords[name] = secrets.token_urlsafe(12)
        Visitor(self._town.base).take_up(made["invitation"], self._passwords[name])

    def of(self, name: str, path: str, size: str = "desk") -> Page:
        """Somebody's window at a page, after they signed in."""
        page = self._window(name, size)
        page.goto(f"{self._town.base}/sign-in")
        if "/sign-in" in page.url:
            page.locator("[name=name]").fill(name)
            page.locator("[name=password]").fill(self._passwords[name])
            page.locator("main button[type=submit]").click()
            page.wait_for_url(lambda address: "/sign-in" not in address)
        page.goto(self._town.base + path)
        return page

    def booth(self) -> Page:
        """The guard's window."""
        page = self._window("guard", "desk")
        with page.expect_response(lambda response: "/gate/stream" in response.url):
            page.goto(f"{self._town.gate}/gate")
        return page

    def _window(self, name: str, size: str) -> Page:
        if name not in self._open:
            width, height = SIZES[size]
            context = self._chromium.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
            page = context.new_page()
            page.on("console", lambda message: self._said.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: self._said.append(str(error)))
            self._open[name] = page
        return self._open[name]

    def close(self) -> None:
        for page in self._open.values():
            page.context.close()


def test_from_a_swipe_to_a_closed_case_in_the_windows_of_four(
    chromium: Browser, said: list[str], tmp_path: Path
) -> None:
    with Town(tmp_path, "", BEGINS) as town:
        windows = Windows(chromium, town, said)
        for name, role, scope in (
            ("wangge-1", "worker", COMMUNITY),
            ("shenhe-1", "reviewer", COMMUNITY),
            ("minjing-1", "police", POLICE),
        ):
            windows.account(name, role, scope)
        story = Story(town)
        story.moves_in()
        assert all(story.steps.values())
        guard = windows.booth()
        for days, (hour, minute) in enumerate(((19, 10), (20, 30), (12, 0))):
            town.to(D + timedelta(days), hour, minute)
            assert town.swipe(card(TENANT)), "nobody is kept out"
            expect(guard.locator("#verdict .word")).to_have_text("放行")
        expect(guard.locator("#stream > li")).to_have_count(3)
        expect(guard.locator("body")).not_to_contain_text("未登记")
        _assigned(windows)
        _collected(windows)
        _reviewed(windows)
        _registered(windows)
        expect(guard.locator("#verdict .word")).to_have_text("放行")
        windows.close()
    assert said == []


def _assigned(windows: Windows) -> None:
    """The reviewer finds the case that the swipes opened, and gives it to the grid worker."""
    reviewer = windows.of("shenhe-1", "/collect/review")
    link = reviewer.locator("main").get_by_role("link", name=ROOM)
    while not link.count():
        reviewer.reload()
    link.first.click()
    expect(reviewer.locator("main")).to_contain_text("3天")
    reviewer.get_by_label("网格员", exact=False).select_option("wangge-1")
    reviewer.get_by_role("button", name="派给网格员").click()
    expect(reviewer.locator(".note.good")).to_be_visible()


def _collected(windows: Windows) -> None:
    """The grid worker rings, and fills in the household on the phone."""
    worker = windows.of("wangge-1", "/collect/tonight", "phone")
    door = worker.locator("li.card").filter(has_text="3室")
    door.get_by_role("link", name="全户采集").click()
    worker.locator("#f-number-0").fill(TENANT)
    expect(worker.locator("#c-number-0")).to_have_text("号码校验通过")
    worker.locator("#f-name-0").fill(NAMES[TENANT])
    worker.locator("#f-since-0").fill(D.isoformat())
    worker.locator("#f-employment-0").select_option("employed")
    worker.locator("#f-employer-0").fill("示例工厂")
    worker.locator("#f-cadre").fill("社区甲")
    worker.locator("#f-volunteer").fill("志愿者乙")
    worker.get_by_role("button", name="提交全户").click()
    expect(worker.locator(".note.good")).to_contain_text("等待审核")


def _reviewed(windows: Windows) -> None:
    reviewer = windows.of("shenhe-1", "/collect/review")
    reviewer.locator("main").get_by_role("link", name=ROOM).click()
    reviewer.get_by_role("button", name="审核通过").click()
    expect(reviewer.locator(".note.good")).to_be_visible()
    reviewer.goto(reviewer.url)
    reviewer.locator("main").get_by_role("link", name=ROOM).click()
    reviewer.get_by_role("button", name="已报送公安机关").click()
    expect(reviewer.locator(".note.good")).to_be_visible()


def _registered(windows: Windows) -> None:
    """The officer puts in the receipt, and the case is closed in the reviewer's window."""
    officer = windows.of("minjing-1", "/police/receipts")
    head = ("姓名", "身份证号", "办理结果", "登记日期", "回执号")
    row = (NAMES[TENANT], TENANT, "办结", (D + timedelta(2)).isoformat(), "HZ-900")
    file = {"name": "receipts.xlsx", "mimeType": "application/vnd.ms-excel", "buffer": excel(head, row)}
    officer.locator("[type=file]").set_input_files(file)  # type: ignore[arg-type]
    officer.get_by_label("小区").select_option(COMMUNITY)
    officer.get_by_role("button", name="上传并检查").click()
    officer.get_by_role("button", name="确认导入 1 行").click()
    expect(officer.locator("#state .badge")).to_have_text("已导入")
    reviewer = windows.of("shenhe-1", "/collect/ledger")
    expect(reviewer.locator("main table")).to_contain_text("已登记")
