"""The committee's pages over a running centre: figures in their order, small cells hidden, a month-end to file."""

import http.client
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from openpyxl import load_workbook

from gateway.centre.indicators import Figure
from gateway.centre.month_ends import Correction
from gateway.centre.pages.committee import pdf as paper
from gateway.centre.pages.committee.charts import line
from gateway.centre.pages.committee.desk import _mended
from gateway.centre.pages.committee.report import Report, Table
from gateway.store import tables as t
from rules.indicators import Counts, Indicator, rate
from rules.roles import Role
from tests.browsing import Visitor
from tests.gateway.centre import district
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.district import DAY, MONTH
from tests.gateway.centre.office import YUAN

TILE = re.compile(r'<div class="tile"><dt>([^<]+)')


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running(tmp_path_factory.mktemp("district")) as one:
        district.fill(one)
        yield one


@pytest.fixture(scope="module")
def committee(centre: Centre) -> Visitor:
    return district.committee(centre)


def taken(centre: Centre, visitor: Visitor, path: str) -> tuple[int, bytes]:
    """A file as the browser gets it."""
    connection = http.client.HTTPConnection("127.0.0.1", centre.process.port, timeout=60)
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    connection.request("GET", path, headers={"Cookie": cookies, "User-Agent": visitor.agent, "Accept": "text/html"})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data


def test_the_tiles_stand_in_their_order_each_with_what_it_counts_its_as_of_and_what_is_short(
    committee: Visitor,
) -> None:
    page = committee.get("/committee").text
    first = page[page.index('id="first"') :]
    order = ["门禁安装率", "门禁联网率", "门禁在用率", "刷卡使用率", "采集任务按期办结率", "核销率"]
    assert [title.strip() for title in TILE.findall(first)][:7] == [*order, "实有人口有效采集登记率（台账）"]
    assert "97.11" in first
    assert "10,870 / 11,193" in first
    assert "还差 100 人" in first
    assert "另有待核实 84" in first
    assert f"截至 {DAY}" in first
    assert len(TILE.findall(page)) == page.count("<summary>口径"), "behind each figure stands what it counts"
    assert "口径待区公安分局确认" in page


def test_ledger_and_sample_stand_side_by_side_and_what_is_imported_says_from_whom(committee: Visitor) -> None:
    page = committee.get("/committee").text
    ledger, rest = page.split("台账与抽查", 1)[1].split("导入指标</h2>", 1)
    assert ledger.index("（台账）") < ledger.index("（抽查）")
    assert "95%区间" in ledger
    imported, _ = rest.split("其他指标", 1)
    assert imported.count('<span class="badge info">导入指标</span>') == len(TILE.findall(imported))
    assert "来源：公安机关流入地推送名单，最近导入 2026-11-23" in imported
    assert "来源：公安机关户籍人口名单，没有导入记录" in imported
    assert "名单尚未导入，不是0" in imported
    assert "未达标" in imported, "two times 98 % are not met"


def test_communities_are_compared_by_rate_and_by_misses_with_and_without_gates(committee: Visitor) -> None:
    def rows(by: str) -> list[str]:
        return re.findall(r'<th scope="row">([^<\s]+)', committee.get(f"/committee/communities?by={by}").text)

    assert rows("rate")[:3] == ["东门社区", "滨河苑", "北村"]
    assert rows("misses")[:5] == ["东门社区", "滨河苑", "望江苑", "北村", "沿江苑"]
    page = committee.get("/committee/communities").text
    assert page.count("无门禁") == 2
    for why in ("数值过小", "数据未知", "需整改", "数据不足"):
        assert why in page
    assert "门岗数据从未收到" in page
    assert committee.get("/committee/communities?by=name").status == 422


def test_small_cells_are_hidden_and_nothing_tells_them(committee: Visitor) -> None:
    for path in ("/committee/communities", "/committee/communities?by=misses"):
        page = committee.get(path).text
        for hidden in ("871", "874", "187 /", "/ 190", "99.65", "98.42"):
            assert hidden not in page, path
        assert "&lt;5" in page


def test_the_trend_is_a_chart_with_its_table_and_its_target(committee: Visitor) -> None:
    page = committee.get("/committee/trend").text
    weeks = page.count('<circle class="fill-1"')
    assert weeks == 20
    assert page.count('<tr><th scope="row"') == weeks
    assert 'class="target-line"' in page
    assert "97.11%" in page
    one = committee.get("/committee/trend?indicator=cancelled").text
    assert "名单尚未导入" in one or "还没有数据" in one
    assert committee.get("/committee/trend?indicator=nothing").status == 422


def test_a_line_breaks_where_a_value_is_not_shown() -> None:
    days = [date(2026, 11, day) for day in (1, 8, 15, 22)]
    whole = line(list(zip(days, (90.0, 91.0, 92.5, 93.0), strict=True)), 98.0, 'a "label"')
    assert (whole.count("<polyline"), whole.count("<circle")) == (1, 4)
    assert 'aria-label="a &#34;label&#34;"' in whole
    broken = line(list(zip(days, (90.0, None, 92.5, 93.0), strict=True)))
    assert (broken.count("<polyline"), broken.count("<circle")) == (1, 3)
    assert line([(days[0], 0.0)]).count("<circle") == 1
    assert "<polyline" not in line([(days[0], None)])
    assert [tick for tick in re.findall(r">([\d.]+)%<", whole) if float(tick) > 100] == []


def test_a_month_that_is_over_stands_as_it_was_frozen(committee: Visitor) -> None:
    now, then = committee.get("/committee").text, committee.get(f"/committee?month={MONTH}").text
    assert "97.11" in now
    assert "97.11" not in then
    assert "95.14" in then
    assert f"以下是 {MONTH} 月末封存的数据" in then
    month = committee.get(f"/committee/months/{MONTH}").text
    assert "与封存时一致" in month
    assert "2026-10-01 – 2026-10-31" in month
    assert committee.get("/committee/months/2019-01").status == 404
    assert committee.get("/committee?month=2019-01").status == 404
    assert committee.get("/committee?month=soon").status == 422


def test_a_month_that_was_changed_is_said_to_be_no_good(centre: Centre, committee: Visitor) -> None:
    with centre.database().write() as connection:
        row = connection.execute(t.month_ends.select()).one()
        forged = row.payload.replace(b"2781", b"2700")
        connection.execute(t.month_ends.update().values(payload=forged))
    try:
        assert "与签名不符，不能采用" in committee.get(f"/committee?month={MONTH}").text
        _, book = taken(centre, committee, f"/committee/months/{MONTH}/report.xlsx")
        assert "与签名不符" in str(
            [cell.value for row in load_workbook(io.BytesIO(book)).worksheets[0] for cell in row]
        )
    finally:
        with centre.database().write() as connection:
            connection.execute(t.month_ends.update().values(payload=row.payload))


def test_a_correction_of_fewer_than_five_people_is_not_told_in_numbers() -> None:
    def figures(good: int) -> list[Figure]:
        said = rate(Counts(good, 1000))
        return [Figure(Indicator.REGISTRATION, YUAN, said, date(2026, 10, 31), 0, None)]

    for now, told in ((903, False), (904, False), (905, True), (899, False), (890, True)):
        found = _mended(
            [Correction(YUAN, Indicator.REGISTRATION, (900, 1000), (now, 1000))], figures(900), figures(now)
        )
        assert (found[0].before is not None, found[0].after is not None) == (told, told), now
    hidden = [replace(figures(900)[0], hidden=True)]
    far = Correction(YUAN, Indicator.REGISTRATION, (900, 1000), (950, 1000))
    assert _mended([far], hidden, figures(950))[0].before is None


def test_the_report_says_title_period_definitions_and_leaves_room_to_sign(centre: Centre, committee: Visitor) -> None:
    status, data = taken(centre, committee, f"/committee/months/{MONTH}/report.xlsx")
    assert status == 200
    book = load_workbook(io.BytesIO(data))
    cover = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]
    assert cover[0][0] == f"实有人口登记与小区门禁试点月报（{MONTH}）"
    assert cover[2][:2] == ["期间", "2026-10-01 – 2026-10-31"]
    assert {"编制：", "审核：", "签发："} <= {row[0] for row in cover}
    assert [sheet.title for sheet in book.worksheets[1:]] == ["全区指标", "社区比较", "封存后的更正", "口径说明"]
    figures = {row[0]: row for row in book["全区指标"].iter_rows(values_only=True)}
    assert figures["实有人口有效采集登记率（台账）"][1:4] == ("95.14%", "10650", "11193")
    assert book["口径说明"].max_row == len(Indicator) + 1
    rows = [row[1] for row in book["社区比较"].iter_rows(min_row=2, values_only=True)]
    assert len(rows) == len(district.PLACES)


def test_the_report_on_paper_holds_its_fonts_and_the_taking_is_noted(centre: Centre, committee: Visitor) -> None:
    status, data = taken(centre, committee, f"/committee/months/{MONTH}/report.pdf")
    assert (status, data[:5]) == (200, b"%PDF-")
    assert b"NotoSerifCJK" in data or b"NotoSansCJK" in data
    with centre.database().read() as connection:
        noted = connection.execute(t.audit.select().where(t.audit.c.act == "export")).all()
    assert {(row.actor, row.role, row.about) for row in noted} == {("zheng-fa", "committee", f"month_ends/{MONTH}")}
    assert taken(centre, committee, "/committee/months/2019-01/report.pdf")[0] == 404


def test_what_looks_like_markup_stays_a_text_on_paper() -> None:
    odd = '#panic("x") $ * _ <a> @b \\ 龘㐂'
    table = Table(odd, (odd, odd), ((odd, odd),), (1, 2))
    report = Report("zh", odd, ((odd, odd),), (table,), (odd,), (odd,), odd)
    assert paper.pdf(report)[:5] == b"%PDF-"


def test_without_a_font_that_has_the_characters_no_paper_is_made(
    centre: Centre, committee: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper._fonts.cache_clear()
    monkeypatch.setattr(paper, "FONTS", ("No Such Font",))
    try:
        assert committee.get(f"/committee/months/{MONTH}/report.pdf").status == 503
    finally:
        paper._fonts.cache_clear()


def test_whoever_is_confined_to_a_part_sees_nothing_of_the_district(centre: Centre) -> None:
    confined = centre.signed_in(Role.COMMITTEE, YUAN)
    for path in ("", "/communities", "/trend", "/months", f"/months/{MONTH}", f"/months/{MONTH}/report.xlsx"):
        assert confined.get(f"/committee{path}").status == 404, path
