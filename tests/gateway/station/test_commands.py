"""Commands at the station: done once, in order, of this moment; answered whatever becomes of them."""

import queue
from dataclasses import dataclass, field
from typing import Literal

import pytest

from gateway.station.commands import BY_COMMAND, Commands, Powers
from gateway.station.deeds import ByHand
from gateway.wire import Command, Reply

EPOCH = "0123456789abcdef"
Act = Literal["open", "identify", "reload"]


@dataclass
class Bench:
    """Commands over a gate that is a list."""

    beat: int = 100
    opened: list[ByHand] = field(default_factory=list)
    answers: list[Reply] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    did: list[str] = field(default_factory=list)
    full: bool = False

    def __post_init__(self) -> None:
        powers = Powers(
            {"east", "side"},
            lambda portal: portal == "east",
            self._open,
            {"east-in": lambda: True, "old": lambda: False},
            lambda: self.did.append("greeted"),
            lambda: self.mistakes,
            lambda: self.did.append("restarted"),
        )
        self.commands = Commands(EPOCH, lambda: self.beat, powers, self.answers.append, self.refused.append)

    def _open(self, act: ByHand) -> None:
        if self.full:
            raise queue.Full
        self.opened.append(act)

    def take(
        self, act: Act = "open", target: str = "east", *, counter: int = 1, heartbeat: int = 100, epoch: str = EPOCH
    ) -> Reply | None:
        before = len(self.answers)
        self.commands.take(Command(epoch, counter, heartbeat, act, target))
        return self.answers[-1] if len(self.answers) > before else None


def test_an_opening_is_done_and_answered_with_the_swipe_that_stands_for_it() -> None:
    bench = Bench()
    assert bench.take(counter=7) is None, "it is answered when it is decided"
    (act,) = bench.opened
    assert (act.portal, act.whom, act.by) == ("east", BY_COMMAND, "centre")
    act.told(42)
    assert bench.answers == [Reply(EPOCH, 7, "done", seq=42)]
    assert bench.refused == []


@pytest.mark.parametrize("counter", [0, 4, 5])
def test_a_counter_that_is_not_higher_is_refused_and_noted(counter: int) -> None:
    bench = Bench()
    bench.take(counter=5)
    assert bench.take(counter=counter) == Reply(EPOCH, counter, "refused", "not_newer")
    assert len(bench.opened) == 1
    assert len(bench.refused) == 1


@pytest.mark.parametrize(("heartbeat", "taken"), [(96, False), (97, True), (100, True), (101, True)])
def test_a_heartbeat_more_than_three_ago_is_too_old(heartbeat: int, taken: bool) -> None:
    bench = Bench()
    answer = bench.take(heartbeat=heartbeat)
    assert (answer is None) == taken
    assert len(bench.opened) == taken


def test_a_command_of_another_start_is_refused_whatever_its_counter() -> None:
    bench = Bench()
    answer = bench.take(epoch="f" * 16, counter=10**9)
    assert answer == Reply("f" * 16, 10**9, "refused", "another_epoch")
    assert bench.take(counter=1) is None, "what was refused does not move the counter"


def test_a_command_that_was_too_old_does_not_bar_the_next() -> None:
    bench = Bench()
    bench.take(counter=10**12, heartbeat=0)
    assert bench.take(counter=1) is None


@pytest.mark.parametrize(
    ("act", "target", "why"),
    [
        ("open", "moon", "no_such_portal"),
        ("open", "side", "not_possible"),
        ("identify", "moon", "no_such_device"),
        ("identify", "old", "not_possible"),
        ("reload", "moon", "unknown"),
    ],
)
def test_what_is_not_there_is_refused_with_the_reason(act: Act, target: str, why: str) -> None:
    bench = Bench()
    answer = bench.take(act, target)
    assert answer is not None
    assert (answer.outcome, answer.reason) == ("refused", why)
    assert bench.opened == []


def test_a_gate_with_more_than_it_can_do_says_so() -> None:
    bench = Bench(full=True)
    assert bench.take() == Reply(EPOCH, 1, "refused", "busy")


def test_a_device_shows_itself_and_a_roster_is_asked_for() -> None:
    bench = Bench()
    assert bench.take("identify", "east-in", counter=1) == Reply(EPOCH, 1, "done")
    assert bench.take("reload", "roster", counter=2) == Reply(EPOCH, 2, "done")
    assert bench.did == ["greeted"]


def test_a_wrong_configuration_is_not_read_again() -> None:
    bench = Bench(mistakes=["portals.0.name: missing"])
    assert bench.take("reload", "configuration", counter=1) == Reply(EPOCH, 1, "refused", "wrong_configuration")
    assert bench.did == []
    bench.mistakes = []
    assert bench.take("reload", "configuration", counter=2) == Reply(EPOCH, 2, "done")
    assert bench.did == ["restarted"]
