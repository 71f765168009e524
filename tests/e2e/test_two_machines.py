"""A station that has nothing of the centre but its enrolment file: enrolled, at work, cut off, replaced."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gateway import broker as brokers
from gateway.broker import Accounts, StationAccount
from gateway.keys import load_or_create_master, write_secret
from gateway.keys.certificates import Authority, span
from tests.brokers import Broker
from tests.e2e.pair import YUAN, Office, box, office
from tests.e2e.rig import get, mosquitto, wait_until
from tests.ports import free_port

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(240), pytest.mark.xdist_group("e2e")]

CODE = "71000001"


def station_status(centre: Office, name: str) -> dict[str, object]:
    ((text,),) = centre.rows("SELECT status FROM stations WHERE name = ?", name)
    found: dict[str, object] = json.loads(text) if text else {}
    return found or {}


def test_one_file_is_all_that_a_station_needs_and_revoking_it_ends_it(tmp_path: Path) -> None:
    file = tmp_path / "yuan-1.enrolment"
    with office(tmp_path / "centre") as centre:
        enrolled = centre.enrol("yuan-1", file)
        assert enrolled.broker_url == f"mqtts://127.0.0.1:{centre.tls_port}"
        assert "PRIVATE KEY" in enrolled.private_key
        assert enrolled.private_key not in repr(enrolled)
        with box(tmp_path / "station", file) as station:
            wait_until(station.connected, 20, "the station is connected, over TLS")
            centre.let_in(CODE)
            wait_until(lambda: "with 1 rows is in use" in station.log(), 20, "the station has the roster")
            assert station.show(CODE)
            wait_until(lambda: centre.rows("SELECT 1 FROM swipes WHERE verdict = 'grant'") != [], 10, "it is stored")

            cut = json.loads(centre.gateway("station", "revoke", "yuan-1"))
            assert (cut["station"], cut["community"], cut["certificates"], cut["people"]) == ("yuan-1", YUAN, 1, 1)
            wait_until(lambda: not station.connected(), 20, "the station is cut off")
            refused = "certificate verify failed"
            wait_until(lambda: centre.shows(refused), 20, "the refusal is shown")
            before = len(centre.rows("SELECT 1 FROM swipes"))
            assert station.show(CODE), "a box that is cut off still opens by the list that it has"
            wait_until(lambda: station.metric("gateway_spool_depth") == 1, 10, "it keeps what it cannot send")
            assert len(centre.rows("SELECT 1 FROM swipes")) == before
            wait_until(centre.is_well, 20, "the centre is connected again")


def test_a_new_box_takes_the_name_and_the_old_one_is_dead(tmp_path: Path) -> None:
    old_file, new_file = tmp_path / "old.enrolment", tmp_path / "new.enrolment"
    with office(tmp_path / "centre") as centre:
        old = centre.enrol("yuan-1", old_file)
        with box(tmp_path / "old", old_file) as first:
            wait_until(first.connected, 20, "the first box is connected")
            first.scanner.show("71000099")
            wait_until(lambda: centre.rows("SELECT 1 FROM swipes") != [], 10, "its swipe is stored")
            ((epoch,),) = centre.rows("SELECT epoch FROM streams WHERE claimed > 0")
            new = centre.enrol("yuan-1", new_file, "--replace")
            assert (old.generation, new.generation) == (1, 2)
            assert old.secret != new.secret
            with box(tmp_path / "new", new_file) as second:
                wait_until(second.connected, 20, "the second box is connected")
                wait_until(lambda: not first.connected(), 20, "the first box is cut off")
                second.scanner.show("71000099")
                wait_until(lambda: len(centre.rows("SELECT 1 FROM swipes")) == 2, 10, "the second's swipe is stored")
                assert centre.rows("SELECT kind FROM troubles") == [], "another box is no restored image"
                streams = dict(centre.rows("SELECT epoch, generation FROM streams WHERE claimed > 0"))
                assert streams.pop(epoch) == 1
                assert list(streams.values()) == [2]


@pytest.fixture
def networks() -> Iterator[tuple[list[str], list[str], str]]:
    """Two networks with one line between them, as words that run a command in each, and the first one's address."""
    names = ["xq-centre", "xq-station"]
    lines = [
        *([["ip", "netns", "add", name] for name in names]),
        ["ip", "link", "add", "xq0", "netns", names[0], "type", "veth", "peer", "name", "xq1", "netns", names[1]],
        *([["ip", "-n", name, "link", "set", "lo", "up"] for name in names]),
        ["ip", "-n", names[0], "addr", "add", "10.213.7.1/24", "dev", "xq0"],
        ["ip", "-n", names[1], "addr", "add", "10.213.7.2/24", "dev", "xq1"],
        ["ip", "-n", names[0], "link", "set", "xq0", "up"],
        ["ip", "-n", names[1], "link", "set", "xq1", "up"],
    ]
    try:
        for line in lines:
            try:
                done = subprocess.run(line, capture_output=True, text=True, check=False)
            except FileNotFoundError as error:
                pytest.skip(f"no network namespaces here: {error}")
            if done.returncode:
                pytest.skip(f"no network namespaces here: {done.stderr.strip()}")
        yield ["ip", "netns", "exec", names[0]], ["ip", "netns", "exec", names[1]], "10.213.7.1"
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def test_centre_and_station_on_two_networks(tmp_path: Path, networks: tuple[list[str], list[str], str]) -> None:
    here, there, address = networks
    file = tmp_path / "yuan-1.enrolment"
    with office(tmp_path / "centre", host=address, inside=here) as centre:
        enrolled = centre.enrol("yuan-1", file)
        assert enrolled.broker_url == f"mqtts://{address}:{centre.tls_port}"
        with box(tmp_path / "station", file, inside=there) as station:
            wait_until(lambda: bool(station_status(centre, "yuan-1")), 20, "the station's word is heard")
            station.scanner.show("71000099")
            wait_until(lambda: centre.rows("SELECT 1 FROM swipes") != [], 10, "its swipe is stored")
        plain = f"import socket; socket.create_connection(('{address}', {centre.plain_port}), 3)"
        done = subprocess.run([*there, sys.executable, "-c", plain], capture_output=True, check=False)
        assert b"Connection refused" in done.stderr, "the listener without TLS is on loopback alone"


def test_a_certificate_that_is_to_end_is_renewed_over_the_bus_and_kept(tmp_path: Path) -> None:
    """Given out so long ago that less than a third of its life remains; the old list of revoked ones stays as it is."""
    file = tmp_path / "yuan-1.enrolment"
    with office(tmp_path / "centre") as centre:
        enrolled = centre.enrol("yuan-1", file)
        aged, issued = Authority(centre.master.authority_seed()).client(
            "yuan-1", datetime.now(UTC) - timedelta(days=600)
        )
        file.unlink()
        old = msgspec.structs.replace(enrolled, certificate=aged.certificate, private_key=aged.key)
        write_secret(file, old.dumps())
        with box(tmp_path / "station", file) as station:
            wait_until(lambda: "the certificate was renewed" in station.log(), 30, "the certificate is renewed")
            kept = tmp_path / "station" / "data" / "station-yuan-1" / "identity-1.pem"
            renewed = kept.read_text()
            assert span(renewed)[1] > issued.ends + timedelta(days=500)
            assert aged.key.strip() not in renewed
            station.stop()
            station.start()
            wait_until(station.connected, 20, "it is connected by the new certificate")
            assert kept.read_text() == renewed
            assert (tmp_path / "station" / "data" / "station-yuan-1" / "time").exists()
            listed = "SELECT count(*) FROM certificates WHERE name = 'yuan-1'"
            assert centre.rows(listed) == [(2,)], "the one of the enrolment and the renewed one"
            centre.gateway("station", "revoke", "yuan-1")
            wait_until(lambda: not station.connected(), 20, "the renewed one is revoked, too")


def test_a_configuration_is_read_again_by_command_and_only_when_it_is_right(tmp_path: Path) -> None:
    file = tmp_path / "yuan-1.enrolment"
    reload = {"act": "reload", "target": "configuration"}
    with office(tmp_path / "centre") as centre:
        centre.enrol("yuan-1", file)
        with box(tmp_path / "station", file) as station:
            wait_until(lambda: bool(station_status(centre, "yuan-1").get("heartbeat")), 20, "the station is heard")
            epoch = station_status(centre, "yuan-1")["epoch"]

            def outcome() -> tuple[str, str]:
                _, listed = centre.ask("GET", "/stations/yuan-1/commands", role="administrator")
                return listed[0]["state"], listed[0]["reason"]

            station.write_config("surprise = 1\n")
            assert centre.ask("POST", "/stations/yuan-1/commands", reload)[0] == 202
            wait_until(lambda: outcome() == ("refused", "wrong_configuration"), 10, "the mistake is answered")
            assert station_status(centre, "yuan-1")["epoch"] == epoch

            station.write_config('[[portals]]\nid = "back"\nname = "后门"\nattended = "never"\nunattended = "grant"\n')
            assert centre.ask("POST", "/stations/yuan-1/commands", reload)[0] == 202
            wait_until(lambda: outcome() == ("done", ""), 10, "it is done")
            wait_until(lambda: station_status(centre, "yuan-1").get("epoch") != epoch, 20, "the station began anew")
            wait_until(lambda: "后门" in get(f"{station.url}/gate")[1], 20, "the new portal is there")
            assert station.process is not None
            assert station.process.poll() is None, "the same process, started anew"


def start_rumqttd(centre: Office, port: int, stack: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker that pip installs, with the accounts of this centre."""
    master = load_or_create_master(centre.folder / "data" / "master.key")
    station = StationAccount("yuan-1", YUAN, master.station("yuan-1", 1).broker_password())
    (centre.folder / "broker").mkdir()
    broker = Broker(centre.folder / "broker", Accounts(master.broker_password("centre"), (station,), {}), port)
    with monkeypatch.context() as without_mosquitto:
        without_mosquitto.setattr(brokers, "MOSQUITTO_PLACES", ())
        without_mosquitto.setenv("PATH", "/nowhere")
        broker.start()
    stack.callback(broker.kill)


@pytest.mark.parametrize("kind", ["mosquitto 5", "mosquitto 4", "rumqttd"])
def test_any_broker_that_speaks_either_mqtt_will_do(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an access list: what keeps stations apart is the envelope."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        centre = Office(tmp_path / "centre", broker=f"mqtt://127.0.0.1:{port}", protocol=4 if kind[-1] == "4" else 5)
        if kind == "rumqttd":
            start_rumqttd(centre, port, stack, monkeypatch)
        else:
            stack.enter_context(mosquitto(tmp_path, port))()
        stack.callback(centre.stop)
        centre.start()
        enrolled = centre.enrol("yuan-1", tmp_path / "file")
        assert (enrolled.broker_url, enrolled.certificate) == (f"mqtt://127.0.0.1:{port}", "")
        station = stack.enter_context(box(tmp_path / "station", tmp_path / "file"))
        wait_until(station.connected, 30, "the station is connected")
        wait_until(lambda: bool(station_status(centre, "yuan-1").get("heartbeat")), 20, "the station is heard")
        station.scanner.show("71000099")
        wait_until(lambda: centre.rows("SELECT 1 FROM swipes") != [], 10, "its swipe is stored")
        order = {"act": "open", "target": "gate"}
        station.shut.wait(5)
        station.opened.clear()
        assert centre.ask("POST", "/stations/yuan-1/commands", order)[0] == 202
        assert station.opened.wait(10)
