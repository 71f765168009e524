"""From a driver's name to the driver, and from a table of the configuration to its settings."""

import dataclasses
import importlib
import types
import typing
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import entry_points
from typing import Any, Literal, get_args, get_origin

from drivers import lines
from drivers.api import Driver, NativeDriver, StreamDriver, Taken

GROUP = "gateway.drivers"


class BadSettings(ValueError):
    """A driver's settings cannot be used; `problems` names every mistake and quotes no value."""

    def __init__(self, driver: str, problems: list[str]) -> None:
        super().__init__(f"{driver}: " + "; ".join(problems))
        self.problems = problems


def known() -> list[str]:
    """The names that stand for a driver on this machine, without loading any."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def find(name: str) -> Driver:
    """Return the driver that `name` stands for: an entry point's name, or "module:ATTR".

    Raises:
        LookupError: nothing, or more than one thing, answers to that name, or what answers is no driver.
    """
    if ":" in name:
        return _load(name, partial(_attribute, name))
    points = list(entry_points(group=GROUP, name=name))
    if len({point.value for point in points}) > 1:
        raise LookupError(f"more than one driver is called {name!r}: {sorted(point.value for point in points)}")
    if not points:
        raise LookupError(f'no driver {name!r}; known are {", ".join(known()) or "none"}, or give "module:ATTR"')
    return _load(name, points[0].load)


def _attribute(name: str) -> object:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _load(name: str, load: Callable[[], object]) -> Driver:
    try:
        found = load()
    except (Exception, SystemExit) as error:  # whatever somebody's module does when it is imported
        raise LookupError(f"driver {name!r} cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(found, StreamDriver | NativeDriver):
        kind = type(found).__name__
        raise LookupError(f"{name!r} is not a driver but a {kind}")  # noqa: TRY004 - one kind of exception for a caller
    if not dataclasses.is_dataclass(found.settings):
        raise LookupError(f"driver {name!r} cannot be loaded: its settings are no dataclass")
    return found


def settings_for(driver: Driver, mapping: Mapping[str, object]) -> Any:
    """Make the driver's settings from a configuration table.

    Raises:
        BadSettings: unknown or missing keys, wrong types, values that the driver refuses; all at once.
    """
    fields = {field.name: field for field in dataclasses.fields(driver.settings) if field.init}
    hints = typing.get_type_hints(driver.settings)
    problems = [
        f"{key}: no such setting; known are {', '.join(fields) or 'none'}" for key in mapping if key not in fields
    ]
    values: dict[str, object] = {}
    for key, field in fields.items():
        if key not in mapping:
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                problems.append(f"{key}: is missing")
            continue
        try:
            values[key] = _fit(hints[key], mapping[key])
        except ValueError as error:
            problems.append(f"{key}: {error}")
    if problems:
        raise BadSettings(driver.name, problems)
    try:
        return driver.settings(**values)
    except ValueError as error:
        raise BadSettings(driver.name, [str(error)]) from error
    except Exception as error:  # somebody's settings, in which no value may be quoted
        raise BadSettings(driver.name, [f"they fail: {type(error).__name__}"]) from error


def taken(driver: Driver, url: str) -> Taken:
    """What of its line a device takes.

    Raises:
        ValueError: the URL can never be used with this driver.
    """
    if isinstance(driver, NativeDriver):
        return driver.takes(url)
    lines.check(url)
    return Taken(url)


def _fit(hint: Any, value: object) -> object:
    """Return the value as the hint wants it; ValueError says what is wanted, without quoting the value."""
    origin = get_origin(hint)
    if origin is Literal:
        return _choice(get_args(hint), value)
    if origin in (types.UnionType, typing.Union):
        return _any_of(get_args(hint), value)
    if origin in (tuple, list, frozenset):
        return _items(hint, origin, value)
    return _plain(hint, value)


def _choice(choices: tuple[object, ...], value: object) -> object:
    for choice in choices:
        if choice == value and type(choice) is type(value):
            return choice
    raise ValueError("must be one of " + ", ".join(map(repr, choices)))


def _any_of(hints: tuple[Any, ...], value: object) -> object:
    if value is None and type(None) in hints:
        return None
    wanted = []
    for hint in hints:
        if hint is not type(None):
            try:
                return _fit(hint, value)
            except ValueError as error:
                wanted.append(str(error))
    raise ValueError(" or ".join(wanted))


def _items(hint: Any, origin: Any, value: object) -> object:
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list")  # noqa: TRY004 - one kind of exception for every mistake in a table
    inner = get_args(hint)[0]
    return origin(_fit(inner, item) for item in value)


def _plain(hint: Any, value: object) -> object:
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"must be {_NAMES.get(hint, getattr(hint, '__name__', str(hint)))}")
    return value


_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
