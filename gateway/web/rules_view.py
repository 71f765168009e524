"""What the page of the rules shows: versions, what is wrong with a policy, why it judges so, what it would change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from rules.explain import GateExplained, PersonExplained
from rules.model import Decision

Outcome = Decision | tuple[str, ...]
"""What comes of a swipe, or the acts that follow for a person in the words of `rehearse.said`."""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of the policy. `state` is proposed, approved or withdrawn; of the approved one is in force."""

    version: int
    author: str
    reason: str
    begins: datetime
    state: str
    in_force: bool
    proposed_by: str
    approved_by: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong with a policy, and what is worth knowing; `tests` is how many of its own were run."""

    mistakes: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    tests: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """From what to what, and how often: swipes (of the gate alone), and cards or people. None: it concerns few."""

    before: Outcome
    after: Outcome
    swipes: int | None
    concerned: int | None


@dataclass(slots=True)
class Replayed:
    """What would be otherwise. `swipes`, `cards` and `people` are how many were looked at."""

    days: int
    versions: tuple[int, int]
    swipes: int = 0
    cards: int = 0
    people: int = 0
    gate: list[Change] = field(default_factory=list)
    cases: list[Change] = field(default_factory=list)
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ReplayState:
    """Where the one replay stands that runs at a time; `swipes` is how far it is."""

    state: Literal["none", "running", "done", "failed"]
    swipes: int = 0
    done: Replayed | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """The answer to a question, or what is wrong with how it was asked."""

    answer: GateExplained | PersonExplained | None
    mistakes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RulesDesk:
    """What the centre hands the page. Every callable may block for one query and may be used from any thread."""

    versions: Callable[[], list[VersionRow]]
    text: Callable[[], str]
    """The text of the version in force."""
    check: Callable[[str], Checked]
    explain: Callable[[Mapping[str, str]], Explained]
    """By the fields of the form, or by a piece of TOML under `toml`."""
    replay: Callable[[str, int], Checked]
    """(text, days): begin, unless one is running or the text is wrong; what is wrong with it."""
    replayed: Callable[[], ReplayState]
