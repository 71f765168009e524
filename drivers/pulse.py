"""How long an output is to be closed: from a wish until its end, extended and never shortened, bounded whoever asks."""

SHORTEST_S = 0.1


class Pulse:
    """The wish for one contact. `until` is monotonic seconds, or None while nobody wants it closed."""

    def __init__(self, longest_s: float) -> None:
        self._longest = longest_s
        self.until: float | None = None

    def open(self, seconds: float, now: float) -> None:
        """Want it closed until `now + seconds`; while it is wanted, only a later end counts."""
        end = now + min(self._longest, max(SHORTEST_S, seconds))
        self.until = end if self.until is None else max(self.until, end)

    def wanted(self, now: float, *, is_on: bool) -> bool:
        """Whether it is to be closed now. A wish that the board has not heard of yet does not end unheard."""
        if self.until is not None and now >= self.until and is_on:
            self.until = None
        return self.until is not None

    def end(self) -> None:
        """Want nothing any more."""
        self.until = None
