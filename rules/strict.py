"""Reads a table strictly: each key is asked for by type and range, and every mistake is kept, not only the first."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import TypeVar

from rules.mistakes import Mistake, mistake
from rules.model import CIVIL

E = TypeVar("E", bound=Enum)
V = TypeVar("V", str, bool, int, date)
_TYPES: Mapping[type, str] = {str: "text", bool: "flag", int: "integer", date: "day"}

_YEARS = range(1850, 3000)
"""Days and moments outside cannot be meant, and arithmetic with them could overflow."""
_SOME_MOMENT = datetime(2000, 1, 1, tzinfo=CIVIL)


class Table:
    """One table of a file. What is wrong is appended to `mistakes`, and a harmless value is returned in its place."""

    def __init__(self, content: object, where: str, mistakes: list[Mistake]) -> None:
        self._where = where
        self._mistakes = mistakes
        self._content: Mapping[str, object] = content if isinstance(content, dict) else {}
        self._asked: set[str] = set()
        if not isinstance(content, dict):
            mistakes.append(mistake("table", where))

    def has(self, key: str) -> bool:
        return key in self._content

    def wrong(self, key: str, code: str, **values: object) -> None:
        self._mistakes.append(mistake(code, self._path(key), **values))

    def text(self, key: str, default: str | None = None) -> str:
        """Text that is not empty; required unless there is a default."""
        value = self._value(key, str, default)
        if value is not None and not value.strip() and value != default:
            self.wrong(key, "empty")
        return value or ""

    def flag(self, key: str, *, default: bool) -> bool:
        return bool(self._value(key, bool, default))

    def integer(self, key: str, default: int | None, low: int, high: int) -> int:
        """A whole number from `low` to `high`; required unless there is a default."""
        value = self._value(key, int, default)
        if value is not None and not low <= value <= high:
            self.wrong(key, "range", low=low, high=high, value=value)
        return low if value is None else value

    def day(self, key: str, *, required: bool = False) -> date | None:
        value = self._value(key, date, None, required=required)
        if value is None or value.year in _YEARS:
            return value
        self.wrong(key, "day")
        return None

    def needed_day(self, key: str) -> date:
        return self.day(key, required=True) or _SOME_MOMENT.date()

    def moment(self, key: str) -> datetime:
        """A moment in civil time; one without an offset is taken as civil time in China."""
        self._asked.add(key)
        return self._civil(key, self._content.get(key))

    def moments(self, key: str) -> tuple[datetime, ...]:
        return tuple(self._civil(key, value) for value in self._list(key))

    def days(self, key: str, most: int) -> frozenset[date]:
        """At most `most` days; none when the key is absent."""
        values = self._list(key)
        found = [value for value in values if type(value) is date and value.year in _YEARS]
        if len(found) < len(values) or len(values) > most:
            self.wrong(key, "days", most=most)
        return frozenset(found)

    def choice(self, key: str, kind: type[E], default: E | None = None) -> E | None:
        """A member of `kind`, by its value or, where values are numbers, by its name in lower case."""
        self._asked.add(key)
        if key not in self._content:
            return default
        return self._member(key, kind, self._content[key])

    def choices(self, key: str, kind: type[E]) -> tuple[E, ...] | None:
        """Several members; None when the key is absent."""
        if not self.has(key):
            return None
        members = (self._member(key, kind, value) for value in self._list(key))
        return tuple(member for member in members if member is not None)

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._list(key)
        if not all(isinstance(value, str) for value in values):
            self.wrong(key, "texts")
        return tuple(str(value) for value in values)

    def table(self, key: str) -> "Table":
        """The table under `key`, an empty one when it is absent."""
        self._asked.add(key)
        return Table(self._content.get(key, {}), self._path(key), self._mistakes)

    def tables(self, key: str) -> tuple["Table", ...]:
        found = enumerate(self._list(key), 1)
        return tuple(Table(value, f"{self._path(key)}[{n}]", self._mistakes) for n, value in found)

    def finish(self) -> None:
        """Call last: whatever nobody asked for is a mistake too."""
        for key in sorted(set(self._content) - self._asked):
            self.wrong(key, "unknown_key")

    def _path(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key

    def _list(self, key: str) -> list[object]:
        self._asked.add(key)
        value = self._content.get(key, [])
        if isinstance(value, list):
            return value
        self.wrong(key, "list")
        return []

    def _value(self, key: str, kind: type[V], default: "V | None", *, required: bool = True) -> "V | None":
        self._asked.add(key)
        if key not in self._content:
            if default is None and required:
                self.wrong(key, "missing")
            return default
        value = self._content[key]
        if type(value) is kind:  # exactly: a bool is no number, and a moment is no day
            return value
        self.wrong(key, _TYPES[kind])
        return default

    def _civil(self, key: str, value: object) -> datetime:
        if isinstance(value, datetime) and value.year in _YEARS:
            return value.replace(tzinfo=CIVIL) if value.tzinfo is None else value.astimezone(CIVIL)
        self.wrong(key, "missing" if value is None else "moment")
        return _SOME_MOMENT

    def _member(self, key: str, kind: type[E], value: object) -> E | None:
        known = {member.value if isinstance(member.value, str) else member.name.lower(): member for member in kind}
        if isinstance(value, str) and value in known:
            return known[value]
        self.wrong(key, "choice", known=", ".join(known))
        return None
