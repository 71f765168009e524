"""Files that come as lists: Excel and CSV as people save them, and whatever is none."""

import io
import zipfile
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.centre.lists import sheet
from gateway.centre.lists.sheet import NotASheet, rows_of
from tests.gateway.centre.sheets import excel, separated, texts

ROWS = (("姓名", "房号"), ("阿依古丽·买买提", "501室"), ("𠮷", "=1+1"))


MIDNIGHT = datetime(2026, 11, 1)  # noqa: DTZ001 - a spreadsheet knows no zones
MORNING = MIDNIGHT.replace(hour=8, minute=30)


@pytest.mark.parametrize(
    "data",
    [
        excel(*ROWS),
        separated(*ROWS),
        separated(*ROWS, encoding="utf-8"),
        separated(*ROWS, encoding="gb18030"),
        separated(*ROWS, delimiter="\t"),
        separated(*ROWS, delimiter=";"),
    ],
    ids=["excel", "utf-8 with mark", "utf-8", "gb18030", "tabs", "semicolons"],
)
def test_the_same_rows_come_out_whatever_they_were_saved_as(data: bytes) -> None:
    found = list(rows_of(data))
    assert [number for number, _ in found] == [1, 2, 3]
    # openpyxl writes =1+1 as a formula without a value, and a list has no use for formulas
    assert texts(cells for _, cells in found)[:2] == [list(row) for row in ROWS[:2]]


def test_blank_rows_are_left_out_and_rows_keep_their_numbers() -> None:
    data = excel(("a",), (), ("",), (None, None), ("b",))
    assert [(number, cells[0]) for number, cells in rows_of(data)] == [(1, "a"), (5, "b")]


def test_dates_and_numbers_stay_what_they_are_in_excel() -> None:
    ((_, cells),) = rows_of(excel((date(2026, 11, 1), MORNING, 5, 1.5, True)))
    assert cells == (MIDNIGHT, MORNING, 5, 1.5, True)


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for i in range(6):
            packed.writestr(f"xl/worksheets/sheet{i}.xml", b"0" * (100 * 1024 * 1024))
    return out.getvalue()


def _many_parts() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for i in range(sheet.MOST_PARTS + 1):
            packed.writestr(str(i), b"")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"PK\x03\x04 and then nothing", "damaged"),
        (excel(*ROWS)[:-200], "damaged"),
        (b"\xff\xfe\xfd\xfc\x80\x80", "encoding"),
        ("姓名\0房号\n".encode(), "not_a_sheet"),
        (b"x" * (sheet.MOST_BYTES + 1), "too_large"),
    ],
    ids=["no zip", "cut off", "no text", "a zero byte", "too large"],
)
def test_what_is_no_list_is_said_to_be_none(data: bytes, code: str) -> None:
    with pytest.raises(NotASheet) as error:
        list(rows_of(data))
    assert error.value.code == code


def test_a_packed_bomb_is_not_opened() -> None:
    for data in (_bomb(), _many_parts()):
        assert len(data) < 2 * 1024 * 1024
        with pytest.raises(NotASheet, match="too_large"):
            list(rows_of(data))


def test_a_zip_that_is_no_excel_is_damaged() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("word/document.xml", "<a/>")
    with pytest.raises(NotASheet, match="damaged"):
        list(rows_of(out.getvalue()))


def test_entities_of_xml_do_not_unfold() -> None:
    source, out = zipfile.ZipFile(io.BytesIO(excel(*ROWS))), io.BytesIO()
    lol = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
    with zipfile.ZipFile(out, "w") as packed:
        for part in source.infolist():
            data = source.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                text = data.decode().split("?>", 1)[-1].replace("姓名", "&l9;")
                data = f'<!DOCTYPE worksheet [<!ENTITY l0 "lol">{lol}]>{text}'.encode()
            packed.writestr(part, data)
    with pytest.raises(NotASheet, match="damaged"):
        list(rows_of(out.getvalue()))


def test_too_many_rows_are_said_after_those_that_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MOST_ROWS", 2)
    rows = rows_of(separated(*ROWS))
    assert len([next(rows), next(rows)]) == 2
    with pytest.raises(NotASheet, match="too_many_rows"):
        next(rows)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_raise_anything_else(data: bytes, packed: bool) -> None:
    whole = excel(*ROWS)
    said = "read"
    try:
        for _, cells in rows_of(whole[: len(data) * 7] + data + whole[len(data) * 7 :] if packed else data):
            assert len(cells) <= sheet.MOST_COLUMNS
    except NotASheet as error:
        said = error.code
    assert said in {"read", "damaged", "encoding", "not_a_sheet", "too_large"}
