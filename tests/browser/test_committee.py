"""A member of the committee in a real browser: figures, what is behind them, communities, trend, a month to file."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.axe import violations
from tests.browser.signed import fits, signed_in
from tests.gateway.centre import district
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.district import MONTH
from tests.gateway.centre.station_desk import PASSWORD

pytestmark = pytest.mark.real("chromium")
NAME = "zheng-fa"


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running(tmp_path_factory.mktemp("district")) as made:
        district.fill(made)
        district.committee(made)
        yield made


@pytest.mark.parametrize(
    ("size", "lang", "words"),
    [
        ("desk", "zh", ("总览", "分母", "社区比较", "按缺口人数", "查看")),
        ("phone", "en", ("Overview", "Of", "Communities", "By what is missing", "Show")),
    ],
)
def test_what_is_behind_a_figure_opens_by_the_keyboard_and_communities_are_put_in_another_order(
    chromium: Browser, centre: Centre, size: str, lang: str, words: tuple[str, ...]
) -> None:
    overview, of, communities, by_misses, show = words
    with signed_in(chromium, centre.url, NAME, PASSWORD, size=size, lang=lang) as (page, said):
        expect(page.locator("h1")).to_have_text(overview)
        meaning = page.locator("#first details").first
        meaning.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(meaning).to_contain_text(f"{of}:")
        expect(page.locator("#first")).to_contain_text("97.11")
        page.get_by_label("数据" if lang == "zh" else "Figures of", exact=True).select_option(MONTH)
        page.get_by_role("button", name=show, exact=True).click()
        expect(page.locator("#first")).to_contain_text("95.14")
        page.get_by_role("link", name=communities, exact=True).first.click()
        expect(page.locator("tbody th").nth(2)).to_contain_text("北村")
        page.get_by_role("link", name=by_misses).click()
        expect(page.locator("tbody th").nth(2)).to_contain_text("望江苑")
        assert fits(page)
        assert said == []


def test_the_trend_of_an_indicator_is_shown_with_its_table(chromium: Browser, centre: Centre) -> None:
    with signed_in(chromium, centre.url, NAME, PASSWORD) as (page, said):
        page.get_by_role("link", name="走势").click()
        page.get_by_label("指标", exact=True).select_option("hukou_checked")
        page.get_by_role("button", name="查看").click()
        expect(page.locator(".chart svg")).to_have_attribute("aria-label", "户籍人口清理核查率")
        page.get_by_text("数据表").click()
        expect(page.locator(".chart tbody tr")).to_have_count(20)
        assert said == []


def test_a_month_end_is_taken_as_pdf_and_as_excel(chromium: Browser, centre: Centre) -> None:
    with signed_in(chromium, centre.url, NAME, PASSWORD, size="phone") as (page, said):
        page.goto(f"{centre.url}/committee/months")
        page.get_by_role("link", name=MONTH, exact=True).click()
        expect(page.locator("main")).to_contain_text("与封存时一致")
        for name, first in (("下载 PDF", b"%PDF-"), ("下载 Excel", b"PK\x03\x04")):
            with page.expect_download() as download:
                page.get_by_role("link", name=name).click()
            assert download.value.path().read_bytes().startswith(first)
        assert fits(page)
        assert said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_from_using_the_pages(
    chromium: Browser, centre: Centre, scheme: Literal["light", "dark"]
) -> None:
    with signed_in(chromium, centre.url, NAME, PASSWORD, scheme=scheme) as (page, _):
        for path in ("", f"?month={MONTH}", "/communities", "/trend", f"/months/{MONTH}"):
            page.goto(f"{centre.url}/committee{path}")
            assert violations(page) == [], path
