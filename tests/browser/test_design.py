"""Every part of the design in a real browser: nothing for axe to find, nothing too wide, no mouse needed."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.gallery import make_gallery
from tests.browser.serving import Site, served

pytestmark = pytest.mark.real("chromium")


@pytest.fixture
def site() -> Iterator[Site]:
    with served(make_gallery()) as site:
        yield site


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1366, "height": 768})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    page: Page, site: Site, width: int, theme: str, lang: str
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site.url}/gallery?theme={theme}&lang={lang}")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_axe_does_find_what_is_wrong(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/gallery")
    page.evaluate("document.querySelector('#f-name').removeAttribute('id')")
    assert any(line.startswith("label: ") for line in violations(page))


def test_a_dialog_is_opened_left_and_opened_again_by_keys_alone(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/gallery?lang=en")
    opener = page.locator("[data-opens=sure]")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#sure")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#sure")).to_be_hidden()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("#sure [data-closes]").first.press("Enter")
    expect(page.locator("#sure")).to_be_hidden()


def test_the_switch_of_appearance_goes_round_and_stays(page: Page, site: Site) -> None:
    light, dark = "rgb(242, 244, 245)", "rgb(13, 18, 21)"
    body, switch = page.locator("body"), page.locator(".tool.theme")
    page.emulate_media(color_scheme="light")
    page.goto(f"{site.url}/gallery?lang=en")
    expect(body).to_have_css("background-color", light)
    switch.click()
    expect(body).to_have_css("background-color", dark)
    page.goto(f"{site.url}/gallery")
    expect(body).to_have_css("background-color", dark)
    switch.click()
    expect(body).to_have_css("background-color", light)
    page.emulate_media(color_scheme="dark")
    expect(body).to_have_css("background-color", light)
    switch.click()
    expect(body).to_have_css("background-color", dark)


def test_paper_is_white_whatever_the_screen_shows(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/gallery?theme=dark")
    page.emulate_media(media="print")
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(page.locator(".tools")).to_be_hidden()


def test_a_problem_of_a_form_leads_to_its_field(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/gallery?lang=en")
    expect(page.locator(".problems")).to_be_focused()
    page.locator(".problems a").first.click()
    expect(page.locator("#f-number")).to_be_focused()
