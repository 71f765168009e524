"""A small compound for end-to-end tests: the real program, a scanner and a relay behind real ptys, visitor codes."""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.keys import Master, load_master
from rules.model import CIVIL, Credential, CredentialKind, token_of
from simulators.ascii_line import AsciiDevice
from simulators.line import PtyLine
from simulators.relay import RelayBoard
from tests.ports import free_port

COMMUNITY = "test-yuan"
TOKEN = secrets.token_urlsafe(16)


def wait_until(holds: Callable[[], bool], within: float, what: str) -> None:
    """Poll a condition of another process; fail with `what` when it does not come true in time."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        threading.Event().wait(0.05)


def get(url: str) -> tuple[int, str]:
    """Status and body; status 0 when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def metric(url: str, name: str) -> float:
    """The sum of a metric over its labels; 0.0 when nobody answers."""
    _, text = get(f"{url}/metrics")
    lines = [line for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def one_gate(folder: Path) -> str:
    """The configuration of one gate whose scanner and relay are at lines in the folder."""
    return f"""[[portals]]
id = "gate"
name = "大门"
attended = "00:00-24:00"
unattended = "call:0"
opener = "relay"
pulse_seconds = 0.05
[[readers]]
id = "scanner"
portal = "gate"
direction = "in"
driver = "ascii-line"
url = "{folder / "line-scanner"}"
[[outputs]]
id = "relay"
driver = "relay-lcus"
url = "{folder / "line-relay"}"
"""


class Compound:
    """One station and the centre, in one folder; devices outlive every restart of the program."""

    def __init__(self, folder: Path, *, broker_port: int = 0, codes: int = 400) -> None:
        self.folder = folder
        self.codes = [f"{70000000 + n}" for n in range(codes)]
        self.centre_port, self.gate_port = free_port(), free_port()
        self.managed = broker_port == 0
        self.broker_port = broker_port or free_port()
        self.scanner = AsciiDevice()
        self.board = RelayBoard(switched=self._switched)
        self.opened: list[float] = []
        self._open, self._shut = threading.Event(), threading.Event()
        self._shut.set()
        self._lines = [
            PtyLine(self.scanner, folder / "line-scanner"),
            PtyLine(self.board, folder / "line-relay"),
        ]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def centre(self) -> str:
        return f"http://127.0.0.1:{self.centre_port}"

    @property
    def gate(self) -> str:
        return f"http://127.0.0.1:{self.gate_port}"

    @property
    def master(self) -> Master:
        return load_master(self.folder / "data" / "master.key")

    def __enter__(self) -> "Compound":
        for line in self._lines:
            line.__enter__()
        (self.folder / "gateway.toml").write_text(self._config(), encoding="utf-8")
        policy = Path(__file__).resolve().parents[2] / "config" / "policy.toml"
        shutil.copyfile(policy, self.folder / "policy.toml")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for line in self._lines:
            line.close()

    def start(self) -> None:
        """Start `gateway run` and wait until the station and the centre answer and the devices are there."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "run", "--config", str(self.folder / "gateway.toml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.wait_well()

    def wait_well(self, *, broker: bool = True) -> None:
        if broker:
            wait_until(lambda: get(f"{self.centre}/healthz")[0] == 200, 90, "the centre is well")
            wait_until(lambda: get(f"{self.gate}/healthz")[0] == 200, 90, "the station is well")
        else:
            wait_until(lambda: get(f"{self.gate}/gate")[0] == 200, 30, "the station answers")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)

    def kill(self, part: str) -> None:
        """SIGKILL to `gateway run`, or to the `station`, `centre` or `broker` that it runs."""
        assert self.process is not None
        pid = self.process.pid if part == "run" else self.child(part)
        os.kill(pid, signal.SIGKILL)
        if part == "run":
            self.process.wait(5)

    def child(self, part: str) -> int:
        """The process id of a child of `gateway run`."""
        assert self.process is not None
        wanted = {"broker": "mosquitto", "station": "\0station\0", "centre": "\0centre\0"}[part]
        for line in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError, IndexError):
                fields = line.read_text().rsplit(")", 1)[1].split()
                command = (line.parent / "cmdline").read_bytes().decode(errors="replace")
                if int(fields[1]) == self.process.pid and wanted in command:
                    return int(line.parent.name)
        raise LookupError(part)

    def enrol_visitors(self) -> None:
        """Give every code to a visitor, through the API, and wait until the station has them."""
        today = datetime.now(CIVIL).date().isoformat()
        rows = [
            {"kind": "visitor", "number": code, "name": "访客", "role": "visitor", "since": today}
            for code in self.codes
        ]
        request = urllib.request.Request(
            f"{self.centre}/api/v1/communities/{COMMUNITY}/enrolments",
            json.dumps({"rows": rows}).encode(),
            {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
            method="PUT",
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer)["taken"] == len(rows)
        rows_text = f"{len(rows)}"
        wait_until(lambda: rows_text in get(f"{self.gate}/gate/status")[1], 60, "the station has the roster")

    def show(self, code: str, within: float = 1.0) -> bool:
        """Show a code to the scanner, once the gate is shut; whether it was opened in time."""
        self._shut.wait(1.0)
        self._open.clear()
        self.scanner.show(code)
        return self._open.wait(within)

    def token(self, code: str) -> bytes:
        return token_of(self.master.token_key(COMMUNITY), Credential(CredentialKind.VISITOR, code))

    def stored(self) -> list[bytes]:
        """The tokens of all stored swipes, one for each row."""
        with contextlib.closing(sqlite3.connect(self.folder / "data" / "centre.sqlite3")) as connection:
            return [row[0] for row in connection.execute("SELECT token FROM swipes WHERE token IS NOT NULL")]

    def settle(self, within: float = 30) -> None:
        """Wait until the centre has all that the station recorded."""
        wait_until(lambda: self._depth() == 0, within, "nothing is left to send")

    def _depth(self) -> int:
        if metric(self.gate, "gateway_bus_up") != 1.0:
            return -1
        return int(metric(self.gate, "gateway_spool_depth"))

    def _switched(self, _channel: int, on: bool, at: float) -> None:
        if on:
            self.opened.append(at)
            self._shut.clear()
            self._open.set()
        else:
            self._shut.set()

    def _config(self) -> str:
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        broker = (
            f"managed = true\nport = {self.broker_port}"
            if self.managed
            else f'managed = false\nurl = "mqtt://127.0.0.1:{self.broker_port}"'
        )
        return f"""
data = "data"
[broker]
{broker}
[centre]
port = {self.centre_port}
[[centre.clients]]
name = "office"
role = "property"
scope = "{COMMUNITY}"
token_sha256 = "{digest}"
[[communities]]
id = "{COMMUNITY}"
name = "测试苑"
street = "测试街道"
police_station = "test"
portals = ["gate"]
[station]
name = "test-1"
community = "{COMMUNITY}"
port = {self.gate_port}
{one_gate(self.folder)}"""


@contextlib.contextmanager
def mosquitto(folder: Path, port: int, more: str = "") -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """A broker of our own, open on loopback: call what is yielded to start it (again); stopped at the end."""
    (folder / "open.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\n"
        f"{'user root' if os.geteuid() == 0 else ''}\nlog_type error\n{more}"
    )
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        path = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") or "mosquitto"
        process = subprocess.Popen([path, "-c", str(folder / "open.conf")], stderr=subprocess.DEVNULL)
        started.append(process)
        wait_until(lambda: _listens(port), 5, "the broker listens")
        return process

    try:
        yield start
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def lines_of(process: subprocess.Popen[Any]) -> list[str]:
    """Everything that an ended process printed."""
    out, _ = process.communicate(timeout=10)
    return str(out).splitlines()
