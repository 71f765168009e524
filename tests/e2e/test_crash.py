"""Kill any part at any moment, or take the broker away: every verdict that was shown is stored, each once."""

import collections
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.e2e.rig import Compound, mosquitto, wait_until
from tests.ports import free_port

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(240), pytest.mark.xdist_group("e2e")]


def _once_each(compound: Compound, shown: list[str]) -> None:
    counts = collections.Counter(compound.stored())
    doubled = [token.hex() for token, count in counts.items() if count > 1]
    lost = [code for code in shown if compound.token(code) not in counts]
    assert not doubled, f"stored more than once: {doubled}"
    assert not lost, f"shown and not stored: {len(lost)} of {len(shown)}"


def test_whatever_is_killed_each_shown_verdict_is_stored_once(tmp_path: Path) -> None:
    chance = random.Random(2026)
    with Compound(tmp_path) as compound:
        compound.start()
        compound.enrol_visitors()
        codes = iter(compound.codes)
        shown: list[str] = []
        for part in ("station", "centre", "run", "broker", "station", "run", "centre"):
            killer = threading.Timer(chance.uniform(0.3, 1.2), compound.kill, [part])
            killer.start()
            while killer.is_alive():
                code = next(codes)
                if compound.show(code, within=0.4):
                    shown.append(code)
            killer.join()
            if part == "run":
                compound.start()
            compound.wait_well()
            last = next(codes)
            assert compound.show(last, within=5), f"the gate does not open after {part} was killed"
            shown.append(last)
        compound.settle()
        assert len(shown) > 20
        _once_each(compound, shown)


def test_without_a_broker_the_gate_goes_on_and_the_backlog_never_delays_the_present(tmp_path: Path) -> None:
    port = free_port()
    with mosquitto(tmp_path, port) as start_broker, Compound(tmp_path, broker_port=port) as compound:
        broker = start_broker()
        compound.start()
        compound.enrol_visitors()
        codes = iter(compound.codes)
        broker.kill()
        broker.wait()
        away = [next(codes) for _ in range(60)]
        assert all(compound.show(code) for code in away), "the gate waited for the broker"
        assert not set(map(compound.token, away)) & set(compound.stored())
        start_broker()
        compound.wait_well()
        live = next(codes)
        assert compound.show(live)
        begun = time.monotonic()
        wait_until(lambda: compound.token(live) in compound.stored(), 5, "a live swipe is stored")
        compound.settle()
        assert time.monotonic() - begun < 30
        _once_each(compound, [*away, live])


def test_a_second_start_on_the_same_data_says_so_and_leaves_the_first_alone(tmp_path: Path) -> None:
    with Compound(tmp_path) as compound:
        compound.start()
        compound.enrol_visitors()
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "run", "--config", str(tmp_path / "gateway.toml")],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 2
        assert b"already" in done.stderr
        assert compound.show(compound.codes[0])
