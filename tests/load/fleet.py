"""Hundreds of stations on one thread: each sends live swipes, and keeps and resends what is not acknowledged.

They speak the bus by `gateway.wire` and `gateway.keys`; what they keep is in memory. Times are monotonic seconds.
"""

import random
import secrets
import selectors
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import msgspec
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from gateway import wire
from gateway.bus import KEEPALIVE_S, pause
from gateway.keys import Envelope, StationKeys
from gateway.wire import Held, Hello, StationTopics, Status, SwipeRecord, Swipes

RESEND_S = 10.0
HEARTBEAT_S = 5.0
BATCH = 250
"""Swipes in one message of backlog: what fits 64 kB."""
PORTALS = ("east", "south", "west", "north")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who passes: by their token, and what the roster says of them."""

    token: bytes
    flags: tuple[str, ...] = ()
    known: bool = True


@dataclass(slots=True, eq=False)
class SimulatedStation:
    """One station. `ledger` is every swipe that the centre has not acknowledged, with when it was made."""

    name: str
    community: str
    keys: StationKeys
    people: list[Person]
    epoch: str = field(default_factory=lambda: secrets.token_hex(8))
    client: Client | None = None
    seq: int = 0
    ledger: dict[int, tuple[float, SwipeRecord]] = field(default_factory=dict)
    under_way: set[int] = field(default_factory=set)
    batch: set[int] = field(default_factory=set)
    batch_sent: float = 0.0
    line: Any = None
    connected: bool = False
    due: float = 0.0
    tries: int = 0
    beats: int = 0
    next_beat: float = 0.0
    topics: StationTopics = field(init=False)
    up: Envelope = field(init=False)
    down: Envelope = field(init=False)

    def __post_init__(self) -> None:
        self.topics = StationTopics(self.community, self.name)
        self.up, self.down = self.keys.up(), self.keys.down()

    def say(self, leaf: str, payload: Any, *, retain: bool = False) -> bool:
        if self.client is None or not self.connected:
            return False
        topic = self.topics(leaf)
        sent = self.client.publish(topic, self.up.wrap(topic, wire.encode(payload)), qos=1, retain=retain)
        return sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def hello(self) -> None:
        self.under_way.clear()
        self.batch.clear()
        held = [Held(self.epoch, 1, self.seq)] if self.seq else []
        self.say("hello", Hello(self.epoch, None, held, 0, wire.SOFTWARE))

    def swipe(self, chance: random.Random, now: float) -> None:
        """Somebody passes."""
        self.seq += 1
        person = chance.choice(self.people)
        portal = chance.choice(PORTALS)
        record = SwipeRecord(
            seq=self.seq,
            at=int(time.time() * 1000),
            mono=int(now * 1000),
            portal=portal,
            reader=f"{portal}-in",
            direction="in",
            verdict="grant" if person.known else "attend",
            reasons=["enrolled" if person.known else "unknown_credential"],
            kind="citizen-id",
            token=person.token,
            key=1,
            flags=list(person.flags),
            roster=1,
            policy=1,
        )
        self.ledger[self.seq] = now, record
        if self.say("swipe", Swipes(self.epoch, [record])):
            self.under_way.add(self.seq)

    def settled(self, ack: wire.Ack, now: float, latencies: list[float]) -> None:
        for stream in ack.streams:
            if stream.epoch != self.epoch:
                continue
            done = [
                seq
                for seq in self.ledger
                if seq <= stream.upto or any(first <= seq <= last for first, last in stream.ranges)
            ]
            for seq in done:
                made, _ = self.ledger.pop(seq)
                if seq in self.under_way:
                    latencies.append(now - made)
                self.under_way.discard(seq)
                self.batch.discard(seq)
        self.catch_up(now)

    def catch_up(self, now: float) -> None:
        """Send the oldest of what is not under way, one message at a time."""
        if self.batch and now - self.batch_sent < RESEND_S:
            return
        waiting = [seq for seq in self.ledger if seq not in self.under_way][:BATCH]
        if waiting and self.say("swipes", Swipes(self.epoch, [self.ledger[seq][1] for seq in waiting])):
            self.batch, self.batch_sent = set(waiting), now


class Fleet:
    """All stations over one selector. `step` does what is due; call it again and again."""

    def __init__(self, stations: list[SimulatedStation], port: int, seed: int = 0) -> None:
        self.stations = stations
        self.latencies: list[float] = []
        self.connections: deque[float] = deque(maxlen=100_000)
        """When a station was connected."""
        self.refused = 0
        self._port = port
        self._chance = random.Random(seed)
        self._selector = selectors.DefaultSelector()
        self._next_swipe = 0.0
        self._next_look = 0.0

    @property
    def connected(self) -> int:
        return sum(station.connected for station in self.stations)

    @property
    def unsettled(self) -> int:
        return sum(len(station.ledger) for station in self.stations)

    def step(self, rate: float) -> None:
        """Swipes at `rate` a second over all stations, and whatever the connections ask for."""
        now = time.monotonic()
        self._next_swipe = max(self._next_swipe, now - 1.0)
        while rate and self._next_swipe <= now:
            self._chance.choice(self.stations).swipe(self._chance, now)
            self._next_swipe += 1.0 / rate
        if now >= self._next_look:
            self._next_look = now + 0.05
            for station in self.stations:
                self._tend(station, now)
        for key, events in self._selector.select(0.002):
            station = key.data
            client = station.client
            if client is None or station.line is not key.fileobj:
                continue
            code = client.loop_read() if events & selectors.EVENT_READ else MQTTErrorCode.MQTT_ERR_SUCCESS
            if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._lost(station, now)
        self._flush()

    def close(self) -> None:
        for station in self.stations:
            self._drop(station)
        self._selector.close()

    def _flush(self) -> None:
        for station in self.stations:
            client = station.client
            if client is not None and client.want_write():
                client.loop_write()

    def _tend(self, station: SimulatedStation, now: float) -> None:
        if station.client is None:
            if now >= station.due:
                self._connect(station, now)
            return
        if station.client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._lost(station, now)
            return
        if station.connected and now >= station.next_beat:
            station.next_beat = now + HEARTBEAT_S
            station.beats += 1
            said = Status("online", station.epoch, station.beats, int(time.time() * 1000), version=wire.SOFTWARE)
            station.say("status", said, retain=True)
            station.under_way -= {s for s in station.under_way if now - station.ledger[s][0] > RESEND_S}
            station.catch_up(now)

    def _connect(self, station: SimulatedStation, now: float) -> None:
        client = Client(
            CallbackAPIVersion.VERSION2,
            f"{station.name}-{station.epoch}",
            protocol=MQTTv5,
            reconnect_on_failure=False,
            userdata=station,
        )
        client.username_pw_set(station.name, station.keys.broker_password())
        client.max_inflight_messages_set(0)
        client.on_connect = self._connected
        client.on_message = self._received
        client.on_publish = lambda _c, _u, _mid, code, _p: self._published(code)
        try:
            client.connect("127.0.0.1", self._port, KEEPALIVE_S, clean_start=True)
        except OSError:
            self._again(station, now)
            return
        station.client, station.line = client, client.socket()
        self._selector.register(station.line, selectors.EVENT_READ, station)

    def _connected(self, client: Client, station: SimulatedStation, _flags: object, code: Any, _p: object) -> None:
        if code.is_failure:
            self.refused += 1
            return
        client.subscribe([(station.topics(leaf), 1) for leaf in wire.TO_STATION])
        station.connected, station.tries, station.next_beat = True, 0, 0.0
        self.connections.append(time.monotonic())
        station.hello()

    def _received(self, _client: Client, station: SimulatedStation, message: MQTTMessage) -> None:
        if message.topic.endswith("/ack"):
            plain = station.down.unwrap(message.topic, message.payload)
            station.settled(msgspec.json.decode(plain, type=wire.Ack), time.monotonic(), self.latencies)

    def _published(self, code: Any) -> None:
        self.refused += bool(getattr(code, "is_failure", False))

    def _lost(self, station: SimulatedStation, now: float) -> None:
        self._drop(station)
        self._again(station, now)

    def _again(self, station: SimulatedStation, now: float) -> None:
        station.due = now + pause(station.tries, self._chance.random())
        station.tries += 1

    def _drop(self, station: SimulatedStation) -> None:
        if station.client is not None:
            self._selector.unregister(station.line)
            station.line.close()
        station.client, station.line, station.connected = None, None, False
