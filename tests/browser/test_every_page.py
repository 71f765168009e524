"""Every page of every role in a real browser, in both schemes: axe finds nothing, nothing is wider than its window."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from gateway.centre.accounts.pages import HOME
from rules.roles import Role
from tests.browser.axe import violations
from tests.browser.signed import SIZES, fits
from tests.browsing import Visitor
from tests.gateway.centre import decisions, district
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.crawl import pages_of
from tests.gateway.centre.station_desk import sent_slips
from tests.gateway.centre.test_crawl import SCOPES

pytestmark = pytest.mark.real("chromium")
NOBODY = "nobody"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running(tmp_path_factory.mktemp("pages")) as centre:
        sent_slips(centre)
        district.fill(centre)
        decisions.fill(centre)
        yield centre


@pytest.mark.timeout(240)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("role", [NOBODY, *SCOPES])
def test_axe_finds_nothing_and_every_page_fits(
    chromium: Browser, town: Centre, role: Role | str, scheme: Literal["light", "dark"]
) -> None:
    visitor = Visitor(town.url) if role == NOBODY else town.signed_in(Role(role), SCOPES[Role(role)])
    start = "/sign-in" if role == NOBODY else HOME[Role(role)]
    paths = [path for path, shown in pages_of(visitor, start).items() if shown.status == 200]
    found: dict[str, list[str]] = {}
    context = chromium.new_context(color_scheme=scheme, user_agent=visitor.agent)
    context.add_cookies([{"name": name, "value": value, "url": town.url} for name, value in visitor.cookies.items()])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    for path in paths:
        page.goto(town.url + path)
        found[path] = violations(page) + wide(page)
    context.close()
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    assert complaints == []
    assert len(found) > 1


def wide(page: Page) -> list[str]:
    """In which windows the page is wider than the window."""
    wrong = []
    for name, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        if not fits(page):
            wrong.append(f"wider than the window: {name}")
    return wrong
