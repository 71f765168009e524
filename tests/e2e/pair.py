"""A centre and a station as two programs that share nothing: folders, and where the machine can, networks."""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.keys import Enrolled, Master, load_master
from rules.model import CIVIL
from simulators.ascii_line import AsciiDevice
from simulators.line import PtyLine
from simulators.relay import RelayBoard
from tests.browsing import Visitor
from tests.e2e.rig import get, metric, one_gate, wait_until
from tests.ports import free_port

YUAN, OTHER = "test-yuan", "other-yuan"
TOKENS = {"property": "property-word", "administrator": "administrator-word"}
POLICY = Path(__file__).resolve().parents[2] / "config" / "policy.toml"


@dataclass
class Office:
    """The centre with its broker: `gateway run` without a station of its own."""

    folder: Path
    host: str = "127.0.0.1"
    inside: Sequence[str] = ()
    """Words before each command: those that run it in a network of its own."""
    broker: str = ""
    """A broker that is there already, by URL; "" for the program's own."""
    protocol: int = 5
    port: int = field(default_factory=free_port)
    plain_port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        clients = "".join(
            f'[[centre.clients]]\nname = "{role}-one"\nrole = "{role}"\n'
            f'token_sha256 = "{hashlib.sha256(word.encode()).hexdigest()}"\n'
            for role, word in TOKENS.items()
        )
        places = "".join(
            f'[[communities]]\nid = "{one}"\nname = "{one}"\nstreet = "街"\n'
            f'police_station = "test"\nportals = ["gate"]\n'
            for one in (YUAN, OTHER)
        )
        listen = "127.0.0.1" if self.host == "127.0.0.1" else "0.0.0.0"  # noqa: S104 - it is to be reached
        broker = f"port = {self.plain_port}\ntls = true\ntls_port = {self.tls_port}\n"
        broker += f'listen = "{listen}"\nhost = "{self.host}"\n'
        if self.broker:
            broker = f'managed = false\nurl = "{self.broker}"\nprotocol = {self.protocol}\n'
        self.config.write_text(
            f'data = "data"\n[broker]\n{broker}[centre]\nport = {self.port}\n{clients}{places}', encoding="utf-8"
        )
        shutil.copyfile(POLICY, self.folder / "policy.toml")

    @property
    def config(self) -> Path:
        return self.folder / "gateway.toml"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def master(self) -> Master:
        return load_master(self.folder / "data" / "master.key")

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            command = [*self.inside, sys.executable, "-m", "gateway", "run", "--config", str(self.config)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self.is_well, 30, "the centre is well")

    def is_well(self) -> bool:
        if not self.inside:
            return get(f"{self.url}/healthz")[0] == 200
        probe = f"import urllib.request as u; u.urlopen('{self.url}/healthz', timeout=3)"
        done = subprocess.run([*self.inside, sys.executable, "-c", probe], capture_output=True, check=False)
        return done.returncode == 0

    def stop(self) -> None:
        end(self.process)

    def gateway(self, *words: str) -> str:
        """Run a command at the centre; what it printed."""
        command = [*self.inside, sys.executable, "-m", "gateway", *words, "--config", str(self.config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def enrol(self, name: str, file: Path, *more: str, community: str = YUAN) -> Enrolled:
        self.gateway("station", "enrol", name, "--community", community, "--out", str(file), *more)
        return Enrolled.loads(file.read_text(encoding="utf-8"))

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.folder / "data" / "centre.sqlite3")) as connection:
            return connection.execute(query, values).fetchall()

    def reasons(self, station: str | None = None) -> list[str]:
        """Why messages were set aside: those of a station, or of nobody known."""
        return [row[0] for row in self.rows("SELECT reason FROM quarantine WHERE station IS ?", station)]

    def shows(self, reason: str, station: str | None = None) -> bool:
        return any(reason in one for one in self.reasons(station))

    def ask(self, method: str, path: str, body: Any = None, role: str = "property") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {TOKENS[role]}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def signed_in(self, role: str) -> Visitor:
        """A browser in which somebody new of this role has signed in, with a second factor."""
        name, password = f"{role}-{secrets.token_hex(3)}", secrets.token_urlsafe(12)
        made = json.loads(self.gateway("accounts", "add", name, "--role", role))
        visitor = Visitor(self.url)
        visitor.take_up(made["invitation"], password)
        visitor.sign_in(name, password)
        visitor.second_factor(time.time())
        return visitor

    def let_in(self, code: str) -> None:
        """Give a visitor's code to the compound."""
        today = datetime.now(CIVIL).date().isoformat()
        row = {"kind": "visitor", "number": code, "name": "访客", "role": "visitor", "since": today}
        status, _ = self.ask("PUT", f"/communities/{YUAN}/enrolments", {"rows": [row]})
        assert status == 200


@dataclass
class Box:
    """A station on a machine of its own: one enrolment file, its devices, and a folder."""

    folder: Path
    enrolment: Path
    inside: Sequence[str] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.scanner, self.opened, self.shut = AsciiDevice(), threading.Event(), threading.Event()
        self.shut.set()
        self.board = RelayBoard(switched=self._switched)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def config(self) -> Path:
        return self.folder / "gateway.toml"

    def write_config(self, more: str = "") -> None:
        self.config.write_text(
            f"""data = "data"
[station]
name = "any"
port = {self.port}
{one_gate(self.folder)}{more}""",
            encoding="utf-8",
        )

    def start(self, **environment: str) -> None:
        command = [*self.inside, sys.executable, "-m", "gateway", "station"]
        command += ["--config", str(self.config), "--enrolment", str(self.enrolment)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **environment}
            )

    def connected(self) -> bool:
        return self.metric("gateway_bus_up") == 1.0

    def show(self, code: str, within: float = 10.0) -> bool:
        """Show a code to the scanner once the gate is shut; whether it was opened in time."""
        self.shut.wait(within)
        self.opened.clear()
        self.scanner.show(code)
        return self.opened.wait(within)

    def _switched(self, _channel: int, on: bool, _at: float) -> None:
        if on:
            self.shut.clear()
            self.opened.set()
        else:
            self.shut.set()

    def metric(self, name: str) -> float:
        return metric(self.url, name)

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    def stop(self) -> None:
        end(self.process)


@contextlib.contextmanager
def office(folder: Path, **more: Any) -> Iterator[Office]:
    one = Office(folder, **more)
    try:
        one.start()
        yield one
    finally:
        one.stop()


@contextlib.contextmanager
def box(folder: Path, enrolment: Path, *, start: bool = True, **more: Any) -> Iterator[Box]:
    one = Box(folder, enrolment, **more)
    with PtyLine(one.scanner, folder / "line-scanner"), PtyLine(one.board, folder / "line-relay"):
        one.write_config()
        try:
            if start:
                one.start()
            yield one
        finally:
            one.stop()


def end(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None and process.poll() is None:
        process.terminate()
        process.wait(10)
