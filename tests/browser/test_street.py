"""A street's morning in a real browser: somebody is sent, somebody else was first, a week is printed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from rules.roles import Role
from tests.browser.axe import violations
from tests.browser.people import DESK, PHONE, at_a_browser
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.grid import HOMES, account, case_of, cases, done, fill
from tests.gateway.centre.office import YUAN

pytestmark = pytest.mark.real("chromium")


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    with running(tmp_path) as made:
        account(made, "laowang", [Role.WORKER], shown="网格员 老王")
        account(made, "jiedao", [Role.STREET], "江湾街道", shown="江湾街道 综治办")
        fill(made)
        yield made


@pytest.mark.parametrize(("size", "lang", "scheme"), [(DESK, "zh", "light"), (PHONE, "en", "dark")])
def test_a_case_is_given_to_somebody_and_whoever_comes_second_is_told(
    chromium: Browser, centre: Centre, size: tuple[int, int], lang: str, scheme: str
) -> None:
    zh = lang == "zh"
    first, second = cases(centre)[3:5]
    with at_a_browser(chromium, centre, "jiedao", size=size, lang=lang, scheme=scheme) as (page, said):
        expect(page.locator("h1")).to_have_text("派发督办" if zh else "Dispatch")
        yard = page.locator(f"#c-{YUAN}")
        yard.get_by_label("12栋 1单元 101室").check()
        yard.get_by_label("派给" if zh else "Give to").select_option(label="网格员 老王")
        yard.get_by_role("button", name="派发" if zh else "Assign").click()
        expect(page.locator(".note.good")).to_have_text("已派发" if zh else "Assigned")
        expect(page.locator("tr").filter(has_text="101室")).to_contain_text("laowang")
        body = {"act": "hand_back", "revision": second.revision, "note": "ill"}
        done(centre.ask("POST", f"/api/v1/cases/{second.id}/acts", "reviewer-here", body))
        yard.get_by_label("12栋 1单元 302室").check()
        yard.get_by_label("派给" if zh else "Give to").select_option(label="网格员 老王")
        yard.get_by_role("button", name="派发" if zh else "Assign").click()
        expect(page.locator(".note.warn")).to_contain_text("刚被别人处理过" if zh else "changed by somebody else")
        expect(yard.get_by_label("12栋 1单元 302室")).to_be_checked()
        yard.get_by_role("button", name="派发" if zh else "Assign").click()
        expect(page.locator(".note.good")).to_have_text("已派发" if zh else "Assigned")
        for path in ("", "/quality", "/report"):
            page.goto(f"{centre.url}/street{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
            assert violations(page) == [], path
            for _, _, _, name in HOMES:
                expect(page.locator("main")).not_to_contain_text(name)
        assert [one for one in said if "409" not in one] == []
    assert {case_of(centre, one.id).state for one in (first, second)} == {"assigned"}


def test_the_weekly_report_prints_with_lines_to_sign_and_without_buttons(chromium: Browser, centre: Centre) -> None:
    with at_a_browser(chromium, centre, "jiedao", size=DESK) as (page, said):
        page.get_by_role("link", name="每周通报").click()
        expect(page.locator("h1")).to_have_text("江湾街道实有人口登记工作每周通报")
        page.emulate_media(media="print")
        expect(page.get_by_role("button", name="打印")).to_be_hidden()
        expect(page.locator(".pager")).to_be_hidden()
        expect(page.locator(".signatures")).to_be_visible()
        assert page.pdf().startswith(b"%PDF")
        assert said == []
