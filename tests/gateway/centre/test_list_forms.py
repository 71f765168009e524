"""How a list is understood: headings as people write them, columns without a purpose, cells that say nothing good."""

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.lists import values
from gateway.centre.lists.forms import FORMS, Kind, Trouble, layout_of, understood
from gateway.centre.lists.values import Wrong
from gateway.centre.lists.writing import words_of
from gateway.web.texts import load
from rules.model import CIVIL, CredentialKind
from tests.gateway.centre.office import number

A = number(1)
RESIDENTS = FORMS[Kind.RESIDENTS]
TEXTS = load()
MORNING = datetime(2026, 11, 25, 8, 30, tzinfo=CIVIL)


@pytest.mark.parametrize(
    "heading",
    ["身份证号码", " 身份证号码 * ", "身份证号码（必填）", "证 件 号 码", "公民身份号码:", "身份证号码\n(18位)"],
)
def test_a_heading_is_known_as_people_write_it(heading: str) -> None:
    layout = layout_of(RESIDENTS, ("序号", heading))
    assert [column.name for column in layout.columns.values()] == ["document"]
    assert layout.unknown == ("序号",)


@pytest.mark.parametrize(
    "heading",
    ["民族", "政治面貌", "宗教信仰", "婚姻状况", "健康状况", "是否重点人员", "重点类别", "照片", "血型", "兵役状况"],
)
def test_a_column_without_a_purpose_here_is_dropped_and_named(heading: str) -> None:
    for form in FORMS.values():
        layout = layout_of(form, ("姓名", heading))
        assert layout.dropped == (heading,)
        assert 1 not in layout.columns
    assert TEXTS.get("zh", "lists.dropped") == "该列与居住登记无关，未导入"


def test_no_form_asks_for_what_has_no_purpose() -> None:
    for form in FORMS.values():
        for column in form.columns:
            layout = layout_of(form, column.headings)
            assert layout.dropped == (), column.headings


def test_needed_columns_that_are_not_there_are_named() -> None:
    assert layout_of(RESIDENTS, ("姓名", "联系电话")).missing == ("房号",), "a day of birth may stand for the number"
    assert layout_of(FORMS[Kind.PUSHES], ("姓名", "联系电话")).missing == ("证件号码", "推送日期")


def test_the_same_heading_twice_is_read_once() -> None:
    layout = layout_of(RESIDENTS, ("姓名", "姓名"))
    assert (list(layout.columns), layout.unknown) == ([0], ("姓名",))


def test_every_wrong_cell_of_a_row_is_named_at_once_and_none_is_quoted() -> None:
    layout = layout_of(RESIDENTS, ("姓名", "身份证号", "房号", "入住日期", "电话", "人员类别"))
    cells = ("", A[:-1] + ("0" if A[-1] != "0" else "1"), "501室", "2026-02-30", "电话", "嫌疑人")
    entry, wrong = understood(layout, 7, cells)
    assert wrong == [
        Trouble(7, "姓名", "needed"),
        Trouble(7, "证件号码", "number_check_digit"),
        Trouble(7, "入住日期", "impossible_date"),
        Trouble(7, "联系电话", "not_a_phone"),
        Trouble(7, "人员类别", "not_one_of"),
    ]
    assert A[:10] not in repr(entry)


DAYS: list[tuple[Any, date]] = [
    ("2026-11-01", date(2026, 11, 1)),
    ("2026/11/1", date(2026, 11, 1)),
    ("2026.11.1", date(2026, 11, 1)),
    ("2026年11月1日", date(2026, 11, 1)),
    ("２０２６年１１月１日", date(2026, 11, 1)),
    ("20261101", date(2026, 11, 1)),
    (20261101, date(2026, 11, 1)),
    (46327, date(2026, 11, 1)),
    ("2026-11-01 08:30:00", date(2026, 11, 1)),
    ("2024-02-29", date(2024, 2, 29)),
    (MORNING.replace(tzinfo=None), date(2026, 11, 25)),
    (date(2026, 11, 1), date(2026, 11, 1)),
]


@pytest.mark.parametrize(("cell", "day"), DAYS)
def test_a_day_is_read_in_every_form_that_lists_have(cell: Any, day: date) -> None:
    assert values.day(cell) == day


@pytest.mark.parametrize(
    ("cell", "code"),
    [("2023-02-29", "impossible_date"), ("2026-13-01", "impossible_date"), (0, "impossible_date"),
     ("昨天", "not_a_date"), ("1/11/2026", "not_a_date"), ("", "not_a_date"), ("2026-11", "not_a_date"),
     (10**9, "impossible_date")],
)  # fmt: skip
def test_what_is_no_day(cell: Any, code: str) -> None:
    with pytest.raises(Wrong, match=code):
        values.day(cell)


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2026-11-25 08:30", MORNING),
        ("2026年11月25日 8:30", MORNING),
        ("2026-11-25", datetime(2026, 11, 25, tzinfo=CIVIL)),
        (MORNING.replace(tzinfo=None), MORNING),
    ],
)
def test_a_moment_is_civil_time(cell: Any, moment: datetime) -> None:
    assert values.moment(cell) == moment


def test_a_document_number_that_a_spreadsheet_has_rounded_is_refused_with_that_reason() -> None:
    with pytest.raises(Wrong, match="number_as_number"):
        values.document(float(A[:17] + "0"))
    assert values.document(f" {A.lower()} ") == (CredentialKind.CITIZEN_ID, A)


@pytest.mark.parametrize(
    ("cell", "said"),
    [("138 0000 0000", "13800000000"), ("+86-138-0000-0000", "+8613800000000"), (13800000000, "13800000000"),
     (13800000000.0, "13800000000"), ("'+8613800000000", "+8613800000000")],
)  # fmt: skip
def test_a_phone(cell: Any, said: str) -> None:
    assert values.phone(cell) == said


@pytest.mark.parametrize("cell", [None, "", "  ", "-", "无", "／", "n/a"])
def test_a_cell_that_says_nothing(cell: Any) -> None:
    assert values.blank(cell)


def test_every_code_that_a_list_may_say_has_a_sentence_in_both_languages() -> None:
    codes = {"needed", "twice", "unknown_dwelling", "in_the_future", "changes", "code"}
    assert all(TEXTS.has(f"lists.row.{code}") for code in codes)


@given(st.sampled_from(list(FORMS)), st.data())
def test_no_cell_raises_anything_but_wrong(kind: Kind, data: Any) -> None:
    plain = st.text(max_size=40) | st.integers() | st.floats() | st.booleans()
    cell = data.draw(plain | st.datetimes() | st.dates() | st.times())
    for column in FORMS[kind].columns:
        code = "needed"
        try:
            column.read(cell)
        except Wrong as error:
            code = error.code
        assert TEXTS.has(f"lists.row.{code}"), code


def test_each_word_that_is_written_is_read_again() -> None:
    for form in FORMS.values():
        for column in form.columns:
            for code, word in words_of(column.name).items():
                assert column.read(word) == code
