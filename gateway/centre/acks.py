"""Acknowledgements: how far each stream is settled, said to its station at most five times a second.

A message of backlog is acknowledged as soon as it is settled: its station sends the next one after that, so it sets the
pace of these itself.
"""

import time
from collections.abc import Callable

from gateway import points, wire
from gateway.centre.stations import Peer
from gateway.points import Point
from gateway.store.queries.streams import Stream

EVERY_S = 0.2
AT_ONCE = 64
"""Streams in one message, by `wire.Ack`; further ones go with the next."""


class Acks:
    """Used by one thread, the intake's. `send` puts a message to a station on the bus."""

    def __init__(
        self,
        centre_epoch: str,
        roster_version: Callable[[str], int],
        send: Callable[[str, str, str, bytes], object],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._centre_epoch = centre_epoch
        self._roster_version = roster_version
        self._send = send
        self._clock = clock
        self._due: dict[str, tuple[Peer, dict[str, Stream]]] = {}
        self._sent: dict[str, float] = {}

    def note(self, peer: Peer, epoch: str, stream: Stream, *, at_once: bool = False) -> None:
        """A stream of a station is settled so far, by a commit; with `at_once` the station waits for that."""
        if at_once:
            self._sent.pop(peer.name, None)
        self._due.setdefault(peer.name, (peer, {}))[1][epoch] = stream

    def send(self) -> None:
        """Send what is due and may be sent."""
        now = self._clock()
        for name in [name for name in self._due if now - self._sent.get(name, -EVERY_S) >= EVERY_S]:
            peer, streams = self._due.pop(name)
            self._sent[name] = now
            first = list(streams)[:AT_ONCE]
            said = [wire.StreamAck(epoch, *_told(streams.pop(epoch))) for epoch in first]
            if streams:
                self._due[name] = (peer, streams)
            ack = wire.Ack(self._centre_epoch, self._roster_version(peer.community), said)
            self._send(peer.community, name, "ack", wire.encode(ack))
            points.reached(Point.ACK_SENT)


def _told(stream: Stream) -> tuple[int, list[tuple[int, int]]]:
    return stream.upto, list(stream.ranges[: wire.MAX_RANGES])
