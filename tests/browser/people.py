"""A person at a browser: signs in as they would, and tells what the page complained about."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

from tests.gateway.centre.centres import Centre
from tests.gateway.centre.grid import PASSWORD

PHONE, DESK = (390, 844), (1366, 768)


@contextmanager
def at_a_browser(
    chromium: Browser,
    centre: Centre,
    name: str,
    *,
    size: tuple[int, int] = PHONE,
    lang: str = "zh",
    scheme: str = "light",
) -> Iterator[tuple[Page, list[str]]]:
    """Somebody signed in, at the first page of theirs, and whatever the console said."""
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale="zh-CN")  # type: ignore[arg-type]
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{centre.url}/sign-in?lang={lang}")
    page.locator("[name=name]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.wait_for_url(lambda address: "/sign-in" not in address)
    yield page, said
    context.close()
