"""What the station refused of what came to it over the bus: counted, said once in a while, and shown."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

log = logging.getLogger(__name__)

SAY_AGAIN_S = 60.0
"""One reason is logged at most so often."""
_REASONS = 100


@dataclass(frozen=True, slots=True)
class Refused:
    """The last message that was refused: on which topic, why, and when."""

    leaf: str
    why: str
    at: datetime


class Refusals:
    """May be used from any thread. `counted` is told the topic of each."""

    def __init__(
        self,
        counted: Callable[[str], None] = lambda _leaf: None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counted = counted
        self._clock = clock
        self._lock = threading.Lock()
        self._said: dict[tuple[str, str], float] = {}
        self.total = 0
        self.last: Refused | None = None

    def note(self, leaf: str, why: str) -> None:
        """A message on this topic was refused."""
        now = self._clock()
        with self._lock:
            self.total += 1
            self.last = Refused(leaf, why, datetime.now(UTC))
            say = now - self._said.get((leaf, why), -SAY_AGAIN_S) >= SAY_AGAIN_S
            if say:
                if len(self._said) >= _REASONS:
                    self._said.clear()
                self._said[leaf, why] = now
        self._counted(leaf)
        if say:
            log.warning("a message on …/%s was refused: %s", leaf, why)
