"""The figures of a day or a shift at the gate, from its records. They name nobody."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.wire import SwipeRecord
from rules.model import CIVIL


@dataclass(frozen=True, slots=True)
class Period:
    """A portal was held open by hand. Instants are ms, UTC."""

    portal: str
    since: int
    until: int
    early: bool = False
    """Ended by hand."""


@dataclass(slots=True)
class Figures:
    """What happened, counted."""

    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(portal, verdict): the verdicts of cards and codes."""
    by_hand: Counter[str] = field(default_factory=Counter)
    """As whom people were let in by hand, the six of the buttons."""
    opened: Counter[str] = field(default_factory=Counter)
    """By portal, how often it was opened by hand."""
    hours: Counter[int] = field(default_factory=Counter)
    """By civil hour, how many passed by card or by hand."""
    entered: int = 0
    lost_cards: int = 0
    unrecorded: int = 0
    periods: list[Period] = field(default_factory=list)
    """Oldest first."""

    def verdict(self, verdict: str) -> int:
        return sum(n for (_, one), n in self.verdicts.items() if one == verdict)

    def flat(self) -> dict[str, int]:
        """The sums by the keys of their texts; what is nought is left out."""
        found = {f"paper.{verdict}": self.verdict(verdict) for verdict in ("grant", "attend", "refuse")}
        found |= {f"visitor.{who}": n for who, n in sorted(self.by_hand.items())}
        found |= {"paper.entered": self.entered, "paper.lost_cards": self.lost_cards}
        found |= {"paper.periods": len(self.periods), "paper.unrecorded": self.unrecorded}
        return {key: n for key, n in found.items() if n}


def figures(newest_first: Iterable[SwipeRecord]) -> Figures:
    """Count the records of a stretch of time."""
    sums, acts = Figures(), list[SwipeRecord]()
    for one in newest_first:
        if one.act is not None:
            acts.append(one)
        if one.passed:
            _count(sums, one)
    for one in reversed(acts):
        _act(sums, one)
    return sums


def _count(sums: Figures, one: SwipeRecord) -> None:
    sums.unrecorded += not one.recorded
    if one.by_hand is not None:
        sums.by_hand[one.by_hand] += 1
        sums.opened[one.portal] += 1
    else:
        sums.verdicts[one.portal, one.verdict] += 1
    if one.verdict == "grant" or one.unattended:
        sums.hours[datetime.fromtimestamp(one.at / 1000, UTC).astimezone(CIVIL).hour] += 1


def _act(sums: Figures, one: SwipeRecord) -> None:
    act = one.act
    if act is None:
        return
    sums.entered += act.kind == "visitor"
    sums.lost_cards += act.kind == "lost_card"
    if act.kind in ("hold_open", "hold_end"):
        sums.periods = [_cut(period, one) for period in sums.periods]
    if act.kind == "hold_open":
        sums.periods.append(Period(one.portal, one.at, act.until))


def _cut(period: Period, act: SwipeRecord) -> Period:
    """A period that ran at its portal when the next act came ended with that."""
    if period.portal != act.portal or not period.since <= act.at < period.until:
        return period
    return Period(period.portal, period.since, act.at, early=True)
