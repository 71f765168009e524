"""Search, hand-over and daily report over real HTTP: today's passes, no names, and paper when the disk refuses."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from gateway.station.console.papers import FOUND
from gateway.station.console.routes import make_app
from gateway.station.console.view import Visitor
from gateway.station.door import DoorState, Happening
from gateway.station.shifts import Handover
from gateway.wire import GateAct
from rules.model import CredentialKind, Reason
from tests.browser.doubles import Booth
from tests.browser.serving import Site, served

EVENING = datetime(2026, 11, 23, 11, 0, 5, tzinfo=UTC)
"""Seven in the evening in Shanghai."""
HOUR = 3600.0


@pytest.fixture
def booth() -> Booth:
    return Booth(EVENING)


@pytest.fixture
def site(booth: Booth) -> Iterator[Site]:
    with served(make_app(booth.desk, booth.gate, registry=CollectorRegistry())) as site:
        yield site


def found(site: Site, query: str = "") -> list[str]:
    """The times of what is found."""
    text = site.get(f"/gate/search?{query}").text
    return re.findall(r">(\d\d:\d\d:\d\d)</time>", text[text.index('id="found-title"') :])


def test_a_search_finds_todays_passes_by_all_the_words_that_are_said_of_them(site: Site, booth: Booth) -> None:
    booth.say(Reason.ENROLLED, ago=20 * HOUR)  # yesterday
    booth.say(Reason.ENROLLED, ago=3 * HOUR)
    booth.say(Reason.CREDENTIAL_LOST, ago=2 * HOUR, portal="north", kind=CredentialKind.CARD_UID)
    booth.say(Reason.MANUAL, ago=HOUR, kind=None, answered=Visitor.DELIVERY)
    booth.keep(GateAct("visitor"), dwelling="3-2-1201", ago=60)
    booth.keep(GateAct("hold_open"), ago=30)
    assert found(site) == ["18:59:05", "18:00:05", "17:00:05", "16:00:05"]
    assert found(site, "q=3-2-1201") == ["18:59:05"]
    assert found(site, "q=" + "%E5%A4%96%E5%8D%96") == ["18:00:05"], "外卖"
    assert found(site, "q=17:+%E5%8C%97%E9%97%A8") == ["17:00:05"], "17: 北门"
    assert found(site, "q=16:+%E5%8C%97%E9%97%A8") == []
    assert found(site, "lang=en&q=LOST") == ["17:00:05"]
    assert found(site, "lang=zh&portal=north") == ["17:00:05"]
    assert found(site, "verdict=grant") == ["16:00:05"]
    assert found(site, "verdict=by_hand") == ["18:59:05", "18:00:05"]
    assert found(site, "verdict=refuse") == ["17:00:05"]


def test_a_search_that_finds_too_much_says_so(site: Site, booth: Booth) -> None:
    for _ in range(FOUND):
        booth.say(Reason.ENROLLED)
    assert len(found(site)) == FOUND
    assert "请再加一个词" not in site.get("/gate/search").text
    booth.say(Reason.ENROLLED)
    assert len(found(site)) == FOUND
    assert "请再加一个词" in site.get("/gate/search").text


def test_what_is_searched_for_is_shown_as_text(site: Site) -> None:
    text = site.get("/gate/search?q=%3Cscript%3Ealert%3C/script%3E").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert site.get("/gate/search?q=" + "x" * 61).status == 422


def test_a_shift_is_handed_over_and_the_next_begins_there(site: Site, booth: Booth) -> None:
    booth.say(Reason.ENROLLED, ago=60)
    booth.say(Reason.UNKNOWN_CREDENTIAL, ago=30)
    booth.trouble()
    page = site.get("/gate/shift").text
    assert "2026-11-23 00:00" in page
    assert "等候人工协助 1 人" in page
    assert "故障：north-in" in page
    answer = site.post("/gate/shift", {"by": " 示例甲 ", "to": "示例乙", "note": "北门读卡器已报修"})
    assert (answer.status, answer.headers["Location"]) == (303, "/gate/shift/1")
    (kept,) = booth.handovers
    assert (kept.by, kept.to, kept.note, kept.troubles) == ("示例甲", "示例乙", "北门读卡器已报修", ["north-in"])
    assert kept.figures == {"paper.grant": 1, "paper.attend": 1}
    assert booth.handed == [(kept.since, "示例甲", "示例乙", "北门读卡器已报修")]
    record = site.get("/gate/shift/1").text
    assert all(said in record for said in ("示例甲", "示例乙", "北门读卡器已报修", "2026-11-23 19:00"))
    assert "2026-11-23 19:00" in site.get("/gate/shift").text
    assert site.get("/gate/shift/2").status == 404


def test_a_hand_over_needs_both_names_and_keeps_what_was_typed(site: Site, booth: Booth) -> None:
    answer = site.post("/gate/shift", {"by": "示例甲", "to": "  ", "note": "北门<b>"})
    assert answer.status == 422
    assert "请填写姓名" in answer.text
    assert 'value="示例甲"' in answer.text
    assert "北门&lt;b&gt;" in answer.text
    assert site.post("/gate/shift", {"by": "甲", "to": "乙", "note": "记" * 501}).status == 422
    assert booth.handovers == []


def test_a_disk_that_refuses_is_said_and_nothing_typed_is_lost(site: Site, booth: Booth) -> None:
    booth.broken = True
    answer = site.post("/gate/shift", {"by": "示例甲", "to": "示例乙", "note": "北门"})
    assert answer.status == 503
    assert "请用纸记录" in answer.text
    assert 'value="示例甲"' in answer.text
    assert site.get("/gate/shift/1").status == 503
    for path in ("/gate/search", "/gate/shift", "/gate/day"):
        page = site.get(path)
        assert (page.status, "读不全" in page.text) == (200, True)


def test_the_report_of_a_day_counts_and_names_nobody(site: Site, booth: Booth) -> None:
    booth.say(Reason.ENROLLED, ago=20 * HOUR)
    booth.say(Reason.ENROLLED, ago=HOUR)
    booth.say(Reason.WRONG_PORTAL, ago=HOUR, portal="north")
    booth.keep(GateAct("hold_open", int(EVENING.timestamp() * 1000)), ago=1800)
    booth.keep(GateAct("hold_end"), ago=600)
    booth.keep(GateAct("visitor"), dwelling="3-2-1201", ago=60)
    booth.at_a_door(Happening.HELD, DoorState.HELD)
    at = int(EVENING.timestamp() * 1000)
    booth.handovers.append(Handover(at, at, "示例甲", "示例乙", "北门", {}, [], 1))
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", site.get("/gate/day").text))
    assert "2026-11-23" in text
    assert "东门 1 0 0 1" in text
    assert "北门 0 0 1 0" in text
    assert "东门 18:30 18:50 手动结束" in text
    assert "东门 门久开未关 1" in text
    assert "示例甲 示例乙 北门" in text
    assert "3-2-1201" not in text
    yesterday = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", site.get("/gate/day?on=2026-11-22").text))
    assert "东门 1 0 0 0" in yesterday
    assert "示例甲" not in yesterday


@pytest.mark.parametrize(("on", "status"), [("2026-11-24", 404), ("2026-11-20", 404), ("2026-11-21", 200), ("x", 422)])
def test_a_report_is_offered_of_three_days(site: Site, on: str, status: int) -> None:
    assert site.get(f"/gate/day?on={on}").status == status


@pytest.mark.parametrize("path", ["/gate/search", "/gate/shift", "/gate/day"])
def test_strip_and_last_verdict_stay_on_every_page(site: Site, booth: Booth, path: str) -> None:
    booth.say(Reason.CREDENTIAL_LOST)
    booth.trouble()
    text = site.get(path).text
    assert "此卡已挂失" in text[text.index('id="verdict"') :]
    assert "线路断开" in text[text.index('id="strip"') :]
