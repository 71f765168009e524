"""Deliveries: what stands in the outbox after a commit goes to the broker, at least once, under one id."""

import logging
import queue
import threading
import time

from sqlalchemy.exc import OperationalError

from gateway import points
from gateway.bus import Bus
from gateway.centre.slips import Slips
from gateway.metrics import CentreMetrics
from gateway.points import Point
from gateway.store.database import Database
from gateway.store.queries import streams

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
AGAIN_S = 10.0
"""What the broker has not acknowledged after so long is published again."""
KEEP_MS = 86_400_000
"""What was delivered leaves the outbox so long after."""
_AT_ONCE = 100


class Deliveries:
    """Run `run` on a thread of its own; `published` and `bus_up` are the bus's callbacks."""

    def __init__(self, database: Database, metrics: CentreMetrics, slips: Slips) -> None:
        self._database = database
        self._metrics = metrics
        self._slips = slips
        self._acknowledged: queue.Queue[int] = queue.Queue()
        self._rows: dict[int, tuple[int, bool]] = {}
        self._under_way: dict[int, float] = {}
        self._bus_came_up = threading.Event()
        self._look = threading.Event()

    def published(self, mid: int) -> None:
        """The broker has acknowledged a message."""
        self._acknowledged.put(mid)
        self._look.set()

    def bus_up(self) -> None:
        self._bus_came_up.set()
        self._look.set()

    def wake(self) -> None:
        """Something may stand in the outbox."""
        self._look.set()

    def run(self, bus: Bus, stop: threading.Event) -> None:
        troubled = False
        while not stop.is_set():
            try:
                self._turn(bus)
                troubled = False
            except OperationalError as error:
                if not troubled:
                    log.warning("deliveries wait for the database: %s", error.orig)
                troubled = True
                stop.wait(1.0)
            except Exception:  # one message that cannot be delivered must not stop the others
                log.exception("a delivery failed")
                stop.wait(1.0)
            self._look.wait(LOOK_EVERY_S)
            self._look.clear()

    def _turn(self, bus: Bus) -> None:
        if self._bus_came_up.is_set():
            self._bus_came_up.clear()
            self._under_way.clear()
            self._rows.clear()
            try:
                self._republish()
            except OperationalError:
                self._bus_came_up.set()
                raise
        self._mark_delivered()
        self._publish(bus)

    def _republish(self) -> None:
        """A broker may have forgotten what it retained: what the police have and is not closed is said again."""
        now = int(time.time() * 1000)
        with self._database.write() as connection:
            streams.forget_delivered(connection, now - KEEP_MS)
            self._slips.republish(connection, now)

    def _mark_delivered(self) -> None:
        done: list[int] = []
        counted = 0
        while not self._acknowledged.empty():
            row = self._rows.pop(self._acknowledged.get(), None)
            if row is not None and row[0] in self._under_way:
                done.append(row[0])
                counted += row[1]
                del self._under_way[row[0]]
        if done:
            with self._database.write() as connection:
                streams.outbox_delivered(connection, done, int(time.time() * 1000))
            points.reached(Point.OUTBOX_MARKED)
            self._metrics.delivered.inc(counted)

    def _publish(self, bus: Bus) -> None:
        if not bus.connected:
            return
        with self._database.read() as connection:
            waiting = streams.outbox_waiting(connection, _AT_ONCE)
        now = time.monotonic()
        busy: set[str] = set()
        for row in waiting:
            if row.topic in busy:
                continue  # in order: what is retained last must be what was said last
            busy.add(row.topic)
            if now - self._under_way.get(row.id, -AGAIN_S) < AGAIN_S:
                continue
            points.reached(Point.OUTBOX_READ)
            mid = bus.publish(row.topic, row.payload, retain=True)
            points.reached(Point.OUTBOX_SENT)
            if mid is None:
                return
            self._rows[mid] = (row.id, row.slip is not None)
            self._under_way[row.id] = now
