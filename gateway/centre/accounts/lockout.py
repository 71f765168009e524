"""How often somebody may try to sign in: five failures, then five minutes, and nobody can lock out anybody else.

Failures are counted for a known browser on its own (it holds a device cookie from a sign-in that went well), and for
all unknown ones together: a stranger who tries an account's passwords locks out strangers, not its owner.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

FAILURES = 5
PAUSE_S = 300.0
MOST = 10_000
"""Accounts and browsers remembered; beyond it the ones longest unseen are forgotten."""


class Lockout:
    """Counts failures by key; from any thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, name: str, device: str = "") -> int:
        """Seconds until this account may be tried again from this browser ("" for an unknown one); 0 for now."""
        with self._lock:
            recent = self._recent(_key(name, device))
            return max(1, round(recent[0] + PAUSE_S - self._clock())) if len(recent) >= FAILURES else 0

    def failed(self, name: str, device: str = "") -> None:
        """Count a failure."""
        with self._lock:
            key = _key(name, device)
            recent = self._recent(key)
            self._failed[key] = [*recent, self._clock()][-FAILURES:]
            self._failed.move_to_end(key)
            while len(self._failed) > MOST:
                self._failed.popitem(last=False)

    def went_well(self, name: str, device: str = "") -> None:
        """Forget the failures of this account from this browser."""
        with self._lock:
            self._failed.pop(_key(name, device), None)

    def _recent(self, key: str) -> list[float]:
        since = self._clock() - PAUSE_S
        return [at for at in self._failed.get(key, ()) if at > since]


def _key(name: str, device: str) -> str:
    return f"{name}\x1f{device}"
