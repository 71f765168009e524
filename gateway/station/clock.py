"""What the machine says of its clocks: whether the wall clock is synchronised, and which start of the machine it is."""

import ctypes
import hashlib
import sys
import time
from pathlib import Path

SYNCED, UNSYNCED, UNKNOWN = "synced", "unsynced", "unknown"
_STATUS_AT = 5 * ctypes.sizeof(ctypes.c_long)
"""Of `status` in Linux's struct timex: `modes` (padded), `offset`, `freq`, `maxerror`, `esterror` stand before it."""
_STA_UNSYNC = 0x40
_LARGER_THAN_TIMEX = 512
_LOOK_EVERY_S = 1.0


class _Kernel:
    """Asks adjtimex(2), at most once a second."""

    def __init__(self) -> None:
        self._asked = -_LOOK_EVERY_S
        self._state = UNKNOWN
        try:
            self._adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex if sys.platform == "linux" else None
        except (OSError, AttributeError):
            self._adjtimex = None

    def state(self) -> str:
        now = time.monotonic()
        if now - self._asked >= _LOOK_EVERY_S:
            self._asked, self._state = now, self._ask()
        return self._state

    def _ask(self) -> str:
        if self._adjtimex is None:
            return UNKNOWN
        found = (ctypes.c_char * _LARGER_THAN_TIMEX)()
        if self._adjtimex(found) < 0:
            return UNKNOWN
        status = ctypes.c_int.from_buffer(found, _STATUS_AT).value
        return UNSYNCED if status & _STA_UNSYNC else SYNCED


_kernel = _Kernel()


def clock_state() -> str:
    """Whether the kernel holds the wall clock for synchronised: `SYNCED`, `UNSYNCED` or `UNKNOWN`."""
    return _kernel.state()


def boot_id() -> str:
    """16 hexadecimal digits that are others after each start of the machine; "" where the kernel does not say."""
    try:
        said = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        return ""
    return hashlib.sha256(said.strip()).hexdigest()[:16]
