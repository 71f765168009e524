"""Which people at the gate still wait for the guard: attends not yet answered and not yet gone."""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta

from gateway.station.console.view import Shown
from rules.model import Reason, Verdict

FADES = timedelta(seconds=90)
"""After so long the person has gone away or in behind another; the row in the stream stays."""
MOST = 50
"""Attends kept at once; beyond it the oldest fade early. A gate sees one person every few seconds at most."""

Key = str


def key_of(shown: Shown) -> Key:
    """The name of one verdict on a page: the identity of its swipe."""
    return f"{shown.epoch}-{shown.seq}"


class Attends:
    """Fed every verdict in order. Not safe across threads: the owner holds a lock.

    A grant by hand answers one attend at the same portal: the one whose card was pressed, else the oldest.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[Key, Shown] = OrderedDict()
        self._pressed: dict[str, list[Key]] = {}

    def press(self, portal: str, key: Key) -> None:
        """The guard pressed the card `key`: the next grant by hand at `portal` answers it."""
        if key in self._open and key not in self._pressed.setdefault(portal, []):
            self._pressed[portal].append(key)

    def release(self, portal: str, key: Key) -> None:
        """The press came to nothing."""
        if key in self._pressed.get(portal, []):
            self._pressed[portal].remove(key)

    def add(self, shown: Shown) -> Key | None:
        """Take in a verdict; returns the attend that it answers, if any."""
        if shown.verdict is Verdict.ATTEND:
            self._open[key_of(shown)] = shown
            while len(self._open) > MOST:
                self._open.popitem(last=False)
            return None
        if Reason.MANUAL not in shown.reasons or shown.answered is None:
            return None
        key = self._answered(shown)
        if key is not None:
            del self._open[key]
        return key

    def seed(self, newest_first: Iterable[Shown]) -> None:
        """Take in what was shown before this process began to watch."""
        for shown in reversed(list(newest_first)):
            self.add(shown)

    def waiting(self, now: datetime) -> list[Shown]:
        """The attends to be answered now, oldest first."""
        for key in [key for key, shown in self._open.items() if now - shown.at > FADES]:
            del self._open[key]
        return list(self._open.values())

    def _answered(self, shown: Shown) -> Key | None:
        pressed = self._pressed.get(shown.portal, [])
        while pressed:
            if (key := pressed.pop(0)) in self._open:
                return key
        for key, attend in self._open.items():
            if attend.portal == shown.portal and shown.at - attend.at <= FADES:
                return key
        return None
