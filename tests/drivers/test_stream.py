import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from queue import Queue
from types import SimpleNamespace
from typing import Any

import pytest
import serial
from serial.rfc2217 import PortManager
from serial.tools.list_ports_common import ListPortInfo

from drivers import ga467, relay, stream
from drivers.api import (
    CardRead,
    DeviceFact,
    LinkLost,
    Noise,
    Online,
    OutputState,
    ReaderEvent,
    ReaderFault,
    StreamDriver,
    Verdict,
)
from drivers.stream import KEEPALIVE, StreamLink, open_port
from simulators.line import PtyLine
from simulators.relay import RelayBoard
from simulators.sam import Card, SamModule

CARD = Card("511703190001010015", "测试甲")


class Running:
    """A link on a thread of its own; leaving the block ends it."""

    def __init__(self, link: StreamLink) -> None:
        self.link = link
        self.events: Queue[ReaderEvent] = Queue()
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.link.run(self.events.put, self.stop)
        except LinkLost as error:
            self.error = error

    def until(self, wanted: Callable[[ReaderEvent], bool]) -> ReaderEvent:
        while not wanted(event := self.events.get(timeout=5.0)):
            pass
        return event


@contextmanager
def running(driver: StreamDriver, url: str, settings: Any, **more: Any) -> Iterator[Running]:
    run = Running(StreamLink(driver, url, settings, **more))
    run.thread.start()
    try:
        yield run
    finally:
        run.stop.set()
        run.thread.join()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def a_card(event: ReaderEvent) -> bool:
    return isinstance(event, CardRead)


def test_a_card_is_read_through_a_real_port_and_nothing_is_left_behind() -> None:
    before = descriptors()
    module = SamModule()
    with PtyLine(module) as line, running(ga467.DRIVER, line.url, ga467.Settings()) as run:
        assert run.until(lambda e: isinstance(e, DeviceFact))
        module.present(CARD)
        read = run.until(a_card)
        assert isinstance(read, CardRead)
        assert read.credential.number == CARD.number
    assert run.error is None
    assert descriptors() == before


def test_a_line_that_hangs_up_is_a_lost_link_and_is_found_again_under_its_stable_name(tmp_path: Path) -> None:
    before = descriptors()
    module = SamModule()
    with PtyLine(module, tmp_path / "reader") as line:
        with running(ga467.DRIVER, line.url, ga467.Settings()) as run:
            run.until(lambda e: isinstance(e, Online))
            line.cut()
            run.thread.join(timeout=5.0)
            assert isinstance(run.error, LinkLost)
        with running(ga467.DRIVER, line.url, ga467.Settings()) as gone:
            gone.thread.join(timeout=5.0)
            assert isinstance(gone.error, LinkLost)
        line.restore()
        module.present(CARD)
        with running(ga467.DRIVER, line.url, ga467.Settings()) as run:
            assert run.until(a_card)
    assert descriptors() == before


def test_two_links_cannot_share_a_line() -> None:
    with PtyLine(SamModule()) as line, running(ga467.DRIVER, line.url, ga467.Settings()) as first:
        first.until(lambda e: isinstance(e, Online))
        with running(ga467.DRIVER, line.url, ga467.Settings()) as second:
            second.thread.join(timeout=5.0)
            assert isinstance(second.error, LinkLost)


def test_a_relay_closes_for_a_moment_and_starts_by_opening() -> None:
    switched: Queue[tuple[int, bool, float]] = Queue()
    board = RelayBoard(switched=lambda *what: switched.put(what), closed={1: True})
    with PtyLine(board) as line, running(relay.LCUS, line.url, relay.LcusSettings()) as run:
        assert switched.get(timeout=5.0)[:2] == (1, False)
        assert run.until(lambda e: isinstance(e, OutputState)) == OutputState(1, on=False, confirmed=False)
        assert run.link.open(0.2)
        _, on, closed = switched.get(timeout=5.0)
        _, off, opened = switched.get(timeout=5.0)
        assert (on, off) == (True, False)
        assert 0.1 <= opened - closed <= 0.6


def test_a_program_that_is_stopped_in_the_middle_of_a_pulse_leaves_no_gate_open() -> None:
    switched: Queue[bool] = Queue()
    with PtyLine(RelayBoard(switched=lambda _channel, on, _at: switched.put(on))) as line:
        with running(relay.LCUS, line.url, relay.LcusSettings()) as run:
            run.until(lambda e: isinstance(e, OutputState))
            assert run.link.open(30.0)
            assert switched.get(timeout=5.0) is True
        assert switched.get(timeout=5.0) is False


@dataclass(frozen=True, slots=True)
class _Nothing:
    """No settings."""


class _Lamp:
    """A protocol that notes when it is called, and by what."""

    def __init__(self, calls: Queue[tuple[str, float]], flood: bytes = b"") -> None:
        self.calls = calls
        self.flood = flood

    def receive(self, data: bytes, now: float) -> list[ReaderEvent]:  # noqa: ARG002
        self.calls.put(("data" if data else "tick", time.monotonic()))
        return [Noise(len(data), "heard")] if data else []

    def to_send(self, now: float) -> bytes:  # noqa: ARG002
        return self.flood

    def signal(self, verdict: Verdict) -> None:
        self.calls.put((verdict, time.monotonic()))


def test_a_verdict_does_not_wait_for_a_tick_and_ticks_come_in_time() -> None:
    calls: Queue[tuple[str, float]] = Queue()
    driver = StreamDriver("lamp", _Nothing, lambda _: _Lamp(calls))
    waits = []
    with PtyLine(RelayBoard()) as line, running(driver, line.url, _Nothing()) as run:
        ticks = [calls.get(timeout=5.0)[1] for _ in range(10)]
        for _ in range(10):
            calls.get(timeout=5.0)  # just ticked: a loop that waits for the next tick would take 50 ms
            sent = time.monotonic()
            assert run.link.signal(Verdict.GRANT)
            while (call := calls.get(timeout=5.0))[0] != Verdict.GRANT:
                pass
            waits.append(call[1] - sent)
    assert sorted(waits)[5] < 0.02
    assert sorted(b - a for a, b in pairwise(ticks))[5] < 0.08


class _Finder(_Lamp):
    """One that can show which device it is."""

    def identify(self) -> None:
        self.calls.put(("identify", time.monotonic()))


def test_a_device_that_can_show_itself_does_so_when_it_is_there_and_no_other_is_asked() -> None:
    calls: Queue[tuple[str, float]] = Queue()
    finder = StreamDriver("finder", _Nothing, lambda _: _Finder(calls))
    with PtyLine(RelayBoard()) as line:
        with running(finder, line.url, _Nothing()) as run:
            calls.get(timeout=5.0)
            assert run.link.identify()
            while calls.get(timeout=5.0)[0] != "identify":
                pass
        assert not run.link.identify()
        with running(relay.LCUS, line.url, relay.LcusSettings()) as board:
            board.until(lambda e: isinstance(e, OutputState))
            assert not board.link.identify()


def test_orders_for_a_link_that_is_down_are_refused_and_not_kept() -> None:
    link = StreamLink(relay.LCUS, "/dev/nowhere-at-all", relay.LcusSettings())
    assert not link.open(1.0)
    assert not link.signal(Verdict.GRANT)
    with pytest.raises(LinkLost):
        link.run(lambda _: None, threading.Event())
    assert not link.open(1.0)


def test_a_device_that_takes_no_bytes_is_a_lost_link_and_does_not_hang_the_thread() -> None:
    near, far = os.openpty()
    clock = iter(range(100_000))
    calls: Queue[tuple[str, float]] = Queue()
    driver = StreamDriver("flood", _Nothing, lambda _: _Lamp(calls, b"x" * 4000))
    try:
        with running(driver, os.ttyname(far), _Nothing(), clock=lambda: float(next(clock))) as run:
            run.thread.join(timeout=10.0)
            assert isinstance(run.error, LinkLost)
    finally:
        os.close(near)
        os.close(far)


def test_what_a_line_said_before_it_was_opened_is_not_heard() -> None:
    near, far = os.openpty()
    calls: Queue[tuple[str, float]] = Queue()
    driver = StreamDriver("lamp", _Nothing, lambda _: _Lamp(calls))
    try:
        os.write(near, b"a card of last night\n")
        with running(driver, os.ttyname(far), _Nothing()) as run:
            calls.get(timeout=5.0)
            os.write(near, b"\x02now\x03")
            heard = run.until(lambda e: isinstance(e, Noise))
            assert heard == Noise(5, "heard")
    finally:
        os.close(near)
        os.close(far)


def test_a_reader_behind_a_serial_server_is_read_over_tcp_and_its_hang_up_is_seen() -> None:
    before = descriptors()
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        calls: Queue[tuple[str, float]] = Queue()
        driver = StreamDriver("lamp", _Nothing, lambda _: _Lamp(calls))
        with running(driver, url, _Nothing()) as run:
            far, _ = server.accept()
            calls.get(timeout=5.0)
            far.sendall(b"card")
            assert run.until(lambda e: isinstance(e, Noise))
            far.close()
            run.thread.join(timeout=5.0)
            assert isinstance(run.error, LinkLost)
    assert descriptors() == before


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # inside pyserial
@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_the_far_end_of_a_tcp_line_is_asked_whether_it_is_there(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        far_end = threading.Thread(target=lambda: scheme == "rfc2217" and serve_rfc2217(server))
        far_end.start()
        port = open_port(f"{scheme}://127.0.0.1:{server.getsockname()[1]}", 9600, [])
        try:
            for level, option, value in KEEPALIVE:
                assert port._socket.getsockopt(level, option) == value
        finally:
            stream._close(port)
            far_end.join()


SILENT_LINE = """
import socket, subprocess, threading
from drivers import wiegand
from drivers.api import LinkLost
from drivers.stream import KEEPALIVE, StreamLink, open_port

lo = lambda state: subprocess.run(["ip", "link", "set", "lo", state], check=True)
lo("up")
server = socket.create_server(("127.0.0.1", 0))
link = StreamLink(wiegand.DRIVER, f"socket://127.0.0.1:{server.getsockname()[1]}", wiegand.Settings())
stop, lost, far = threading.Event(), [], []

def opened(_event):
    far.append(server.accept())
    lo("down")  # from now on no packet comes through

def run():
    try:
        link.run(opened, stop)
    except LinkLost as error:
        lost.append(str(error))

thread = threading.Thread(target=run)
thread.start()
thread.join(20)
stop.set()
print(lost)
"""


def test_a_listening_reader_whose_far_end_goes_without_a_word_is_lost() -> None:
    """In a network of its own, where no other test is cut off."""
    apart = ["unshare", "--user", "--map-root-user", "--net"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*apart, "ip", "a"], check=False, capture_output=True).returncode
    ):
        pytest.skip("not on this machine: a network namespace")
    done = subprocess.run([*apart, sys.executable, "-c", SILENT_LINE], check=False, capture_output=True, text=True)
    assert "cannot read" in done.stdout, done.stderr


def test_a_line_without_a_descriptor_is_read_briefly_again_and_again() -> None:
    calls: Queue[tuple[str, float]] = Queue()
    sent = iter([b"hello"])

    class Echo(_Lamp):
        def to_send(self, now: float) -> bytes:  # noqa: ARG002
            return next(sent, b"")

    driver = StreamDriver("echo", _Nothing, lambda _: Echo(calls))
    with running(driver, "loop://", _Nothing()) as run:
        assert isinstance(run.until(lambda e: isinstance(e, Noise)), Noise)
        assert run.link.signal(Verdict.GRANT)
        while calls.get(timeout=5.0)[0] != Verdict.GRANT:
            pass
    assert run.error is None


def test_a_url_of_no_known_kind_is_the_configurations_fault() -> None:
    link = StreamLink(relay.LCUS, "carrier-pigeon://coop", relay.LcusSettings())
    with pytest.raises(ValueError, match="pigeon"):
        link.run(lambda _: None, threading.Event())


def serve_rfc2217(server: socket.socket) -> None:
    """A serial server with a looped-back port, until the first eight bytes have come back; then it hangs up."""
    far, _ = server.accept()
    port = serial.serial_for_url("loop://", timeout=0.01)
    manager = PortManager(port, SimpleNamespace(write=far.sendall))
    far.settimeout(0.01)
    echoed, end = 0, time.monotonic() + 10.0
    with far, port, suppress(OSError):
        while echoed < 8 and time.monotonic() < end:
            if data := port.read(64):
                far.sendall(b"".join(manager.escape(data)))
                echoed += len(data)
            with suppress(TimeoutError):
                if not (asked := far.recv(1024)):
                    break
                port.write(b"".join(manager.filter(asked)))


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # inside pyserial
def test_a_reader_behind_an_rfc2217_server_is_read_and_its_hang_up_is_seen() -> None:
    calls: Queue[tuple[str, float]] = Queue()
    sent = iter([b"8 bytes."])

    class Echo(_Lamp):
        def to_send(self, now: float) -> bytes:  # noqa: ARG002
            return next(sent, b"")

    driver = StreamDriver("echo", _Nothing, lambda _: Echo(calls))
    with socket.create_server(("127.0.0.1", 0)) as server:
        far_end = threading.Thread(target=serve_rfc2217, args=(server,))
        far_end.start()
        with running(driver, f"rfc2217://127.0.0.1:{server.getsockname()[1]}", _Nothing()) as run:
            assert isinstance(run.until(lambda e: isinstance(e, Noise)), Noise)
            run.thread.join(timeout=10.0)
            assert isinstance(run.error, LinkLost)
        far_end.join()


def test_an_adapter_that_is_plugged_in_again_is_opened_under_its_new_name() -> None:
    module = SamModule()
    module.present(CARD)
    with PtyLine(module) as line:

        def ports() -> list[ListPortInfo]:
            port = ListPortInfo(line.url, skip_link_detection=True)
            port.vid, port.pid, port.serial_number = 0x0403, 0x6001, "A50285BI"
            return [port]

        for _ in range(2):
            url = "usb://0403:6001/A50285BI"
            with running(ga467.DRIVER, url, ga467.Settings(), ports=ports) as run:
                assert run.until(a_card)
                line.cut()
                run.thread.join(timeout=5.0)
                assert isinstance(run.error, LinkLost)
            line.restore()
            module.present(CARD)


@pytest.mark.parametrize("baud", [57_600, 9_600])
def test_the_speed_of_a_module_that_does_not_answer_at_the_first_is_found(baud: int) -> None:
    module = SamModule()
    module.present(CARD)
    with PtyLine(module, baud=baud) as line, running(ga467.DRIVER, line.url, ga467.Settings()) as run:
        assert run.until(a_card)


def test_a_configured_speed_is_kept_though_nobody_answers() -> None:
    module = SamModule()
    with (
        PtyLine(module, baud=9_600) as line,
        running(ga467.DRIVER, line.url, ga467.Settings(), baud=115_200) as run,
    ):
        fault = run.until(lambda e: isinstance(e, ReaderFault | Online))
        assert isinstance(fault, ReaderFault)
        assert fault.code == "no_answer"
    assert not module.commands
