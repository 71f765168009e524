"""On which line of a policy's text a mistake is, so that whoever wrote it finds it without counting."""

import re
import tomllib
from collections.abc import Iterator

from rules.mistakes import Mistake

_TABLE = re.compile(r"\s*\[(\[)?\s*([\w.-]+)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([\w-]+)(?:\.[\w.-]+)?\s*=")
_AT_LINE = re.compile(r"at line (\d+)")


def line_of(text: str, one: str) -> int | None:
    """The line, counted from 1, that a mistake is about; None where it is about the whole, or about what is missing."""
    if not isinstance(one, Mistake):
        return None
    if one.code == "not_toml":
        return _of_syntax(text, str(one.values["error"]))
    places = dict(_places(text))
    if (row := _named(text, one)) is not None:
        return row
    path = one.at.split(":")[0].split(",")[0]
    while path:
        if path in places:
            return places[path]
        path = path.rpartition(".")[0]
    return None


def _places(text: str) -> Iterator[tuple[str, int]]:
    """Each table and each key of a text, by the path under which mistakes are said, with its line."""
    table, counts, seen = "", dict[str, int](), set[str]()
    for number, line in enumerate(text.split("\n"), 1):
        if (head := _TABLE.match(line)) is not None:
            first, *rest = head[2].split(".")
            if head[1] and not rest:
                counts[first] = counts.get(first, 0) + 1
            begin = f"{first}[{counts[first]}]" if first in counts else first
            table = ".".join((begin, *rest))
            places = [table] if counts.get(first, 0) != 1 else [table, first]
        elif (key := _KEY.match(line)) is not None:
            places = [f"{table}.{key[1]}" if table else key[1]]
        else:
            continue
        yield from ((place, number) for place in places if place not in seen)
        seen.update(places)


def _named(text: str, one: Mistake) -> int | None:
    """The last line that gives a row the name, where the mistake is about a named row."""
    name = str(one.values["name"]) if "name" in one.values else one.at.partition(": ")[2]
    if not name:
        return None
    for number, line in reversed(list(enumerate(text.split("\n"), 1))):
        found = _KEY.match(line)
        if found is not None and found[1] in ("name", "area") and _value(line) in (name, name.strip("'\"")):
            return number
    return None


def _value(line: str) -> str:
    """What a line of one key says, as text; "" where that goes on over further lines."""
    try:
        return str(next(iter(tomllib.loads(line).values())))
    except (tomllib.TOMLDecodeError, StopIteration):
        return ""


def _of_syntax(text: str, error: str) -> int:
    found = _AT_LINE.search(error)
    return int(found[1]) if found is not None else text.count("\n") + 1
