"""The figures of a shift or a day: each pass counted once, periods cut where they ended, and nobody named."""

from datetime import datetime
from typing import Any

from gateway.station.console.report import Period, figures
from gateway.wire import GateAct, SwipeRecord
from rules.model import CIVIL

NINE = int(datetime(2026, 11, 23, 9, 0, tzinfo=CIVIL).timestamp() * 1000)
MINUTE = 60_000


def record(minute: int, verdict: str = "grant", portal: str = "east", **more: Any) -> SwipeRecord:
    at = NINE + minute * MINUTE
    return SwipeRecord(minute + 1, at, at, portal, "r", "in", verdict, ["enrolled"], **more)


def test_cards_and_openings_by_hand_are_counted_apart_and_by_portal() -> None:
    sums = figures(
        [
            record(70, by_hand="delivery", portal="north"),
            record(61, by_hand="visitor", act=GateAct("visitor")),
            record(60, "attend", unattended=True),
            record(3, "refuse"),
            record(2, "attend"),
            record(1, recorded=False),
            record(0),
        ]
    )
    assert dict(sums.verdicts) == {("east", "grant"): 2, ("east", "attend"): 2, ("east", "refuse"): 1}
    assert dict(sums.by_hand) == {"delivery": 1, "visitor": 1}
    assert dict(sums.opened) == {"north": 1, "east": 1}
    assert dict(sums.hours) == {9: 2, 10: 3}
    assert (sums.entered, sums.unrecorded, sums.lost_cards) == (1, 1, 0)
    assert sums.flat() == {
        "paper.grant": 2,
        "paper.attend": 2,
        "paper.refuse": 1,
        "visitor.delivery": 1,
        "visitor.visitor": 1,
        "paper.entered": 1,
        "paper.unrecorded": 1,
    }


def test_what_a_guard_does_is_no_pass() -> None:
    acts = [GateAct("lost_card"), GateAct("hold_end"), GateAct("hold_open", NINE + 30 * MINUTE)]
    sums = figures(record(9 - i, act=act) for i, act in enumerate(acts))
    assert (sum(sums.verdicts.values()), sum(sums.hours.values())) == (0, 0)
    assert (sums.lost_cards, len(sums.periods)) == (1, 1)


def hold(minute: int, minutes: int, portal: str = "east") -> SwipeRecord:
    return record(minute, portal=portal, act=GateAct("hold_open", NINE + (minute + minutes) * MINUTE))


def end(minute: int, portal: str = "east") -> SwipeRecord:
    return record(minute, portal=portal, act=GateAct("hold_end"))


def periods(*oldest_first: SwipeRecord) -> list[tuple[str, int, int, bool]]:
    found: list[Period] = figures(reversed(oldest_first)).periods
    return [(p.portal, (p.since - NINE) // MINUTE, (p.until - NINE) // MINUTE, p.early) for p in found]


def test_a_period_ends_by_itself_by_hand_or_with_the_next_at_its_own_portal() -> None:
    assert periods(hold(0, 30)) == [("east", 0, 30, False)]
    assert periods(hold(0, 30), end(10)) == [("east", 0, 10, True)]
    assert periods(hold(0, 30), hold(20, 60)) == [("east", 0, 20, True), ("east", 20, 80, False)]
    assert periods(hold(0, 30), end(10, "north")) == [("east", 0, 30, False)]
    assert periods(hold(0, 30), end(30), hold(40, 30), end(50)) == [("east", 0, 30, False), ("east", 40, 50, True)]
