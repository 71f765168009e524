"""How often one address may do something: a bucket each that fills again, forgotten when full; bounded in number."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST = 10_000
"""Addresses remembered. Beyond it the ones longest unseen are forgotten: they may do it again."""


class Limit:
    """So many times at once, and one more each time `every_s` has passed. From any thread."""

    def __init__(self, times: int, every_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._times = times
        self._every_s = every_s
        self._clock = clock
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def allow(self, address: str) -> bool:
        """Whether this address may do it once more now; if so it is counted."""
        with self._lock:
            spent = self._now(address)
            if spent + 1 > self._times:
                return False
            self._spent[address] = (spent + 1, self._clock())
            self._spent.move_to_end(address)
            while len(self._spent) > MOST:
                self._spent.popitem(last=False)
            return True

    def wait_s(self, address: str) -> int:
        """After how many seconds it may be done once more."""
        with self._lock:
            return max(0, round((self._now(address) + 1 - self._times) * self._every_s + 0.5))

    def _now(self, address: str) -> float:
        spent, at = self._spent.get(address, (0.0, self._clock()))
        return max(0.0, spent - (self._clock() - at) / self._every_s)
