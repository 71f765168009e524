"""Recordings of a reader's line: what went both ways and when, with everything personal blanked.

    # gateway recording 1, ga467
    # settings {"period_ms": 300}       of the driver, where they are not its own
    0.000 > AAAAAA9669000311FFED        to the device, at so many seconds
    0.012 < AAAAAA9669000400009094      from it
    # 0.500 < 17 bytes that are no frame

Blanked is what `gateway.blanking` says; a recording decodes as the line did.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from drivers.api import Driver, Noise
from gateway.blanking import Blanks

TITLE = "# gateway recording 1, "
_SETTINGS = "# settings "
_LINE = re.compile(r"\d+\.\d{3} [<>] ([0-9A-F]+)")


def head(driver: Driver, settings: Any) -> Iterator[str]:
    """Return the first lines of a recording."""
    yield TITLE + driver.name
    said = {one.name: getattr(settings, one.name) for one in fields(settings)}
    changed = {name: value for name, value in said.items() if value != getattr(driver.settings(), name)}
    if changed:
        yield _SETTINGS + json.dumps(changed)


class Recording:
    """What went over one line, as lines of text. `now` is monotonic seconds; the first is 0."""

    def __init__(self, blanks: Blanks) -> None:
        self._blanks = blanks
        self._begun: float | None = None

    def take(self, direction: str, data: bytes, now: float) -> Iterator[str]:
        """Take bytes of one direction (b"" when there were none) and return the lines that they complete."""
        if self._begun is None:
            self._begun = now
        at = f"{now - self._begun:.3f} {direction}"
        for item in self._blanks.take(direction, data, now):
            if isinstance(item, Noise):
                yield f"# {at} {item.size} bytes that are no frame"
            else:
                yield f"{at} {item.hex().upper()}"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording that was read again: of which driver, its settings as a table, and the digits in their order."""

    driver: str
    settings: dict[str, object]
    digits: str


def read(text: str) -> Recorded | None:
    """Return a recording, or None when the text is none.

    Raises:
        ValueError: its settings cannot be read.
    """
    if not text.startswith(TITLE):
        return None
    lines = [line.strip() for line in text.splitlines()]
    settings: object = {}
    for line in lines:
        if line.startswith(_SETTINGS):
            settings = json.loads(line.removeprefix(_SETTINGS))
    if not isinstance(settings, dict):
        raise ValueError("the recording's settings are no table")  # noqa: TRY004 - one kind for every mistake
    digits = "\n".join(found[1] for line in lines if (found := _LINE.fullmatch(line)))
    return Recorded(lines[0].removeprefix(TITLE), settings, digits)
