"""Hundreds of stations against one centre and one Mosquitto: a steady load, then everybody cut off and back at once.

    python -m tests.load.run [--stations 500] [--rate 600] [--minutes 10] [--cut 20] [--residents 200]

The last line printed is one JSON object. Exit status 1 when anything that a station made is not stored once.
"""

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

from gateway import broker
from gateway.keys import Master, load_or_create_master
from gateway.store.database import Database
from gateway.store.queries import streams
from rules.model import Credential, CredentialKind, token_of
from tests.e2e.rig import get, wait_until
from tests.load.fleet import PORTALS, Fleet, Person, SimulatedStation
from tests.ports import free_port

WELL_S = 120.0
EVERY_S = 10.0
TICK = os.sysconf("SC_CLK_TCK")
_HERE = Path(__file__).resolve().parents[2]


@dataclass
class Watch:
    """CPU seconds and peak memory of processes, from /proc."""

    pids: dict[str, int]
    begun: dict[str, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)

    def start(self) -> None:
        self.begun = {name: cpu(pid) for name, pid in self.pids.items()}

    def look(self) -> None:
        for name, pid in self.pids.items():
            with contextlib.suppress(OSError, StopIteration):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                size = int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024
                self.peak[name] = max(self.peak.get(name, 0.0), size)

    def used(self) -> dict[str, float]:
        return {name: round(cpu(pid) - self.begun[name], 1) for name, pid in self.pids.items()}


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class District:
    """A centre and its broker in a folder, with stations that stand in a compound each."""

    def __init__(self, folder: Path, stations: int, residents: int, seed: int = 0) -> None:
        self.folder = folder
        self.broker_port, self.centre_port = free_port(), free_port()
        self.master: Master = load_or_create_master(folder / "data" / "master.key")
        self.database = Database(f"sqlite:///{folder / 'data' / 'centre.sqlite3'}")
        self.database.migrate()
        self._residents = residents
        self._chance = random.Random(seed)
        self.stations = [self._station(f"yuan-{n:03}") for n in range(stations)]
        with self.database.write() as connection:
            rows = [
                {"id": one.community, "name": one.community, "street": "测试街道", "police_station": "test"}
                for one in self.stations
            ]
            streams.put_communities(connection, [row | {"portals": list(PORTALS)} for row in rows])
            for one in self.stations:
                streams.put_station(connection, one.name, one.community, 1, int(time.time() * 1000))
        self._broker: subprocess.Popen[bytes] | None = None

    def _station(self, community: str) -> SimulatedStation:
        """Nine in ten pass unflagged, one in twenty is flagged, and one in fifty is unknown."""
        key = self.master.token_key(community)
        people = []
        for n in range(self._residents):
            token = token_of(key, Credential(CredentialKind.CARD_UID, f"{self._chance.getrandbits(32):08X}{n:04X}"))
            lot = self._chance.random()
            people.append(Person(token, ("unregistered",) if lot < 0.05 else (), known=lot < 0.98))
        return SimulatedStation(f"{community}-1", community, self.master.station(f"{community}-1", 1), people)

    def start_broker(self) -> int:
        stations = tuple(
            broker.StationAccount(one.name, one.community, one.keys.broker_password()) for one in self.stations
        )
        accounts = broker.Accounts(self.master.broker_password(broker.CENTRE), stations, {})
        command, _ = broker.prepare(self.folder / "broker", self.broker_port, accounts)
        self._broker = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self._broker.pid

    def kill_broker(self) -> None:
        assert self._broker is not None
        self._broker.kill()
        self._broker.wait()

    @contextlib.contextmanager
    def running(self, more: str = "") -> Iterator[dict[str, int]]:
        """The broker and the centre, with their process ids; `more` stands at the end of the configuration."""
        shutil.copyfile(_HERE / "config" / "policy.toml", self.folder / "policy.toml")
        (self.folder / "centre.toml").write_text(
            f'data = "data"\n[broker]\nmanaged = false\nurl = "mqtt://127.0.0.1:{self.broker_port}"\n'
            f"[centre]\nport = {self.centre_port}\n{more}"
        )
        pid = self.start_broker()
        with (self.folder / "centre.log").open("ab") as log:
            centre = subprocess.Popen(
                [sys.executable, "-m", "gateway", "centre", "--config", str(self.folder / "centre.toml")],
                cwd=_HERE,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            wait_until(lambda: get(f"{self.url}/healthz")[0] == 200, WELL_S, "the centre is well")
            yield {"broker": pid, "centre": centre.pid, "fleet": os.getpid()}
        finally:
            centre.terminate()
            centre.wait(20)
            self.kill_broker()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.centre_port}"

    def missing(self) -> tuple[int, int]:
        """Swipes that a station made and that are not stored, and rows beyond one for each."""
        with self.database.read() as connection:
            found = {
                (row[0], row[1]): (row[2], row[3])
                for row in connection.exec_driver_sql(
                    "SELECT station, epoch, count(*), count(DISTINCT seq) FROM swipes GROUP BY station, epoch"
                )
            }
        lost = sum(one.seq - found.get((one.name, one.epoch), (0, 0))[1] for one in self.stations)
        return lost, sum(rows - distinct for rows, distinct in found.values())


def buckets(url: str) -> list[tuple[float, float]]:
    """The centre's own histogram, from the swipe to its commit: (bound in seconds, how many took at most so long)."""
    found = re.findall(r'gateway_swipe_to_stored_seconds_bucket\{le="([^"]+)"\} (\S+)', get(f"{url}/metrics")[1])
    return [(float(bound), float(count)) for bound, count in found]


def within(before: list[tuple[float, float]], after: list[tuple[float, float]], share: float) -> float:
    """Milliseconds within which this share of what came between two looks was stored; linear within a bucket."""
    counts = [(bound, count - old) for (bound, count), (_, old) in zip(after, before, strict=True)]
    wanted = share * counts[-1][1]
    low, under = 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            part = (wanted - under) / (count - under) if count > under else 1.0
            return round((low + (bound - low) * part) * 1000, 1)
        low, under = bound, count
    return float("inf")


def steady(district: District, fleet: Fleet, watch: Watch, seconds: float, rate: float) -> dict[str, Any]:
    """A steady load for so long."""
    before = buckets(district.url)
    fleet.latencies.clear()
    watch.start()
    begun, made = time.monotonic(), sum(one.seq for one in fleet.stations)
    looked = begun
    while (now := time.monotonic()) - begun < seconds:
        fleet.step(rate)
        if now - looked > EVERY_S:
            looked = now
            watch.look()
    watch.look()
    after = buckets(district.url)
    count = sum(one.seq for one in fleet.stations) - made
    return {
        "seconds": round(now - begun),
        "swipes": count,
        "per_second": round(count / (now - begun)),
        "stored_p50_ms": within(before, after, 0.5),
        "stored_p99_ms": within(before, after, 0.99),
        "acknowledged_p50_ms": _ms(fleet.latencies, 50),
        "acknowledged_p99_ms": _ms(fleet.latencies, 99),
        "cpu_s": watch.used(),
        "peak_mb": {name: round(size) for name, size in watch.peak.items()},
    }


def cut_and_back(district: District, fleet: Fleet, seconds: float, rate: float) -> dict[str, Any]:
    """The broker is gone for so long while people go on passing; then everybody comes back."""
    district.kill_broker()
    gone = time.monotonic()
    while time.monotonic() - gone < seconds:
        fleet.step(rate)
    waiting = fleet.unsettled
    fleet.connections.clear()
    back = time.monotonic()
    district.start_broker()
    all_connected = 0.0
    while fleet.unsettled or not all_connected:
        fleet.step(0)
        now = time.monotonic()
        if not all_connected and fleet.connected == len(fleet.stations):
            all_connected = now - back
        if now - back > WELL_S:
            break
    seconds_of = [int(at - back) for at in fleet.connections]
    return {
        "waiting": waiting,
        "all_connected_s": round(all_connected, 1),
        "most_connections_in_a_second": max((seconds_of.count(n) for n in set(seconds_of)), default=0),
        "all_stored_s": round(time.monotonic() - back, 1),
        "left": fleet.unsettled,
    }


def _ms(latencies: list[float], percent: int) -> float:
    return round(quantiles(latencies, n=100)[percent - 1] * 1000, 1) if len(latencies) > 1 else 0.0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--stations", type=int, default=500)
    parser.add_argument("--rate", type=float, default=600)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--cut", type=float, default=20)
    parser.add_argument("--residents", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="load-") as root:
        district = District(Path(root), options.stations, options.residents)
        with district.running() as pids:
            fleet = Fleet(district.stations, district.broker_port)
            begun = time.monotonic()
            while fleet.connected < options.stations and time.monotonic() - begun < WELL_S:
                fleet.step(0)
            result: dict[str, Any] = {
                "stations": options.stations,
                "first_connected_s": round(time.monotonic() - begun, 1),
            }
            result["steady"] = steady(district, fleet, Watch(pids), options.minutes * 60, options.rate)
            print(json.dumps(result["steady"]), flush=True)
            result["cut"] = cut_and_back(district, fleet, options.cut, options.rate)
            until = time.monotonic() + WELL_S
            while fleet.unsettled and time.monotonic() < until:
                fleet.step(0)
            result["refused"] = fleet.refused
            result["lost"], result["doubled"] = district.missing()
            fleet.close()
        district.database.close()
    print(json.dumps(result))
    return 0 if not (result["lost"] or result["doubled"]) else 1


if __name__ == "__main__":
    sys.exit(main())
