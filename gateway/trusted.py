"""The time that certificates are held against: never earlier than what this machine has seen before.

A box without a battery starts in 1970. So the time is the latest of its clock, the time last saved, and the day of this
release. Saved is only a time at which the certificates of the standing connection are good, and no later one than has
passed since they were looked at by the monotonic clock: a clock that jumps ahead meanwhile leaves nothing behind.
"""

import contextlib
import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

log = logging.getLogger(__name__)

RELEASED = datetime(2026, 11, 25, tzinfo=UTC)
"""No clock is right that says an earlier day."""
SAVE_EVERY_S = 3600.0
_MOST_BYTES = 64


class TrustedTime:
    """`now` may be called from any thread, `save` from one at a time. `path` is the file that keeps the time."""

    def __init__(
        self, path: Path, *, wall: Callable[[], float] = time.time, mono: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._wall = wall
        self._mono = mono
        self._standing: tuple[float, float, float] | None = None
        """Of the certificates of the connection: when they were found good, by which monotonic time, and their end."""
        self._floor = max(RELEASED.timestamp(), _read(path))
        self._saved = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(max(self._wall(), self._floor), UTC)

    def connected(self, now: datetime, _begins: datetime, ends: datetime) -> None:
        """A connection was made with certificates that are good now, and until `ends`."""
        self._standing = (now.timestamp(), self._mono(), ends.timestamp())

    def save(self) -> None:
        """Keep the time for the next start, while the connection stands; at most once in `SAVE_EVERY_S`.

        A disk that fails is logged.
        """
        if self._standing is None:
            return
        found_good, mono, ends = self._standing
        now = min(self.now().timestamp(), found_good + self._mono() - mono)
        if now > ends or self._saved <= now < self._saved + SAVE_EVERY_S:
            return
        self._saved = now
        partial = self._path.with_name(f".{self._path.name}.partial")
        try:
            with partial.open("w", encoding="ascii") as file:
                file.write(f"{now:.0f}\n")
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._path)
        except OSError as error:
            log.warning("the time cannot be kept for the next start: %s", error.strerror)


def _read(path: Path) -> float:
    """Seconds since 1970, or 0 when there is no such file or it holds no time."""
    with contextlib.suppress(OSError, ValueError):
        with path.open("rb") as file:
            found = float(file.read(_MOST_BYTES).decode("ascii"))
        if 0 < found < datetime.max.replace(tzinfo=UTC).timestamp() / 2:
            return found
    return 0.0
