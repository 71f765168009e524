"""Lists written out: templates to fill in, and what the register holds, as Excel or CSV that no formula hides in."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from gateway.centre.lists.forms import CATEGORY, EMPLOYMENT, OUTCOME, PLATE, RESULT, STATUS, STAY, USE, Form

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WORDS: Mapping[str, Mapping[str, str]] = {
    "category": CATEGORY,
    "stay": STAY,
    "employment": EMPLOYMENT,
    "use": USE,
    "plate": PLATE,
    "status": STATUS,
    "outcome": OUTCOME,
    "result": RESULT,
}
_NEEDED, _WORDS_ARE = "必填", "可填"
_WIDTH = 18


def words_of(name: str) -> dict[str, str]:
    """Code -> word of a column that has words of its own; the first word of each code is ours."""
    found: dict[str, str] = {}
    for word, code in _WORDS.get(name, {}).items():
        found.setdefault(code, word)
    return found


def template(form: Form) -> bytes:
    """An Excel file to fill in: the headings, and a second sheet that says what each may hold."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(form.title.replace("/", " ")[:31])
    for at, _ in enumerate(form.columns, 1):
        sheet.column_dimensions[get_column_letter(at)].width = _WIDTH
    sheet.append([_bold(sheet, column.headings[0]) for column in form.columns])
    notes = book.create_sheet("填写说明")
    for column in form.columns:
        words = "、".join(words_of(column.name).values())
        notes.append([column.headings[0], _NEEDED if column.needed else "", f"{_WORDS_ARE}:{words}" if words else ""])
    return _saved(book)


def excel(form: Form, rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows (field -> value) under the form's headings. Every text is a text, whatever it begins with."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(form.title.replace("/", " ")[:31])
    sheet.append([_bold(sheet, column.headings[0]) for column in form.columns])
    for row in rows:
        sheet.append([_cell(sheet, text) for text in _texts(form, row)])
    return _saved(book)


def pages(sheets: Sequence[tuple[str, Sequence[Sequence[str]]]]) -> bytes:
    """A book of texts: title and rows of each page, the first row of it in bold. Every text is a text."""
    book = Workbook(write_only=True)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for at in range(1, max(map(len, rows), default=0) + 1):
            sheet.column_dimensions[get_column_letter(at)].width = _WIDTH
        for number, row in enumerate(rows):
            sheet.append([_bold(sheet, text) if number == 0 else _cell(sheet, text) for text in row])
    return _saved(book)


def separated(form: Form, rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The same as CSV in UTF-8 with a mark by which spreadsheets know it; what could be a formula is quoted by '."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([column.headings[0] for column in form.columns])
    for row in rows:
        writer.writerow([f"'{text}" if text.startswith(_FORMULA) else text for text in _texts(form, row)])
    return out.getvalue().encode("utf-8-sig")


def _texts(form: Form, row: Mapping[str, Any]) -> Sequence[str]:
    return [_text(column.name, row.get(column.name)) for column in form.columns]


def _text(name: str, value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "是" if value else "否"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return value.isoformat()
        case _:
            return words_of(name).get(str(value), str(value))


def _cell(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"  # never "f": a name that begins with = is a name
    return cell


def _bold(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, text)
    cell.font = Font(bold=True)
    return cell


def _saved(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
