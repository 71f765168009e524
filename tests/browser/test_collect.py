"""A grid worker's evening in a real browser: with a network, without one, and with somebody else at the same case."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.store import tables as t
from rules.identity import BadNumber, canonical
from rules.model import CredentialKind
from rules.roles import Role
from tests.browser.axe import violations
from tests.browser.people import DESK, PHONE, at_a_browser
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.grid import account, case_of, cases, done, fill, line, rows_of, sign_in
from tests.gateway.centre.office import TODAY, number

pytestmark = pytest.mark.real("chromium")


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    with running(tmp_path) as made:
        account(made, "xiaowu", [Role.WORKER], shown="网格员 小吴")
        fill(made)
        yield made


def drafts_of(page: Page) -> list[str]:
    """What this browser keeps of forms."""
    kept = "Object.keys(localStorage).filter(n => n.startsWith('xq-draft-')).map(n => localStorage.getItem(n))"
    found: list[str] = page.evaluate(kept)
    return found


def wait_for_drafts(page: Page, count: int) -> None:
    page.wait_for_function(
        "n => Object.keys(localStorage).filter(name => name.startsWith('xq-draft-')).length === n", arg=count
    )


def fetched_ahead(page: Page, centre: Centre) -> None:
    """Open tonight's list, and wait until all that it leads to has been fetched."""
    wanted = {f"/collect/homes/{one.dwelling}" for one in cases(centre)}
    wanted |= {f"/collect/cases/{one.id}" for one in cases(centre)}
    seen: set[str] = set()
    page.on("requestfinished", lambda request: seen.add(request.url.removeprefix(centre.url)))
    page.goto(f"{centre.url}/collect/tonight")
    while not wanted <= seen:
        page.wait_for_event("requestfinished")


@pytest.mark.parametrize(("size", "lang"), [(PHONE, "zh"), (DESK, "en")])
def test_an_evening_from_the_list_over_a_missed_visit_to_a_household(
    chromium: Browser, centre: Centre, size: tuple[int, int], lang: str
) -> None:
    zh = lang == "zh"
    with at_a_browser(chromium, centre, "xiaowu", size=size, lang=lang) as (page, said):
        expect(page.locator("h1")).to_have_text("今晚可跑" if zh else "Tonight")
        page.locator("main").get_by_role("link", name="1单元 101室").click()
        page.get_by_text("走访未遇" if zh else "Nobody met", exact=True).click()
        page.get_by_label("已留温馨提示卡" if zh else "I left the leave-behind card").check()
        page.get_by_role("button", name="保存走访记录" if zh else "Save the visit").click()
        expect(page.locator(".note.good")).to_have_text("走访已记录" if zh else "The visit is logged")
        expect(page.locator("main")).to_contain_text("走访未遇 1 次" if zh else "not met 1 times")
        door = page.locator("li.card").filter(has_text="502室")
        door.get_by_role("link", name="全户采集" if zh else "Whole household").click()
        expect(page.locator("h1")).to_have_text("3栋 2单元 502室")
        page.locator("#f-number-0").fill(number(1)[:-1] + ("0" if number(1)[-1] != "0" else "1"))
        expect(page.locator("#c-number-0")).to_contain_text("校验位不对" if zh else "check digit")
        page.locator("#f-number-0").fill(number(1))
        expect(page.locator("#c-number-0")).to_have_text("号码校验通过" if zh else "The number holds")
        page.locator("#f-name-0").fill("周伟")
        page.locator("#f-since-0").fill("2026-10-24")
        page.get_by_role("button", name="再加一人" if zh else "One more person").click()
        expect(page.locator("#f-number-1")).to_be_focused()
        page.locator("#f-number-1").fill(number(2))
        page.locator("#f-name-1").fill("周小敏")
        page.locator("#f-since-1").fill("2026-10-24")
        page.locator("#f-cadre").fill("示例干部")
        page.get_by_role("button", name="提交全户" if zh else "Send the household").click()
        expect(page.locator(".note.good")).to_contain_text("等待审核" if zh else "waits for the review")
        assert said == []
        assert drafts_of(page) == []
    assert [case_of(centre, one.id).state for one in cases(centre)[:2]] == ["collected", "collected"]
    assert len(rows_of(centre, t.visits)) == 3


def test_without_a_network_a_form_is_opened_kept_encrypted_and_sent_later_once(
    chromium: Browser, centre: Centre
) -> None:
    with at_a_browser(chromium, centre, "xiaowu") as (page, _):
        fetched_ahead(page, centre)
        page.context.set_offline(True)
        expect(page.locator("#offline")).to_be_visible()
        page.locator("li.card").filter(has_text="1002室").get_by_role("link", name="全户采集").click()
        expect(page.locator("h1")).to_have_text("3栋 2单元 1002室")
        page.locator("#f-number-0").fill(number(3))
        page.locator("#f-name-0").fill("阿依古丽·买买提")
        page.locator("#f-since-0").fill("2026-10-24")
        page.get_by_role("button", name="提交全户").click()
        expect(page.locator("#drafts")).to_contain_text("已加密存在本机")
        (kept,) = drafts_of(page)
        assert number(3) not in kept
        assert "阿依古丽" not in kept
        assert rows_of(centre, t.visits) == []
        page.context.set_offline(False)
        expect(page.locator("#drafts")).to_contain_text("已发送")
        expect(page.locator("#offline")).to_be_hidden()
        wait_for_drafts(page, 0)
    assert cases(centre)[2].state == "collected"
    assert len(rows_of(centre, t.visits)) == 1


def test_an_answer_that_is_lost_makes_no_second_visit(chromium: Browser, centre: Centre) -> None:
    case = cases(centre)[3]
    with at_a_browser(chromium, centre, "xiaowu") as (page, _):
        page.goto(f"{centre.url}/collect/cases/{case.id}")

        def lose(route: object) -> None:
            route.fetch(max_redirects=0)  # type: ignore[attr-defined]
            route.abort()  # type: ignore[attr-defined]

        page.route("**/visit", lose)
        page.get_by_text("走访未遇", exact=True).click()
        page.get_by_role("button", name="保存走访记录").click()
        expect(page.locator("#drafts")).to_contain_text("待发送")
        assert len(rows_of(centre, t.visits)) == 1, "it came, and only the answer was lost"
        page.unroute("**/visit")
        page.locator("#drafts").get_by_role("button", name="立即发送").click()
        expect(page.locator("#drafts")).to_contain_text("已发送")
        wait_for_drafts(page, 0)
    assert len(rows_of(centre, t.visits)) == 1


def test_what_was_typed_is_there_after_the_page_is_gone_and_not_after_signing_out(
    chromium: Browser, centre: Centre
) -> None:
    case = cases(centre)[0]
    with at_a_browser(chromium, centre, "xiaowu") as (page, _):
        page.goto(f"{centre.url}/collect/homes/{case.dwelling}")
        page.get_by_role("button", name="再加一人").click()
        page.locator("#f-name-1").fill("周小敏")
        wait_for_drafts(page, 1)
        (kept,) = drafts_of(page)
        page.locator("#f-name-0").fill("周伟")
        page.wait_for_function("kept => !Object.values(localStorage).includes(kept)", arg=kept)
        page.goto("about:blank")
        page.goto(f"{centre.url}/collect/homes/{case.dwelling}")
        expect(page.locator("#f-name-0")).to_have_value("周伟")
        expect(page.locator("#f-name-1")).to_have_value("周小敏")
        expect(page.locator("#drafts")).to_contain_text("已恢复")
        (kept,) = drafts_of(page)
        page.locator("#f-name-0").fill("周大伟")
        page.wait_for_function("kept => !Object.values(localStorage).includes(kept)", arg=kept)
        assert len(drafts_of(page)) == 1, "it is the same form"
        page.goto(f"{centre.url}/collect/tonight")
        expect(page.locator("#drafts")).to_contain_text("未提交")
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="退出登录").click()
        page.wait_for_url("**/sign-in")
        assert drafts_of(page) == []


def test_a_draft_is_nobody_elses_and_gone_after_a_day(chromium: Browser, centre: Centre) -> None:
    account(centre, "laowang", [Role.WORKER])
    case = cases(centre)[3]
    with at_a_browser(chromium, centre, "xiaowu") as (page, _):
        page.goto(f"{centre.url}/collect/cases/{case.id}")
        page.locator("#f-cadre").fill("示例干部")
        wait_for_drafts(page, 1)
        page.evaluate("""() => {
            const name = Object.keys(localStorage).find(one => one.startsWith('xq-draft-'));
            const kept = JSON.parse(localStorage.getItem(name));
            localStorage.setItem('xq-draft-other', JSON.stringify({...kept, account: 'somebody else'}));
            localStorage.setItem('xq-draft-old', JSON.stringify({...kept, at: kept.at - 25 * 3600 * 1000}));
        }""")
        page.goto(f"{centre.url}/collect/tonight")
        expect(page.locator("#drafts li")).to_have_count(1)
        wait_for_drafts(page, 2)
        page.once("dialog", lambda dialog: dialog.accept())
        page.locator("#drafts").get_by_role("button", name="删除").click()
        expect(page.locator("#drafts")).to_be_hidden()
        wait_for_drafts(page, 1)


def test_somebody_else_was_first_and_what_was_typed_waits_for_a_second_look(chromium: Browser, centre: Centre) -> None:
    case = cases(centre)[3]
    with at_a_browser(chromium, centre, "xiaowu") as (page, _):
        page.goto(f"{centre.url}/collect/cases/{case.id}")
        body = {"act": "assign", "revision": case.revision, "to": "xiaowu"}
        done(centre.ask("POST", f"/api/v1/cases/{case.id}/acts", "reviewer-here", body))
        page.get_by_text("走访未遇", exact=True).click()
        page.locator("#f-cadre").fill("示例干部")
        page.get_by_role("button", name="保存走访记录").click()
        expect(page.locator(".note.warn")).to_contain_text("刚被别人处理过")
        expect(page.locator("#f-cadre")).to_have_value("示例干部")
        expect(page.get_by_label("走访未遇")).to_be_checked()
        page.get_by_role("button", name="保存走访记录").click()
        expect(page.locator(".note.good")).to_have_text("走访已记录")
        wait_for_drafts(page, 0)
    assert len(rows_of(centre, t.visits)) == 1


def test_a_name_is_shown_in_place_and_gone_with_the_next_look(chromium: Browser, centre: Centre) -> None:
    case = cases(centre)[3]
    with at_a_browser(chromium, centre, "xiaowu") as (page, said):
        page.goto(f"{centre.url}/collect/cases/{case.id}")
        page.locator("#f-cadre").fill("示例干部")
        page.get_by_role("button", name="显示").click()
        expect(page.locator("#who h2")).to_have_text("李秀英")
        expect(page.locator("#f-cadre")).to_have_value("示例干部")
        page.reload()
        expect(page.locator("#who h2")).to_have_text("李**")
        assert said == []


@pytest.mark.parametrize(("size", "lang", "scheme"), [(PHONE, "en", "dark"), (DESK, "zh", "light")])
def test_a_reviewer_sees_what_differs_and_whoever_comes_second_is_told(
    chromium: Browser, centre: Centre, size: tuple[int, int], lang: str, scheme: str
) -> None:
    zh = lang == "zh"
    first = cases(centre)[0]
    form: dict[str, object] = {"case": f"{first.id}:{first.revision}", "lines": 1}
    form |= line(0, number(1), "周大伟", category="floating", stay="rented")
    assert sign_in(centre, "xiaowu").post(f"/collect/homes/{first.dwelling}", form).status == 303
    account(centre, "laozheng", [Role.REVIEWER], shown="社区审核员 老郑")
    with at_a_browser(chromium, centre, "laozheng", size=size, lang=lang, scheme=scheme) as (page, said):
        assert violations(page) == []
        page.locator("main").get_by_role("link", name="502室").first.click()
        page.wait_for_url(f"**/collect/review/{first.id}")
        row = page.locator("tr").filter(has_text="居住性质" if zh else "How they live here")
        expect(row.locator("ins")).to_have_text("租住" if zh else "Rented")
        expect(page.locator("main")).not_to_contain_text("周大伟")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert violations(page) == []
        body = {"act": "return", "revision": case_of(centre, first.id).revision, "note": "again"}
        done(centre.ask("POST", f"/api/v1/cases/{first.id}/acts", "reviewer-here", body))
        page.get_by_role("button", name="审核通过" if zh else "Reviewed, all right").click()
        told = page.locator(".note.warn").first
        expect(told).to_contain_text("刚被别人处理过" if zh else "Somebody else has just changed", ignore_case=True)
        expect(page.locator("#who")).to_contain_text("待走访" if zh else "To visit")
        page.goto(f"{centre.url}/collect/ledger")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert violations(page) == []
        assert [one for one in said if "409" not in one] == []


NUMBERS = (
    number(1), number(1)[:-1] + "?", number(1).lower(), number(1)[:17], "510099190002300011", "990099190001010018", "",
    "810000190001011234", "81000019000101124X", "９１１１５６１９０００１０１００１",
    "911156190001010013", "510099000101001",
    "510099990230001", "ABC110190010112", "USA110190010112", "DEU110190010111", "H12345678", "12345678", "12345",
    "999156190001010012", "911000190001010019", number(1, TODAY), number(7, TODAY.replace(year=TODAY.year + 1)),
)  # fmt: skip


def test_the_script_finds_in_a_number_what_the_server_finds(chromium: Browser, centre: Centre) -> None:
    with at_a_browser(chromium, centre, "xiaowu") as (page, _):
        for kind in (CredentialKind.CITIZEN_ID, CredentialKind.PR_2017):
            for text in NUMBERS:
                says = page.evaluate(
                    "([kind, text, today]) => window.xqNumber(kind, text, "
                    "document.getElementById('drafts').dataset.countries.split(' '), today)",
                    [kind.value, text, TODAY.isoformat()],
                )
                assert says == server_says(kind, text), (kind, text)


def server_says(kind: CredentialKind, text: str) -> str:
    try:
        found = canonical(kind, text)
    except BadNumber as error:
        return error.problem.value
    unborn = kind is CredentialKind.CITIZEN_ID and found[6:14] > f"{TODAY:%Y%m%d}"
    return "date" if unborn else ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_its_window_nor_has_a_fault_that_axe_finds(
    chromium: Browser, centre: Centre, scheme: str
) -> None:
    case = cases(centre)[0]
    paths = ["tonight", f"cases/{case.id}", f"homes/{case.dwelling}", f"cases/{case.id}/notice"]
    for size, lang in ((PHONE, "zh"), (DESK, "en")):
        with at_a_browser(chromium, centre, "xiaowu", size=size, lang=lang, scheme=scheme) as (page, said):
            for path in paths:
                page.goto(f"{centre.url}/collect/{path}")
                assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
                assert violations(page) == [], path
            assert said == []
