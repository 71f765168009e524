"""A browser in which somebody signs in as they would; it remembers what pages complained about."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, Page

SIZES = {"desk": (1366, 768), "phone": (390, 844)}


@contextmanager
def signed_in(
    chromium: Browser,
    url: str,
    name: str,
    password: str,
    *,
    size: str = "desk",
    lang: str = "zh",
    scheme: Literal["light", "dark"] = "light",
) -> Iterator[tuple[Page, list[str]]]:
    """Somebody's first page, and whatever the console of the browser said."""
    width, height = SIZES[size]
    context = chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale="zh-CN", accept_downloads=True
    )
    page, said = context.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{url}/sign-in?lang={lang}")
    page.locator("[name=name]").fill(name)
    page.locator("[name=password]").fill(password)
    page.locator("main button[type=submit]").click()
    page.wait_for_url(lambda address: "/sign-in" not in address)
    yield page, said
    context.close()


def fits(page: Page) -> bool:
    """Whether nothing of the page stands out to the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
