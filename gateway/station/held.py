"""Portals that stand open by the guard's touch, each until a moment at which it ends by itself. From any thread."""

import threading
import time
from collections.abc import Callable

from gateway.station.deeds import MOST_HOLD_S


class Held:
    """Kept in memory alone: a station that starts again holds nothing open, as if the period had ended."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._until: dict[str, tuple[float, int]] = {}

    def start(self, portal: str, seconds: float) -> int:
        """Hold a portal open for so long from now, two hours at most; a period that runs is replaced.

        Returns when it ends (ms, UTC).
        """
        length = min(seconds, MOST_HOLD_S)
        until = int((self._wall() + length) * 1000)
        with self._lock:
            self._until[portal] = (self._clock() + length, until)
        return until

    def end(self, portal: str) -> bool:
        """End a period early; whether there was one."""
        running = self.holds(portal)
        with self._lock:
            self._until.pop(portal, None)
        return running

    def holds(self, portal: str) -> bool:
        """Whether a portal is held open now."""
        return portal in self.running()

    def running(self) -> dict[str, int]:
        """The portals that are held open now, each with when that ends (ms, UTC)."""
        now = self._clock()
        with self._lock:
            return {portal: until for portal, (ends, until) in self._until.items() if ends > now}
