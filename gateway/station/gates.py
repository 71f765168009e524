"""From a portal's settings to the gate that the decider runs."""

from collections.abc import Iterable
from datetime import time

from gateway.settings import Portal
from gateway.station.decider import Gate
from gateway.station.door import Contact
from gateway.station.doors import Wired
from rules.model import Hours
from rules.model import Portal as RulesPortal

_EVERY_DAY = range(7)
_RESTS = {Contact.DOOR: "closed", Contact.EXIT_BUTTON: "open", Contact.FIRE: "open"}


def gate_of(portal: Portal) -> Gate:
    """The gate of one portal."""
    hold_open = tuple(hours_of(span.hours, span.weekdays) for span in portal.hold_open)
    return Gate(
        RulesPortal(portal.id, hold_open),
        portal.name,
        portal.opener,
        portal.pulse_seconds,
        None if portal.attended == "never" else hours_of(portal.attended, _EVERY_DAY),
        portal.unattended == "grant",
    )


def contacts_of(portal: Portal) -> dict[Contact, Wired]:
    """Where the contacts of one portal are read, those that it has."""
    wired = {Contact.DOOR: portal.door, Contact.EXIT_BUTTON: portal.exit_button, Contact.FIRE: portal.fire}
    return {
        which: Wired(one.device, one.channel, (one.normally or _RESTS[which]) == "closed")
        for which, one in wired.items()
        if one is not None
    }


def hours_of(span: str, weekdays: Iterable[int]) -> Hours:
    """The hours that a span such as 07:30-24:00 says; the settings have checked its form."""
    begin, _, end = span.partition("-")
    return Hours(_clock(begin), _clock(end), frozenset(weekdays))


def _clock(text: str) -> time:
    return time(0) if text == "24:00" else time.fromisoformat(text)
