"""A station's uplink on a real broker, and the centre's end of it made of the same wire and keys."""

import queue
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gateway import wire
from gateway.bundle import Roster
from gateway.bus import Bus, Message, Will
from gateway.station.recorder import Settled
from gateway.station.spool import Spool
from gateway.station.spool_reader import SpoolReader
from gateway.station.uplink import Uplink
from gateway.wire import Ack, Hello, Lost, RosterPart, StationTopics, Status, StreamAck, SwipeRecord, Swipes
from tests.brokers import Broker, Client, client
from tests.gateway import rosters
from tests.gateway.station.spools import swipe
from tests.waiting import until

KINDS: dict[str, type[Any]] = {"hello": Hello, "swipe": Swipes, "swipes": Swipes, "lost": Lost, "status": Status}
T = TypeVar("T")


class Clock:
    """Monotonic seconds that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Centre:
    """What a centre sees of one station, and what it can say to it."""

    wire: Client
    epoch: str = "c" * 16
    heard: list[tuple[str, Any]] = field(default_factory=list)
    topics: StationTopics = field(default_factory=lambda: StationTopics(rosters.COMMUNITY, rosters.STATION))

    def read(self) -> list[tuple[str, Any]]:
        """All that has come, opened: (leaf, payload), without the heartbeats."""
        keys = rosters.enrolled().keys.up()
        while True:
            try:
                message = self.wire.messages.get_nowait()
            except queue.Empty:
                return self.heard
            leaf = message.topic.rsplit("/", 1)[-1]
            if leaf != "status":
                plain = keys.unwrap(message.topic, message.payload)
                self.heard.append((leaf, wire.decode(plain, KINDS[leaf])))

    def next(self, *leaves: str) -> Any:
        """The next payload on one of these topics; what came before it is passed over."""

        def look() -> Any:
            for i, (leaf, payload) in enumerate(self.read()):
                if leaf in leaves:
                    del self.heard[: i + 1]
                    return payload
            return None

        return until(look, what=f"a message on {leaves}")

    def nothing_more(self, *leaves: str) -> bool:
        """Whether no such message has come, after all that was on its way to us has."""
        probe = self.wire.bus.publish("xq/v1/s/0/yuan/probe", b"")
        until(lambda: probe in self.wire.published)
        return not [leaf for leaf, _ in self.read() if leaf in leaves]

    def say(self, leaf: str, plain: bytes) -> None:
        topic = self.topics(leaf)
        self.wire.bus.publish(topic, rosters.enrolled().keys.down().wrap(topic, plain))

    def ack(self, *streams: tuple[Any, ...], roster: int = 0) -> None:
        """Acknowledge (epoch, upto, ranges) of each."""
        self.say("ack", wire.encode(Ack(self.epoch, roster, [StreamAck(*stream) for stream in streams])))

    def announce(self, state: str, *, retain: bool = False) -> None:
        said = wire.encode({"state": state, "epoch": self.epoch})
        until(lambda: self.wire.bus.publish(wire.CENTRE_STATUS, said, retain=retain))

    def roster(self, data: bytes, version: int, *, pieces: int = 3, skip: tuple[int, ...] = ()) -> None:
        size = -(-len(data) // pieces)
        for i in range(1, pieces + 1):
            if i not in skip:
                part = RosterPart(version, i, pieces, data[(i - 1) * size : i * size])
                self.say("roster", wire.encode(part))


@dataclass
class Line:
    """The station's end."""

    uplink: Uplink
    bus: Bus
    spool: Spool
    clock: Clock
    settled: list[Settled]
    rosters: list[Roster]
    came: "queue.Queue[Message]"
    reader: SpoolReader
    unreadable: list[tuple[str, int]]
    refused: list[tuple[str, str]]

    def record(self, *seqs: int, **over: Any) -> list[SwipeRecord]:
        swipes = [swipe(seq, **over) for seq in seqs]
        self.spool.record([(one, False) for one in swipes])
        return swipes

    def pass_by(self, *seqs: int) -> None:
        """Swipes that are committed now, as the recorder tells it."""
        self.uplink.fresh(self.record(*seqs))

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds


@contextmanager
def centre_on(broker: Broker) -> Iterator[Centre]:
    with client(broker.account("centre"), wire.FROM_STATIONS) as one:
        probe = until(lambda: one.bus.publish("xq/v1/s/0/yuan/probe", b""))
        until(lambda: probe in one.published, what="a subscription that stands")
        yield Centre(one)


@contextmanager
def line(broker: Broker, path: Path, *, start: bool = True, roster: Roster | None = None) -> Iterator[Line]:
    clock, settled, used, unreadable = Clock(), [], [], []
    came: queue.Queue[Message] = queue.Queue()
    refused: list[tuple[str, str]] = []
    enrolled = rosters.enrolled(broker.url)
    with closing(Spool(path)) as spool, closing(spool.reader()) as reader:
        uplink = Uplink(
            enrolled,
            reader,
            spool.epoch,
            roster=roster,
            unreadable=unreadable.extend,
            use_roster=lambda came: used.append(came.roster),
            settled=settled.append,
            status=lambda beat, depth: Status("online", spool.epoch, beat, 0, spool_depth=depth),
            refused=lambda leaf, why: refused.append((leaf, why)),
            clock=clock,
        )

        def take(message: Message) -> None:
            came.put(message)
            uplink.message(message)

        account = broker.account(rosters.STATION, client_id=f"{rosters.STATION}-{spool.epoch}")
        bus = Bus(account, uplink.topics(), on_message=take, on_up=uplink.up, will=Will(*uplink.will()))
        stop = threading.Event()
        thread = threading.Thread(target=uplink.run, args=(bus, stop), name="uplink")
        thread.start()
        if start:
            bus.start()
        try:
            yield Line(uplink, bus, spool, clock, settled, used, came, reader, unreadable, refused)
        finally:
            stop.set()
            thread.join()
            bus.close(uplink.farewell())
