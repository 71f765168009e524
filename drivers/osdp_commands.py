"""What an OSDP reader is told: a verdict by lamp, buzzer and text, where it is, its relay. All of it ends by itself."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from drivers.api import Verdict

SHOWN_S = 3
LONGEST_S = 25.5
"""For which a relay can be told to close."""
Command = Mapping[str, object]


class Shows(Protocol):
    """What the settings of a reader say of its lamp, buzzer and display."""

    @property
    def led(self) -> bool: ...
    @property
    def buzzer(self) -> bool: ...
    @property
    def grant(self) -> str: ...
    @property
    def attend(self) -> str: ...
    @property
    def refuse(self) -> str: ...
    @property
    def again(self) -> str: ...


def told(osdp: Any, settings: Shows, verdict: Verdict) -> Iterator[Command]:
    """The commands that tell a person the verdict."""
    colour, beeps, text = {
        Verdict.GRANT: (osdp.LED_COLOR_GREEN, 1, settings.grant),
        Verdict.ATTEND: (osdp.LED_COLOR_AMBER, 1, settings.attend),
        Verdict.REFUSE: (osdp.LED_COLOR_RED, 2, settings.refuse),
    }[verdict]
    yield from _shown(osdp, settings, colour, beeps, text)


def again(osdp: Any, settings: Shows) -> Iterator[Command]:
    """The commands that ask a person to present the card once more."""
    yield from _shown(osdp, settings, osdp.LED_COLOR_AMBER, 2, settings.again)


def how_is(osdp: Any, what: int) -> Command:
    """The question for a state, as which a reader also reports a change of it."""
    return {"command": osdp.CMD_STATUS, "type": what, "report": b"", "nr_entries": 0}


def here_i_am(osdp: Any, settings: Shows) -> Iterator[Command]:
    """The commands by which one finds a reader among others: it blinks in two colours and beeps."""
    if settings.led:
        yield _lamp(osdp, osdp.LED_COLOR_AMBER, osdp.LED_COLOR_GREEN, on=3, off=3)
    if settings.buzzer:
        yield _beeps(osdp, 5)


def pulse(osdp: Any, output: int, seconds: float) -> Command:
    """The command that switches a relay on for so long, counted anew from when it comes; `LONGEST_S` at most.

    libosdp keeps the lowest byte of the tenths alone, and none at all would mean for ever.
    """
    tenths = max(1, round(min(seconds, LONGEST_S) * 10))
    return {"command": osdp.CMD_OUTPUT, "output_no": output, "control_code": 5, "timer_count": tenths}


def _shown(osdp: Any, settings: Shows, colour: int, beeps: int, text: str) -> Iterator[Command]:
    if settings.led:
        yield _lamp(osdp, colour, osdp.LED_COLOR_NONE, on=10, off=0)
    if settings.buzzer:
        yield _beeps(osdp, beeps)
    for row, words in enumerate(text.split("\n") if text else (), 1):
        place = {"control_code": 2, "temp_time": SHOWN_S, "offset_row": row, "offset_col": 1}
        yield {"command": osdp.CMD_TEXT, "reader": 0, "data": words} | place


def _lamp(osdp: Any, colour: int, other: int, *, on: int, off: int) -> Command:
    """Light for `SHOWN_S`, `on` and `off` tenths of a second in turn."""
    return {
        "command": osdp.CMD_LED,
        "reader": 0,
        "led_number": 0,
        "control_code": 2,
        "on_count": on,
        "off_count": off,
        "on_color": colour,
        "off_color": other,
        "timer_count": SHOWN_S * 10,
        "temporary": True,
    }


def _beeps(osdp: Any, count: int) -> Command:
    beep = {"command": osdp.CMD_BUZZER, "reader": 0, "control_code": 2}
    return beep | {"on_count": 2, "off_count": 1, "rep_count": count}
