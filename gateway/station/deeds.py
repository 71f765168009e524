"""What a guard does at the console, as it goes to the decider: each becomes a record of the stream of swipes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

MOST_HOLD_S = 7200
"""A hold-open period by one touch ends by itself after two hours at most."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """The guard opens a portal and says for whom; of a visitor also whom they visit and how they are called."""

    portal: str
    whom: str
    dwelling: str
    mono: float
    by: str = "console"
    """Where it was said, in place of a reader."""
    told: Callable[[int], None] = lambda _seq: None
    """Told the number of the swipe that stands for it."""
    name: str = field(default="", repr=False)
    noted: bool = False
    """Whether the visitor is entered in the visitors' book."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that the guard does and nobody passes by: a hold-open period, a lost card, a hand-over."""

    kind: Literal["hold_open", "hold_end", "lost_card", "handover"]
    portal: str
    mono: float
    seconds: int = 0
    """How long a portal is held open."""
    dwelling: str = ""
    name: str = field(default="", repr=False)
    said: Mapping[str, str | int] = field(default_factory=dict, repr=False)
    """What is said at a hand-over."""
