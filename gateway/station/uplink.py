"""The uplink: hello, live swipes, backlog, acknowledgements, roster and heartbeat, on one thread over one connection.

Live swipes go out at once. What the centre has not settled is sent again, oldest first, one message of backlog at a
time, so that a backlog never delays the present. The spool alone knows what is still to be sent.
"""

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Literal

from gateway import points, wire
from gateway.bundle import Roster
from gateway.bus import Bus, Message
from gateway.keys import Enrolled, Envelope, NotAuthentic
from gateway.points import Point
from gateway.ranges import Range
from gateway.station import backlog, losses
from gateway.station.assembly import Incoming, Whole
from gateway.station.cover import Cover
from gateway.station.inbox import Batch, Fresh, LostSome, Up
from gateway.station.plausible import Plausible
from gateway.station.recorder import Settled
from gateway.station.spool_reader import SpoolReader
from gateway.wire import (
    Ack,
    Announcement,
    Hello,
    Lost,
    Malformed,
    RosterPart,
    StationTopics,
    Status,
    SwipeRecord,
    Swipes,
)

log = logging.getLogger(__name__)

RESEND_S = 10.0
"""What is not acknowledged after so long is sent again."""
HEARTBEAT_S = 5.0
HELLO_EVERY_S = 1.0
"""Whatever makes us say hello again on one connection, it is not said more often."""
MAX_EPOCHS = 1024
"""Of the epochs in the spool, hello names the newest: 64 kB of them. The others come with the backlog."""


class Uplink:
    """Run `run` on a thread of its own, with a `Bus` whose callbacks are `up`, `message`; `fresh` from the recorder."""

    def __init__(
        self,
        enrolled: Enrolled,
        spool: SpoolReader,
        epoch: str,
        *,
        boot: str = "",
        roster: Roster | None,
        token_keys: Collection[int] = (),
        use_roster: Callable[[Whole], None],
        settled: Callable[[Settled], None],
        unreadable: Callable[[Sequence[tuple[str, int]]], None],
        status: Callable[[int, int], Status],
        refused: Callable[[str, str], None] = lambda _leaf, _why: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._enrolled = enrolled
        self._topics = StationTopics(enrolled.community, enrolled.station)
        self._send_key: Envelope = enrolled.keys.up()
        self._receive_key: Envelope = enrolled.keys.down()
        self._spool = spool
        self._epoch = epoch
        self._boot = boot
        self._unreadable = unreadable
        self._use_roster = use_roster
        self._settled = settled
        self._status = status
        self._refused = refused
        self._clock = clock
        self._plausible = Plausible(spool, refused, clock)
        self._inbox: queue.Queue[Up | Fresh | LostSome | Message] = queue.Queue()
        self._bus: Bus | None = None
        self._covers: dict[str, Cover] | None = None
        self._centre_epoch = ""
        self._live: dict[int, float] = {}
        self._batch: Batch | None = None
        self._behind = self._recount = False
        self._greeted_on = 0
        self._greet_at: float | None = None
        self._said_hello = 0.0
        self._lost_told: tuple[tuple[str, int] | None, float] = (None, 0.0)
        """Epoch and first seq of the losses told last, and when."""
        self._failing = ""
        self._incoming = Incoming(enrolled, roster, token_keys)
        self._roster_wanted: float | None = None
        """Since when a roster is waited for that the station lacks; without any it asks until it has one."""
        self.beats = 0
        """Heartbeats said in this epoch."""
        self._next_beat = 0.0
        self.depth = 0
        """Swipes that the centre has not settled, as of the last look."""
        self.centre_heard: float | None = None
        """Monotonic seconds at which the centre last acknowledged something."""
        self.centre_said: Literal["online", "stopped", "lost"] | None = None
        """What the centre last announced of itself, on this connection."""
        self.roster_checked: float | None = None
        """Monotonic seconds at which the centre last said that our roster is the newest."""

    def topics(self) -> list[str]:
        return [*(self._topics(leaf) for leaf in wire.TO_STATION), wire.CENTRE_STATUS]

    def greet(self) -> None:
        """Say hello again soon, so that the centre answers with what it has newer than we do."""
        self._inbox.put(Up(again=True))

    def up(self) -> None:
        self._inbox.put(Up())

    def message(self, message: Message) -> None:
        self._inbox.put(message)

    def fresh(self, swipes: list[SwipeRecord]) -> None:
        """Swipes of this epoch that have just been committed."""
        self._inbox.put(Fresh(swipes))

    def lost(self, unsettled: int = 0) -> None:
        """Something was declared lost, of which so many swipes were in the spool before."""
        self._inbox.put(LostSome(unsettled))

    def look_again(self) -> None:
        """The spool holds what we were not told of: salvaged swipes and losses."""
        self._inbox.put(LostSome(None))

    def farewell(self) -> tuple[str, bytes]:
        """The last retained word of a station that stops."""
        return self._topics("status"), self._wrap("status", wire.encode(Status("stopped", self._epoch, 0, _now())))

    def will(self) -> tuple[str, bytes]:
        """What the broker is to say when the station is gone without a word."""
        return self._topics("status"), self._wrap("status", wire.encode(Status("lost", self._epoch, 0, _now())))

    def run(self, bus: Bus, stop: threading.Event) -> None:
        self._bus = bus
        while not stop.is_set():
            try:
                self._turn()
            except sqlite3.Error as error:
                self._say_failing(f"the spool cannot be read: {error}")
                stop.wait(0.2)
            except Exception:  # a bug in one message must not end the connection to the centre
                log.exception("the uplink failed on one message")
                stop.wait(0.2)
            else:
                self._say_failing("")

    def _turn(self) -> None:
        self._load()
        try:
            self._take(self._inbox.get(timeout=0.2))
            while True:
                self._take(self._inbox.get_nowait())
        except queue.Empty:
            pass
        self._tick()

    def _load(self) -> None:
        """What was settled when this process began, as soon as the spool can be read."""
        if self._covers is None:
            known = {info.epoch: info.cover for info in self._spool.epochs()}
            self._centre_epoch, self.depth = self._spool.centre_epoch(), self._spool.unsettled(known)
            self._covers = known

    def _say_failing(self, why: str) -> None:
        if why != self._failing:
            log.log(logging.ERROR if why else logging.INFO, "%s", why or "the spool is read again")
        self._failing = why

    def _take(self, item: Up | Fresh | LostSome | Message) -> None:
        match item:
            case Up(again=True):
                self._greet_again()
            case Up():
                self._greet_at, self.centre_said = self._clock(), None
                self._greet_if_due()
            case Fresh(swipes):
                self._send_live(swipes)
            case LostSome(unsettled):
                self._recount = self._recount or unsettled is None
                self.depth = max(self.depth - (unsettled or 0), 0)
                self._count_again()
                self._tell_lost()
            case Message():
                try:
                    self._receive(item)
                finally:
                    item.settle()

    def _greet_if_due(self) -> None:
        """Say hello when it is due; it stays due until the spool could be read for it."""
        now = self._clock()
        connection = self._bus.connection if self._bus is not None else 0
        if self._greet_at is None or now < self._greet_at or not connection:
            return
        points.reached(Point.HELLO_DUE)
        held = self._spool.held()[-MAX_EPOCHS:]
        hello = Hello(self._epoch, self._spool.previous(), held, self._incoming.version, wire.SOFTWARE)
        self._live.clear()
        self._batch = None
        self._behind, self._recount = False, True
        self._greeted_on, self._greet_at, self._said_hello = connection, None, now
        self._next_beat = 0.0
        self._roster_wanted = None if self._incoming.version else now
        self._publish("hello", wire.encode(hello))
        points.reached(Point.HELLO_SAID)
        self._tell_lost()

    @property
    def _greeted(self) -> bool:
        """Whether hello was said on the connection that stands: nothing else may be said before it."""
        return self._bus is not None and self._greeted_on == self._bus.connection != 0

    def _greet_again(self) -> None:
        if self._greeted and self._greet_at is None:
            self._greet_at = self._said_hello + HELLO_EVERY_S

    def _send_live(self, swipes: list[SwipeRecord]) -> None:
        points.reached(Point.LIVE_DUE)
        self.depth += len(swipes)
        now = self._clock()
        for piece in backlog.pieces(swipes):
            if self._publish("swipe", wire.encode(Swipes(self._epoch, piece, self._boot))):
                self._live.update({swipe.seq: now for swipe in piece})
                points.reached(Point.LIVE_SENT)
            else:
                self._behind = True

    def _tell_lost(self) -> None:
        """Declare the oldest losses that are not settled yet, in few messages: the next when these are settled."""
        told, self._lost_told = 0, (self._lost_told[0], self._clock())
        for epoch, reason, ranges in losses.oldest(self._spool, self._cover):
            if not told:
                self._lost_told = ((epoch, ranges[0][0]), self._clock())
            told += 1
            self._publish("lost", wire.encode(Lost(epoch, ranges, reason)))
        if not told:
            self._lost_told = (None, self._clock())

    def _tell_more_lost(self) -> None:
        """Go on where the losses told last are settled."""
        first, _ = self._lost_told
        if first is not None and self._cover(first[0]).holds(first[1]):
            self._tell_lost()

    def _receive(self, message: Message) -> None:
        leaf = message.topic.rsplit("/", 1)[-1]
        try:
            if message.topic == wire.CENTRE_STATUS:
                self._announced(wire.decode(message.payload, Announcement), message.retained)
                return
            plain = self._receive_key.unwrap(message.topic, message.payload)
            if leaf == "ack":
                self._acknowledged(wire.decode(plain, Ack))
            elif leaf == "roster":
                self._roster_part(wire.decode(plain, RosterPart))
        except (NotAuthentic, Malformed) as error:
            self._refused(leaf if leaf in wire.TO_STATION else "message", str(error))

    def _announced(self, said: Announcement, retained: bool) -> None:
        """The centre went or came. One that comes back knows nothing of what we sent meanwhile: hello again."""
        self.centre_said = said.state
        if said.state == "online" and not retained:
            self._greet_again()

    def _acknowledged(self, ack: Ack) -> None:
        points.reached(Point.ACK_CAME)
        self.centre_heard = self._clock()
        if ack.roster == self._incoming.version != 0:
            self.roster_checked, self._roster_wanted = self._clock(), None
        elif self._roster_wanted is None and ack.roster:
            self._roster_wanted = self._clock()
        if ack.centre_epoch != self._centre_epoch:
            self._recount = True
            if self._centre_epoch:
                log.warning("the centre has a new epoch: what it does not know is sent again")
            self._centre_epoch = ack.centre_epoch
            self._covers = {}
        covers = self._covers = self._covers or {}
        newly = {}
        for stream in ack.streams:
            before = self._cover(stream.epoch)
            covers[stream.epoch] = before.merged(self._plausible.bounded(stream, before))
            newly[stream.epoch] = [gap for span in covers[stream.epoch].spans for gap in before.gaps(*span)]
        own = self._cover(self._epoch)
        self._live = {seq: sent for seq, sent in self._live.items() if not own.holds(seq)}
        if self._batch is not None and all(self._cover(self._batch.epoch).holds(seq) for seq in self._batch.seqs):
            self._batch = None
        self._settled(Settled(ack.centre_epoch, dict(covers)))
        points.reached(Point.ACK_TAKEN)
        if not self._count_again():
            self._count_off(newly)
        self._behind = self.depth > len(self._live)
        self._send_backlog()
        self._tell_more_lost()

    def _count_again(self) -> bool:
        """Count all that is to be sent, where that was asked for; once for each connection it is."""
        again, self._recount = self._recount, False
        if again:
            self.depth = self._spool.unsettled(self._covers or {})
            self._behind = self.depth > len(self._live)
        return again

    def _count_off(self, newly: dict[str, list[Range]]) -> None:
        """Take from `depth` the swipes that have just been settled; nothing else is looked at."""
        if any(newly.values()):
            for info in self._spool.epochs():
                self.depth -= sum(self._spool.count(info, span) for span in newly.get(info.epoch, ()))
            self.depth = max(self.depth, 0)

    def _send_backlog(self) -> None:
        """Send the oldest unsettled swipes that are not under way already, when nothing of the backlog is."""
        if self._batch is not None or not self._greeted or not self._behind:
            return
        found = backlog.oldest(self._spool, self._cover, lambda epoch, seq: epoch == self._epoch and seq in self._live)
        if unreadable := self._spool.unreadable:
            self._spool.unreadable = []
            self._unreadable(unreadable)
        if found is None:
            self._behind, self.depth = False, len(self._live)
            return
        points.reached(Point.BACKLOG_READ)
        if self._publish("swipes", wire.encode(Swipes(found.epoch, found.swipes, found.boot))):
            self._batch = Batch(found.epoch, tuple(s.seq for s in found.swipes), self._clock())
            points.reached(Point.BACKLOG_SENT)

    def _roster_part(self, part: RosterPart) -> None:
        found = self._incoming.add(part)
        if found is not None:
            self.roster_checked, self._roster_wanted = self._clock(), None
            self._use_roster(found)
            log.info("roster %d with %d rows is in use", found.roster.header.version, len(found.roster))

    def _tick(self) -> None:
        now = self._clock()
        if self._batch is not None and now - self._batch.sent > RESEND_S:
            self._batch = None
            self._behind = True
        if self._live and now - next(iter(self._live.values())) > RESEND_S:
            self._live = {seq: sent for seq, sent in self._live.items() if now - sent <= RESEND_S}
            self._behind = True
        if self._roster_wanted is not None and now - self._roster_wanted > RESEND_S:
            self._roster_wanted = None
            self._greet_again()
        self._greet_if_due()
        self._send_backlog()
        if self._greeted and now - self._lost_told[1] > RESEND_S:
            self._tell_lost()
        if now >= self._next_beat and self._bus is not None and self._bus.connected:
            self._next_beat = now + HEARTBEAT_S
            self.beats += 1
            status = self._status(self.beats, self.depth)
            self._publish("status", wire.encode(status), retain=True)

    def _cover(self, epoch: str) -> Cover:
        return (self._covers or {}).get(epoch, Cover())

    def _wrap(self, leaf: str, plain: bytes) -> bytes:
        return self._send_key.wrap(self._topics(leaf), plain)

    def _publish(self, leaf: str, plain: bytes, *, retain: bool = False) -> bool:
        if self._bus is None or not self._greeted:
            return False
        return self._bus.publish(self._topics(leaf), self._wrap(leaf, plain), retain=retain) is not None


def _now() -> int:
    return int(time.time() * 1000)
