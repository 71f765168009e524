"""The centre's pages over real HTTP."""

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi import APIRouter, Depends, Request

from gateway.web.because import because_of, sentence
from gateway.web.centre_pages import make_centre_pages, make_live
from gateway.web.centre_view import BECAUSE, CaseRow, CentreDesk, Hole
from gateway.web.live import Live
from gateway.web.page import make_pages
from gateway.web.site import make_site
from rules.acts import Arithmetic
from rules.model import CaseKind
from tests.browser.doubles import centre_desk
from tests.browser.serving import Site, served
from tests.waiting import until

AT = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
AFTER = re.compile(r"after=([0-9a-f]+-[0-9]+)")
PAGES = ("/admin", "/admin/cases", "/admin/alerts", "/admin/stations", "/admin/quarantine", "/admin/policy")


def site_of(desk: CentreDesk, live: Live | None = None) -> Iterator[Site]:
    pages = make_pages()
    live = live or make_live(desk, pages, now=lambda: AT)
    router = make_centre_pages(desk, live, pages, now=lambda: AT)
    signed = APIRouter(dependencies=[Depends(somebody)])
    signed.include_router(router)
    with served(make_site(pages, [signed], closing=[live.close])) as site:
        yield site


def somebody(request: Request) -> None:
    """Signs in whoever comes, as the centre's own dependency does."""
    request.state.actor = "guan-li"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    yield from site_of(centre_desk(AT))


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_is_served_in_both_languages_with_banner_and_policy(site: Site, path: str, lang: str) -> None:
    answer = site.get(f"{path}?lang={lang}")
    assert answer.status == 200
    assert 'class="banner"' in answer.text
    assert 'href="/admin/policy"' in answer.text


@pytest.mark.parametrize("path", PAGES[1:])
def test_the_live_part_alone_is_no_whole_page(site: Site, path: str) -> None:
    answer = site.get(f"{path}?fragment=1")
    assert answer.status == 200
    assert "<html" not in answer.text


@pytest.mark.parametrize("path", PAGES[:4])
def test_no_figure_stands_without_its_as_of(site: Site, path: str) -> None:
    assert "数据截至 2026-11-24 00:30" in site.get(path).text
    assert "登记底册截至" in site.get(path).text


def test_a_case_says_its_source_state_and_arithmetic_in_words(site: Site) -> None:
    text = site.get("/admin/cases").text
    for said in ("门岗发现", "待走访", "入户采集", "3栋2单元***", "近14天内有6天通行、5个晚间", "待签收"):
        assert said in text


def test_a_slip_says_where_it_stands(site: Site) -> None:
    text = site.get("/admin/alerts").text
    for said in ("江湾派出所", "待报派出所", "办结反馈", "任务超期未登记", "20261120-0A3F33"):
        assert said in text


def test_a_command_says_who_gave_it_and_what_became_of_it(site: Site) -> None:
    text = site.get("/admin/stations").text
    for said in ("远程开门", "property-office", "已执行", "命令已过时", "没有回复"):
        assert said in text


def test_what_was_set_aside_says_from_whom_and_why(site: Site) -> None:
    text = site.get("/admin/quarantine").text
    for said in ("jwl-1", "not a topic of this account", "来源不明", "certificate verify failed"):
        assert said in text


def test_a_station_that_is_late_says_so_with_its_gaps(site: Site) -> None:
    text = site.get("/admin/stations").text
    for said in ("迟到", "5小时前", "第40版(最新为第42版)"):
        assert said in text


def test_a_list_is_cut_into_pages_by_the_last_id() -> None:
    desk = centre_desk(AT)
    (one, *_) = desk.cases(1, None)
    many = [dataclasses.replace(one, id=n) for n in range(120, 0, -1)]
    long = dataclasses.replace(
        desk, cases=lambda limit, before: [row for row in many if before is None or row.id < before][:limit]
    )
    for site in site_of(long):
        assert 'href="/admin/cases?before=71"' in site.get("/admin/cases").text
        last = site.get("/admin/cases?before=21").text
        assert 'id="c-20"' in last
        assert "before=1&" not in last
        assert 'id="c-21"' not in last


@pytest.mark.parametrize("odd", ["-1", "x", "9" * 30, "%00", "1e3", "٣"])
def test_an_id_that_is_none_shows_the_newest(site: Site, odd: str) -> None:
    assert 'id="c-1046"' in site.get(f"/admin/cases?before={odd if odd.isascii() else '%D9%A3'}").text


@dataclass
class Watched:
    """A page of cases with somebody who watches it; `rows` is what the database has."""

    live: Live
    site: Site
    rows: list[CaseRow]


@pytest.fixture
def watched() -> Iterator[Watched]:
    desk, pages = centre_desk(AT), make_pages()
    (one, *_) = desk.cases(1, None)
    rows = [dataclasses.replace(one, id=n, state="open") for n in (5, 4, 3)]
    desk = dataclasses.replace(desk, cases=lambda limit, _: rows[:limit])
    live = make_live(desk, pages, now=lambda: AT)
    for site in site_of(desk, live):
        yield Watched(live, site, rows)


def turned(watched: Watched, stream: Iterator[dict[str, str]]) -> dict[str, str]:
    """The next event, after the pages were brought to what is now."""
    watched.live.turn()
    return next(stream)


def test_an_open_page_is_sent_what_changed_and_nothing_else(watched: Watched) -> None:
    rows = watched.rows
    after = AFTER.findall(watched.site.get("/admin/cases").text)[0]
    with watched.site.stream(f"/admin/stream?of=cases&after={after}") as stream:
        until(lambda: watched.live.watched("cases"), what="the stream")
        assert turned(watched, stream)["event"] == "resync", "nobody had watched: the page is asked for anew"
        rows[1] = dataclasses.replace(rows[1], state="assigned")
        told = turned(watched, stream)
        assert told["event"] == "changed"
        assert re.findall(r'<tr id="([^"]+)" hx-swap-oob="([^"]+)"', told["data"]) == [("c-4", "true")]
        assert told["data"].count("<tr") == 1
        rows.insert(0, dataclasses.replace(rows[0], id=6))
        del rows[3]
        data = turned(watched, stream)["data"]
        assert '<tbody data-new hx-swap-oob="beforebegin:#c-5"><tr id="c-6"' in data
        assert '<tr id="c-3" hx-swap-oob="delete"></tr>' in data
        assert data.count("<tr") == 2
        rows.clear()
        assert turned(watched, stream)["event"] == "resync"


def test_a_page_that_comes_back_gets_what_it_missed(watched: Watched) -> None:
    rows = watched.rows
    with watched.site.stream("/admin/stream?of=cases") as stream:
        until(lambda: watched.live.watched("cases"), what="the stream")
        turned(watched, stream)
        after = AFTER.findall(watched.site.get("/admin/cases").text)[0]
        rows[0] = dataclasses.replace(rows[0], state="visited")
        first = turned(watched, stream)
        rows[0] = dataclasses.replace(rows[0], state="collected")
        second = turned(watched, stream)
        with watched.site.stream("/admin/stream?of=cases", Last_Event_ID=after) as again:
            assert [next(again)["id"] for _ in range(2)] == [first["id"], second["id"]]
        with watched.site.stream("/admin/stream?of=cases", Last_Event_ID="0badc0de-7") as again:
            assert next(again)["event"] == "resync"


def test_what_did_not_change_is_not_sent(watched: Watched) -> None:
    with watched.site.stream("/admin/stream?of=cases") as stream:
        until(lambda: watched.live.watched("cases"), what="the stream")
        turned(watched, stream)
        at = watched.live.page("cases", "zh")
        for _ in range(3):
            watched.live.turn()
        assert watched.live.page("cases", "zh") == at
        watched.rows.pop()
        assert "delete" in turned(watched, stream)["data"]


def test_there_is_no_stream_of_a_page_that_does_not_live(site: Site) -> None:
    assert site.get("/admin/stream?of=nothing").status == 404
    assert site.get("/admin/stream").status == 422


def test_a_code_without_a_text_is_shown_bare_and_escaped() -> None:
    desk = centre_desk(AT)
    (one, *_) = desk.cases(1, None)
    odd = dataclasses.replace(one, state="<new>", because="not_ours")
    for site in site_of(dataclasses.replace(desk, cases=lambda *_: [odd])):
        text = site.get("/admin/cases").text
        assert "&lt;new&gt;" in text
        assert "not_ours" in text
        assert "<new>" not in text


def arithmetic(**more: object) -> Arithmetic:
    plain = Arithmetic(
        on=(date(2026, 11, 1), date(2026, 11, 3)),
        evenings=1,
        days_needed=2,
        evenings_needed=1,
        window_days=14,
        grace_days=7,
        unregistered_since=None,
        register_as_of=date(2026, 11, 22),
        policy_version=3,
    )
    return dataclasses.replace(plain, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "given", "code"),
    [
        (CaseKind.COLLECTION, arithmetic(), "presence"),
        (CaseKind.GATE_QUERY, arithmetic(), "unknown_credential"),
        (CaseKind.COLLECTION, arithmetic(on=(), unregistered_since=date(2026, 11, 10)), "enrolled"),
    ],
)
def test_the_arithmetic_of_a_case_becomes_a_sentence_with_every_figure(
    kind: CaseKind, given: Arithmetic, code: str
) -> None:
    because, figures = because_of(kind, date(2026, 11, 20), given)
    assert because == code
    assert set(figures) == set(BECAUSE[code])
    (case, *_) = centre_desk(AT + timedelta(0)).cases(1, None)
    said = sentence(make_pages().texts, "zh", dataclasses.replace(case, because=because, figures=figures))
    assert all(str(figure) in said for figure in figures.values())


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_stations_page_says_since_when_how_many_and_why_and_takes_a_persons_word(lang: str) -> None:
    accepted: list[tuple[str, Hole, str]] = []
    for site in site_of(centre_desk(AT, accepted)):
        text = site.get(f"/admin/stations/jwl-1?lang={lang}").text
        said = {
            "zh": (
                "17条",
                "自2026-11-23 19:30",
                "存储已满",
                "时钟",
                "未校准",
                "相差-94.2秒",
                "像是用旧镜像恢复的",
                "示例管理员确认",
            ),
            "en": (
                "17 passes",
                "since 2026-11-23 19:30",
                "storage was full",
                "not synchronised",
                "-94.2 s",
                "accepted by",
            ),
        }[lang]
        assert [words for words in said if words not in text] == []
        form = {"kind": "missing", "who": "somebody else"}
        assert site.post("/admin/stations/jwl-1/accept", form).status == 303
        assert accepted == [("jwl-1", Hole.MISSING, "guan-li")], "whoever is signed in, and nobody that a form names"
        for odd in ({"kind": "all"}, {}):
            assert site.post("/admin/stations/jwl-1/accept", odd).status == 422
        assert len(accepted) == 1
        assert site.get("/admin/stations/no-such").status == 404


def test_accepting_for_a_station_that_is_none_is_said(site: Site) -> None:
    def nobody(station: str, kind: Hole, who: str) -> None:
        raise LookupError(station)

    for other in site_of(dataclasses.replace(centre_desk(AT), accept=nobody)):
        assert other.post("/admin/stations/no-such/accept", {"kind": "lost"}).status == 404
