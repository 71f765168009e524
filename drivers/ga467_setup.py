"""Setting a SAM module to another speed, once and by a person: 60 00 to 60 04, answered at the old speed.

The module is looked for at every speed, is given the command, and is asked for its status at the new speed: only then
is it said to be done. Source: vendor documents that follow GA 467.
"""

from dataclasses import dataclass

from drivers import sam_codes
from drivers.api import DeviceFact, Noise, Online, ReaderEvent, ReaderFault, Remedy, StreamDriver, Verdict
from drivers.ga467 import BAUDS, Command
from drivers.sam_frames import Deframer, encode

ANSWER_S = 0.5
TRIES = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """`speed`: what the module is to be set to."""

    speed: int = BAUDS[0]

    def __post_init__(self) -> None:
        if self.speed not in BAUDS:
            raise ValueError(f"speed: must be one of {', '.join(map(str, BAUDS))}")


class SpeedChange:
    """A dialogue that ends by a `DeviceFact` "speed", or a fault; `baud` is the speed that it wants of the line."""

    def __init__(self, settings: Settings) -> None:
        self._wanted = settings.speed
        self.baud = BAUDS[0]
        self._deframer = Deframer()
        self._ask = Command.STATUS.value
        self._until: float | None = None
        self._tries = 0
        self._taken = self._over = False

    def signal(self, verdict: Verdict) -> None:
        """Nobody is at the gate meanwhile."""

    def to_send(self, now: float) -> bytes:
        """Return the next command when none is under way."""
        if self._over or self._until is not None:
            return b""
        self._until = now + ANSWER_S
        return encode(self._ask)

    def receive(self, data: bytes, now: float) -> list[ReaderEvent]:
        """Take what arrived and return what it means."""
        events: list[ReaderEvent] = []
        for item in self._deframer.feed(data, now):
            if isinstance(item, Noise) or self._until is None or item.size != 3:
                continue
            events += self._answered(item.body[2])
        if self._until is not None and now >= self._until:
            events += self._silent()
        return events

    @property
    def _order(self) -> bytes:
        return b"\x60" + bytes([BAUDS.index(self._wanted)])

    def _answered(self, code: int) -> list[ReaderEvent]:
        self._until, self._tries = None, 0
        if code != sam_codes.DONE:
            self._over = True
            return [sam_codes.fault(code)]
        if self._ask == self._order:
            self.baud, self._ask, self._taken = self._wanted, Command.STATUS.value, True
            return []
        if self.baud == self._wanted:
            self._over = True
            return [DeviceFact("speed", str(self._wanted))]
        self._ask = self._order
        return [Online()]

    def _silent(self) -> list[ReaderEvent]:
        """Ask once more; then go on to the next speed, and give up after the last."""
        self._until, self._tries = None, self._tries + 1
        if self._tries < TRIES:
            return []
        self._tries, self._ask = 0, Command.STATUS.value
        following = BAUDS.index(self.baud) + 1
        if following < len(BAUDS) and not self._taken:
            self.baud = BAUDS[following]
            return []
        self._over = True
        why = "the module took the speed and does not answer at it" if self._taken else "no module answers at any speed"
        return [ReaderFault("no_answer", Remedy.CALL_TECHNICIAN, why)]


DRIVER = StreamDriver("ga467-speed", Settings, SpeedChange, BAUDS[0])
