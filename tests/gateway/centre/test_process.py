"""The centre as it runs, with a real broker: swipes come in, slips go out, and both outlive the broker."""

import contextlib
import json
import queue
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import enrolling, wire
from gateway.broker import Accounts, StationAccount, police_account
from gateway.bus import Message
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.queries import streams
from gateway.wire import Hello, StationTopics, Swipes
from tests import brokers
from tests.brokers import Broker, Client
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.office import (
    EPOCH,
    MASTER,
    OTHER,
    OTHER_POLICE,
    OTHER_STATION,
    POLICE,
    STATION,
    TODAY,
    YUAN,
    moment,
    number,
    stranger,
    swipe,
    tenant,
)
from tests.waiting import until

pytestmark = pytest.mark.real("mosquitto")
A, B = number(1), number(2)
NAME, ROOM = "测试甲", "501室"
SIBLING = "test-yuan-2"
ACCOUNTS = Accounts(
    MASTER.broker_password("centre"),
    tuple(
        StationAccount(name, place, MASTER.station(name, 1).broker_password())
        for name, place in ((STATION, YUAN), (SIBLING, YUAN), (OTHER_STATION, OTHER))
    ),
    {name: MASTER.broker_password(police_account(name)) for name in (POLICE, OTHER_POLICE)},
)
TOPICS = StationTopics(YUAN, STATION)
ALERTS = [wire.alert_topic(POLICE, "+")]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with brokers.running(tmp_path / "broker", ACCOUNTS) as one:
        yield one


def police(broker: Broker, name: str = "police") -> contextlib.AbstractContextManager[Client]:
    return brokers.client(broker.account(police_account(POLICE), client_id=name), ALERTS)


def at_gate(broker: Broker, *topics: str) -> contextlib.AbstractContextManager[Client]:
    return brokers.client(broker.account(STATION), topics or [TOPICS("ack"), TOPICS("roster")])


def say(station: Client, leaf: str, what: Any) -> None:
    topic = TOPICS(leaf)
    until(lambda: station.bus.connected)
    assert station.bus.publish(topic, MASTER.station(STATION, 1).up().wrap(topic, wire.encode(what))) is not None


def heard(client: Client, within: float = 8.0) -> Message:
    return client.messages.get(timeout=within)


def state(message: Message) -> str:
    return str(json.loads(message.payload)["state"]) if message.payload else "cleared"


def opened(centre: Centre) -> bool:
    return centre.ask("GET", "/healthz", None).status == 200


def send_slip(centre: Centre) -> str:
    """Have somebody enrolled, visited and sent to the police."""
    person = {"kind": "citizen-id", "number": A, "name": NAME, "since": (TODAY - timedelta(days=30)).isoformat()}
    rows = [person | {"building": "3栋", "room": ROOM}]
    here = f"/api/v1/communities/{YUAN}"
    assert centre.ask("PUT", f"{here}/enrolments", "property-here", {"rows": rows}).status == 200
    register = {"as_of": TODAY.isoformat(), "complete": True, "rows": []}
    assert centre.ask("PUT", f"{here}/registrations", "administrator-here", register).status == 200
    (case,) = centre.ask("GET", "/api/v1/cases", "worker-here").json
    act = {"act": "assign", "revision": case["revision"], "to": "worker-here"}
    done = centre.ask("POST", f"/api/v1/cases/{case['id']}/acts", "reviewer-here", act)
    assert done.status == 200
    at = datetime.fromtimestamp(centre.clock[0], UTC).isoformat()
    visit = {"at": at, "met": False, "notice_left": True, "revision": done.json["revision"]}
    assert centre.ask("POST", f"/api/v1/cases/{case['id']}/visits", "worker-here", visit).status == 201
    (slip,) = centre.ask("GET", "/api/v1/alerts", "reviewer-here").json
    body = {"revision": slip["revision"]}
    assert centre.ask("POST", f"/api/v1/alerts/{slip['slip']}/send", "reviewer-here", body).status == 200
    return str(slip["slip"])


def metric(centre: Centre, name: str) -> float:
    lines = centre.ask("GET", "/metrics", None).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def test_a_slip_reaches_the_police_outlives_the_broker_and_goes_with_its_answer(tmp_path: Path, broker: Broker) -> None:
    with running(tmp_path, broker.url) as centre:
        until(lambda: opened(centre), what="the centre on the bus")
        with police(broker) as desk:
            until(lambda: desk.bus.connected)
            slip = send_slip(centre)
            first = heard(desk)
            assert (state(first), first.topic) == ("sent", wire.alert_topic(POLICE, slip))
            for secret in (A, NAME, ROOM, "3栋", A[6:14]):
                assert secret.encode() not in first.payload
            until(lambda: metric(centre, "gateway_alerts_delivered_total") == 1)
        with police(broker, "later") as desk:
            assert (heard(desk).retained, desk.messages.empty()) == (True, True)
        broker.kill()
        until(lambda: not opened(centre))
        broker.start()
        until(lambda: opened(centre), what="the centre on the bus again")
        with police(broker, "after") as desk:
            assert state(heard(desk)) == "sent", "a broker that forgot is told again"
            answer = wire.Answer(slip, "handled", "示例民警", "HZ-1")
            assert desk.bus.publish(wire.answer_topic(POLICE), wire.encode(answer)) is not None
            said = [state(heard(desk))]
            while said[-1] != "cleared":
                said.append(state(heard(desk)))
            assert said[-2:] == ["closed", "cleared"]
        until(lambda: all(row is not None for row in delivered(centre)))
        with police(broker, "last") as desk:
            until(lambda: desk.bus.connected)
            with pytest.raises(queue.Empty):
                heard(desk, within=0.3)
        assert metric(centre, "gateway_alerts_delivered_total") == 1, "counted once, however often it was said"
        assert metric(centre, "gateway_cases_closed_total") == 1
        assert centre.ask("GET", "/api/v1/cases", "worker-here").json == []


def delivered(centre: Centre) -> list[int | None]:
    with centre.database().read() as connection:
        return [row.delivered for row in connection.execute(t.outbox.select())]


def test_a_station_is_greeted_with_ack_and_roster_and_its_swipes_are_stored_once(
    tmp_path: Path, broker: Broker
) -> None:
    with running(tmp_path, broker.url) as centre, at_gate(broker) as gate:
        until(lambda: opened(centre))
        say(gate, "hello", Hello(EPOCH, None, [], 0, "0.1.0"))
        records = [swipe(seq, None, moment(20)) for seq in (1, 2, 3)]
        for _ in range(2):
            say(gate, "swipes", Swipes(EPOCH, records))
        down = MASTER.station(STATION, 1).down()
        seen: dict[str, Any] = {}
        while seen.get("ack") != 3 or "roster" not in seen:
            message = heard(gate)
            leaf = message.topic.rsplit("/", 1)[1]
            plain = down.unwrap(message.topic, message.payload)
            if leaf == "roster":
                seen["roster"] = wire.decode(plain, wire.RosterPart).version
            else:
                seen["ack"] = wire.decode(plain, wire.Ack).streams[0].upto
        assert seen["roster"] > 0
        assert metric(centre, "gateway_swipes_stored_total") == 3


def test_a_box_that_is_cut_off_gets_no_roster_and_no_key_any_more(tmp_path: Path, broker: Broker) -> None:
    """Its broker may not have shut it out yet, and the centre has just believed it."""
    theirs, down = StationTopics(YUAN, SIBLING)("roster"), MASTER.station(SIBLING, 1).down()
    with (
        running(tmp_path, broker.url) as centre,
        at_gate(broker, TOPICS("roster")) as gate,
        brokers.client(broker.account(SIBLING), [theirs]) as sibling,
        brokers.client(broker.account("centre", client_id="marker")) as marker,
    ):
        until(lambda: opened(centre) and sibling.bus.connected and marker.bus.connected)
        with centre.database().write() as connection:
            streams.put_station(connection, SIBLING, YUAN, 1, 0)
        say(gate, "hello", Hello(EPOCH, None, [], 0, "0.1.0"))
        heard(gate, 30)
        enrolling.revoke(centre.database(), MASTER, STATION, "test")
        part = wire.decode(down.unwrap(theirs, heard(sibling, 30).payload), wire.RosterPart)
        assert [key.number for key in part.keys] == [2, 1]
        end, own = b"all that there was", MASTER.station(STATION, 1).down()
        assert marker.bus.publish(TOPICS("roster"), end) is not None
        came = [own.unwrap(TOPICS("roster"), one) for one in iter(lambda: heard(gate, 30).payload, end)]
        assert part.version not in {wire.decode(one, wire.RosterPart).version for one in came}


def test_what_passes_on_the_bus_is_shown_in_plain_to_whoever_has_the_key(tmp_path: Path, broker: Broker) -> None:
    with running(tmp_path, broker.url) as centre, at_gate(broker) as gate:
        until(lambda: opened(centre))
        command = [sys.executable, "-m", "gateway", "bus", "tail", "--config", str(tmp_path / "gateway.toml")]
        tail = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert tail.stdout is not None
            first = json.loads(tail.stdout.readline())
            assert (first["topic"], first["payload"]["state"]) == (wire.CENTRE_STATUS, "online")
            say(gate, "hello", Hello(EPOCH, None, [], 5, "0.1.0"))
            shown = json.loads(tail.stdout.readline())
            assert shown["topic"] == TOPICS("hello")
            assert (shown["payload"]["epoch"], shown["payload"]["roster"]) == (EPOCH, 5)
        finally:
            tail.terminate()
            tail.communicate(timeout=10)


def test_a_centre_that_starts_again_goes_on_where_it_was(tmp_path: Path, broker: Broker) -> None:
    with running(tmp_path, broker.url) as centre:
        until(lambda: opened(centre))
        slip = send_slip(centre)
        epoch = centre.process._epoch
        until(lambda: all(row is not None for row in delivered(centre)))
    with running(tmp_path, broker.url) as centre, police(broker) as desk:
        assert centre.process._epoch == epoch
        assert state(heard(desk)) == "sent"
        (found,) = centre.ask("GET", "/api/v1/alerts", "police-here").json
        assert found["slip"] == slip


def test_nothing_that_names_a_person_rests_in_the_files_or_the_log(
    tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with running(tmp_path, broker.url) as centre, at_gate(broker) as gate:
        until(lambda: opened(centre))
        slip = send_slip(centre)
        say(gate, "swipes", Swipes(EPOCH, tenant(A) + stranger(B, first=11)))
        say(gate, "swipe", Swipes(EPOCH, [swipe(30, None, moment(20))]))
        until(lambda: metric(centre, "gateway_swipes_stored_total") == 9)
        assert centre.ask("GET", f"/api/v1/alerts/{slip}", "police-here").json["number"] == A
        bad = {"rows": [{"kind": "citizen-id", "number": A, "name": NAME, "since": "never"}]}
        path = f"/api/v1/communities/{YUAN}/enrolments"
        assert centre.ask("PUT", path, "property-here", bad).status == 422
        database = Database(centre.settings.database)
        with database.read() as connection:
            assert connection.execute(t.persons.select()).first() is not None
        rest = b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir() if file.is_file())
        database.close()
    assert b"SQLite format 3" in rest
    rest += caplog.text.encode()
    for secret in (A, B, A[6:17], NAME):
        assert secret.encode() not in rest
        assert secret.encode("utf-16-le") not in rest


def test_nobody_learns_from_the_bus_under_which_name_the_centre_is_connected(broker: Broker, tmp_path: Path) -> None:
    seen = set()
    for _ in range(2):
        with running(tmp_path, broker.url) as centre, at_gate(broker, wire.CENTRE_STATUS) as station:
            said = json.loads(station.messages.get(timeout=5).payload)
            name = centre.process._bus._account.client_id
            assert said["epoch"] == centre.process._epoch
            assert not any(str(word) in name for word in said.values())
            seen.add(name)
    assert len(seen) == 2, "whoever takes it over once cannot do so again"
