"""Anti-passback at a running gate: it counts whom the gate let in, not whoever was granted before a shut gate."""

from dataclasses import replace

from gateway.metrics import StationMetrics
from gateway.station.board import Signals
from gateway.station.decider import Outcome
from gateway.station.readers import Place, Supervised
from rules.model import GatePolicy
from tests.gateway import rosters
from tests.gateway.station.gate import Bench, gate, token

STRICT = GatePolicy(version=3, passback_seconds=300)


def strict() -> Bench:
    """A gate that takes no card twice in five minutes."""
    return Bench().use(rosters.roster(replace(rosters.person(), token=token()), policy=STRICT))


def said(outcome: Outcome) -> tuple[str, list[str]]:
    return outcome.record.verdict, outcome.record.reasons


def test_whoever_was_let_in_is_asked_about_when_the_card_comes_again() -> None:
    bench = strict()
    assert said(bench.swipe()) == ("grant", ["enrolled"])
    assert said(bench.swipe()) == ("attend", ["passback"])
    bench.swipe(reader="out")
    assert said(bench.swipe()) == ("grant", ["enrolled"])


def test_whoever_stood_before_a_gate_that_did_not_open_may_try_again() -> None:
    bench = strict()
    signals = Signals(
        "e",
        {"east": gate()},
        {"relay": Supervised(Place("relay", "output", None), lambda: None)},  # type: ignore[arg-type, return-value]
        StationMetrics(),
        lambda _shown: None,
        not_opened=bench.decider.not_opened,
    )
    first = bench.swipe()
    signals.signal(first, recorded=True)
    assert said(bench.swipe()) == ("grant", ["enrolled"]), "the opener is down: nobody has come in"
    assert said(bench.swipe()) == ("attend", ["passback"]), "and the second time it opened"


def test_a_verdict_that_waits_for_the_disk_was_not_seen_yet() -> None:
    bench = strict()
    bench.decider._settle(bench.swipe())
    assert said(bench.swipe()) == ("grant", ["enrolled"])
    bench.clocks.mono += 0.2
    bench.decider._signal_overdue()
    assert said(bench.swipe()) == ("attend", ["passback"])
