"""What is slow to find and changes slowly: found anew after so many seconds at the earliest."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_MOST = 100


class Recent(Generic[K, V]):
    """From any thread. What `find` raises is raised, and nothing is kept of it."""

    def __init__(self, find: Callable[[K], V], seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._find = find
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[K, tuple[float, V]] = {}

    def __call__(self, key: K) -> V:
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and self._clock() - kept[0] < self._seconds:
            return kept[1]
        found = self._find(key)
        with self._lock:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[key] = self._clock(), found
        return found
