"""A form as it was typed: texts without control characters, days, times and numbers, each checked where it is read."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from starlette.requests import Request

from rules.model import CIVIL

MOST_FIELDS = 800
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Typed:
    """What a browser sent; typed values are shown again where something is wrong with them."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self.fields = fields

    def text(self, name: str, most: int = 500) -> str:
        """The text of a field without blanks around it, cut to `most` characters; "" where there is none."""
        return next(iter(self.all(name)), "").strip()[:most]

    def all(self, name: str) -> list[str]:
        """The texts of a field that may stand several times."""
        return [_CONTROL.sub("", value) for value in self.fields.get(name, ())]

    def number(self, name: str) -> int:
        """A number that the page itself wrote; 0 for anything else."""
        return whole(self.text(name, 19))

    def day(self, name: str) -> date | None:
        try:
            return date.fromisoformat(self.text(name, 10))
        except ValueError:
            return None

    def instant(self, name: str) -> int | None:
        """A civil time of day, as `datetime-local` sends it, in milliseconds; None where it is none."""
        try:
            at = datetime.fromisoformat(self.text(name, 25))
        except ValueError:
            return None
        year = 2000 <= at.year <= 2100
        return int(at.replace(tzinfo=CIVIL).timestamp() * 1000) if year and at.tzinfo is None else None

    def but(self, names: Iterable[str]) -> list[tuple[str, list[str]]]:
        """All fields but some, in order: what a form says."""
        return sorted((name, list(values)) for name, values in self.fields.items() if name not in set(names))


def whole(text: str) -> int:
    """A number of digits; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else 0


async def typed(request: Request) -> Typed:
    """The dependency of a route that takes a form."""
    async with request.form(max_fields=MOST_FIELDS, max_files=0) as form:
        return Typed({name: [one for one in form.getlist(name) if isinstance(one, str)] for name in form})
