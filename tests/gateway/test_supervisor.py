"""Children of a real supervisor: restarted, stopped in time, and never left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.supervisor import Child, Supervisor
from tests.waiting import until

ROOT = Path(__file__).parents[2]
LASTING = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(600)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LASTING
SHORT = "import os, sys; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n')"


def child(name: str, code: str, log: Path, command: str = sys.executable) -> Child:
    return Child(name, [command, "-S", "-c", code, str(log)], lambda: log.exists() and log.stat().st_size > 0)


def pids(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def lives(pid: int) -> bool:
    """Whether the process runs: one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it is gone, or went while it was read
        return False


@contextmanager
def supervised(*children: Child) -> Iterator[threading.Event]:
    """The supervisor on a thread of the test's; children die with the thread that started them, so it is the last."""
    stop = threading.Event()
    thread = threading.Thread(target=Supervisor(children).run, args=(stop,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join()


def test_children_start_in_order_each_when_the_one_before_is_ready(tmp_path: Path) -> None:
    seen: list[bool] = []
    first = child("first", LASTING, tmp_path / "first")
    second = Child(
        "second",
        [sys.executable, "-S", "-c", LASTING, str(tmp_path / "second")],
        lambda: (seen.append(bool(pids(tmp_path / "first"))), True)[1],
    )
    with supervised(first, second):
        until(lambda: pids(tmp_path / "second"))
    assert seen
    assert all(seen)


def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    with supervised(child("one", LASTING, tmp_path / "one")):
        (pid,) = until(lambda: pids(tmp_path / "one"))
        os.kill(pid, signal.SIGKILL)
        until(lambda: len(pids(tmp_path / "one")) == 2, within=3)


def test_a_child_that_always_dies_is_started_ever_more_seldom(tmp_path: Path) -> None:
    one = child("one", SHORT, tmp_path / "one")
    with supervised(one):
        until(lambda: len(pids(tmp_path / "one")) == 3)
        began = time.monotonic()
        until(lambda: len(pids(tmp_path / "one")) == 4)
        assert time.monotonic() - began > 0.8
        assert one.tries == 3


def test_a_child_that_cannot_be_started_again_does_not_end_the_others(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.symlink_to(sys.executable)
    with supervised(
        child("lasting", LASTING, tmp_path / "lasting"), child("short", SHORT, tmp_path / "short", str(program))
    ):
        until(lambda: pids(tmp_path / "short"))
        program.unlink()
        count = len(pids(tmp_path / "short"))
        program.symlink_to(sys.executable)
        until(lambda: len(pids(tmp_path / "short")) > count)
        assert lives(pids(tmp_path / "lasting")[0])


@pytest.mark.parametrize("deaf", [0, 1, 2])
def test_stopping_ends_all_within_three_seconds(tmp_path: Path, deaf: int) -> None:
    """Also those that do not listen to SIGTERM, first or last."""
    codes = [DEAF if deaf in (i, 2) else LASTING for i in range(2)]
    with supervised(*(child(str(i), code, tmp_path / str(i)) for i, code in enumerate(codes))) as stop:
        running = [until(lambda n=i: pids(tmp_path / str(n)))[0] for i in range(2)]
        began = time.monotonic()
        stop.set()
        until(lambda: not any(lives(pid) for pid in running), within=5)
        assert time.monotonic() - began < 3


def test_a_child_that_stops_at_once_does_not_make_the_end_wait(tmp_path: Path) -> None:
    with supervised(child("one", LASTING, tmp_path / "one")) as stop:
        (pid,) = until(lambda: pids(tmp_path / "one"))
        began = time.monotonic()
        stop.set()
        until(lambda: not lives(pid))
        assert time.monotonic() - began < 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_all_children_die_with_the_supervisor(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "import sys, threading; from pathlib import Path\n"
        "from gateway.supervisor import Supervisor; from tests.gateway import test_supervisor as t\n"
        "logs = [Path(a) for a in sys.argv[1:]]\n"
        "Supervisor([t.child('deaf', t.DEAF, logs[0]), t.child('one', t.LASTING, logs[1])]).run(threading.Event())\n"
    )
    logs = [tmp_path / "deaf", tmp_path / "one"]
    parent = subprocess.Popen([sys.executable, "-c", program, *map(str, logs)], cwd=ROOT)
    children = [until(lambda n=log: pids(n))[0] for log in logs]
    assert all(lives(pid) for pid in children)
    parent.send_signal(number)
    parent.wait(5)
    until(lambda: not any(lives(pid) for pid in children), within=3)


def test_a_child_gets_the_signal_that_is_meant_for_it(tmp_path: Path) -> None:
    supervisor = Supervisor([child("one", LASTING, tmp_path / "one")])
    stop = threading.Event()
    thread = threading.Thread(target=supervisor.run, args=(stop,))
    thread.start()
    (pid,) = until(lambda: pids(tmp_path / "one"))
    supervisor.signal("nobody", signal.SIGKILL)
    supervisor.signal("one", signal.SIGKILL)
    until(lambda: len(pids(tmp_path / "one")) == 2)
    stop.set()
    thread.join()
    assert not lives(pid)
