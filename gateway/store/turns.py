"""A lock that is given in the order in which it was asked for, so that nobody is overtaken."""

import contextlib
import threading
from collections import deque
from collections.abc import Iterator


class Turns:
    """One holder at a time; who waits, waits for those who came before and for no others. Not re-entrant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        """The first one holds the turn."""

    @property
    def waiting(self) -> int:
        """How many wait for the holder now."""
        with self._lock:
            return max(len(self._queue) - 1, 0)

    @contextlib.contextmanager
    def taken(self, patience_s: float) -> Iterator[None]:
        """Hold the turn.

        Raises:
            TimeoutError: it did not come within `patience_s`; the place in the queue is given up.
        """
        mine = threading.Event()
        with self._lock:
            self._queue.append(mine)
            self._call_first()
        try:
            if not mine.wait(patience_s):
                raise TimeoutError("the turn did not come in time")
            yield
        finally:
            with self._lock:
                self._queue.remove(mine)
                self._call_first()

    def _call_first(self) -> None:
        if self._queue:
            self._queue[0].set()
