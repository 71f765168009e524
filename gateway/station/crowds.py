"""A card that comes again and again: somebody stands there and opens for others, so a hold-open period is suggested."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

WITHIN_S = 3600.0
_CARDS = 2_000


class Crowds:
    """Counts presentations of one card at one portal, in memory and for an hour. From any thread."""

    def __init__(self, more_than: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._more_than = more_than
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, bytes], deque[float]] = OrderedDict()
        self._until: dict[str, float] = {}
        self._open: set[str] = set()

    def presented(self, portal: str, token: bytes) -> None:
        """A card was presented. After more than `more_than` in an hour a period is suggested, at most once an hour."""
        now = self._clock()
        with self._lock:
            needed = self._more_than() + 1
            times = deque(self._seen.pop((portal, token), ()), maxlen=needed)
            self._seen[portal, token] = times
            while len(self._seen) > _CARDS:
                self._seen.popitem(last=False)
            times.append(now)
            crowded = len(times) == needed and now - times[0] < WITHIN_S
            if crowded and now >= self._until.get(portal, now):
                self._until[portal] = now + WITHIN_S
                self._open.add(portal)

    def settle(self, portal: str) -> None:
        """The guard has taken the suggestion, or wants none: the next comes after an hour at the earliest."""
        with self._lock:
            self._open.discard(portal)

    def suggested(self) -> tuple[str, ...]:
        """The portals for which a period is suggested now."""
        now = self._clock()
        with self._lock:
            return tuple(sorted(portal for portal in self._open if self._until[portal] > now))
