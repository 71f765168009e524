"""`gateway bus tail`: what passes is opened for whoever holds the key, and nothing that passes can end it."""

import contextlib
import json
from pathlib import Path

import pytest

from gateway import wire
from gateway.settings import Broker, Settings
from gateway.store.database import Database
from gateway.store.queries import streams
from gateway.tail import tail
from gateway.wire import Lost, StationTopics
from tests.brokers import WORDS, client, running
from tests.gateway import rosters
from tests.waiting import until


@pytest.mark.real("mosquitto")
def test_messages_are_opened_and_what_is_foreign_is_said_to_be(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, broker=Broker())
    database = Database(settings.database)
    database.migrate()
    with database.write() as connection:
        row = {"id": "yuan", "name": "苑", "street": "街道", "police_station": "jiangwan", "portals": ["east"]}
        streams.put_communities(connection, [row])
        streams.put_station(connection, rosters.STATION, "yuan", 1, 0)
    database.close()
    topic = StationTopics("yuan", rosters.STATION)("lost")
    sealed = rosters.enrolled().keys.up().wrap(topic, wire.encode(Lost("0" * 16, [(1, 2)], "spool_full")))
    strange = [b"forged", b"[" * 100_000, b"\xff", b""]
    with running(tmp_path / "broker") as broker, client(broker.account("centre")) as sender:
        lines = tail(settings, rosters.MASTER, broker.url, WORDS["centre"])
        with contextlib.closing(lines):
            until(lambda: sender.bus.publish(wire.CENTRE_STATUS, b"known", retain=True))
            first = json.loads(next(lines))
            for payload in strange:
                sender.bus.publish(topic, payload)
                sender.bus.publish(wire.CENTRE_STATUS, payload)
            sender.bus.publish(topic, sealed)
            while (said := json.loads(next(lines))).get("payload") is None:
                assert said["topic"] in {topic, wire.CENTRE_STATUS}
    assert (first["topic"], first["retained"]) == (wire.CENTRE_STATUS, True)
    assert said == {
        "topic": topic,
        "retained": False,
        "size": len(sealed),
        "payload": {"epoch": "0" * 16, "ranges": [[1, 2]], "reason": "spool_full"},
    }
