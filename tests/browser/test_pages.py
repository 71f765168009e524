"""The consoles in a real browser: what a person sees and does, without a word on the browser's console."""

import dataclasses
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from prometheus_client import CollectorRegistry

from gateway.station.console.attends import key_of
from gateway.station.console.routes import make_app
from gateway.station.console.view import Visitor
from gateway.station.door import DoorState, Happening
from gateway.web.centre_pages import make_centre_pages, make_live
from gateway.web.feed import RING
from gateway.web.page import make_pages
from gateway.web.server import Server
from gateway.web.site import make_site
from rules.model import Reason
from tests.browser.doubles import Booth, centre_desk
from tests.browser.serving import Site, served

pytestmark = pytest.mark.real("chromium")
SIZES = [(1366, 768), (390, 844)]


def open_gate(page: Page, site: Site, booth: Booth, path: str = "/gate") -> None:
    """Go to the gate and wait until its stream is open."""
    with page.expect_response(lambda response: "/gate/stream" in response.url):
        page.goto(site.url + path)


def test_a_new_verdict_appears_by_itself_above_the_others(
    page: Page, site: Site, booth: Booth, said: list[str]
) -> None:
    booth.say(Reason.ENROLLED)
    open_gate(page, site, booth)
    shown = booth.say(Reason.CREDENTIAL_LOST)
    expect(page.locator("#stream > li").first).to_have_attribute("id", f"r-{key_of(shown)}")
    expect(page.locator("#verdict .word")).to_have_text("此卡不可用")
    expect(page.locator("#stream > li")).to_have_count(2)
    assert said == []


def test_key_one_opens_for_the_oldest_and_its_card_goes(page: Page, site: Site, booth: Booth, said: list[str]) -> None:
    open_gate(page, site, booth)
    booth.say(Reason.UNKNOWN_CREDENTIAL)
    second = booth.say(Reason.UNKNOWN_CREDENTIAL, portal="north")
    expect(page.locator("#cards > .card")).to_have_count(2)
    page.keyboard.press("1")
    expect(page.locator("#said")).to_contain_text("东门")
    expect(page.locator("#cards > .card")).to_have_count(1)
    expect(page.locator("#cards > .card")).to_have_attribute("id", f"card-{key_of(second)}")
    expect(page.locator("#verdict .word")).to_have_text("放行")
    assert booth.opened == [("east", Visitor.VISITOR, "")]
    assert said == []


def test_a_touch_on_any_card_answers_that_card(page: Page, site: Site, booth: Booth) -> None:
    first = booth.say(Reason.UNKNOWN_CREDENTIAL)
    second = booth.say(Reason.UNKNOWN_CREDENTIAL)
    open_gate(page, site, booth)
    card = page.locator(f"#card-{key_of(second)}")
    card.get_by_label("房号").fill("3-201")
    card.get_by_role("button", name="新住户").click()
    expect(page.locator("#cards > .card")).to_have_count(1)
    expect(page.locator("#cards > .card")).to_have_attribute("id", f"card-{key_of(first)}")
    assert booth.opened == [("east", Visitor.NEW_RESIDENT, "3-201")]


def test_a_digit_typed_into_the_dwelling_opens_nothing(page: Page, site: Site, booth: Booth) -> None:
    booth.say(Reason.UNKNOWN_CREDENTIAL)
    open_gate(page, site, booth)
    page.locator(".card").get_by_label("房号").press_sequentially("1203")
    expect(page.locator(".card").get_by_label("房号")).to_have_value("1203")
    assert booth.opened == []


def test_a_portal_is_opened_by_hand_without_anyone_waiting(page: Page, site: Site, booth: Booth) -> None:
    open_gate(page, site, booth)
    page.locator(".hand > form").get_by_label("北门").check()
    page.locator(".hand").get_by_role("button", name="家政维修").click()
    expect(page.locator("#verdict .portal")).to_have_text("北门")
    assert booth.opened == [("north", Visitor.HOUSEHOLD_SERVICE, "")]


def test_the_language_is_switched_and_stays(page: Page, site: Site, booth: Booth, said: list[str]) -> None:
    booth.say(Reason.ENROLLED)
    open_gate(page, site, booth)
    page.get_by_role("link", name="English").click()
    expect(page.locator("#verdict .word")).to_have_text("Go ahead")
    page.goto(site.url + "/gate")
    expect(page.locator("#verdict .word")).to_have_text("Go ahead")
    booth.say(Reason.CREDENTIAL_LOST)
    expect(page.locator("#verdict .word")).to_have_text("Card not usable")
    assert said == []


def test_the_strip_says_by_itself_that_a_reader_went(page: Page, site: Site, booth: Booth) -> None:
    open_gate(page, site, booth)
    booth.trouble()
    expect(page.locator("#strip")).to_contain_text("线路断开")


def test_a_forced_door_is_shown_by_itself_and_so_is_its_end(page: Page, site: Site, booth: Booth) -> None:
    open_gate(page, site, booth)
    expect(page.locator("#strip")).to_contain_text("东门 门 已关")
    booth.at_a_door(Happening.FORCED, DoorState.FORCED)
    expect(page.locator("#strip .chip.down")).to_contain_text("被强行打开")
    expect(page.locator("#doors > [data-alarm]:first-child")).to_contain_text("东门")
    booth.at_a_door(Happening.SHUT, DoorState.SHUT)
    expect(page.locator("#doors > li:first-child")).to_contain_text("门已关好")
    expect(page.locator("#doors > li")).to_have_count(2)


def test_a_lost_server_is_said_and_what_was_missed_comes_after_it_is_back(page: Page, booth: Booth) -> None:
    app = make_app(booth.desk, booth.gate, registry=CollectorRegistry())
    first = Server(app, "127.0.0.1", 0)
    first.start()
    open_gate(page, Site(first.port), booth)
    expect(page.locator("#offline")).to_be_hidden()
    first.close()
    expect(page.locator("#offline")).to_be_visible()
    again = Booth()
    missed = again.say(Reason.CREDENTIAL_LOST)
    second = Server(make_app(again.desk, again.gate, registry=CollectorRegistry()), "127.0.0.1", first.port)
    second.start()
    expect(page.locator("#offline")).to_be_hidden(timeout=15000)
    expect(page.locator(f"#r-{key_of(missed)}")).to_be_visible(timeout=15000)
    second.close()


def test_a_watcher_far_behind_gets_the_whole_page_part_anew(page: Page, site: Site, booth: Booth) -> None:
    open_gate(page, site, booth)
    for _ in range(RING + 50):
        last = booth.say(Reason.ENROLLED)
    expect(page.locator(f"#r-{key_of(last)}")).to_be_visible()
    expect(page.locator("#stream > li")).to_have_count(30)


def test_what_a_touch_was_answered_stays_when_the_page_part_comes_anew(page: Page, site: Site, booth: Booth) -> None:
    open_gate(page, site, booth)
    page.locator(".hand").get_by_role("button", name="家政维修").click()
    expect(page.locator("#said")).to_contain_text("东门")
    page.evaluate("document.getElementById('live').dataset.old = 'yes'")
    page.locator('[hx-trigger="sse:resync"]').dispatch_event("sse:resync")
    expect(page.locator("#live:not([data-old])")).to_be_visible()
    expect(page.locator("#said")).to_contain_text("东门")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_page_is_wider_than_its_window_nor_complains(
    chromium: Browser, booth: Booth, said: list[str], size: tuple[int, int], scheme: str, lang: str
) -> None:
    booth.busy_morning()
    booth.trouble()
    desk, pages = centre_desk(datetime.now(UTC)), make_pages()
    live = make_live(desk, pages)
    centre = make_site(pages, [make_centre_pages(desk, live, pages)], closing=[live.close])
    gate = make_app(booth.desk, booth.gate, registry=CollectorRegistry())
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    with served(gate) as booth_site, served(centre) as centre_site:
        addresses = [f"{booth_site.url}/gate"]
        addresses += [
            f"{centre_site.url}{path}"
            for path in ("/admin", "/admin/cases", "/admin/alerts", "/admin/stations", "/admin/policy")
        ]
        for address in addresses:
            page.goto(f"{address}?lang={lang}")
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0], address
        context.close()
    assert said == []


def test_rows_of_the_centre_come_change_and_go_by_themselves(page: Page, said: list[str]) -> None:
    desk, pages = centre_desk(datetime.now(UTC)), make_pages()
    (one, *_) = desk.cases(1, None)
    rows = [dataclasses.replace(one, id=n, state="open") for n in (5, 4, 3)]
    desk = dataclasses.replace(desk, cases=lambda limit, _: rows[:limit])
    live, shown = make_live(desk, pages), page.locator("tbody tr")
    with served(make_site(pages, [make_centre_pages(desk, live, pages)], closing=[live.close])) as site:
        with page.expect_response(lambda response: "/admin/stream" in response.url):
            page.goto(site.url + "/admin/cases")
        with page.expect_response(lambda response: "fragment=1" in response.url):
            while not live.watched("cases"):
                page.evaluate("0")
            live.turn()
        expect(page.locator("[data-at]")).to_be_attached()
        page.evaluate("document.getElementById('c-4').dataset.same = 'yes'")
        rows[:] = [dataclasses.replace(one, id=n) for n in (7, 6)] + [
            dataclasses.replace(rows[0], state="visited"),
            rows[1],
        ]
        live.turn()
        expect(shown).to_have_count(4)
        assert shown.evaluate_all("rows => rows.map(row => row.id)") == ["c-7", "c-6", "c-5", "c-4"]
        expect(page.locator("#c-5 .state")).to_have_text("已走访")
        expect(page.locator("#c-4[data-same]")).to_be_visible()
        rows.clear()
        live.turn()
        expect(page.locator("tbody .empty")).to_be_visible()
    assert said == []


def test_a_part_that_an_event_overtook_is_asked_for_again(page: Page, said: list[str]) -> None:
    desk, pages = centre_desk(datetime.now(UTC)), make_pages()
    (one, *_) = desk.cases(1, None)
    rows = [dataclasses.replace(one, id=n, state="open") for n in (5, 4)]
    desk = dataclasses.replace(desk, cases=lambda limit, _: rows[:limit])
    live = make_live(desk, pages)

    held = list[Route]()
    with served(make_site(pages, [make_centre_pages(desk, live, pages)], closing=[live.close])) as site:
        with page.expect_response(lambda response: "/admin/stream" in response.url):
            page.goto(site.url + "/admin/cases")

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/*fragment=1*", hold, times=1)
        while not live.watched("cases"):
            page.evaluate("0")
        live.turn()
        while not held:
            page.evaluate("0")
        old = held[0].fetch()
        rows.insert(0, dataclasses.replace(one, id=6))
        live.turn()
        expect(page.locator("#c-6")).to_be_visible()
        held[0].fulfill(response=old)
        expect(page.locator("[data-at]")).to_be_attached()
        expect(page.locator("tbody tr")).to_have_count(3)
    assert said == []


def test_when_nobody_waits_the_page_says_so_again(page: Page, site: Site, booth: Booth) -> None:
    open_gate(page, site, booth)
    expect(page.locator("#cards .nobody")).to_be_visible()
    booth.say(Reason.UNKNOWN_CREDENTIAL)
    expect(page.locator("#cards > .card")).to_have_count(1)
    expect(page.locator("#cards .nobody")).to_be_hidden()
    page.keyboard.press("3")
    expect(page.locator("#cards > .card")).to_have_count(0)
    expect(page.locator("#cards .nobody")).to_be_visible()
