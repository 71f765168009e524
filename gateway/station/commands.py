"""Commands of the centre: done once, in order, and only while they are of this moment; each is answered.

No clock is believed. A command names the epoch of this start, a counter that rises, and the number of a heartbeat that
the centre heard: one that was captured fits no other start, no second time, and no later hour.
"""

import logging
import queue
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from gateway.station.deeds import ByHand
from gateway.wire import Command, Reply

log = logging.getLogger(__name__)

HEARTBEATS = 3
"""A command that names a heartbeat more than so many ago is too old."""
BY_COMMAND = "remote"
"""What stands in the record of an opening for whom it was: nobody at the gate said so."""
ROSTER, CONFIGURATION = "roster", "configuration"

Refusal = Literal[
    "another_epoch",
    "not_newer",
    "too_old",
    "no_such_portal",
    "no_such_device",
    "not_possible",
    "busy",
    "wrong_configuration",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class Powers:
    """What a command may do here. Every callable returns at once."""

    portals: Collection[str]
    can_open: Callable[[str], bool]
    """Whether a portal has an opener that is there."""
    open: Callable[[ByHand], None]
    """Raises queue.Full while the decider has more than it can take."""
    identify: Mapping[str, Callable[[], bool]]
    """By device: have it show itself; False where it cannot."""
    ask_for_roster: Callable[[], None]
    mistakes: Callable[[], list[str]]
    """What is wrong in the configuration as it stands on the disk now."""
    restart: Callable[[], None]


class Commands:
    """Used by one thread. `answer` is called for every command, from that thread or from the decider's."""

    def __init__(
        self,
        epoch: str,
        heartbeat: Callable[[], int],
        powers: Powers,
        answer: Callable[[Reply], None],
        refused: Callable[[str], None],
    ) -> None:
        self._epoch = epoch
        self._heartbeat = heartbeat
        self._powers = powers
        self._answer = answer
        self._refused = refused
        self._last = 0

    def take(self, command: Command) -> None:
        """Do a command, or refuse it; answered either way."""
        if (stale := self._stale(command)) is not None:
            self._refused(f"a command that is not of this moment: {stale}")
            self._refuse(command, stale)
            return
        self._last = command.counter
        match command.act:
            case "open":
                self._open(command)
            case "identify":
                self._identify(command)
            case "reload":
                self._reload(command)

    def _stale(self, command: Command) -> Refusal | None:
        if command.epoch != self._epoch:
            return "another_epoch"
        if command.counter <= self._last:
            return "not_newer"
        return "too_old" if command.heartbeat < self._heartbeat() - HEARTBEATS else None

    def _open(self, command: Command) -> None:
        if command.target not in self._powers.portals:
            self._refuse(command, "no_such_portal")
            return
        if not self._powers.can_open(command.target):
            self._refuse(command, "not_possible")
            return
        told: Callable[[int], None] = lambda seq: self._done(command, seq)  # noqa: E731
        try:
            self._powers.open(ByHand(command.target, BY_COMMAND, "", time.monotonic(), "centre", told))
        except queue.Full:
            self._refuse(command, "busy")

    def _identify(self, command: Command) -> None:
        show = self._powers.identify.get(command.target)
        if show is None:
            self._refuse(command, "no_such_device")
        elif show():
            self._done(command)
        else:
            self._refuse(command, "not_possible")

    def _reload(self, command: Command) -> None:
        if command.target == ROSTER:
            self._powers.ask_for_roster()
            self._done(command)
        elif command.target != CONFIGURATION:
            self._refuse(command, "unknown")
        elif mistakes := self._powers.mistakes():
            for mistake in mistakes:
                log.error("the configuration is not read again: %s", mistake)
            self._refuse(command, "wrong_configuration")
        else:
            self._done(command)
            self._powers.restart()

    def _done(self, command: Command, seq: int | None = None) -> None:
        log.info("command %d of the centre is done: %s %s", command.counter, command.act, command.target)
        self._answer(Reply(command.epoch, command.counter, "done", seq=seq))

    def _refuse(self, command: Command, why: Refusal) -> None:
        log.warning("command %d of the centre is refused: %s", command.counter, why)
        self._answer(Reply(command.epoch, command.counter, "refused", why))
