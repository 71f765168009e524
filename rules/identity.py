"""Numbers that name a person or a card: check digits, birth date, canonical form, masking.

    citizen     RRRRRR YYYYMMDD SSS C    GB 11643-1999; C by ISO 7064 MOD 11-2; 81/82/83 0000 = resident permit
    pr-2023     9 PP NNN YYYYMMDD SSS C  9, province, ISO 3166 numeric, birth, sequence, MOD 11-2
    pr-2017     AAA RRRR YYMMDD S C      nationality, region, birth, sequence; C by the passport rule (7-3-1)
    legacy      RRRRRR YYMMDD SSS        the citizen number before 1999; no card carries it now

No error and no repr here ever holds the number. The first six digits say where a number was first issued and nothing
about residence.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import partial

from rules.countries import NUMBERS, NUMERIC
from rules.model import Credential, CredentialKind, Origin

LONGEST = 64
"""No number here is longer than 20 characters; more than this is not even looked at."""

EARLIEST_BIRTH = date(1880, 1, 1)

# GB/T 2260, first two digits; 71 stands for Taiwan there and is not used on permits.
PROVINCES = frozenset(
    str(code)
    for group in (range(11, 16), range(21, 24), range(31, 38), range(41, 47), range(50, 55), range(61, 66), (71,))
    for code in group
)
PERMIT_REGIONS = frozenset({"810000", "820000", "830000"})
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


class NumberKind(StrEnum):
    CITIZEN = "citizen"
    HMT_PERMIT = "hmt-permit"
    PR_2017 = "pr-2017"
    PR_2023 = "pr-2023"
    LEGACY = "legacy"
    HK_MACAO_TRAVEL = "hk-macao-travel"
    TAIWAN_TRAVEL = "taiwan-travel"


class Problem(StrEnum):
    """What is wrong with a number; the first that is found, in this order."""

    LENGTH = "length"
    CHARACTERS = "characters"
    REGION = "region"
    COUNTRY = "country"
    DATE = "date"
    CHECK_DIGIT = "check_digit"


class BadNumber(ValueError):
    """A text is not a number of the kind it should be. Never quotes the text."""

    def __init__(self, kind: str, problem: Problem) -> None:
        super().__init__(f"not a {kind}: {problem}")
        self.kind = kind
        self.problem = problem


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """What a number is, and what is wrong with it, if anything. `birth` None: unknown, or its century is."""

    kind: NumberKind | None
    problem: Problem | None
    birth: date | None = field(default=None, repr=False)

    @property
    def valid(self) -> bool:
        return self.problem is None


def tidy(text: str) -> str:
    """The text as people and spreadsheets mean it: full-width forms folded, outer blanks gone, upper case."""
    return unicodedata.normalize("NFKC", text[: LONGEST + 1]).strip().upper()


def check_digit(first_17: str) -> str:
    """Return the 18th character of a citizen number (ISO 7064 MOD 11-2) for its first 17 digits."""
    return "10X98765432"[sum(w * int(d) for w, d in zip(WEIGHTS, first_17, strict=True)) % 11]


def passport_digit(text: str) -> str:
    """Return the check digit of ICAO 9303 (weights 7-3-1, A=10 … Z=35, sum mod 10)."""
    return str(sum(int(c, 36) * (7, 3, 1)[i % 3] for i, c in enumerate(text)) % 10)


def check(number: str, today: date | None = None) -> NumberCheck:
    """Say what kind of number this is and whether it holds. With `today`, a birth date after it is impossible."""
    text = tidy(number)
    for form, examine in _FORMS:
        if form.fullmatch(text):
            return examine(text, today)
    return NumberCheck(None, _wrong_shape(text))


def _wrong_shape(text: str) -> Problem:
    known = {8, 10, 15, 18} if text.isdigit() else {9, 11, 15, 18}
    return Problem.CHARACTERS if len(text) in known else Problem.LENGTH


def _day(digits: str, today: date | None) -> date | None:
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return day if day >= EARLIEST_BIRTH and (today is None or day <= today) else None


def _eighteen(kind: NumberKind, text: str, wrong: Problem | None, today: date | None) -> NumberCheck:
    """The second half that all 18-character numbers share: birth date and check digit."""
    birth = _day(text[6:14], today)
    if wrong is None and birth is None:
        wrong = Problem.DATE
    if wrong is None and check_digit(text[:17]) != text[17]:
        wrong = Problem.CHECK_DIGIT
    return NumberCheck(kind, wrong, birth if wrong is None else None)


def _citizen(text: str, today: date | None) -> NumberCheck:
    return _eighteen(NumberKind.CITIZEN, text, None if text[:2] in PROVINCES else Problem.REGION, today)


def _permit(text: str, today: date | None) -> NumberCheck:
    return _eighteen(NumberKind.HMT_PERMIT, text, None if text[:6] in PERMIT_REGIONS else Problem.REGION, today)


def _pr_2023(text: str, today: date | None) -> NumberCheck:
    wrong = None if text[3:6] in NUMBERS else Problem.COUNTRY
    return _eighteen(NumberKind.PR_2023, text, wrong if text[1:3] in PROVINCES else Problem.REGION, today)


def _pr_2017(text: str, today: date | None) -> NumberCheck:
    births = [day for day in (_day(century + text[7:13], today) for century in ("20", "19")) if day is not None]
    wrong = None
    if text[:3] not in NUMERIC:
        wrong = Problem.COUNTRY
    elif text[3:5] not in PROVINCES:
        wrong = Problem.REGION
    elif not births:
        wrong = Problem.DATE
    elif passport_digit(text[:14]) != text[14]:
        wrong = Problem.CHECK_DIGIT
    if wrong is not None:
        return NumberCheck(NumberKind.PR_2017, wrong)
    certain = today is not None or len(births) == 1
    return NumberCheck(NumberKind.PR_2017, None, births[0] if certain else None)


def _legacy(text: str, today: date | None) -> NumberCheck:
    birth = _day("19" + text[6:12], today)
    if text[:2] not in PROVINCES:
        return NumberCheck(NumberKind.LEGACY, Problem.REGION)
    return NumberCheck(NumberKind.LEGACY, Problem.DATE if birth is None else None, birth)


def _travel(kind: NumberKind, _text: str, _today: date | None) -> NumberCheck:
    return NumberCheck(kind, None)


_FORMS: tuple[tuple[re.Pattern[str], Callable[[str, date | None], NumberCheck]], ...] = (
    (re.compile(r"9[0-9]{16}[0-9X]"), _pr_2023),
    (re.compile(r"8[0-9]{16}[0-9X]"), _permit),
    (re.compile(r"[0-9]{17}[0-9X]"), _citizen),
    (re.compile(r"[A-Z]{3}[0-9]{12}"), _pr_2017),
    (re.compile(r"[0-9]{15}"), _legacy),
    (re.compile(r"[HM][0-9]{8}([0-9]{2})?"), partial(_travel, NumberKind.HK_MACAO_TRAVEL)),
    (re.compile(r"[0-9]{8}([0-9]{2})?"), partial(_travel, NumberKind.TAIWAN_TRAVEL)),
)

_CITIZEN_KINDS = frozenset({NumberKind.CITIZEN, NumberKind.HMT_PERMIT, NumberKind.PR_2023})


def canonical(kind: CredentialKind, text: str) -> str:
    """Return the one form in which a credential of this kind is compared and turned into a token.

    A legacy 15-digit citizen number becomes its 18-character form. Hexadecimal is upper case.

    Raises:
        BadNumber: the text is no such number. The message never quotes it.
    """
    return _CANONICAL[kind](kind, tidy(text))


def _canonical_citizen(kind: CredentialKind, text: str) -> str:
    if check(text).kind is NumberKind.LEGACY:
        first_17 = text[:6] + "19" + text[6:]
        text = first_17 + check_digit(first_17)
    return _checked(kind, text, _CITIZEN_KINDS)


def _canonical_pr_2017(kind: CredentialKind, text: str) -> str:
    return _checked(kind, text, frozenset({NumberKind.PR_2017}))


def _checked(kind: CredentialKind, text: str, wanted: frozenset[NumberKind]) -> str:
    found = check(text)
    if found.problem is not None:
        raise BadNumber(kind, found.problem)
    if found.kind not in wanted:
        raise BadNumber(kind, Problem.LENGTH)
    return text


def _hexadecimal(kind: CredentialKind, text: str, least: int, most: int, *, zero: bool = False) -> str:
    if not least <= len(text) <= most or len(text) % 2:
        raise BadNumber(kind, Problem.LENGTH)
    if not re.fullmatch("[0-9A-F]*", text) or not (zero or text.strip("0")):
        raise BadNumber(kind, Problem.CHARACTERS)  # an all-zero serial is the same on many cards: never an identity
    return text


def _canonical_wiegand_n(kind: CredentialKind, text: str) -> str:
    form = re.fullmatch("([0-9]{1,3}):([0-9A-F]{1,64})", text)
    if form is None:
        raise BadNumber(kind, Problem.CHARACTERS)
    bits, value = int(form[1]), int(form[2], 16)
    if not 1 <= bits <= 256 or value >> bits:
        raise BadNumber(kind, Problem.LENGTH)
    return f"{bits}:{value:0{(bits + 3) // 4}X}"


def _canonical_visitor(kind: CredentialKind, text: str) -> str:
    if not re.fullmatch("[0-9]*", text):
        raise BadNumber(kind, Problem.CHARACTERS)
    if not 8 <= len(text) <= 20:
        raise BadNumber(kind, Problem.LENGTH)
    return text


_NO_NUMBER = re.compile("[0-9]{8}[MCF][0-9A-F]{8}")
_ORIGINS = {"M": Origin.MAINLAND, "C": Origin.COMPATRIOT, "F": Origin.FOREIGNER}


def without_number(born: date, origin: Origin, given: str) -> str:
    """What stands for somebody without a number: day of birth, by which law they register, 8 hexadecimal digits."""
    letter = next(letter for letter, one in _ORIGINS.items() if one is origin)
    return f"{born:%Y%m%d}{letter}{given.upper()}"


def _canonical_no_number(kind: CredentialKind, text: str) -> str:
    if not _NO_NUMBER.fullmatch(text):
        raise BadNumber(kind, Problem.CHARACTERS)
    if _born(text) is None:
        raise BadNumber(kind, Problem.DATE)
    return text


def _born(text: str) -> date | None:
    try:
        return datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None


_CANONICAL: dict[CredentialKind, Callable[[CredentialKind, str], str]] = {
    CredentialKind.CITIZEN_ID: _canonical_citizen,
    CredentialKind.PR_2017: _canonical_pr_2017,
    CredentialKind.ID_CHIP: partial(_hexadecimal, least=16, most=16),
    CredentialKind.CARD_UID: partial(_hexadecimal, least=6, most=20),
    CredentialKind.WIEGAND_26: partial(_hexadecimal, least=6, most=6, zero=True),
    CredentialKind.WIEGAND_N: _canonical_wiegand_n,
    CredentialKind.EM: partial(_hexadecimal, least=10, most=10),
    CredentialKind.VISITOR: _canonical_visitor,
    CredentialKind.NO_NUMBER: _canonical_no_number,
}


def birth_of(credential: Credential, today: date | None = None) -> date | None:
    """Return the birth date that the number itself tells, or None.

    A 2017 permanent-resident number holds two digits of the year: without `today` its century may be unknown (None).
    """
    if credential.kind is CredentialKind.NO_NUMBER:
        return _born(credential.number)
    if credential.kind not in {CredentialKind.CITIZEN_ID, CredentialKind.PR_2017}:
        return None
    return check(credential.number, today).birth


def origin_of(credential: Credential) -> Origin:
    """By which law somebody with this number registers: 'Y' cards of both issues, 'J' cards, or a citizen's number."""
    if credential.kind is CredentialKind.PR_2017:
        return Origin.FOREIGNER
    if credential.kind is CredentialKind.NO_NUMBER:
        return _ORIGINS.get(credential.number[8:9], Origin.MAINLAND)
    if credential.kind is not CredentialKind.CITIZEN_ID:
        return Origin.MAINLAND
    regions = {region[:2] for region in PERMIT_REGIONS}
    if credential.number.startswith("9"):
        return Origin.FOREIGNER
    return Origin.COMPATRIOT if credential.number[:2] in regions else Origin.MAINLAND


def mask(number: str) -> str:
    """Return the number fit for a screen: first and last two characters of a long one, nothing of a short one."""
    if len(number) < 12:
        return "*" * len(number)
    return number[:2] + "*" * (len(number) - 4) + number[-2:]


def mask_phone(phone: str) -> str:
    """Return a phone number fit for a screen: its first three and last two digits, nothing of a short one."""
    return f"{phone[:3]}****{phone[-2:]}" if len(phone) > 6 else "*" * len(phone)


def mask_name(name: str) -> str:
    """Return a name fit for a list: its first character, and as many stars as it is longer, at most two."""
    text = name.strip()
    return text[:1] + "*" * min(len(text) - 1, 2) if text else ""
