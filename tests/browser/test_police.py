"""A community officer in a real browser: from the inbox to an answer, beside a colleague, with lists and receipts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, expect

from rules.roles import Role
from tests.browser.axe import violations
from tests.browser.signed import fits, signed_in
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.office import POLICE, number
from tests.gateway.centre.station_desk import PASSWORD, account, sent_slips

pytestmark = pytest.mark.real("chromium")


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running(tmp_path_factory.mktemp("station")) as made:
        account(made, "min-jing", Role.POLICE, POLICE, "社区民警 赵")
        account(made, "min-jing-2", Role.POLICE, POLICE, "社区民警 钱")
        account(made, "zhi-ban", Role.DUTY, POLICE, "值班室")
        yield made


@pytest.fixture(scope="module")
def slips(centre: Centre) -> list[str]:
    return sent_slips(centre)


@pytest.mark.parametrize(
    ("at", "size", "lang", "words"),
    [
        (0, "desk", "zh", ("待核查", "查看姓名、号码和房号", "退回", "材料不全，请补充走访情况", "反馈")),
        (1, "phone", "en", ("To check", "Show name, number and room", "Returned", "Incomplete: say more", "Answer")),
    ],
)
def test_an_officer_reads_a_slip_asks_for_the_name_and_returns_it_with_a_reason(
    chromium: Browser, centre: Centre, slips: list[str], at: int, size: str, lang: str, words: tuple[str, ...]
) -> None:
    inbox, reveal, answer, reason, heading = words
    with signed_in(chromium, centre.url, "min-jing", PASSWORD, size=size, lang=lang) as (page, said):
        expect(page.locator("h1")).to_have_text(inbox)
        page.get_by_role("link", name=slips[at]).click()
        expect(page.locator("#who")).not_to_contain_text(number(at + 1))
        page.get_by_role("button", name=reveal).click()
        expect(page.locator("#who")).to_contain_text(number(at + 1))
        page.locator("#answer").get_by_role("link", name=answer).click()
        page.locator("#answer").get_by_role("button", name=answer).click()
        expect(page.locator(".problems, :invalid").first).to_be_attached()
        page.locator("#answer").get_by_text(reason).click()
        page.locator("[name=note]").fill("<b>三次</b>上门")
        page.locator("#answer").get_by_role("button", name=answer).click()
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        expect(page.locator(".card").last).to_contain_text("<b>三次</b>上门")
        expect(page.locator("#answer")).to_have_count(0)
        assert fits(page)
        assert said == []


def test_two_officers_act_on_the_same_slip_and_the_second_loses_nothing(
    chromium: Browser, centre: Centre, slips: list[str]
) -> None:
    there = f"{centre.url}/police/slips/{slips[2]}"
    with (
        signed_in(chromium, centre.url, "min-jing", PASSWORD) as (first, _),
        signed_in(chromium, centre.url, "min-jing-2", PASSWORD) as (second, _),
    ):
        for page in (first, second):
            page.goto(there)
        second.get_by_text("先与社区、物业联系").click()
        second.locator("[name=note]").fill("已电话联系物业")
        first.get_by_text("安排民警上门核查").click()
        first.locator("#answer").get_by_role("button", name="签收").click()
        expect(first.locator("#answer").get_by_role("link", name="签收")).to_have_count(0)
        second.locator("#answer").get_by_role("button", name="签收").click()
        expect(second.get_by_role("alert").first).to_contain_text("社区民警 赵 (min-jing)")
        expect(second.locator("main")).to_contain_text("此单刚刚有了变化")
        expect(second.locator("[name=note]")).to_have_value("已电话联系物业")


def test_the_list_of_today_is_made_taken_filled_in_and_put_in_again(
    chromium: Browser, centre: Centre, slips: list[str], tmp_path: Path
) -> None:
    with signed_in(chromium, centre.url, "min-jing", PASSWORD) as (page, said):
        page.goto(f"{centre.url}/police/lists")
        page.get_by_role("button", name="生成今日清单").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="下载 Excel").first.click()
        filled = tmp_path / "filled.xlsx"
        download.value.save_as(filled)
        book = load_workbook(filled)
        sheet = book.worksheets[0]
        head = [cell.value for cell in sheet[1]]
        numbers = [sheet.cell(row, head.index("单号") + 1).value for row in range(2, sheet.max_row + 1)]
        row = numbers.index(slips[3]) + 2
        sheet.cell(row, head.index("办理结果") + 1, "办结反馈")
        sheet.cell(row, head.index("回执号") + 1, "HZ-200")
        book.save(filled)
        page.goto(f"{centre.url}/police/receipts")
        page.locator("[type=file]").set_input_files(filled)
        page.get_by_role("button", name="上传并检查").click()
        page.get_by_role("button", name="确认导入 1 行").click()
        expect(page.locator("#state .badge")).to_have_text("已导入")
        page.goto(f"{centre.url}/police/slips/{slips[3]}")
        expect(page.locator("main")).to_contain_text("HZ-200")
        assert said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_from_using_the_pages(
    chromium: Browser, centre: Centre, slips: list[str], scheme: Literal["light", "dark"]
) -> None:
    paths = ("", "/slips", f"/slips/{slips[0]}", f"/slips/{slips[2]}?answer=handled", "/lists", "/receipts")
    with signed_in(chromium, centre.url, "min-jing", PASSWORD, scheme=scheme) as (page, _):
        for path in (*paths, "/deliveries"):
            page.goto(f"{centre.url}/police{path}")
            assert violations(page) == [], path
    with signed_in(chromium, centre.url, "zhi-ban", PASSWORD, size="phone", scheme=scheme) as (page, _):
        expect(page.locator(".tile .figure").first).to_be_visible()
        assert violations(page) == []
        assert fits(page)
