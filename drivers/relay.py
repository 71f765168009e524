"""Relay boards that open a gate for a moment: LCUS boards on a serial line.

    A0 channel on sum      on = 1 or 0; sum = the low byte of A0 + channel + on
    A0 01 01 A2            channel 1 closes        A0 01 00 A1   channel 1 opens

The boards answer nothing; some echo. So what is reported is what was sent, never what was confirmed.
Source: the sellers' sheet of the LCUS series; 9600 baud, 8N1.
"""

from dataclasses import dataclass

from drivers.api import OutputState, ReaderEvent, StreamDriver
from drivers.pulse import Pulse

AGAIN_S = 1.0
"""An "off" is said once more after so long: a gate must not stay open because one byte was lost."""


@dataclass(frozen=True, slots=True)
class LcusSettings:
    """`channel` counts from 1. No opening is longer than `longest_s` seconds at a time, whoever asks."""

    channel: int = 1
    longest_s: float = 60.0

    def __post_init__(self) -> None:
        if not 1 <= self.channel <= 255:
            raise ValueError("channel: must be between 1 and 255")
        if not 0.1 <= self.longest_s <= 3600:
            raise ValueError("longest_s: must be between 0.1 and 3600")


def frame(channel: int, *, on: bool) -> bytes:
    """Return the command that closes (`on`) or opens a channel's contact."""
    return bytes([0xA0, channel, on, (0xA0 + channel + on) & 0xFF])


class LcusRelay:
    """One channel of a board. It starts by switching off, so that a crash cannot leave a gate open."""

    def __init__(self, settings: LcusSettings) -> None:
        self._channel = settings.channel
        self._pulse = Pulse(settings.longest_s)
        self._on: bool | None = None
        self._again: float | None = None
        self._events: list[ReaderEvent] = []

    def open(self, seconds: float, now: float) -> None:
        """Close the contact until `now + seconds`; while it is closed, only a later end counts."""
        self._pulse.open(seconds, now)

    def to_send(self, now: float) -> bytes:
        """Return what makes the board agree with what was asked."""
        wanted = self._pulse.wanted(now, is_on=bool(self._on))
        if wanted != self._on:
            self._on = wanted
            self._again = None if wanted else now + AGAIN_S
            self._events.append(OutputState(self._channel, wanted, confirmed=False))
        elif self._again is not None and now >= self._again:
            self._again = None
        else:
            return b""
        return frame(self._channel, on=wanted)

    def last_words(self) -> bytes:
        """Return what is said before the line is closed in order: a gate must not stay open when the program ends."""
        self._pulse.end()
        return frame(self._channel, on=False) if self._on else b""

    def receive(self, data: bytes, now: float) -> list[ReaderEvent]:  # noqa: ARG002 - an echo says nothing
        """Say what was switched since the last call."""
        events, self._events = self._events, []
        return events


LCUS = StreamDriver("relay-lcus", LcusSettings, LcusRelay, 9600, listens_only=True)
