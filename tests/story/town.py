"""A compound as the story needs it: the whole program with a clock that jumps, a SAM reader and a relay behind ptys."""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from rules.model import CIVIL
from simulators.line import PtyLine
from simulators.relay import RelayBoard
from simulators.sam import Card, SamModule
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
COMMUNITY, POLICE = "binhe-yuan", "jiangwan"
CLIENTS = {
    "office": ("property", COMMUNITY),
    "worker-1": ("worker", COMMUNITY),
    "reviewer-1": ("reviewer", COMMUNITY),
    "reviewer-2": ("reviewer", COMMUNITY),
    "street": ("street", ""),
    "committee": ("committee", ""),
    "district": ("administrator", ""),
    "station-house": ("police", POLICE),
    "security": ("security", ""),
}
WITHIN_S = 180.0
READ_WITHIN_S, OPEN_WITHIN_S = 4.0, 3.0
NEXT_S = 2.0
"""Between two people: a card that comes again within 1.5 s was never taken away, for a reader."""


class Refused(Exception):
    """The API said no."""


def faketime() -> Path | None:
    """The library by which programs see another time; None where it is not installed."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


class Town:
    """`with Town(folder, database) as town:` runs the program on civil time that only `town` moves."""

    def __init__(self, folder: Path, database: str, begins: datetime) -> None:
        self.folder = folder
        self.moment = begins
        self._clock = folder / "clock"
        self._words = {name: secrets.token_urlsafe(18) for name in CLIENTS}
        self._ports = (free_port(), free_port(), free_port())
        self._database = database
        self._opened = threading.Event()
        self._board = RelayBoard(switched=lambda _channel, on, _at: self._opened.set() if on else None)
        self._open = contextlib.ExitStack()
        self._sam = {"in": SamModule(), "out": SamModule()}
        self._run: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def gate(self) -> str:
        return f"http://127.0.0.1:{self._ports[1]}"

    def __enter__(self) -> "Town":
        (self.folder / "gateway.toml").write_text(self._configuration(), encoding="utf-8")
        shutil.copyfile(ROOT / "config" / "policy.toml", self.folder / "policy.toml")
        self._set_clock()
        for name, device in (("in", self._sam["in"]), ("out", self._sam["out"]), ("relay", self._board)):
            self._open.enter_context(PtyLine(device, self.folder / name))
        library = faketime()
        environment = os.environ | {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        with (self.folder / "log").open("ab") as log:
            command = [sys.executable, "-m", "gateway", "run", "--config", str(self.folder / "gateway.toml")]
            self._run = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=ROOT
            )
        try:
            self.until(lambda: self._status(f"{self.base}/healthz") == 200, "the centre is well")
            self.until(lambda: self._status(f"{self.gate}/healthz") == 200, "the station is well")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._run is not None:
            self._run.terminate()
            try:
                self._run.wait(20)
            except subprocess.TimeoutExpired:
                self._run.kill()
                self._run.wait()
        self._open.close()

    def to(self, day: date, hour: int, minute: int = 0) -> None:
        """Move on to a civil moment, and wait until the centre has begun that day."""
        self.moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=CIVIL)
        self._set_clock()
        self.until(lambda: self.figures_day() == day, f"the centre has begun {day}")

    def figures_day(self) -> date | None:
        found = self.ask("street", "GET", "/indicators?indicator=registration")
        return date.fromisoformat(found[0]["day"]) if found else None

    def ask(self, who: str, method: str, path: str, body: Any = None, *, raw: bytes | None = None) -> Any:
        """Call the API as one of `CLIENTS`. Refused says what it said."""
        data = raw if raw is not None else None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"Authorization": f"Bearer {self._words[who]}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.base}/api/v1{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from None

    def take_list(self, who: str, kind: str, data: bytes, query: str = "") -> dict[str, Any]:
        """Send a list, wait until it is checked, and have it taken; how it went."""
        here = f"/communities/{COMMUNITY}/lists"
        one = f"{here}/{self.ask(who, 'POST', f'{here}/{kind}{query}', raw=data)['id']}"
        self.until(lambda: self.ask(who, "GET", one)["state"] in ("checked", "refused"), f"{kind} are checked")
        self.ask(who, "POST", f"{one}/take")
        self.until(lambda: self.ask(who, "GET", one)["state"] == "taken", f"{kind} are taken")
        found: dict[str, Any] = self.ask(who, "GET", one)
        return found

    def swipe(self, card: Card, way: str = "in", *, opens: bool = True) -> bool:
        """Lay a card on the reader and take it away when it was read; whether the gate opened, where it should."""
        self._shut()
        sam = self._sam[way]
        sam.present(card)
        deadline = time.monotonic() + READ_WITHIN_S
        while not sam.was_read and time.monotonic() < deadline:
            threading.Event().wait(0.02)
        sam.lift()
        opened = self._opened.wait(OPEN_WITHIN_S) if opens else self._opened.is_set()
        threading.Event().wait(NEXT_S)
        return opened

    def touch(self, whom: str) -> bool:
        """The guard presses one of the six buttons; whether the gate opened."""
        self._shut()
        form = urllib.parse.urlencode({"portal": "east-gate", "classification": whom}).encode()
        request = urllib.request.Request(f"{self.gate}/gate/open", form, {"Origin": self.gate}, method="POST")
        with urllib.request.urlopen(request, timeout=10):
            return self._opened.wait(OPEN_WITHIN_S)

    def _shut(self) -> None:
        """Wait until the gate has shut, so that the next opening is seen as one."""
        self.until(lambda: not any(self._board.closed.values()), "the gate shuts", 5.0)
        self._opened.clear()

    def page(self, who: str, path: str) -> str:
        """A page of the centre as one of `CLIENTS` sees it."""
        request = urllib.request.Request(f"{self.base}{path}", headers={"Authorization": f"Bearer {self._words[who]}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.read().decode())

    def send(self, who: str, path: str, fields: Sequence[tuple[str, str]]) -> str:
        """Send a form of a page, as a browser does; where it leads, "" where it is shown again."""
        headers = {"Authorization": f"Bearer {self._words[who]}", "Origin": self.base}
        data = urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(f"{self.base}{path}", data, headers, method="POST")
        with urllib.request.build_opener(_Stay).open(request, timeout=60) as answer:
            return str(answer.headers.get("Location", ""))

    def until(self, holds: Callable[[], Any], what: str, within: float = WITHIN_S) -> None:
        """Wait for what the program does; AssertionError with `what` when it does not."""
        deadline = time.monotonic() + within
        while not self._safely(holds):
            assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}; see {self.folder / 'log'}"
            assert self._run is None or self._run.poll() is None, f"the program ended; see {self.folder / 'log'}"
            threading.Event().wait(0.1)

    def _safely(self, holds: Callable[[], Any]) -> bool:
        with contextlib.suppress(OSError, Refused):
            return bool(holds())
        return False

    def _status(self, url: str) -> int:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
        return 0

    def _set_clock(self) -> None:
        """How far the program's clock is ahead of this machine's, in seconds; the file is replaced as a whole."""
        offset = round(self.moment.timestamp() - time.time())
        partial = self._clock.with_suffix(".new")
        partial.write_text(f"{offset:+d}\n")
        partial.replace(self._clock)

    def _configuration(self) -> str:
        clients = "".join(
            f'[[centre.clients]]\nname = "{name}"\nrole = "{role}"\nscope = "{scope}"\n'
            f'token_sha256 = "{hashlib.sha256(self._words[name].encode()).hexdigest()}"\n'
            for name, (role, scope) in CLIENTS.items()
        )
        lines = "".join(
            f'[[readers]]\nid = "east-{way}"\nname = "东门{word}"\nportal = "east-gate"\ndirection = "{way}"\n'
            f'driver = "ga467"\nurl = "{self.folder / way}"\n'
            for way, word in (("in", "进"), ("out", "出"))
        )
        return f"""data = "data"
[broker]
port = {self._ports[2]}
[centre]
port = {self._ports[0]}
database = "{self._database}"
policy = "policy.toml"
{clients}
[[communities]]
id = "{COMMUNITY}"
name = "滨河苑"
street = "江湾街道"
police_station = "{POLICE}"
portals = ["east-gate"]
[station]
name = "{COMMUNITY}-1"
community = "{COMMUNITY}"
port = {self._ports[1]}
[[portals]]
id = "east-gate"
name = "东门"
attended = "00:00-24:00"
unattended = "call:0818-0000000"
opener = "relay"
pulse_seconds = 0.2
{lines}
[[outputs]]
id = "relay"
name = "东门开门"
driver = "relay-lcus"
url = "{self.folder / "relay"}"
"""


class _Stay(urllib.request.HTTPErrorProcessor):
    """Leaves answers alone: a form is answered by a redirection, or by the page with what is wrong."""

    def http_response(self, _request: urllib.request.Request, response):  # type: ignore[no-untyped-def]
        return response


def days_of(first: date, last: date) -> Iterator[date]:
    """The days from one through another."""
    for n in range((last - first).days + 1):
        yield first + timedelta(days=n)
