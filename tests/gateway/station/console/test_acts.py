"""What a guard does by a touch, over real HTTP: each is answered by one sentence, and what is refused does nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from gateway.station.console.routes import make_app
from rules.model import Reason
from tests.browser.doubles import PORTALS, Booth
from tests.browser.serving import Site, served

EVENING = datetime(2026, 11, 23, 11, 0, 5, tzinfo=UTC)
"""Seven in the evening in Shanghai."""


@pytest.fixture
def booth() -> Booth:
    return Booth(EVENING)


@pytest.fixture
def site(booth: Booth) -> Iterator[Site]:
    with served(make_app(booth.desk, booth.gate, registry=CollectorRegistry())) as site:
        yield site


def done(booth: Booth) -> tuple[object, ...]:
    return (booth.opened, booth.visitors, booth.lost, booth.state.held)


NOTHING: tuple[object, ...] = ([], [], [], ())


def test_a_visitor_is_entered_in_two_fields_and_the_gate_opens(site: Site, booth: Booth) -> None:
    form = {"portal": "north", "dwelling": " 3-2-1201 ", "name": " 访客甲 "}
    answer = site.post("/gate/visitor", form, HX_Request="true")
    assert (answer.status, "3-2-1201" in answer.text, "北门" in answer.text) == (200, True, True)
    assert booth.visitors == [("north", "3-2-1201", "访客甲")]
    assert "访客甲" not in answer.text
    assert "访客甲" not in site.get("/gate").text


def test_a_visitor_may_go_without_a_name_but_not_without_a_dwelling(site: Site, booth: Booth) -> None:
    assert site.post("/gate/visitor", {"portal": "east", "dwelling": "3-1"}).status == 303
    refused = site.post("/gate/visitor", {"portal": "east", "dwelling": "  ", "name": "访客甲"}, HX_Request="true")
    assert (refused.status, "请填写去哪户" in refused.text) == (422, True)
    assert booth.visitors == [("east", "3-1", "")]


def test_a_lost_card_is_reported_with_dwelling_and_name(site: Site, booth: Booth) -> None:
    assert "已报挂失" in site.post("/gate/lost", {"dwelling": "3-501", "name": "测试甲"}, HX_Request="true").text
    for half in ({"dwelling": "3-501", "name": " "}, {"dwelling": " ", "name": "测试甲"}):
        assert site.post("/gate/lost", half, HX_Request="true").status == 422
    assert booth.lost == [("3-501", "测试甲")]
    assert "测试甲" not in site.get("/gate").text


def test_one_touch_holds_a_portal_open_and_the_page_says_until_when(site: Site, booth: Booth) -> None:
    answer = site.post("/gate/hold", {"portal": "east", "minutes": "30"}, HX_Request="true")
    assert "19:30" in answer.text
    text = site.get("/gate").text
    strip = text[text.index('id="strip"') : text.index('id="verdict"')]
    assert "东门 常开至 19:30" in strip
    assert 'action="/gate/hold/end"' in text
    assert site.post("/gate/hold/end", {"portal": "east"}).status == 303
    assert "常开至" not in site.get("/gate").text


def test_that_a_period_begins_and_ends_comes_by_itself_and_once(site: Site, booth: Booth) -> None:
    with site.stream("/gate/stream") as stream:
        assert next(stream)["event"] == "state"
        booth.hold("north", 3600)
        booth.gate.notices(booth.state)
        booth.end_hold("north")
        events = [next(stream) for _ in range(4)]
    notices = [event["data"] for event in events if event["event"] == "notices"]
    assert [("北门 常开至 20:00" in data) for data in notices] == [True, False]
    assert [event["event"] for event in events] == ["state", "notices", "state", "notices"]


def test_a_period_is_suggested_until_it_is_taken_or_declined(site: Site, booth: Booth) -> None:
    asks = "东门：同一张卡一小时内刷了30多次"
    for path, form in (("/gate/hold", {"minutes": "60"}), ("/gate/hold/no", {"minutes": "0"})):
        booth.suggest(PORTALS[0])
        assert asks in site.get("/gate").text
        assert site.post(path, {"portal": "east", **form}).status == 303
        assert asks not in site.get("/gate").text


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/gate/hold", {"portal": "west", "minutes": "30"}, 404),
        ("/gate/hold", {"portal": "east", "minutes": "31"}, 422),
        ("/gate/hold", {"portal": "east", "minutes": "600"}, 422),
        ("/gate/hold/end", {"portal": "west"}, 404),
        ("/gate/hold/no", {"portal": "west"}, 404),
        ("/gate/visitor", {"portal": "west", "dwelling": "3-1"}, 404),
        ("/gate/visitor", {"portal": "east", "dwelling": "3" * 33}, 422),
        ("/gate/visitor", {"portal": "east", "dwelling": "3-1", "name": "甲" * 21}, 422),
        ("/gate/visitor", {"portal": "east"}, 422),
        ("/gate/lost", {"dwelling": "3-1", "name": "甲" * 21}, 422),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_happens(
    site: Site, booth: Booth, path: str, form: dict[str, str], status: int
) -> None:
    assert site.post(path, form).status == status
    assert done(booth) == NOTHING


def test_a_form_of_another_site_does_nothing(site: Site, booth: Booth) -> None:
    for path, form in (
        ("/gate/visitor", {"portal": "east", "dwelling": "3-1"}),
        ("/gate/hold", {"portal": "east", "minutes": "30"}),
        ("/gate/lost", {"dwelling": "3-1", "name": "甲"}),
    ):
        assert site.post(path, form, Origin="http://elsewhere.example").status == 403
    assert done(booth) == NOTHING


def test_a_station_that_has_too_much_to_do_says_that_nothing_was_done(site: Site, booth: Booth) -> None:
    booth.busy = True
    for path, form in (
        ("/gate/open", {"portal": "east", "classification": "visitor"}),
        ("/gate/visitor", {"portal": "east", "dwelling": "3-1"}),
        ("/gate/hold", {"portal": "east", "minutes": "30"}),
        ("/gate/lost", {"dwelling": "3-1", "name": "甲"}),
    ):
        answer = site.post(path, form, HX_Request="true")
        assert (answer.status, "没有执行" in answer.text) == (503, True)
        assert site.post(path, form).status == 503
    assert done(booth) == NOTHING


def test_what_to_do_stands_below_why_and_a_grant_asks_for_nothing(site: Site, booth: Booth) -> None:
    booth.say(Reason.WRONG_PORTAL)
    panel = site.get("/gate").text.split('id="verdict"')[1].split("</section>")[0]
    assert panel.index("这张证卡不能走这个出入口") < panel.index("请指引走其他门")
    booth.say(Reason.ENROLLED)
    assert 'class="todo"' not in site.get("/gate").text.split('id="verdict"')[1].split("</section>")[0]
