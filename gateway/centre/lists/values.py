"""What a cell says: dates, yes and no, numbers of documents, phones and words, or the code of what is wrong with it."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from gateway.centre.lists.sheet import Cell
from rules.identity import BadNumber, canonical, check
from rules.model import CIVIL, CredentialKind

Reader = Callable[[Cell], Any]
"""From a cell that is not blank to a value; Wrong when it is none."""

_EXCEL_DAY_0 = date(1899, 12, 30)
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_PACKED = re.compile(r"(\d{4})(\d{2})(\d{2})")
_MOMENT = re.compile(r"(.+?)[ T]+(\d{1,2}):(\d{2})(?::\d{2})?")
_PHONE = re.compile(r"\+?[0-9]{5,15}")
_LOST_DIGITS = 10**15
"""A spreadsheet keeps 15 digits of a number; of a document number of 18 the last three are gone."""


class Wrong(ValueError):
    """A cell does not say what its column asks for. `code` names a sentence; the cell is never quoted."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def blank(cell: Cell) -> bool:
    """Whether nothing is said; a dash or 无 says so, too."""
    return cell is None or (isinstance(cell, str) and folded(cell).upper() in {"", "-", "--", "/", "无", "N/A"})


def folded(text: str) -> str:
    """Full-width forms folded, outer blanks gone."""
    return unicodedata.normalize("NFKC", text).strip()


def text_of(most: int) -> Reader:
    """A text of so many characters at most."""

    def read(cell: Cell) -> str:
        if isinstance(cell, float) and cell.is_integer():
            cell = int(cell)
        if isinstance(cell, bool | datetime | date | time):
            raise Wrong("not_text")
        said = str(cell).strip().removeprefix("'")  # how a spreadsheet marks that what follows is no formula
        if len(said) > most:
            raise Wrong("too_long")
        if any(unicodedata.category(one) == "Cc" for one in said):
            raise Wrong("characters")
        return said

    return read


def place(cell: Cell) -> str:
    """A building, unit or room: a text of 20 characters without blanks."""
    said = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text_of(20)(cell)))
    return str(text_of(20)(said))


def day(cell: Cell) -> date:
    """A civil day, in any of the forms that lists have it in."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _number_of_day(cell)
    said = folded(str(cell)).split(" ")[0].split("T")[0]
    found = _DAY.fullmatch(said) or _PACKED.fullmatch(said)
    if found is None:
        raise Wrong("not_a_date")
    try:
        return date(*(int(part) for part in found.groups()))
    except ValueError:
        raise Wrong("impossible_date") from None


def _number_of_day(cell: float) -> date:
    if 19_000_101 <= cell <= 21_001_231:
        return day(str(int(cell)))
    if not 1 <= cell < 80_000:
        raise Wrong("impossible_date")
    return _EXCEL_DAY_0 + timedelta(days=int(cell))


def moment(cell: Cell) -> datetime:
    """A civil moment in Asia/Shanghai; a day alone is its beginning."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=CIVIL)
    found = _MOMENT.fullmatch(folded(str(cell))) if isinstance(cell, str) else None
    if found is None:
        return datetime.combine(day(cell), time(0), CIVIL)
    hour, minute = int(found[2]), int(found[3])
    if hour > 23 or minute > 59:
        raise Wrong("impossible_date")
    return datetime.combine(day(found[1]), time(hour, minute), CIVIL)


def document(cell: Cell) -> tuple[CredentialKind, str]:
    """Kind and canonical number of an identity document."""
    if isinstance(cell, int | float) and cell >= _LOST_DIGITS:
        raise Wrong("number_as_number")
    said = text_of(64)(cell)
    kind = (
        CredentialKind.PR_2017 if len(said.strip()) == 15 and not said.strip().isdigit() else CredentialKind.CITIZEN_ID
    )
    try:
        return kind, canonical(kind, said)
    except BadNumber as error:
        raise Wrong(f"number_{error.problem.value}") from None


def birth_of(number: str) -> date | None:
    """The birth date that a document number tells."""
    return check(number).birth


def phone(cell: Cell) -> str:
    said = re.sub(r"[\s()-]", "", text_of(30)(cell))
    if not _PHONE.fullmatch(said):
        raise Wrong("not_a_phone")
    return said


def count(cell: Cell) -> int:
    """A whole number from 1 to 50."""
    try:
        number = int(cell) if isinstance(cell, int | float) else int(folded(str(cell)))
    except (ValueError, OverflowError):
        raise Wrong("not_a_count") from None
    if not 1 <= number <= 50:
        raise Wrong("not_a_count")
    return number


def one_of(words: Mapping[str, str]) -> Reader:
    """One of these words, as the code that it stands for."""

    def read(cell: Cell) -> str:
        said = re.sub(r"\s+", "", folded(str(cell)))
        found = words.get(said)
        if found is None:
            raise Wrong("not_one_of")
        return found

    return read


def yes(cell: Cell) -> bool:
    if isinstance(cell, bool):
        return cell
    found = {
        "是": True,
        "有": True,
        "应": True,
        "Y": True,
        "√": True,
        "1": True,
        "否": False,
        "没有": False,
        "N": False,
    }
    said = folded(str(cell)).upper()
    if said not in found | {"0": False, "不": False}:
        raise Wrong("not_yes_or_no")
    return found.get(said, False)
