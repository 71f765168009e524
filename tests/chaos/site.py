"""A station, the centre and a broker as programs of their own, with devices that outlive every one of them."""

import contextlib
import hashlib
import random
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gateway.keys import Master, load_master
from gateway.station.spool_reader import SpoolReader
from rules.model import CIVIL, Credential, CredentialKind, token_of
from simulators.actors import Api, put_in_parts
from simulators.network import NetworkPath
from simulators.people import People
from tests.chaos.lanes import Lane, Ledger, SpoolOnDisk
from tests.chaos.program import HERE, Program
from tests.e2e.rig import get, metric, mosquitto, wait_until
from tests.ports import free_port

COMMUNITY = "test-yuan"
POLICE = "test"
STATION = "test-1"
PORTALS = ("east", "south", "west", "north")
CODES = 4000
ROLES = ("property", "administrator", "worker", "reviewer")
_PART = 2000
WELL_S = 60.0
"""A part that is started on a busy machine is well within so long."""


class Site:
    """One compound with four gates. `with Site(folder) as site:` starts broker, centre and station.

    With `networked` the station goes to the broker by a network that can be cut (`network`). `environment` is the
    station's, and `database` the centre's, as an SQLAlchemy URL; "" is SQLite in the folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int = 0,
        codes: int = CODES,
        networked: bool = False,
        database: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.broker_port, self.centre_port, self.gate_port = free_port(), free_port(), free_port()
        self.network = NetworkPath(self.broker_port) if networked else None
        self.codes = [f"{70_000_000 + n}" for n in range(codes)]
        self._fresh = iter(self.codes)
        self._taking = threading.Lock()
        self._tokens_of = {role: secrets.token_urlsafe(16) for role in ROLES}
        self.database = database
        self.enrolment = folder / f"{STATION}.enrolment"
        self.centre = Program("centre", ["centre", "--config", str(folder / "centre.toml")], folder / "centre.log")
        self.station = Program("station", self.station_arguments(), folder / "station.log", environment)
        self._open = contextlib.ExitStack()
        self.broker: subprocess.Popen[bytes] | None = None
        self.lanes: list[Lane] = []
        self.ledger = Ledger(lambda: self.spool, self.token)
        self._token_key = b""

    # --- where things are ---------------------------------------------------------------------------------------------

    @property
    def spool(self) -> Path:
        return self.station_data / f"station-{STATION}" / "spool.sqlite3"

    @property
    def station_data(self) -> Path:
        return self.folder / "station-data"

    @property
    def centre_data(self) -> Path:
        return self.folder / "centre-data"

    @property
    def centre_url(self) -> str:
        return f"http://127.0.0.1:{self.centre_port}"

    @property
    def gate_url(self) -> str:
        return f"http://127.0.0.1:{self.gate_port}"

    @property
    def master(self) -> Master:
        return load_master(self.centre_data / "master.key")

    def api(self, name: str) -> Api:
        return Api(self.centre_url, self._tokens_of[name])

    def station_arguments(self, config: str = "station.toml") -> list[str]:
        return ["station", "--config", str(self.folder / config), "--enrolment", str(self.enrolment)]

    # --- begin and end ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        with self._open:
            self.lanes = [Lane(name, self.folder, self.ledger) for name in PORTALS]
            for lane in self.lanes:
                self._open.enter_context(lane)
            shutil.copyfile(HERE / "config" / "policy-short.toml", self.folder / "policy.toml")
            (self.folder / "centre.toml").write_text(self._centre_config(), encoding="utf-8")
            self.write_station_config()
            self.start_broker = self._open.enter_context(mosquitto(self.folder, self.broker_port))
            self.broker = self.start_broker()
            if self.network is not None:
                self._open.enter_context(self.network)
            self._gateway("migrate", "--config", str(self.folder / "centre.toml"))
            self._enrol_station()
            self._open.callback(self.centre.end)
            self._open.callback(self.station.end)
            self.centre.start()
            self.station.start()
            self.wait_well()
            self._open = self._open.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in (self.station, self.centre):
            if program.alive:
                program.send_signal(signal.SIGTERM)
        for program in (self.station, self.centre):
            with contextlib.suppress(subprocess.TimeoutExpired):
                if program.process is not None:
                    program.process.wait(10)
        self._open.close()

    def wait_well(self) -> None:
        """Until the centre and the station say that every part of them is well."""
        wait_until(lambda: get(f"{self.centre_url}/healthz")[0] == 200, WELL_S, "the centre is well")
        wait_until(lambda: get(f"{self.gate_url}/healthz")[0] == 200, WELL_S, "the station is well")

    @contextlib.contextmanager
    def station_away(self) -> Iterator[None]:
        """The station ends by itself; when this is over it is started again, and well."""
        self.station.end(signal.SIGTERM)
        yield
        self.station.start()
        self.wait_well()

    def second_station(self, config: str) -> Program:
        """Another box with the same enrolment."""
        return Program("clone", self.station_arguments(config), self.folder / "clone.log")

    def clone_ledger(self, data: Path) -> Ledger:
        """The same ledger, for gates of another box."""
        spool = data / f"station-{STATION}" / "spool.sqlite3"
        return Ledger(lambda: spool, self.token, self.ledger.presented, self.ledger.shown)

    def kill_broker(self) -> None:
        assert self.broker is not None
        self.broker.kill()
        self.broker.wait(5)

    # --- the register -------------------------------------------------------------------------------------------------

    def enrol_visitors(self) -> None:
        """Give every code to a visitor, and wait until the station has them."""
        today = datetime.now(CIVIL).date().isoformat()
        rows = [_visitor(code, today) for code in self.codes]
        taken = put_in_parts(self.api("property"), f"/communities/{COMMUNITY}/enrolments", rows, _PART)
        assert taken == len(self.codes)
        count = str(taken)
        wait_until(lambda: count in get(f"{self.gate_url}/gate/status")[1], 30, "the station has the roster")

    def change_register(self) -> None:
        """Enrol one visitor more, so that there is a new roster."""
        code = f"{99_000_000 + self.chance.randrange(900_000)}"
        today = datetime.now(CIVIL).date().isoformat()
        put_in_parts(self.api("property"), f"/communities/{COMMUNITY}/enrolments", [_visitor(code, today)], 1)

    def send_slip(self) -> None:
        """Have one slip sent to the police, by visits and a reviewer: from then on there is something to deliver."""
        today = datetime.now(CIVIL).date()
        people = People(self.chance.randrange(10**6), today)
        row: dict[str, Any] = {
            "kind": "citizen-id",
            "number": people.number(people.born(30, 50), "1"),
            "name": people.name(),
            "role": "resident",
            "since": (today - timedelta(days=30)).isoformat(),
            "building": "1",
            "unit": "1",
            "room": "101",
        }
        path = f"/communities/{COMMUNITY}"
        assert put_in_parts(self.api("property"), f"{path}/enrolments", [row], 1) == 1
        listed: dict[str, Any] = {"rows": [], "as_of": today.isoformat(), "complete": True}
        self.api("administrator").call("PUT", f"{path}/registrations", listed)
        reviewer, worker = self.api("reviewer"), self.api("worker")
        wait_until(lambda: bool(reviewer.call("GET", "/cases?limit=10")), 20, "a case opens")
        case = next(c for c in reviewer.call("GET", "/cases?limit=10") if c["kind"] == "collection")
        body = {"act": "assign", "revision": case["revision"], "to": "worker"}
        revision = reviewer.call("POST", f"/cases/{case['id']}/acts", body)["revision"]
        visit = {"at": datetime.now(CIVIL).isoformat(), "met": False, "notice_left": True, "revision": revision}
        worker.call("POST", f"/cases/{case['id']}/visits", visit)
        wait_until(lambda: bool(reviewer.call("GET", "/alerts?limit=10")), 20, "a slip is proposed")
        slip = reviewer.call("GET", "/alerts?limit=10")[0]
        reviewer.call("POST", f"/alerts/{slip['slip']}/send", {"revision": slip["revision"]})

    # --- people -------------------------------------------------------------------------------------------------------

    def next_code(self) -> str:
        """A code that nobody has shown yet."""
        with self._taking:
            return next(self._fresh)

    def show(self, lane: int = 0, within: float = 5.0) -> str:
        """Show a fresh code at one gate, which must open; return the code."""
        code = self.next_code()
        assert self.lanes[lane].show(code, within), f"the gate {PORTALS[lane]} did not open within {within} s"
        return code

    @contextlib.contextmanager
    def traffic(self, pause_s: float = 0.02) -> Iterator[None]:
        """People at all four gates, one after the other at each, for as long as this lasts."""
        stop = threading.Event()
        walking = [
            threading.Thread(target=lane.walk, args=(self.next_code, stop, pause_s, lambda: self.station.alive))
            for lane in self.lanes
        ]
        for one in walking:
            one.start()
        try:
            yield
        finally:
            stop.set()
            for one in walking:
                one.join()

    # --- what came of it ----------------------------------------------------------------------------------------------

    def settle(self, within: float = WELL_S) -> None:
        """Wait until the centre has all that the station recorded, and has delivered all that it owes."""
        wait_until(lambda: self.unsettled() == 0, within, "nothing is left to send")
        wait_until(lambda: self._scalar("SELECT count(*) FROM outbox WHERE delivered IS NULL") == 0, within, "no debts")

    def unsettled(self) -> int:
        """How many swipes in the station's spool the centre has not acknowledged, as the spool itself says."""
        return self.unsettled_at(self.station_data)

    def unsettled_at(self, data: Path) -> int:
        """The same of a station whose data is elsewhere."""
        spool = SpoolOnDisk(data / f"station-{STATION}" / "spool.sqlite3")
        with contextlib.closing(SpoolReader(spool)) as reader:
            return reader.unsettled()

    def on_bus(self) -> bool:
        """Whether the station says that it is connected to the broker."""
        return metric(self.gate_url, "gateway_bus_up") == 1.0

    def token(self, code: str) -> bytes:
        self._token_key = self._token_key or self.master.token_key(COMMUNITY)
        return token_of(self._token_key, Credential(CredentialKind.VISITOR, code))

    def stored(self) -> dict[bytes, int]:
        """How often each token is stored."""
        return dict(self.query("SELECT token, count(*) FROM swipes WHERE token IS NOT NULL GROUP BY token"))

    def doubled(self) -> int:
        """How many rows stand for a swipe that another row stands for."""
        return int(self._scalar("SELECT count(*) - count(DISTINCT station || epoch || seq) FROM swipes"))

    def declared_lost(self) -> int:
        """How many swipes the station declared lost."""
        return int(self._scalar("SELECT coalesce(sum(last - first + 1), 0) FROM lost"))

    def trouble(self) -> str | None:
        """What the centre finds wrong with the station, and nobody has accepted."""
        found = self.query("SELECT kind FROM troubles WHERE accepted_at IS NULL ORDER BY id DESC")
        return str(found[0][0]) if found else None

    def _scalar(self, query: str) -> Any:
        return self.query(query)[0][0]

    def query(self, query: str) -> list[Any]:
        """Rows of the centre's database."""
        if self.database:
            from sqlalchemy import create_engine, text

            engine = create_engine(self.database)
            with engine.connect() as connection:
                found = [tuple(row) for row in connection.execute(text(query))]
            engine.dispose()
            return found
        with contextlib.closing(sqlite3.connect(self.centre_data / "centre.sqlite3", timeout=30)) as connection:
            return connection.execute(query).fetchall()

    # --- configuration ------------------------------------------------------------------------------------------------

    def _gateway(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *arguments], cwd=HERE, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def _enrol_station(self) -> None:
        config = str(self.folder / "centre.toml")
        self._gateway(
            "station", "enrol", STATION, "--config", config, "--community", COMMUNITY, "--out", str(self.enrolment)
        )

    def _centre_config(self) -> str:
        clients = "".join(
            f'[[centre.clients]]\nname = "{name}"\nrole = "{name}"\n'
            f'token_sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"\n'
            for name, token in self._tokens_of.items()
        )
        portals = ", ".join(f'"{name}"' for name in PORTALS)
        return f"""
data = "centre-data"
[broker]
managed = false
url = "mqtt://127.0.0.1:{self.broker_port}"
[centre]
port = {self.centre_port}
database = "{self.database}"
{clients}
[[communities]]
id = "{COMMUNITY}"
name = "测试苑"
street = "测试街道"
police_station = "{POLICE}"
portals = [{portals}]
[[police]]
name = "{POLICE}"
routes = [{{ kind = "mqtt" }}]
"""

    def write_station_config(
        self, name: str = "station.toml", data: str = "station-data", port: int = 0, lanes: Sequence[Lane] = ()
    ) -> None:
        """The station's configuration, for it or for a copy of it: another folder, web port and devices."""
        devices = "".join(
            f"""
[[portals]]
id = "{lane.name}"
name = "{lane.name}"
attended = "never"
unattended = "grant"
opener = "relay-{lane.name}"
pulse_seconds = 0.03
[[readers]]
id = "scanner-{lane.name}"
portal = "{lane.name}"
direction = "in"
driver = "ascii-line"
url = "{lane.scanner_line.url}"
[[outputs]]
id = "relay-{lane.name}"
driver = "relay-lcus"
url = "{lane.relay_line.url}"
"""
            for lane in lanes or self.lanes
        )
        text = f"""
data = "{data}"
[broker]
managed = false
url = "mqtt://127.0.0.1:{self.network.near if self.network is not None else self.broker_port}"
[station]
name = "{STATION}"
community = "{COMMUNITY}"
port = {port or self.gate_port}
{devices}
"""
        (self.folder / name).write_text(text, encoding="utf-8")


def _visitor(code: str, today: str) -> dict[str, Any]:
    return {"kind": "visitor", "number": code, "name": "访客", "role": "visitor", "since": today}
