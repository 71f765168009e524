"""What the centre asks of a station beside swipes and rosters: commands and certificates, on a thread of their own.

So a slow device or a new key never holds up a swipe.
"""

import logging
import queue
import threading

from gateway import wire
from gateway.bus import Bus, Message
from gateway.keys import Enrolled, NotAuthentic
from gateway.station.commands import Commands
from gateway.station.refusals import Refusals
from gateway.station.renewal import Renewal
from gateway.trusted import TrustedTime
from gateway.wire import Malformed, StationTopics

log = logging.getLogger(__name__)

LEAVES = ("command", "certificate")
QUEUE = 64
"""Messages that wait to be read; a broker that sends more is told no sooner that they came."""
LOOK_EVERY_S = 1.0


class Errands:
    """Run `run` on a thread of its own, with a `Bus` that hands `message` what comes on `LEAVES`."""

    def __init__(self, enrolled: Enrolled, trusted: TrustedTime, refusals: Refusals) -> None:
        self._topics = StationTopics(enrolled.community, enrolled.station)
        self._up, self._down = enrolled.keys.up(), enrolled.keys.down()
        self._trusted = trusted
        self._refusals = refusals
        self._inbox: queue.Queue[Message] = queue.Queue(QUEUE)
        self._bus: Bus | None = None

    def say(self, leaf: str, plain: bytes) -> bool:
        """Put a payload on the bus; False while there is no connection. From any thread."""
        topic = self._topics(leaf)
        return self._bus is not None and self._bus.publish(topic, self._up.wrap(topic, plain)) is not None

    def answer(self, reply: wire.Reply) -> None:
        """Answer a command. One whose answer is not heard stays unanswered at the centre, and is seen there."""
        if not self.say("reply", wire.encode(reply)):
            log.warning("the answer to command %d could not be sent", reply.counter)

    def message(self, message: Message) -> None:
        """Take a message; more than can be read are refused at once."""
        try:
            self._inbox.put_nowait(message)
        except queue.Full:
            self._refusals.note(_leaf(message), "more messages than can be read")
            message.settle()

    def run(self, bus: Bus, commands: Commands, renewal: Renewal, stop: threading.Event) -> None:
        self._bus = bus
        while not stop.is_set():
            try:
                self._turn(commands, renewal)
            except Exception:  # a bug in one errand must not end the others
                log.exception("an errand of the centre failed")

    def _turn(self, commands: Commands, renewal: Renewal) -> None:
        try:
            message = self._inbox.get(timeout=LOOK_EVERY_S)
        except queue.Empty:
            pass
        else:
            try:
                self._read(message, commands, renewal)
            finally:
                message.settle()
        renewal.write()
        if self._bus is not None and self._bus.connected:
            self._trusted.save()
            renewal.turn()

    def _read(self, message: Message, commands: Commands, renewal: Renewal) -> None:
        try:
            plain = self._down.unwrap(message.topic, message.payload)
            if _leaf(message) == "command":
                commands.take(wire.decode(plain, wire.Command))
            else:
                renewal.take(wire.decode(plain, wire.Certificate))
        except (NotAuthentic, Malformed) as error:
            self._refusals.note(_leaf(message), str(error))


def of_errands(topic: str) -> bool:
    """Whether a message on this topic is an errand."""
    return topic.rsplit("/", 1)[-1] in LEAVES


def _leaf(message: Message) -> str:
    return message.topic.rsplit("/", 1)[-1]
