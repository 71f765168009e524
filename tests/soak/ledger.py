"""What was presented and what was read: which reads were lost, doubled, or of nobody; and when lines were dead."""

import threading
from collections import Counter
from dataclasses import dataclass, field

UNDER_WAY_S = 1.0
"""A card's bytes are on their way for so long: one that was presented just before its line was pulled went with it."""


@dataclass(slots=True)
class Presented:
    """A card before a reader, from `begin` to `end`, in monotonic seconds."""

    card: str
    begin: float
    end: float = 0.0


@dataclass(slots=True)
class ReaderLedger:
    """One reader's. `dead` are the times in which its line was pulled or its reader not yet heard again."""

    presented: list[Presented] = field(default_factory=list)
    reads: Counter[str] = field(default_factory=Counter)
    dead: list[tuple[float, float]] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    _dead_since: float | None = None
    _restored: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def pull(self, now: float) -> None:
        """Its line is pulled."""
        with self._lock:
            if self._dead_since is None:
                self._dead_since = now
            self._restored = None

    def restore(self, now: float) -> None:
        """Its line is plugged in again."""
        with self._lock:
            self._restored = now

    def well(self, now: float) -> None:
        """Its reader was heard: after its line is back, the reader is."""
        with self._lock:
            if self._dead_since is not None and self._restored is not None:
                self.dead.append((self._dead_since, now))
                self.back_s.append(now - self._restored)
                self._dead_since = self._restored = None

    def close(self, now: float) -> None:
        """Nothing more comes."""
        with self._lock:
            if self._dead_since is not None:
                self.dead.append((self._dead_since, now))
                self._dead_since = None

    def to_dead_line(self, one: Presented) -> bool:
        """Whether its line was dead at some time while the card lay there."""
        return any(begin <= one.end + UNDER_WAY_S and end >= one.begin for begin, end in self.dead)

    def sums(self) -> dict[str, int]:
        """The counts that matter."""
        missing = [one for one in self.presented if not self.reads[one.card]]
        dead = sum(self.to_dead_line(one) for one in missing)
        known = {one.card for one in self.presented}
        return {
            "presented": len(self.presented),
            "read": sum(count > 0 for card, count in self.reads.items() if card in known),
            "lost_on_dead_lines": dead,
            "lost": len(missing) - dead,
            "twice": sum(count - 1 for count in self.reads.values() if count > 1),
            "of_nobody": sum(card not in known for card in self.reads),
        }
