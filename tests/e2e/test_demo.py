"""The demonstration as a new user runs it: swipes, a backlog, cases, slips, answers; and nobody named anywhere."""

import contextlib
import json
import queue
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from gateway.broker import CENTRE
from gateway.keys import load_master
from rules.model import CIVIL
from simulators.compound import binhe, yanjiang
from simulators.people import Person
from tests.e2e.rig import get, metric, wait_until
from tests.ports import free_port

pytestmark = [pytest.mark.real("mosquitto", "mosquitto_sub"), pytest.mark.timeout(240), pytest.mark.xdist_group("e2e")]

WITHIN_S = 90


@contextlib.contextmanager
def _demo(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators.demo", "--port", str(port), "--data", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextlib.contextmanager
def _captured(folder: Path, port: int) -> Iterator["queue.Queue[bytes]"]:
    """Every byte that passes on the bus, as the centre's account sees it: topics and payloads."""
    seen: queue.Queue[bytes] = queue.Queue()
    password = load_master(folder / "data" / "master.key").broker_password(CENTRE)
    client = Client(CallbackAPIVersion.VERSION2, client_id="capture")
    client.username_pw_set(CENTRE, password)

    def received(_client: Client, _user: object, message: MQTTMessage) -> None:
        seen.put(message.topic.encode() + b" " + bytes(message.payload))

    client.on_message = received
    client.on_connect = lambda c, *_: c.subscribe("#", 0)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield seen
    finally:
        client.disconnect()
        client.loop_stop()


def _printed(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """The first line of the demonstration's output that fits."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        if found := re.search(pattern, line):
            return found
        seen.append(line)
    raise AssertionError(f"the demonstration never printed {pattern}, but: {''.join(seen[-20:])}")


def _processes_of(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in command:
                found.append(command)
    return found


def _people() -> list[Person]:
    today = datetime.now(CIVIL).date()
    both = (binhe(today), yanjiang(today))
    return [person for compound in both for person in (*compound.residents, *compound.others)]


def _secrets() -> dict[bytes, str]:
    """What must be found nowhere: numbers and names, in the two encodings that could carry them, with their holder.

    Patterns of fewer than six bytes are left out: among so much ciphertext they turn up by chance.
    """
    found: dict[bytes, str] = {}
    for person in _people():
        for text in filter(None, (person.number, person.name, person.english_name)):
            found |= {text.encode(): person.key, text.encode("utf-16-le"): person.key}
    return {text: key for text, key in found.items() if len(text) >= 6}


def _named_in(data: bytes, forbidden: dict[bytes, str]) -> set[str]:
    return {key for text, key in forbidden.items() if text in data}


def test_the_main_job_is_done_within_a_minute_and_names_nobody(tmp_path: Path) -> None:
    port = free_port(3)
    centre = f"http://127.0.0.1:{port}"
    with _demo(tmp_path, port) as demo:
        account = _printed(demo, r"mosquitto_sub -p (\d+) -u (\S+) -P (\S+) -t '(\S+)' -v")
        begun = time.monotonic()
        assert demo.stdout is not None
        drain = threading.Thread(target=demo.stdout.read)
        drain.start()
        broker, user, word, topic = account.groups()
        watcher = subprocess.Popen(
            ["mosquitto_sub", "-p", broker, "-u", user, "-P", word, "-t", topic, "-v"],
            stdout=subprocess.PIPE,
            text=True,
        )
        with _captured(tmp_path, int(broker)) as bus:
            wait_until(lambda: get(f"{centre}/healthz")[0] == 200, WITHIN_S, "the centre is well")
            wanted = {
                "gateway_swipes_stored_total": 30,
                "gateway_cases_opened_total": 1,
                "gateway_alerts_delivered_total": 1,
                "gateway_cases_closed_total": 1,
            }
            for name, least in wanted.items():
                left = WITHIN_S - (time.monotonic() - begun)
                wait_until(lambda n=name, m=least: metric(centre, n) >= m, left, f"{name} is {least}")  # type: ignore[misc]
            wait_until(
                lambda: metric(centre, "gateway_swipe_to_case_seconds_count") > 0, 30, "the backlog makes a case"
            )
            wait_until(lambda: _registered(tmp_path, "binhe") == (2698, 2781), 60, "the figure of the demonstration")
            assert get(f"{centre}/healthz")[0] == 200
        demo.send_signal(signal.SIGINT)
        assert demo.wait(10) == 0
        drain.join()
        assert not _processes_of(tmp_path)
        watcher.terminate()
        seen, _ = watcher.communicate(timeout=5)

    alerts = [json.loads(line.split(" ", 1)[1]) for line in seen.splitlines() if line.endswith("}")]
    assert any(alert["state"] == "sent" for alert in alerts)
    assert any(alert["state"] == "closed" for alert in alerts)
    assert all(set(alert) <= THIN for alert in alerts)

    forbidden = _secrets()
    assert _named_in(next(iter(forbidden)) + b"...", forbidden), "the search finds what it looks for"
    wire = b"\n".join(bus.queue)
    assert len(wire) > 10_000
    assert not _named_in(wire, forbidden)
    looked_at = 0
    for file in tmp_path.rglob("*"):
        if file.is_file() and not file.is_symlink():
            looked_at += 1
            assert not _named_in(file.read_bytes(), forbidden), f"{file.name} names somebody"
    assert looked_at > 10
    assert "east-gate stood open" in (tmp_path / "gates.log").read_text()
    assert (tmp_path / "data" / "centre.sqlite3").stat().st_size > 500_000


THIN = {"id", "revision", "state", "community", "portal", "rule", "since", "register_as_of", "particulars"} | {
    "sending",
    "repeats",
}


def test_a_backlog_that_was_cut_off_arrives_when_it_is_started_again_on_the_same_data(tmp_path: Path) -> None:
    port = free_port(3)
    with _demo(tmp_path, port) as demo:
        recorded = int(_printed(demo, r"recorded (\d+) swipes").group(1))
        demo.kill()
    wait_until(lambda: not _processes_of(tmp_path), 10, "every child dies with the demonstration")
    assert recorded > 1000
    with _demo(tmp_path, port) as demo:
        wait_until(lambda: _swipes(tmp_path, "yanjiang-1") == recorded, 60, "the backlog is stored, each swipe once")
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(10) == 0
    assert not _processes_of(tmp_path)


def _swipes(folder: Path, station: str) -> int:
    with contextlib.closing(sqlite3.connect(folder / "data" / "centre.sqlite3")) as connection:
        found: int = connection.execute("SELECT count(*) FROM swipes WHERE station = ?", (station,)).fetchone()[0]
        return found


def _registered(folder: Path, community: str) -> tuple[int, int] | None:
    """登记率: how many of whom, as the centre has counted last."""
    query = "SELECT numerator, denominator FROM figures WHERE community = ? AND name = 'registration' ORDER BY day DESC"
    with contextlib.closing(sqlite3.connect(folder / "data" / "centre.sqlite3")) as connection:
        found: tuple[int, int] | None = connection.execute(query, (community,)).fetchone()
        return found


def test_a_port_in_use_is_said_and_nothing_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "simulators.demo", "--port", str(port), "--data", str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 2
    assert str(port) in done.stderr
    assert not (tmp_path / "data").exists()
