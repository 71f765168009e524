"""Whether two boxes live under one name: epochs that are heard in turn. A restart never looks like that.

A station that starts again is heard under a new epoch and not under the old one again; but for what its old process
had still under way, which comes all at once.
"""

from dataclasses import dataclass

APART_S = 4.0
"""Heartbeats of one process come every 5 s (`station.uplink.HEARTBEAT_S`); what a dead one left comes in one go."""
_REMEMBERED = 8
"""Epochs of one station."""


@dataclass(slots=True)
class _Life:
    heartbeat: int
    back: float | None = None
    """When it was first heard after a younger one."""


class Lives:
    """Used by one thread. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._stations: dict[str, dict[str, _Life]] = {}
        self._last: dict[str, str] = {}
        self._beats: dict[str, tuple[str, int, int]] = {}

    def heard(self, station: str, epoch: str, heartbeat: int, at: float) -> bool:
        """A process of a station gave a sign of life; whether a younger one has been alive at the same time."""
        lives = self._stations.setdefault(station, {})
        life = lives.get(epoch)
        if life is None:
            lives[epoch] = _Life(heartbeat)
            while len(lives) > _REMEMBERED:
                del lives[next(iter(lives))]
        elif heartbeat <= life.heartbeat:
            return False  # the same message once more
        else:
            life.heartbeat = heartbeat
        turned, self._last[station] = self._last.get(station, epoch) != epoch, epoch
        youngest = next(reversed(lives)) == epoch
        if life is None or youngest or not turned:
            return False
        if life.back is None:
            life.back = at
        return at - life.back >= APART_S

    def doubled(self, station: str, epoch: str, heartbeat: int, mono: int) -> bool:
        """Whether a heartbeat of an epoch contradicts the one before: two count under it, of a machine that was copied.

        `mono` is the monotonic clock (ms) that it was said at, or 0. Of one process both rise together.
        """
        before = self._beats.get(station)
        if before is None or before[0] != epoch or not mono:
            self._beats[station] = epoch, heartbeat, mono
            return False
        _, beat, at = before
        if heartbeat > beat:
            self._beats[station] = epoch, heartbeat, mono
            return mono < at
        return mono > at or (heartbeat == beat and mono != at)
