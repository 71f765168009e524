import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Event, Thread

import pytest

from drivers.api import CardGone, CardRead, OutputState, ReaderEvent, ReaderFault
from drivers.registry import find, settings_for
from drivers.stream import StreamLink


@contextmanager
def simulated(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as it is run, and where its device is."""
    command = [sys.executable, "-m", "gateway", "simulate", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
        order(process, "quit")
        assert process.wait(timeout=10.0) == 0
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def order(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdin is not None
    process.stdin.write(words + "\n")
    process.stdin.flush()


@contextmanager
def running(driver: str, url: str, table: dict[str, object] | None = None) -> Iterator[tuple[StreamLink, Queue]]:
    found = find(driver)
    link = StreamLink(found, url, settings_for(found, table or {}))
    events: Queue[ReaderEvent] = Queue()
    stop = Event()
    thread = Thread(target=link.run, args=(events.put, stop))
    thread.start()
    try:
        yield link, events
    finally:
        stop.set()
        thread.join()


def first(events: Queue[ReaderEvent], kind: type[ReaderEvent]) -> ReaderEvent:
    while not isinstance(event := events.get(timeout=10.0), kind):
        pass
    return event


def test_a_simulated_module_on_a_pseudo_terminal_is_read_card_by_card() -> None:
    with simulated("sam") as (process, url), running("ga467", url) as (_, events):
        order(process, "present")
        one = first(events, CardRead)
        order(process, "lift")
        first(events, CardGone)
        order(process, "sw3 31")
        order(process, "present")
        assert first(events, ReaderFault).code == "card_refuses_module"
        assert first(events, CardRead) != one


def test_faults_on_request_cost_no_card_that_lies_and_invent_none() -> None:
    with (
        simulated("sam", "--fault", "noise", "--fault", "checksum", "--fault", "cut") as (process, url),
        running("ga467", url) as (_, events),
    ):
        order(process, "present")
        read = first(events, CardRead)
    assert isinstance(read, CardRead)
    with simulated("sam") as (process, url), running("ga467", url) as (_, events):
        order(process, "present")
        assert first(events, CardRead) == read


@pytest.mark.parametrize(
    ("kind", "driver", "table"),
    [
        (["wiegand"], "wiegand", {}),
        (["ascii"], "ascii-line", {}),
        (["ascii", "--frame", "rdm6300"], "ascii-line", {"frame": "rdm6300"}),
    ],
)
def test_others_speak_over_tcp_again_and_again_by_themselves(
    kind: list[str], driver: str, table: dict[str, object]
) -> None:
    with simulated(*kind, "--tcp", "0", "--every", "0.1", "--hold", "0.05") as (_, url):
        assert url.startswith("socket://127.0.0.1:")
        with running(driver, url, table) as (_, events):
            assert first(events, CardRead) != first(events, CardRead)


def test_a_simulated_relay_says_when_it_switches() -> None:
    with simulated("relay") as (process, url), running("relay-lcus", url) as (link, events):
        first(events, OutputState)
        assert link.open(0.2)
        assert process.stdout is not None
        assert process.stdout.readline() == "channel 1 closed\n"
        assert process.stdout.readline() == "channel 1 opened\n"


def test_it_ends_on_sigterm_though_nobody_types_and_takes_its_name_away(tmp_path: Path) -> None:
    link = tmp_path / "reader"
    command = [sys.executable, "-m", "simulators", "sam", "--every", "5", "--link", str(link)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == str(link)
        assert link.exists()
        process.terminate()
        assert process.wait(timeout=10.0) == 0
    assert not link.is_symlink()
