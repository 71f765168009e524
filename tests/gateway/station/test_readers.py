"""Devices on real ptys under supervision: said once when down and once when back, and none disturbs another."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drivers.api import (
    CardRead,
    Emit,
    FaultOver,
    Input,
    LinkLost,
    Noise,
    Online,
    ReaderEvent,
    ReaderFault,
    Remedy,
    StreamDriver,
    Verdict,
)
from drivers.ascii_line import DRIVER as ASCII
from drivers.ga467 import DRIVER as GA467
from drivers.registry import settings_for
from drivers.relay import LCUS
from gateway.station.console.view import Health
from gateway.station.readers import Place, Supervised, open_driver
from simulators.ascii_line import AsciiDevice
from simulators.line import PtyLine
from simulators.relay import RelayBoard
from simulators.sam import Card, SamModule
from tests.waiting import until


@dataclass
class Watched:
    """A supervised device and what it told."""

    device: Supervised
    cards: list[CardRead] = field(default_factory=list)
    events: list[ReaderEvent] = field(default_factory=list)

    @property
    def health(self) -> Health:
        return self.device.view().health


@contextmanager
def watched(name: str, make: Callable[[], object], *, silent: bool = True, kind: str = "reader") -> Iterator[Watched]:
    device = Supervised(
        Place(name, kind, "east", silent),
        make,  # type: ignore[arg-type]
        heard=lambda _id, card, _mono: one.cards.append(card),
        counted=lambda _id, event: one.events.append(event),
    )
    one = Watched(device)
    device.start()
    try:
        yield one
    finally:
        began = time.monotonic()
        device.stop()
        device.join()
        assert time.monotonic() - began < 1, "a device must stop within a second"
        assert not device.alive


def on_line(driver: StreamDriver, line: PtyLine, **settings: object) -> Callable[[], object]:
    return lambda: open_driver(driver, line.url, settings_for(driver, settings), None)


def said(caplog: pytest.LogCaptureFixture, name: str) -> list[str]:
    wanted = f" {name} "
    return [r.message.partition(":")[0] for r in caplog.records if wanted in f" {r.message.replace(':', ' ')} "]


class Sulking:
    """A driver with a bug, a line that is gone, or one that ends by itself: whatever `act` does."""

    def __init__(self, act: Callable[[Emit], None]) -> None:
        self._act = act

    def run(self, emit: Emit, _stop: threading.Event) -> None:
        self._act(emit)


def crash(_emit: Emit) -> None:
    raise RuntimeError("a bug")


def lose(_emit: Emit) -> None:
    raise LinkLost("gone")


def leave(_emit: Emit) -> None:
    raise SystemExit(1)


def end(_emit: Emit) -> None:
    """Return although nobody asked for it."""


def test_a_reader_is_unplugged_and_plugged_in_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scanner = AsciiDevice()
    with PtyLine(scanner, tmp_path / "tty") as line, watched("gate-in", on_line(ASCII, line)) as one:
        until(lambda: one.health is Health.OK)
        for _ in range(2):
            line.cut()
            until(lambda: one.health is Health.DOWN)
            assert one.device.view().trouble == "link_lost"
            line.restore()
            until(lambda: one.health is Health.OK)
    assert said(caplog, "gate-in") == ["reader gate-in is down", "reader gate-in is back"] * 2


def test_a_reader_that_stays_away_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tries: list[int] = []

    def make() -> object:
        tries.append(1)
        return Sulking(lose)

    with watched("gate-in", make) as one:
        until(lambda: len(tries) >= 3)
        assert one.health is Health.DOWN
    assert said(caplog, "gate-in") == ["reader gate-in is down"]


@pytest.mark.parametrize(("act", "trouble"), [(crash, "crashed"), (leave, "crashed"), (end, "ended")])
def test_a_driver_that_fails_is_started_again_and_disturbs_nobody(
    tmp_path: Path, act: Callable[[Emit], None], trouble: str
) -> None:
    tries: list[int] = []

    def make() -> object:
        tries.append(1)
        return Sulking(act)

    with (
        PtyLine(AsciiDevice(), tmp_path / "tty") as line,
        watched("good", on_line(ASCII, line)) as good,
        watched("bad", make) as bad,
    ):
        until(lambda: good.health is Health.OK)
        until(lambda: len(tries) >= 3)
        assert (bad.health, bad.device.view().trouble) == (Health.DOWN, trouble)
        assert good.health is Health.OK
        assert good.device.link is not None


class Hanging:
    """A library that answers an order when it is let."""

    def __init__(self, let: threading.Event) -> None:
        self._let = let
        self.orders: list[str] = []

    def run(self, emit: Emit, stop: threading.Event) -> None:
        emit(Online())
        stop.wait()

    def signal(self, verdict: Verdict) -> None:
        self._let.wait()
        self.orders.append(verdict)

    def open(self, seconds: float) -> bool:
        self.orders.append(f"{seconds:g} s")
        return True

    def identify(self) -> bool:
        raise SystemExit(1)


def test_a_library_that_hangs_holds_nobody_and_opens_no_gate_later() -> None:
    let = threading.Event()
    link = Hanging(let)
    with watched("gate-in", lambda: link, silent=False) as one:
        until(lambda: one.health is Health.OK)
        assert one.device.open(5.0)
        began = time.monotonic()
        for _ in range(100):
            one.device.signal(Verdict.GRANT)
        assert time.monotonic() - began < 0.1
        assert not one.device.open(6.0)
        let.set()
        until(lambda: not one.device.identify() and one.device.open(7.0))
        assert link.orders[0] == "5 s"
        assert "6 s" not in link.orders
        assert link.orders[-1] == "7 s"


def test_a_driver_that_cannot_be_made_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    tries: list[int] = []

    def make() -> object:
        tries.append(1)
        raise ValueError("no such line")

    with watched("bad", make) as bad:
        until(lambda: len(tries) >= 2)
        assert bad.health is Health.DOWN


def test_noise_is_counted_and_is_no_sign_of_life() -> None:
    ready = threading.Event()

    def hum(emit: Emit) -> None:
        for _ in range(3):
            emit(Noise(4, "hum"))
        ready.set()
        raise LinkLost("gone")

    with watched("gate-in", lambda: Sulking(hum)) as one:
        until(lambda: one.device.view().noise >= 3)
        assert one.health in (Health.UNKNOWN, Health.DOWN)
        assert one.device.view().last_heard is None


def test_an_output_whose_line_is_gone_says_that_it_did_not_open(tmp_path: Path) -> None:
    board = RelayBoard()
    with PtyLine(board, tmp_path / "tty") as line, watched("relay", on_line(LCUS, line), kind="output") as one:
        until(lambda: one.device.link is not None and one.device.open(1.0))
        line.cut()
        until(lambda: one.health is Health.DOWN)
        until(lambda: not one.device.open(1.0))
        line.restore()
        until(lambda: one.device.open(1.0))


def test_a_reader_that_is_away_is_told_nothing_and_nobody_waits() -> None:
    with watched("gate-in", lambda: Sulking(lose)) as one:
        until(lambda: one.health is Health.DOWN)
        began = time.monotonic()
        for _ in range(100):
            one.device.signal(Verdict.GRANT)
        assert time.monotonic() - began < 0.1


def test_many_devices_end_together_within_a_second(tmp_path: Path) -> None:
    with ExitStack() as stack:
        devices = []
        for i in range(6):
            line = stack.enter_context(PtyLine(AsciiDevice(), tmp_path / f"tty{i}"))
            devices.append(stack.enter_context(watched(f"reader-{i}", on_line(ASCII, line))))
        until(lambda: all(one.health is Health.OK for one in devices))
        began = time.monotonic()
        for one in devices:
            one.device.stop()
        for one in devices:
            one.device.join()
        assert time.monotonic() - began < 1


def test_a_module_that_does_not_answer_is_down_and_one_that_answers_again_is_well(tmp_path: Path) -> None:
    module = SamModule(power=False)
    with PtyLine(module, tmp_path / "line") as line, watched("in-1", on_line(GA467, line), silent=False) as one:
        until(lambda: one.health is Health.DOWN)
        assert one.device.view().trouble == "no_answer"
        module.power = True
        until(lambda: one.health is Health.OK)
        assert one.device.view().trouble == ""


@pytest.mark.parametrize("code", [0x60, 0x66])
def test_a_module_that_refuses_stays_down_until_it_does_it_again(tmp_path: Path, code: int) -> None:
    module = SamModule(rereads=True)
    with PtyLine(module, tmp_path / "line") as line, watched("in-1", on_line(GA467, line), silent=False) as one:
        until(lambda: one.health is Health.OK)
        module.refuse(b"\x30\x01", code, times=1_000_000)
        module.present(Card("511703190001010015", "测试甲"))
        until(lambda: one.health is Health.DOWN)
        heard = one.device.view().last_heard
        until(lambda: one.device.view().last_heard != heard)  # it says that it is there, which changes nothing
        assert one.health is Health.DOWN
        module.lift()
        module.stop_refusing()
        module.present(Card("511703190001010015", "测试甲"))
        until(lambda: (one.health, one.device.view().trouble) == (Health.OK, ""))


def test_a_fault_that_stands_outlasts_all_but_its_end_and_blinds_once() -> None:
    steps = threading.Semaphore(0)
    tamper, power = (ReaderFault(code, Remedy.CALL_TECHNICIAN, "", stands=True) for code in ("tamper", "power"))
    script: list[ReaderEvent] = [
        Online(),
        tamper,
        Input(0, closed=True),
        power,
        FaultOver("tamper"),
        FaultOver("power"),
    ]

    def play(emit: Emit) -> None:
        for event in script:
            steps.acquire()
            emit(event)
        steps.acquire()
        raise LinkLost("gone")

    blinded: list[str] = []
    device = Supervised(Place("in-1", "reader", "east"), lambda: Sulking(play), away=blinded.append)  # type: ignore[arg-type, return-value]
    device.start()
    try:
        for trouble, times in (
            ("", 0),
            ("tamper", 1),
            ("tamper", 1),
            ("power", 2),
            ("power", 2),
            ("", 2),
            ("link_lost", 3),
        ):
            steps.release()
            wanted = (Health.DOWN if trouble else Health.OK, trouble, times)
            until(lambda wanted=wanted: (device.view().health, device.view().trouble, len(blinded)) == wanted)  # type: ignore[misc]
    finally:
        device.stop()
        steps.release(100)
        device.join()


def test_a_card_that_only_a_technician_can_explain_does_not_make_the_reader_dead(tmp_path: Path) -> None:
    odd = ReaderFault("zero_id", Remedy.CALL_TECHNICIAN, "only zeros", of_card=True)
    with watched("desk", lambda: Sulking(lambda emit: (emit(odd), threading.Event().wait(0.2))), silent=False) as one:  # type: ignore[arg-type, return-value]
        until(lambda: one.device.view().trouble == "zero_id")
        assert one.health is Health.OK
