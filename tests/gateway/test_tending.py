"""What `gateway run` does for its broker: files of other commands are taken, refusals are noted, nothing is held up."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway import enrolling
from gateway.brokerlog import BrokerLog
from gateway.centre.process import enrol_own_data
from gateway.communities import Community
from gateway.settings import Broker, Settings
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.supervisor import Supervisor
from gateway.tending import RENEW_EVERY_S, Tending
from tests.gateway.rosters import MASTER

DENIED = b"1: Denied PUBLISH from x (d0, q1, r0, m2, 'xq/v1/s/0/yuan/yuan-2/swipe', ... (17 bytes))\n"
JOINED = b"1: New client connected from 127.0.0.1:5 as x (p5, c1, k60, u'yuan-1').\n"


class Watched(Supervisor):
    """A supervisor without children that notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__([])
        self.asked: list[str] = []

    def signal(self, name: str, number: int) -> None:
        self.asked.append(f"{signal.Signals(number).name} to {name}")

    def restart(self, name: str) -> None:
        self.asked.append(f"restart {name}")


class Bench:
    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.settings = Settings(
            data=folder,
            broker=Broker(tls=True),
            communities=(Community(id="yuan", name="苑", street="街", police_station="jiangwan", portals=("east",)),),
        )
        self.database = Database(f"sqlite:///{folder / 'centre.sqlite3'}", patience_s=0.05)
        self.database.migrate()
        enrol_own_data(self.database, self.settings)
        enrolling.enrol(self.database, MASTER, self.settings, "yuan-1", "yuan")
        enrolling.prepare_broker(self.database, MASTER, self.settings)
        self.tending = Tending(self.database, MASTER, self.settings, clock=lambda: self.now)
        self.supervisor = Watched()

    def turn(self) -> list[str]:
        self.now += 2
        self.supervisor.asked.clear()
        self.tending.turn(self.supervisor)
        return self.supervisor.asked

    def noted(self) -> list[tuple[str | None, str, str]]:
        q = t.quarantine.c
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(select(q.station, q.topic, q.reason))]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    one = Bench(tmp_path)
    yield one
    one.database.close()


pytestmark = pytest.mark.real("mosquitto")


def test_nothing_is_done_while_nothing_changes(bench: Bench) -> None:
    assert bench.turn() == bench.turn() == []


def test_a_new_account_is_handed_on_without_a_break(bench: Bench) -> None:
    enrolling.enrol(bench.database, MASTER, bench.settings, "yuan-2", "yuan")
    enrolling.hand_on(bench.database, MASTER, bench.settings)
    assert bench.turn() == ["SIGHUP to broker"]
    assert bench.turn() == []


def test_who_is_revoked_is_disconnected_by_a_restart(bench: Bench) -> None:
    assert enrolling.revoke(bench.database, MASTER, "yuan-1", "test").certificates == 1
    enrolling.hand_on(bench.database, MASTER, bench.settings)
    assert bench.turn() == ["restart broker"]
    enrolling.hand_on(bench.database, MASTER, bench.settings)
    assert bench.turn() == [], "the same list again costs no second break"


def test_refusals_are_noted_at_the_account_that_is_enrolled(bench: Bench) -> None:
    for line in (JOINED, DENIED, DENIED, DENIED.replace(b"from x", b"from stranger")):
        bench.tending.heard(line)
    bench.turn()
    topic = "xq/v1/s/0/yuan/yuan-2/swipe"
    reason = "the broker refused it: not a topic of this account's"
    assert sorted(bench.noted(), key=str) == [
        ("yuan-1", topic, f"{reason} (2 times)"),
        (None, topic, reason),
    ]


def test_refusals_wait_for_a_database_that_is_locked(bench: Bench) -> None:
    bench.tending.heard(DENIED)
    other = Database(bench.database.url)
    with other.write():
        bench.turn()
    other.close()
    assert bench.noted() == []
    bench.turn()
    assert len(bench.noted()) == 1


def test_the_brokers_own_certificate_is_looked_at_once_a_day(bench: Bench) -> None:
    identity = bench.settings.data / "broker" / "broker.pem"
    before = identity.read_text()
    identity.write_text("damaged")
    assert bench.turn() == ["SIGHUP to broker"]
    bench.now += RENEW_EVERY_S
    assert bench.turn() == ["SIGHUP to broker"]
    assert "BEGIN CERTIFICATE" in identity.read_text()
    assert identity.read_text() != before


def test_a_log_that_is_read_by_nobody_is_still_bounded() -> None:
    log = BrokerLog()
    for i in range(20_000):
        log.heard(JOINED.replace(b" as x ", f" as client-{i} ".encode()))
    assert len(log._accounts) <= 5000
