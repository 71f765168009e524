"""From messages to what they ask for: opened, parsed and sorted; what cannot be used is set aside with the reason."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway import wire
from gateway.bus import Message
from gateway.centre.stations import Peer, Stations
from gateway.keys import NotAuthentic
from gateway.wire import Address, Malformed

log = logging.getLogger(__name__)

SAY_AGAIN_S = 60.0
"""One reason for setting messages of one sender aside is logged at most so often; the table has every arrival."""
_REASONS_KEPT = 1000
MOST_LOST = 10_000_000
"""Swipes that one message may declare lost: what a busy compound records in eight months."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A swipe as it came: of which station and epoch, and when (monotonic seconds)."""

    peer: Peer
    epoch: str
    swipe: wire.SwipeRecord
    at: float
    boot: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A status as it came, and whether the station itself said it just now."""

    peer: Peer
    status: wire.Status
    heard: bool


@dataclass(slots=True)
class Batch:
    """What one transaction settles. `refused` are swipes that cannot be stored, ever: settled by being set aside."""

    now: int
    swipes: list[Arrived] = field(default_factory=list)
    backlog: set[str] = field(default_factory=set)
    """The stations that sent a message of backlog: the next one waits for our acknowledgement."""
    refused: list[tuple[Peer, str, int]] = field(default_factory=list)
    lost: list[tuple[Peer, wire.Lost]] = field(default_factory=list)
    hellos: list[tuple[Peer, wire.Hello]] = field(default_factory=list)
    statuses: list[Said] = field(default_factory=list)
    beats: list[tuple[Peer, wire.Status, float]] = field(default_factory=list)
    """Every heartbeat, with its arrival."""
    answers: list[tuple[Address, bytes]] = field(default_factory=list)
    errands: list[tuple[Peer, str, bytes]] = field(default_factory=list)
    """Beside swipes: a station, the last word of the topic, and the payload."""
    quarantine: list[dict[str, Any]] = field(default_factory=list)


class _LooseSwipes(msgspec.Struct, frozen=True):
    """A message of swipes of which some do not fit."""

    epoch: wire.Epoch
    swipes: list[msgspec.Raw]
    boot: wire.Boot = ""


class _Numbered(msgspec.Struct, frozen=True):
    seq: wire.Seq


class Sorter:
    """Used by one thread, the intake's."""

    def __init__(
        self,
        stations: Stations,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stations = stations
        self._wall = wall
        self._clock = clock
        self._said: dict[tuple[str, str], float] = {}

    def now(self) -> int:
        """Milliseconds, UTC."""
        return int(self._wall() * 1000)

    def new_batch(self) -> Batch:
        return Batch(self.now())

    def sort(self, message: Message, arrived: float, batch: Batch) -> None:
        """Open, parse and sort one message into the batch."""
        address = wire.parse_topic(message.topic)
        try:
            if address is None:
                raise Malformed("a topic that is not one of ours, or of another partition")  # noqa: TRY301
            if not address.community:
                batch.answers.append((address, message.payload))
                return
            peer, plain = self._open(address, message)
            self._parse(batch, message, peer, address.leaf, plain, arrived)
        except (Malformed, NotAuthentic, LookupError) as error:
            if message.retained:
                return  # an old last will under an old key: nothing was sent to us
            batch.quarantine.append(self.aside(message.topic, len(message.payload), str(error)))

    def aside(self, topic: str, size: int, reason: str) -> dict[str, Any]:
        """The quarantine's row for a message, and a line in the log."""
        address = wire.parse_topic(topic)
        peer = self._stations.find(address.station) if address is not None and address.community else None
        sender = peer.name if peer is not None else ""
        now = self._clock()
        if now - self._said.get((sender, reason), -SAY_AGAIN_S) >= SAY_AGAIN_S:
            if len(self._said) >= _REASONS_KEPT:
                self._said.clear()
            self._said[sender, reason] = now
            log.warning("a message of %s was set aside: %s", sender or "an unknown sender", reason)
        return {
            "received": self.now(),
            "topic": topic[:200],
            "station": sender or None,
            "reason": reason[:200],
            "size": size,
        }

    def _open(self, address: Address, message: Message) -> tuple[Peer, bytes]:
        peer = self._peer(address)
        try:
            return peer, peer.up.unwrap(message.topic, message.payload)
        except NotAuthentic:
            if not self._stations.look_again():
                raise
        peer = self._peer(address)  # the box may have been replaced since: a new generation has new keys
        return peer, peer.up.unwrap(message.topic, message.payload)

    def _peer(self, address: Address) -> Peer:
        peer = self._stations.fresh(address.station)
        if peer is None:
            raise LookupError("a station that is not enrolled")
        if peer.revoked:
            raise LookupError("a station that was revoked")
        if peer.community != address.community:
            raise LookupError("the topic does not match the enrolment of the station")
        return peer

    def _parse(self, batch: Batch, message: Message, peer: Peer, leaf: str, plain: bytes, arrived: float) -> None:
        match leaf:
            case "swipe" | "swipes":
                self._swipes(batch, message, peer, plain, arrived)
                if leaf == "swipes":
                    batch.backlog.add(peer.name)
            case "hello":
                batch.hellos.append((peer, wire.decode(plain, wire.Hello)))
            case "lost":
                batch.lost.append((peer, _plausible(wire.decode(plain, wire.Lost))))
            case "status":
                status = wire.decode(plain, wire.Status)
                batch.statuses.append(Said(peer, status, not message.retained and status.state != "lost"))
                if status.state == "online" and not message.retained:
                    batch.beats.append((peer, status, arrived))
            case "reply" | "renew":
                batch.errands.append((peer, leaf, plain))
            case _:
                raise Malformed("a topic that stations do not write")

    def _swipes(self, batch: Batch, message: Message, peer: Peer, plain: bytes, arrived: float) -> None:
        """Take the swipes that fit. One that does not is settled all the same, if its seq can be read: it never will.

        Otherwise its station would send it again for ever, and everything behind it would wait.
        """
        try:
            whole = wire.decode(plain, wire.Swipes)
        except Malformed as error:
            loose = wire.decode(plain, _LooseSwipes)
            reason = str(error)
        else:
            batch.swipes += [Arrived(peer, whole.epoch, swipe, arrived, whole.boot) for swipe in whole.swipes]
            return
        for raw in loose.swipes:
            try:
                swipe = wire.decode(bytes(raw), wire.SwipeRecord)
                batch.swipes.append(Arrived(peer, loose.epoch, swipe, arrived, loose.boot))
            except Malformed:
                batch.refused += [(peer, loose.epoch, seq) for seq in _seq_of(raw)]
        batch.quarantine.append(self.aside(message.topic, len(message.payload), reason))


def _plausible(lost: wire.Lost) -> wire.Lost:
    if sum(last - first + 1 for first, last in lost.ranges) > MOST_LOST:
        raise Malformed("more lost swipes than a station can have recorded")
    return lost


def _seq_of(raw: msgspec.Raw) -> list[int]:
    try:
        return [wire.decode(bytes(raw), _Numbered).seq]
    except Malformed:
        return []
