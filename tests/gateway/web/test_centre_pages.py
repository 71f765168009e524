"""The centre's pages over real HTTP."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi import APIRouter, Depends, Request

from gateway.web.because import because_of, sentence
from gateway.web.centre_pages import changed, make_centre_pages
from gateway.web.centre_view import BECAUSE, CentreDesk, Hole
from gateway.web.feed import Feed
from gateway.web.page import make_pages
from gateway.web.site import make_site
from rules.acts import Arithmetic
from rules.model import CaseKind
from tests.browser.doubles import centre_desk
from tests.browser.serving import Site, served

AT = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
PAGES = ("/admin", "/admin/cases", "/admin/alerts", "/admin/stations", "/admin/quarantine", "/admin/policy")


def site_of(desk: CentreDesk, feed: Feed) -> Iterator[Site]:
    pages = make_pages()
    router = make_centre_pages(desk, feed, pages, now=lambda: AT)
    signed = APIRouter(dependencies=[Depends(somebody)])
    signed.include_router(router)
    with served(make_site(pages, [signed], closing=[feed.close])) as site:
        yield site


def somebody(request: Request) -> None:
    """Signs in whoever comes, as the centre's own dependency does."""
    request.state.actor = "guan-li"


@pytest.fixture(scope="module")
def feed() -> Feed:
    return Feed()


@pytest.fixture(scope="module")
def site(feed: Feed) -> Iterator[Site]:
    yield from site_of(centre_desk(AT), feed)


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
    for site in site_of(long, Feed()):
        assert 'href="/admin/cases?before=71"' in site.get("/admin/cases").text
        last = site.get("/admin/cases?before=21").text
        assert 'id="c-20"' in last
        assert "before=1&" not in last
        assert 'id="c-21"' not in last


@pytest.mark.parametrize("odd", ["-1", "x", "9" * 30, "%00", "1e3", "٣"])
def test_an_id_that_is_none_shows_the_newest(site: Site, odd: str) -> None:
    assert 'id="c-1046"' in site.get(f"/admin/cases?before={odd if odd.isascii() else '%D9%A3'}").text


def test_open_pages_hear_that_something_changed(site: Site, feed: Feed) -> None:
    with site.stream("/admin/stream") as stream:
        while not feed.watchers:
            site.get("/admin/policy")
        changed(feed, "cases")
        assert next(stream)["event"] == "cases"


def test_a_code_without_a_text_is_shown_bare_and_escaped() -> None:
    desk = centre_desk(AT)
    (one, *_) = desk.cases(1, None)
    odd = dataclasses.replace(one, state="<new>", because="not_ours")
    for site in site_of(dataclasses.replace(desk, cases=lambda *_: [odd]), Feed()):
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
    for site in site_of(centre_desk(AT, accepted), Feed()):
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

    for other in site_of(dataclasses.replace(centre_desk(AT), accept=nobody), Feed()):
        assert other.post("/admin/stations/no-such/accept", {"kind": "lost"}).status == 404
