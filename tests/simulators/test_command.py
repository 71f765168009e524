import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import Any

import pytest

from drivers import sam_codes
from drivers.api import (
    CardGone,
    CardRead,
    Credential,
    CredentialKind,
    DeviceFact,
    Input,
    Online,
    OutputState,
    ReaderEvent,
    ReaderFault,
    StreamDriver,
)
from drivers.registry import find, settings_for
from drivers.stream import StreamLink
from gateway.probe import give_key
from simulators.by_hand import STATUS_CODES
from simulators.command import run


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
def running(driver: str, url: str, table: dict[str, object] | None = None) -> Iterator[tuple[Any, Queue]]:
    found = find(driver)
    settings = settings_for(found, table or {})
    link = StreamLink(found, url, settings) if isinstance(found, StreamDriver) else found.make(url, settings)
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
    deadline = time.monotonic() + 10.0
    while not isinstance(event := events.get(timeout=max(0.0, deadline - time.monotonic())), kind):
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


def test_a_module_refuses_every_command_by_every_status_on_request() -> None:
    with simulated("sam", "--sw3", "66 status") as (process, url), running("ga467", url) as (_, events):
        assert first(events, ReaderFault).code == "not_authorised"
        assert first(events, Online)
        order(process, "sw3 60 find")
        assert first(events, ReaderFault).code == "self_test_failed"
        order(process, "sw3 23 select")
        order(process, "present")
        assert first(events, ReaderFault).code == "not_allowed"
        order(process, "lift")
    assert set(STATUS_CODES) == set(sam_codes.FAULTS)


@pytest.mark.parametrize(
    "wrong", [["sam", "--sw3", "zz"], ["sam", "--sw3", "100"], ["sam", "--sw3", "66 fly"], ["wiegand", "--sw3", "66"]]
)
def test_a_status_that_cannot_be_is_refused(wrong: list[str]) -> None:
    command = [sys.executable, "-m", "gateway", "simulate", *wrong]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, "--sw3" in done.stderr) == (2, True)


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


@pytest.mark.parametrize("where", [[], ["--tcp", "0"]])
def test_a_simulated_osdp_reader_is_read_on_its_own_key(tmp_path: Path, where: list[str]) -> None:
    key = tmp_path / "key"
    with simulated("osdp", "--address", "7", "--key-file", str(key), *where) as (process, url):
        assert url.endswith("#7")
        assert key.stat().st_mode & 0o777 == 0o600
        with running("osdp", url, {"key_file": str(key), "inputs": 2}) as (_, events):
            first(events, DeviceFact)
            assert [first(events, Input), first(events, Input)] == [Input(0, closed=False), Input(1, closed=False)]
            order(process, "present")
            assert first(events, CardRead)
            order(process, "press 13800138000#")
            assert first(events, CardRead) == CardRead(Credential(CredentialKind.VISITOR, "13800138000"))
            order(process, "contact 1 closed")
            assert first(events, Input) == Input(1, closed=True)
            order(process, "tamper")
            assert first(events, ReaderFault).code == "tamper"


@pytest.mark.parametrize(("fault", "answer"), [("checksum", b"\x63\x00"), ("cut", b""), ("noise", b"\x6f\x00")])
def test_a_simulated_card_has_faults_from_the_start_and_by_a_word(fault: str, answer: bytes) -> None:
    def heard(reader: socket.socket) -> bool:
        """Whether a card that is asked again and again shows the fault."""
        for _ in range(5):
            line, _ = reader.accept()
            with line:
                line.settimeout(5.0)
                for _ in range(40):
                    line.sendall(b"\x00\x05\xff\xca\x00\x00\x00")
                    said = line.recv(2) and line.recv(64)
                    if said[-2:] == answer:
                        return True
                    if not said:
                        break
        return False

    for begin, word in ((["--fault", fault], ""), ([], f"fault {fault}")):
        with socket.create_server(("127.0.0.1", 0)) as reader:
            reader.settimeout(5.0)
            with simulated("card", "--port", str(reader.getsockname()[1]), *begin) as (process, _):
                order(process, word)
                order(process, "present")
                assert heard(reader)
                order(process, "fault")
                order(process, "lift")


def test_a_simulated_new_osdp_reader_takes_a_key_and_keeps_it(tmp_path: Path) -> None:
    key = tmp_path / "key"
    with simulated("osdp", "--install") as (_, url):
        assert give_key(url, key, Event(), baud=9600, say=lambda _: None) == 0
        with running("osdp", url, {"key_file": str(key)}) as (_, events):
            assert first(events, Online)


def test_an_osdp_reader_without_a_word_about_its_key_is_refused() -> None:
    with pytest.raises(SystemExit):
        run(["osdp"])


@pytest.mark.parametrize("text", ["", "not hexadecimal", "00" * 15, b"0123456789:;<=>?".hex(), "é" * 16])
def test_a_file_that_holds_no_key_is_said_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text, "utf-8")
    with pytest.raises(LookupError, match="key"):
        run(["osdp", "--key-file", str(tmp_path / "key")])


def test_a_speed_that_no_line_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(["sam", "--baud", "12345"])
    assert "--baud" in capsys.readouterr().err


def test_a_file_is_never_taken_for_the_name_of_a_line_of_before(tmp_path: Path) -> None:
    file, elsewhere, before = tmp_path / "notes", tmp_path / "elsewhere", tmp_path / "before"
    file.write_text("kept", "ascii")
    elsewhere.symlink_to(file)
    for name in (file, elsewhere, tmp_path):
        with pytest.raises(FileExistsError):
            run(["wiegand", "--link", str(name)])
    assert elsewhere.read_text("ascii") == "kept"
    before.symlink_to("/dev/pts/99999")
    with simulated("wiegand", "--link", str(before)) as (_, url), running("wiegand", url) as (_, events):
        assert first(events, Online)


def test_a_simulated_modbus_board_confirms_and_its_contacts_are_moved_by_hand() -> None:
    with (
        simulated("relay", "--modbus") as (process, url),
        running("relay-modbus", url, {"inputs": 1}) as (link, events),
    ):
        assert first(events, OutputState) == OutputState(0, on=False, confirmed=True)
        assert first(events, Input) == Input(0, closed=False)
        assert link.open(0.3)
        assert process.stdout is not None
        assert process.stdout.readline() == "channel 0 closed\n"
        order(process, "contact 0 closed")
        assert first(events, Input) == Input(0, closed=True)


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
