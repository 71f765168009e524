"""The gate console over real HTTP: what the guard sees, and what a touch does."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry, Counter

from gateway.station.console.attends import key_of
from gateway.station.console.routes import make_app
from gateway.station.console.view import Visitor
from rules.model import Flag, Reason
from tests.browser.doubles import Booth
from tests.browser.serving import Site, served

AT = datetime(2026, 11, 23, 16, 30, 5, tzinfo=UTC)
"""Half past midnight of the next day in Shanghai."""


@pytest.fixture
def booth() -> Booth:
    return Booth()


@pytest.fixture
def site(booth: Booth) -> Iterator[Site]:
    registry = CollectorRegistry()
    Counter("gateway_swipes", "Swipes", registry=registry)
    with served(make_app(booth.desk, booth.gate, registry=registry)) as site:
        yield site


def cards(text: str) -> list[str]:
    return re.findall(r'<form id="card-([^"]+)"', text)


def test_the_root_leads_to_the_gate(site: Site) -> None:
    answer = site.get("/")
    assert (answer.status, answer.headers["Location"]) == (307, "/gate")


def test_the_newest_verdict_stands_large_with_its_reason_portal_and_civil_time() -> None:
    booth = Booth(AT)
    booth.say(Reason.CREDENTIAL_LOST)
    with served(make_app(booth.desk, booth.gate, registry=CollectorRegistry())) as site:
        text = site.get("/gate").text
    panel = text[text.index('id="verdict"') : text.index("</section>", text.index('id="verdict"'))]
    for said in ("此卡不可用", "此卡已挂失", "东门", "00:30:05"):
        assert said in panel


def test_before_the_first_swipe_the_page_says_that_it_waits(site: Site) -> None:
    assert "等待刷卡" in site.get("/gate").text


def test_a_verdict_that_is_not_recorded_says_so(site: Site, booth: Booth) -> None:
    booth.say(Reason.ENROLLED, recorded=False)
    assert '<span class="badge warn">未记录</span>' in site.get("/gate").text


def test_a_flag_changes_nothing_on_the_page_but_the_guards_side_line() -> None:
    pages = []
    for remind in (False, True):
        booth = Booth(AT)
        booth.say(Reason.ENROLLED, remind=remind)
        with served(make_app(booth.desk, booth.gate, registry=CollectorRegistry())) as site:
            pages.append(re.sub(r"after=[^\"]+", "", site.get("/gate").text))
    plain, reminded = pages
    side_line = '<span class="remind">方便时请提醒办理居住登记</span>'
    panel_line = f'    <p class="side">{side_line}</p>'
    squeezed = [re.sub(r"\s+", "", text) for text in (plain, reminded.replace(panel_line, "").replace(side_line, ""))]
    assert re.sub(r'<pclass="side"></p>', "", squeezed[1]) == squeezed[0]
    assert not [flag for flag in Flag if flag.value in reminded]


def test_a_new_verdict_is_sent_as_one_row_in_the_language_of_the_watcher(site: Site, booth: Booth) -> None:
    with site.stream("/gate/stream?lang=en") as english, site.stream("/gate/stream") as chinese:
        assert next(english)["event"] == next(chinese)["event"] == "state"
        shown = booth.say(Reason.ENROLLED)
        for stream, word in ((english, "Go ahead"), (chinese, "放行")):
            event = next(stream)
            assert event["event"] == "shown"
            assert event["data"].count("<li ") == 1
            assert f'id="r-{key_of(shown)}"' in event["data"]
            assert 'id="verdict"' in event["data"]
            assert word in event["data"]


def test_a_browser_that_comes_back_receives_what_it_missed(site: Site, booth: Booth) -> None:
    after = re.search(r"after=([^\"]+)", site.get("/gate").text)
    assert after is not None
    missed = booth.say(Reason.ENROLLED)
    with site.stream("/gate/stream", Last_Event_ID=after[1]) as stream:
        assert next(stream)["event"] == "state"
        assert f"r-{key_of(missed)}" in next(stream)["data"]


def test_a_change_of_state_is_sent_as_the_strip(site: Site, booth: Booth) -> None:
    with site.stream("/gate/stream") as stream:
        assert "线路断开" not in next(stream)["data"]
        booth.trouble()
        strip = next(stream)["data"]
    for said in ("线路断开", "12分钟前", "218", "中断"):
        assert said in strip
    assert "线路断开" in site.get("/gate/status").text


def test_every_attend_waits_as_a_card_until_it_is_answered(site: Site, booth: Booth) -> None:
    first, second = booth.say(Reason.UNKNOWN_CREDENTIAL), booth.say(Reason.OUT_OF_HOURS)
    booth.say(Reason.ENROLLED)
    assert cards(site.get("/gate").text) == [key_of(first), key_of(second)]
    form = {"portal": "east", "classification": "delivery", "attend": key_of(second)}
    answer = site.post("/gate/open", form, HX_Request="true")
    assert answer.status == 200
    assert "外卖快递" in answer.text
    assert booth.opened == [("east", Visitor.DELIVERY, "")]
    assert cards(site.get("/gate").text) == [key_of(first)]


def test_an_attend_older_than_ninety_seconds_is_no_card(site: Site, booth: Booth) -> None:
    booth.say(Reason.UNKNOWN_CREDENTIAL, ago=100)
    assert cards(site.get("/gate").text) == []


def test_a_dwelling_is_kept_for_a_new_resident_and_for_nobody_else(site: Site, booth: Booth) -> None:
    for who in ("new_resident", "visitor"):
        site.post("/gate/open", {"portal": "east", "classification": who, "dwelling": " 3-201 "})
    assert booth.opened == [("east", Visitor.NEW_RESIDENT, "3-201"), ("east", Visitor.VISITOR, "")]


def test_a_form_sent_without_scripts_opens_and_leads_back(site: Site, booth: Booth) -> None:
    answer = site.post("/gate/open", {"portal": "north", "classification": "other"})
    assert (answer.status, answer.headers["Location"]) == (303, "/gate")
    assert booth.opened == [("north", Visitor.OTHER, "")]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"portal": "west", "classification": "visitor"}, 404),
        ({"portal": "east", "classification": "burglar"}, 422),
        ({"portal": "east"}, 422),
        ({"portal": "east", "classification": "new_resident", "dwelling": "9" * 33}, 422),
    ],
)
def test_what_cannot_be_opened_is_refused_and_nothing_opens(
    site: Site, booth: Booth, form: dict[str, str], status: int
) -> None:
    assert site.post("/gate/open", form).status == status
    assert booth.opened == []


def test_what_comes_from_outside_is_escaped(site: Site, booth: Booth) -> None:
    answer = site.post("/gate/open", {"portal": "<b>", "classification": "other"}, HX_Request="true")
    assert "<b>" not in answer.text
    with site.stream("/gate/stream") as stream:
        next(stream)
        object.__setattr__(booth.state, "community", "<script>")
        booth.say(Reason.ENROLLED)
        assert "<script" not in next(stream)["data"]
    assert "&lt;script&gt;" in site.get("/gate").text


def test_health_says_which_part_is_not_well(site: Site, booth: Booth) -> None:
    assert site.get("/healthz").status == 200
    booth.parts["spool"] = "disk full"
    answer = site.get("/healthz")
    assert answer.status == 503
    assert "disk full" in answer.text


def test_metrics_are_those_of_the_registry_handed_in(site: Site) -> None:
    assert "gateway_swipes_total 0.0" in site.get("/metrics").text
