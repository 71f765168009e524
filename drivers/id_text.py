"""The 256-byte text record of an identity card, as a value: number, name, address, validity of the four card types.

UTF-16LE throughout, fields padded with U+0020 (or U+0000). The layouts overlap, so the type letter at offset 248 is
tested before anything else:

    ' '  resident identity card      J  resident permit, Hong Kong, Macao, Taiwan
    I    permanent resident, 2017    Y  permanent resident, 2023

Sex, ethnicity and the issuing authority are not decoded: nothing here needs them.
Source: GA/T 490 as public documents cite it, and the layouts of vendors' demonstration programs.
"""

import unicodedata
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from rules import identity
from rules.identity import NumberKind, Problem

SIZE = 256
LONG_TERM = "长期"


class CardType(StrEnum):
    RESIDENT = "resident"
    HMT_PERMIT = "hmt-permit"
    PR_2017 = "pr-2017"
    PR_2023 = "pr-2023"


class NotACardText(Exception):
    """The record cannot be trusted. `problem` is a stable code; nothing of the record is quoted."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"not a card's text: {problem}")
        self.problem = problem


@dataclass(frozen=True, slots=True)
class CardText:
    """What the gateway may know of a card. `valid_until` None: long-term, or the card does not say."""

    type: CardType
    number: str = field(repr=False)
    name: str = field(repr=False)
    address: str = field(repr=False)
    valid_from: date | None
    valid_until: date | None
    long_term: bool


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the fields of one card type lie, as (offset, bytes); a field may be in two pieces."""

    type: CardType
    kind: NumberKind
    name: tuple[tuple[int, int], ...]
    other_name: tuple[tuple[int, int], ...]
    address: tuple[tuple[int, int], ...]


_RESIDENT = _Layout(CardType.RESIDENT, NumberKind.CITIZEN, ((0, 30),), (), ((52, 70),))
_LAYOUTS = {
    " ": _RESIDENT,
    "\0": _RESIDENT,
    "0": _RESIDENT,
    "J": _Layout(CardType.HMT_PERMIT, NumberKind.HMT_PERMIT, ((0, 30),), (), ((52, 70),)),
    "I": _Layout(CardType.PR_2017, NumberKind.PR_2017, ((158, 30),), ((0, 120),), ()),
    "Y": _Layout(CardType.PR_2023, NumberKind.PR_2023, ((0, 30),), ((52, 70), (220, 22)), ()),
}
_NUMBER_BYTES = {CardType.PR_2017: 30}


def parse(record: bytes) -> CardText:
    """Read a text record of any of the four card types.

    Raises:
        NotACardText: wrong size, unknown type, a number that does not hold, dates that cannot be.
    """
    if len(record) != SIZE:
        raise NotACardText("size")
    layout = _LAYOUTS.get(_text(record, 248, 2))
    if layout is None:
        raise NotACardText("card_type")
    valid_from = _day(_field(record, (188, 16)))
    until = _field(record, (204, 16))
    long_term = until == LONG_TERM
    valid_until = None if long_term else _day(until)
    if valid_from is not None and valid_until is not None and valid_until < valid_from:
        raise NotACardText("validity")
    return CardText(
        type=layout.type,
        number=_number(record, layout, valid_from),
        name=_pieces(record, layout.name) or _pieces(record, layout.other_name),
        address=_pieces(record, layout.address),
        valid_from=valid_from,
        valid_until=valid_until,
        long_term=long_term,
    )


def _number(record: bytes, layout: _Layout, valid_from: date | None) -> str:
    number = _field(record, (122, _NUMBER_BYTES.get(layout.type, 36)))
    found = identity.check(number, valid_from)  # nobody is born after the card was issued
    if found.problem is not None:
        raise NotACardText(f"number_{found.problem}")
    if found.kind is not layout.kind:
        raise NotACardText(f"number_{Problem.CHARACTERS}")
    return identity.tidy(number)


def _day(text: str) -> date | None:
    """A date of eight digits; blank is None. 29 February of a common year (ten years on from one) is the 28th."""
    if not text:
        return None
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        raise NotACardText("validity")
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
    if (month, day) == (2, 29):
        day = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    try:
        return date(year, month, day)
    except ValueError:
        raise NotACardText("validity") from None


def _pieces(record: bytes, places: tuple[tuple[int, int], ...]) -> str:
    """Join the pieces of a field before its padding is cut, so that a blank at the seam survives."""
    return _trim("".join(_text(record, offset, size) for offset, size in places))


def _field(record: bytes, place: tuple[int, int]) -> str:
    return _trim(_text(record, *place))


def _text(record: bytes, offset: int, size: int) -> str:
    """Decode; a lone surrogate becomes U+FFFD."""
    return record[offset : offset + size].decode("utf-16-le", "replace")


def _trim(text: str) -> str:
    """Cut the padding; what breaks a line or turns its direction somewhere later becomes U+FFFD."""
    return "".join("\ufffd" if unicodedata.category(c) in _UNSEEN else c for c in text.strip(" \0"))


_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
