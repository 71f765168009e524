"""The uplink: hello, live swipes, backlog, acknowledgements, roster and heartbeat, on one thread over one connection.

Live swipes go out at once. What the centre has not settled is sent again, oldest first, one message of backlog at a
time, so that a backlog never delays the present. The spool alone knows what is still to be sent.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway import wire
from gateway.bundle import Roster, unpack
from gateway.bus import Bus, Message
from gateway.keys import Enrolled, Envelope, NotAuthentic
from gateway.station.cover import Cover
from gateway.station.recorder import Settled
from gateway.station.spool import EpochInfo, SpoolReader
from gateway.wire import Ack, Hello, Lost, Malformed, RosterPart, StationTopics, Status, SwipeRecord, Swipes

log = logging.getLogger(__name__)

RESEND_S = 10.0
"""What is not acknowledged after so long is sent again."""
HEARTBEAT_S = 5.0
_CHUNK = 400
_OVERHEAD = 256


@dataclass(frozen=True, slots=True)
class _Up:
    """The connection stands."""


@dataclass(frozen=True, slots=True)
class _Fresh:
    swipes: list[SwipeRecord]


@dataclass(frozen=True, slots=True)
class _LostSome:
    """The recorder has declared something lost."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """The message of backlog that is under way."""

    epoch: str
    seqs: tuple[int, ...]
    sent: float


class Uplink:
    """Run `run` on a thread of its own, with a `Bus` whose callbacks are `up`, `message`; `fresh` from the recorder."""

    def __init__(
        self,
        enrolled: Enrolled,
        spool: SpoolReader,
        epoch: str,
        *,
        roster: Roster | None,
        use_roster: Callable[[Roster, bytes], None],
        settled: Callable[[Settled], None],
        status: Callable[[int, int], Status],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._enrolled = enrolled
        self._topics = StationTopics(enrolled.community, enrolled.station)
        self._send_key: Envelope = enrolled.keys.up()
        self._receive_key: Envelope = enrolled.keys.down()
        self._spool = spool
        self._epoch = epoch
        self._use_roster = use_roster
        self._settled = settled
        self._status = status
        self._clock = clock
        self._inbox: queue.Queue[_Up | _Fresh | _LostSome | Message] = queue.Queue()
        self._bus: Bus | None = None
        self._covers = {info.epoch: info.cover for info in spool.epochs()}
        self._centre_epoch = spool.centre_epoch()
        self._live: dict[int, float] = {}
        self._batch: _Batch | None = None
        self._behind = False
        self._greeted = False
        self._roster_version = roster.header.version if roster is not None else 0
        self._parts: dict[int, bytes] = {}
        self._parts_of = (0, 0)
        self._beats = 0
        self._next_beat = 0.0
        self.depth = 0
        """Swipes that the centre has not settled, as of the last look."""
        self.centre_heard: float | None = None
        """Monotonic seconds at which the centre last acknowledged something."""
        self.roster_checked: float | None = None
        """Monotonic seconds at which the centre last said that our roster is the newest."""

    def topics(self) -> list[str]:
        return [self._topics(leaf) for leaf in wire.TO_STATION]

    def up(self) -> None:
        self._inbox.put(_Up())

    def message(self, message: Message) -> None:
        self._inbox.put(message)

    def fresh(self, swipes: list[SwipeRecord]) -> None:
        """Swipes of this epoch that have just been committed."""
        self._inbox.put(_Fresh(swipes))

    def lost(self) -> None:
        self._inbox.put(_LostSome())

    def farewell(self) -> tuple[str, bytes]:
        """The last retained word of a station that stops."""
        return self._topics("status"), self._wrap("status", wire.encode(Status("stopped", self._epoch, 0, _now())))

    def will(self) -> tuple[str, bytes]:
        """What the broker is to say when the station is gone without a word."""
        return self._topics("status"), self._wrap("status", wire.encode(Status("lost", self._epoch, 0, _now())))

    def run(self, bus: Bus, stop: threading.Event) -> None:
        self._bus = bus
        self.depth = self._spool.unsettled(self._covers)
        while not stop.is_set():
            try:
                self._turn()
            except Exception:  # a bug in one message must not end the connection to the centre
                log.exception("the uplink failed on one message")

    def _turn(self) -> None:
        try:
            self._take(self._inbox.get(timeout=0.2))
            while True:
                self._take(self._inbox.get_nowait())
        except queue.Empty:
            pass
        self._tick()

    def _take(self, item: _Up | _Fresh | _LostSome | Message) -> None:
        match item:
            case _Up():
                self._greet()
            case _Fresh(swipes):
                self._send_live(swipes)
            case _LostSome():
                self._tell_lost()
            case Message():
                self._receive(item)
                item.settle()

    def _greet(self) -> None:
        self._live.clear()
        self._batch = None
        self._behind = False
        self._greeted = True
        self._next_beat = 0.0
        hello = Hello(
            self._epoch, self._spool.previous(), self._spool.held()[-4096:], self._roster_version, wire.SOFTWARE
        )
        self._publish("hello", wire.encode(hello))
        self._tell_lost()

    def _send_live(self, swipes: list[SwipeRecord]) -> None:
        now = self._clock()
        if self._publish("swipe", wire.encode(Swipes(self._epoch, swipes))):
            self._live.update({swipe.seq: now for swipe in swipes})
        else:
            self._behind = True
        self.depth += len(swipes)

    def _tell_lost(self) -> None:
        for epoch, first, last, reason in self._spool.lost():
            if not self._cover(epoch).holds(last):
                self._publish("lost", wire.encode(Lost(epoch, [(first, last)], reason)))

    def _receive(self, message: Message) -> None:
        leaf = message.topic.rsplit("/", 1)[-1]
        try:
            plain = self._receive_key.unwrap(message.topic, message.payload)
            if leaf == "ack":
                self._acknowledged(wire.decode(plain, Ack))
            elif leaf == "roster":
                self._roster_part(wire.decode(plain, RosterPart))
        except (NotAuthentic, Malformed) as error:
            log.warning("a message on …/%s was refused: %s", leaf, error)

    def _acknowledged(self, ack: Ack) -> None:
        self.centre_heard = self._clock()
        if ack.roster == self._roster_version:
            self.roster_checked = self._clock()
        if ack.centre_epoch != self._centre_epoch:
            if self._centre_epoch:
                log.warning("the centre has a new epoch: what it does not know is sent again")
            self._centre_epoch = ack.centre_epoch
            self._covers = {}
        for stream in ack.streams:
            self._covers[stream.epoch] = self._cover(stream.epoch).merged(stream)
        own = self._cover(self._epoch)
        self._live = {seq: sent for seq, sent in self._live.items() if not own.holds(seq)}
        if self._batch is not None and all(self._cover(self._batch.epoch).holds(seq) for seq in self._batch.seqs):
            self._batch = None
        self._settled(Settled(ack.centre_epoch, dict(self._covers)))
        self.depth = self._spool.unsettled(self._covers)
        self._behind = self.depth > len(self._live)
        self._send_backlog()

    def _send_backlog(self) -> None:
        """Send the oldest unsettled swipes that are not under way already, when nothing of the backlog is."""
        if self._batch is not None or not self._greeted or not self._behind:
            return
        for info in self._spool.epochs():
            cover = self._cover(info.epoch)
            if info.last <= cover.upto:
                continue
            if chunk := self._next_chunk(info, cover):
                if self._publish("swipes", wire.encode(Swipes(info.epoch, chunk))):
                    self._batch = _Batch(info.epoch, tuple(s.seq for s in chunk), self._clock())
                return
        self._behind = False

    def _next_chunk(self, info: EpochInfo, cover: Cover) -> list[SwipeRecord]:
        live = self._live if info.epoch == self._epoch else {}
        chunk: list[SwipeRecord] = []
        size, after = _OVERHEAD, cover.upto
        while rows := self._spool.swipes(info.no, after, _CHUNK):
            for swipe in rows:
                after = swipe.seq
                if cover.holds(swipe.seq) or swipe.seq in live:
                    continue
                size += len(wire.encode(swipe)) + 1
                if size > wire.MAX_BACKLOG or len(chunk) >= wire.MAX_SWIPES:
                    return chunk
                chunk.append(swipe)
        return chunk

    def _roster_part(self, part: RosterPart) -> None:
        if part.version <= self._roster_version or part.part > part.parts:
            return
        if self._parts_of != (part.version, part.parts):
            self._parts_of, self._parts = (part.version, part.parts), {}
        self._parts[part.part] = part.data
        if len(self._parts) < part.parts:
            return
        data = b"".join(self._parts[i] for i in range(1, part.parts + 1))
        self._parts_of, self._parts = (0, 0), {}
        roster = unpack(data, self._enrolled.roster_public, self._enrolled.community)
        if roster.header.version <= self._roster_version:
            raise NotAuthentic("a roster that is not newer than ours")
        self._roster_version = roster.header.version
        self.roster_checked = self._clock()
        self._use_roster(roster, data)
        log.info("roster %d with %d rows is in use", roster.header.version, len(roster))

    def _tick(self) -> None:
        now = self._clock()
        if self._batch is not None and now - self._batch.sent > RESEND_S:
            self._batch = None
            self._behind = True
        if self._live and now - next(iter(self._live.values())) > RESEND_S:
            self._live = {seq: sent for seq, sent in self._live.items() if now - sent <= RESEND_S}
            self._behind = True
        self._send_backlog()
        if now >= self._next_beat and self._bus is not None and self._bus.connected:
            self._next_beat = now + HEARTBEAT_S
            self._beats += 1
            status = self._status(self._beats, self.depth)
            self._publish("status", wire.encode(status), retain=True)

    def _cover(self, epoch: str) -> Cover:
        return self._covers.get(epoch, Cover())

    def _wrap(self, leaf: str, plain: bytes) -> bytes:
        return self._send_key.wrap(self._topics(leaf), plain)

    def _publish(self, leaf: str, plain: bytes, *, retain: bool = False) -> bool:
        if self._bus is None or not self._greeted:
            return False
        return self._bus.publish(self._topics(leaf), self._wrap(leaf, plain), retain=retain) is not None


def _now() -> int:
    return int(time.time() * 1000)
