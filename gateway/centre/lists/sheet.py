"""Rows out of an Excel or CSV file, one at a time: bounded in size, and whatever is no such file is said to be none."""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from gateway.web.guard import MAX_LIST

Cell = str | int | float | bool | datetime | date | time | None
Row = tuple[int, tuple[Cell, ...]]
"""The row's number as people count, from 1, and its cells."""

MOST_BYTES = MAX_LIST
"""Of a file as it comes: 100,000 rows of a wide list take 6 MB."""
MOST_UNPACKED = 512 * 1024 * 1024
"""An Excel file is packed: so much may come out of it, or it is a bomb."""
MOST_PARTS = 1_000
MOST_ROWS = 200_000
MOST_COLUMNS = 100
MOST_TEXT = 500
"""Characters of a cell; what is beyond them is cut, and no value of any list is that long."""
_ZIP = b"PK\x03\x04"


class NotASheet(ValueError):
    """The file is no Excel or CSV file, is damaged, or is larger than any list. `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def rows_of(data: bytes) -> Iterator[Row]:
    """The rows of the first sheet that are not blank.

    Raises:
        NotASheet: also from the iterator, when what is wrong shows late.
    """
    if len(data) > MOST_BYTES:
        raise NotASheet("too_large")
    source = _excel(data) if data.startswith(_ZIP) else _csv(data)
    for number, cells in source:
        if number > MOST_ROWS:
            raise NotASheet("too_many_rows")
        kept = tuple(cell[:MOST_TEXT] if isinstance(cell, str) else cell for cell in cells[:MOST_COLUMNS])
        if any(cell is not None and cell != "" for cell in kept):
            yield number, kept


def _excel(data: bytes) -> Iterator[Row]:
    _no_bomb(data)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        try:
            for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
                yield number, tuple(cell if isinstance(cell, Cell) else str(cell) for cell in cells)
        finally:
            book.close()
    except NotASheet:
        raise
    except (InvalidFileException, zipfile.BadZipFile, zlib.error, OSError, SyntaxError, RuntimeError) as error:
        raise NotASheet("damaged") from error  # RuntimeError: encrypted, or packed in a way that is not known here
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, EOFError) as error:
        raise NotASheet(
            "damaged"
        ) from error  # what openpyxl raises for parts that are missing or are not what they say


def _no_bomb(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        raise NotASheet("damaged") from error
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise NotASheet("too_large")


def _csv(data: bytes) -> Iterator[Row]:
    """UTF-8, or GB 18030 as spreadsheets in China write it."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise NotASheet("encoding")
    if "\0" in text:
        raise NotASheet("not_a_sheet")
    first = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(",\t;", key=first.count)
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1):
            yield number, tuple(cells)
    except csv.Error as error:
        raise NotASheet("damaged") from error
