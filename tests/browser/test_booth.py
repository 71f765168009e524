"""A guard's evening at the booth in a real browser: by hand, by keys, by ear, with the line gone, in both themes."""

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.station.console.attends import key_of
from gateway.station.door import DoorState, Happening
from gateway.station.shifts import Handover
from gateway.wire import GateAct
from rules.model import Reason
from tests.browser.axe import violations
from tests.browser.doubles import PORTALS, Booth
from tests.browser.serving import Site

pytestmark = pytest.mark.real("chromium")


HEARD = """
window.heard = [];
const created = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () {
  const source = created.call(this);
  const start = source.start.bind(source);
  source.start = (at) => { window.heard.push(Math.round(source.frequency.value)); start(at); };
  return source;
};
const ramped = AudioParam.prototype.linearRampToValueAtTime;
window.loudest = 0;
AudioParam.prototype.linearRampToValueAtTime = function (value, at) {
  window.loudest = Math.max(window.loudest, value);
  return ramped.call(this, value, at);
};
"""
"""Notes what the page plays, beside playing it."""
GRANT, ATTEND, DOOR = [1318], [784, 1047], [880, 622, 880, 622]


def open_gate(page: Page, site: Site, path: str = "/gate") -> None:
    """Go to the gate and wait until its stream is open."""
    with page.expect_response(lambda response: "/gate/stream" in response.url):
        page.goto(site.url + path)


def test_a_visitor_is_entered_by_keys_alone_and_the_form_is_empty_again(
    page: Page, site: Site, booth: Booth, said: list[str]
) -> None:
    open_gate(page, site)
    page.get_by_text("访客登记", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_label("去哪户（房号）").fill("3-2-1201")
    page.get_by_label("称呼").fill("访客甲")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("已登记访客并开门")
    expect(page.locator(".folds details[open]")).to_have_count(0)
    assert page.locator("input[name=name]").first.input_value() == ""
    assert booth.visitors == [("east", "3-2-1201", "访客甲")]
    assert said == []


def test_what_is_refused_is_said_and_what_was_typed_stays(page: Page, site: Site, booth: Booth) -> None:
    open_gate(page, site)
    booth.busy = True
    page.get_by_text("挂失", exact=True).click()
    fold = page.locator(".folds details[open]")
    fold.get_by_label("房号").fill("3-501")
    fold.get_by_label("持卡人姓名").fill("测试甲")
    fold.get_by_role("button", name="报挂失").click()
    expect(page.locator("#said")).to_contain_text("没有执行")
    expect(fold.get_by_label("持卡人姓名")).to_have_value("测试甲")
    booth.busy = False
    fold.get_by_role("button", name="报挂失").click()
    expect(page.locator("#said")).to_contain_text("已报挂失")
    assert booth.lost == [("3-501", "测试甲")]


def test_a_portal_is_held_open_by_one_touch_and_the_page_shows_it_until_it_ends(
    page: Page, site: Site, booth: Booth, said: list[str]
) -> None:
    open_gate(page, site)
    page.get_by_text("常开时段", exact=True).first.click()
    page.locator(".folds details[open]").get_by_label("北门").check()
    page.locator(".folds details[open]").get_by_role("button", name="30分钟").click()
    expect(page.locator("#notices")).to_contain_text("北门 常开至")
    expect(page.locator("#strip")).to_contain_text("北门 常开至")
    page.get_by_role("button", name="结束常开").click()
    expect(page.locator("#notices")).to_be_hidden()
    expect(page.locator("#strip")).not_to_contain_text("常开至")
    assert said == []


def test_a_suggestion_is_declined_by_one_touch_and_holds_nothing_open(page: Page, site: Site, booth: Booth) -> None:
    open_gate(page, site)
    booth.suggest(PORTALS[1])
    expect(page.locator("#notices")).to_contain_text("北门")
    page.get_by_role("button", name="不用").click()
    expect(page.locator("#notices")).to_be_hidden()
    assert booth.state.held == ()


def test_only_one_fold_is_open_and_what_is_typed_survives_a_new_page_part(page: Page, site: Site, booth: Booth) -> None:
    open_gate(page, site)
    page.get_by_text("挂失", exact=True).click()
    page.get_by_text("访客登记", exact=True).click()
    expect(page.locator(".folds details[open]")).to_have_count(1)
    page.get_by_label("去哪户（房号）").fill("3-2")
    page.evaluate("document.getElementById('live').dataset.old = 'yes'")
    page.locator('[hx-trigger="sse:resync"]').dispatch_event("sse:resync")
    expect(page.locator("#live:not([data-old])")).to_be_visible()
    expect(page.get_by_label("去哪户（房号）")).to_have_value("3-2")


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_axe_finds_nothing_on_a_full_booth_and_nothing_is_wider_than_the_window(
    page: Page, site: Site, booth: Booth, width: int, theme: str, lang: str
) -> None:
    booth.busy_morning()
    booth.trouble()
    booth.hold("east", 1800)
    booth.suggest(PORTALS[1])
    booth.say(Reason.UNKNOWN_CREDENTIAL)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site.url}/gate?theme={theme}&lang={lang}")
    for fold in range(3):
        page.locator(".folds > details").nth(fold).locator("summary").click()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_axe_finds_nothing_on_search_hand_over_and_report(
    page: Page, site: Site, booth: Booth, theme: str, lang: str
) -> None:
    booth.busy_morning()
    booth.keep(GateAct("hold_open", int(booth.now().timestamp() * 1000)), ago=1800)
    at = int(booth.now().timestamp() * 1000)
    booth.handovers.append(Handover(at, at - 1000, "示例甲", "示例乙", "北门读卡器已报修", {"paper.grant": 3}, [], 1))
    for path in ("/gate/search", "/gate/shift", "/gate/shift/1", "/gate/day"):
        for width in (1366, 390):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(f"{site.url}{path}?theme={theme}&lang={lang}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert violations(page) == [], path


def test_on_another_page_of_the_booth_a_new_verdict_still_comes_and_leads_back(
    page: Page, site: Site, booth: Booth, said: list[str]
) -> None:
    open_gate(page, site, "/gate/shift")
    page.get_by_label("交代事项").fill("北门")
    booth.say(Reason.UNKNOWN_CREDENTIAL)
    expect(page.locator("#verdict .word")).to_have_text("人工协助")
    expect(page.get_by_label("交代事项")).to_have_value("北门")
    page.locator("#verdict").click()
    expect(page.locator("#cards > .card")).to_have_count(1)
    assert said == []


def test_keys_one_to_six_open_nothing_on_a_page_that_shows_no_card(page: Page, site: Site, booth: Booth) -> None:
    open_gate(page, site, "/gate/search")
    booth.say(Reason.UNKNOWN_CREDENTIAL)
    expect(page.locator("#cards > .card")).to_have_count(1)
    page.locator("h1").click()
    page.keyboard.press("1")
    assert page.locator("#cards > .card:not(.answering)").count() == 1, "a card that is answered says so at once"
    assert booth.opened == []


def awake(page: Page, site: Site, path: str = "/gate") -> None:
    """Go to the gate with ears, and touch the page as a guard does."""
    page.add_init_script(HEARD)
    open_gate(page, site, path)
    page.locator("body").click(position={"x": 700, "y": 20})
    expect(page.locator("#sound")).to_have_text("声音与锁定")


def heard(page: Page, tones: list[int]) -> None:
    """Wait until exactly these tones were played, and forget them."""
    page.wait_for_function("n => window.heard.length >= n", arg=len(tones))
    assert page.evaluate("window.heard.splice(0)") == tones


def test_each_verdict_has_its_tone_and_a_post_turns_off_what_it_will_but_the_alarm(
    page: Page, site: Site, booth: Booth, said: list[str]
) -> None:
    awake(page, site)
    booth.say(Reason.ENROLLED)
    heard(page, GRANT)
    booth.say(Reason.UNKNOWN_CREDENTIAL)
    heard(page, ATTEND)
    page.locator("#sound").click()
    page.get_by_label("放行：一声短高音", exact=True).uncheck()
    expect(page.locator("#kept")).to_have_text("已保存在这台电脑")
    expect(page.get_by_role("checkbox", name="门被强开")).to_be_disabled()
    page.get_by_role("button", name="试听：放行").click()
    heard(page, GRANT)
    with page.expect_response(lambda response: "/gate/stream" in response.url):
        page.get_by_role("link", name="门岗", exact=True).click()
    page.locator("body").click(position={"x": 700, "y": 20})
    expect(page.locator("#sound")).to_have_text("声音与锁定")
    shown = booth.say(Reason.ENROLLED)
    expect(page.locator(f"#r-{key_of(shown)}")).to_be_visible()
    booth.at_a_door(Happening.FORCED, DoorState.FORCED)
    heard(page, DOOR)
    assert said == []


def test_by_night_the_tones_are_as_low_as_the_post_says(chromium: Browser, site: Site, booth: Booth) -> None:
    loud = {}
    for hour in ("15:00", "23:30", "05:59"):
        context = chromium.new_context(viewport={"width": 1366, "height": 768}, timezone_id="Asia/Shanghai")
        page = context.new_page()
        page.clock.set_fixed_time(f"2026-11-23T{hour}:00+08:00")
        awake(page, site)
        booth.say(Reason.ENROLLED)
        heard(page, GRANT)
        loud[hour] = page.evaluate("window.loudest")
        context.close()
    assert loud["15:00"] > loud["23:30"] == loud["05:59"] > 0


def test_a_booth_that_is_left_is_locked_by_a_touch_and_goes_on_behind_the_pin(
    page: Page, site: Site, booth: Booth, said: list[str]
) -> None:
    open_gate(page, site, "/gate/post")
    page.get_by_label("新 PIN").fill("4711")
    page.get_by_role("button", name="设 PIN").click()
    page.get_by_role("button", name="锁定", exact=True).click()
    expect(page.get_by_role("heading", name="门岗已锁定")).to_be_visible()
    assert violations(page) == []
    booth.say(Reason.UNKNOWN_CREDENTIAL)
    expect(page.locator("#verdict .word")).to_have_text("人工协助")
    page.locator("#verdict").click()
    page.keyboard.press("1")
    page.get_by_label("PIN").press_sequentially("4711")
    assert booth.opened == []
    page.keyboard.press("Enter")
    expect(page.locator("#cards > .card")).to_have_count(1)
    page.keyboard.press("1")
    expect(page.locator("#cards > .card")).to_have_count(0)
    assert len(booth.opened) == 1
    assert said == []


def test_axe_finds_nothing_on_the_page_of_the_post(page: Page, site: Site) -> None:
    for lang, theme in (("zh", "light"), ("en", "dark")):
        page.goto(f"{site.url}/gate/post?lang={lang}&theme={theme}")
        assert violations(page) == []
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_dropped_network_is_said_with_since_when_and_what_was_missed_comes_when_it_is_back(
    page: Page, site: Site, booth: Booth
) -> None:
    open_gate(page, site)
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    expect(page.locator("#offline-since")).to_contain_text("断线自")
    missed = booth.say(Reason.CREDENTIAL_LOST)
    page.context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()
    expect(page.locator(f"#r-{key_of(missed)}")).to_be_visible()
    expect(page.locator("#verdict .word")).to_have_text("此卡不可用")
