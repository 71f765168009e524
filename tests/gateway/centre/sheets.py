"""Lists for tests: the same rows as Excel and as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from openpyxl import Workbook

TITLE = ("示例区 · 滨河苑 居住人员信息调查表",)


def excel(*rows: Sequence[Any]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def separated(*rows: Sequence[Any], encoding: str = "utf-8-sig", delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode(encoding)


def texts(rows: Iterable[Any]) -> list[list[str]]:
    return [["" if cell is None else str(cell) for cell in row] for row in rows]
