"""Intake: what came off the bus since the last commit, settled in one transaction, then acknowledged.

Settled is stored, quarantined (it opens but does not parse) or declared lost. PUBACKs go out after the commit, in order
of receipt; acknowledgements to a station at most five a second.
"""

import contextlib
import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from gateway import wire
from gateway.bus import Message
from gateway.centre import ledger
from gateway.centre.casework import Casework
from gateway.centre.slips import Stale
from gateway.keys import Envelope, Master, NotAuthentic
from gateway.metrics import CentreMetrics, Report
from gateway.store.database import Database
from gateway.store.queries import streams
from gateway.store.queries.streams import Stream
from gateway.wire import Address, Malformed
from rules.cases import NotPossible
from rules.model import Reason

log = logging.getLogger(__name__)

QUEUE = 5000
BATCH = 1000
ACK_EVERY_S = 0.2
_RETRY_S = 0.5
_JUDGED_REASONS = frozenset({Reason.UNKNOWN_CREDENTIAL.value, Reason.ENROLMENT_EXPIRED.value})


@dataclass(frozen=True, slots=True)
class Peer:
    """An enrolled station, as the intake knows it."""

    name: str
    community: str
    envelope: Envelope


@dataclass(slots=True)
class _Batch:
    """What one transaction settles."""

    now: int
    swipes: list[tuple[Peer, str, wire.SwipeRecord, float]] = field(default_factory=list)
    lost: list[tuple[Peer, wire.Lost]] = field(default_factory=list)
    hellos: list[tuple[Peer, wire.Hello]] = field(default_factory=list)
    statuses: dict[str, tuple[Peer, wire.Status]] = field(default_factory=dict)
    answers: list[tuple[Address, bytes]] = field(default_factory=list)
    quarantine: list[dict[str, Any]] = field(default_factory=list)


class Intake:
    """Run `run` on a thread of its own; `take` is the bus's callback."""

    def __init__(
        self,
        database: Database,
        master: Master,
        casework: Casework,
        metrics: CentreMetrics,
        *,
        centre_epoch: str,
        roster_version: Callable[[str], int],
        greeted: Callable[[str, str, int], None],
        answered: Callable[[Connection, wire.Answer, str], None],
        send: Callable[[str, str, str, bytes], None],
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._master = master
        self._casework = casework
        self._metrics = metrics
        self._centre_epoch = centre_epoch
        self._roster_version = roster_version
        self._greeted = greeted
        self._answered = answered
        self._send = send
        self._changed = changed
        self._inbox: queue.Queue[tuple[Message, float]] = queue.Queue(QUEUE)
        self._peers: dict[str, Peer] = {}
        self._to_ack: dict[str, set[str]] = defaultdict(set)
        self._acked_at: dict[str, float] = {}
        self.trouble = ""

    def take(self, message: Message) -> None:
        """Queue a message; when the queue is full the bus waits, and so do its PUBACKs."""
        self._inbox.put((message, time.monotonic()))

    def run(self, stop: threading.Event) -> None:
        waiting: list[tuple[Message, float]] = []
        while not stop.is_set():
            waiting = waiting or self._collect()
            if waiting and self._settle_batch(waiting):
                for message, _ in waiting:
                    message.settle()
                waiting = []
            elif waiting:
                stop.wait(_RETRY_S)
            self._send_acks()

    def _collect(self) -> list[tuple[Message, float]]:
        items: list[tuple[Message, float]] = []
        with contextlib.suppress(queue.Empty):
            items.append(self._inbox.get(timeout=ACK_EVERY_S / 4))
            while len(items) < BATCH:
                items.append(self._inbox.get_nowait())
        return items

    def _settle_batch(self, messages: Sequence[tuple[Message, float]]) -> bool:
        """Settle messages together; False when the database is away and they must be tried again."""
        batch = _Batch(now=int(time.time() * 1000))
        try:
            for message, arrived in messages:
                self._sort(message, arrived, batch)
            with self._database.write() as connection:
                told = self._settle(connection, batch)
        except OperationalError as error:
            if not self.trouble:
                log.error("the database does not answer: %s", error.orig)  # noqa: TRY400 - the reason says it
            self.trouble = "the database does not answer"
            return False
        except Exception:  # a bug that one message shows must not stop those behind it
            log.exception("a batch of %d messages could not be settled", len(messages))
            return self._settle_singly(messages)
        if self.trouble:
            log.info("the database answers again")
        self.trouble = ""
        told()
        return True

    def _settle_singly(self, messages: Sequence[tuple[Message, float]]) -> bool:
        if len(messages) > 1:
            return all(self._settle_batch([one]) for one in messages)
        message = messages[0][0]
        row = self._set_aside(message, wire.parse_topic(message.topic), "it could not be settled; see the log")
        with self._database.write() as connection:
            streams.add_quarantine(connection, [row])
        return True

    def _sort(self, message: Message, arrived: float, batch: _Batch) -> None:
        """Open, parse and sort one message; what cannot be used is quarantined with the reason."""
        address = wire.parse_topic(message.topic)
        try:
            if address is None:
                raise Malformed("a topic that is not one of ours, or of another partition")  # noqa: TRY301
            if not address.community:
                batch.answers.append((address, message.payload))
                return
            peer = self._peer(address)
            plain = peer.envelope.unwrap(message.topic, message.payload)
            _parsed(batch, peer, address.leaf, plain, arrived)
        except (Malformed, NotAuthentic, LookupError) as error:
            if message.retained:
                return  # an old last will under an old key: nothing was sent to us
            batch.quarantine.append(self._set_aside(message, address, str(error)))

    def _peer(self, address: Address) -> Peer:
        peer = self._peers.get(address.station)
        if peer is None:
            with self._database.read() as connection:
                rows = streams.stations(connection)
            for row in rows:
                keys = self._master.station(row.name, row.generation)
                self._peers[row.name] = Peer(row.name, row.community, keys.up())
            peer = self._peers.get(address.station)
        if peer is None:
            raise LookupError("a station that is not enrolled")
        if peer.community != address.community:
            raise LookupError("the topic does not match the enrolment of the station")
        return peer

    def _settle(self, connection: Connection, batch: _Batch) -> Callable[[], None]:
        """Everything of one batch in one transaction; what to tell the world when it is committed."""
        keys = {(peer.name, epoch) for peer, epoch, _, _ in batch.swipes}
        keys |= {(peer.name, lost.epoch) for peer, lost in batch.lost}
        keys |= {(peer.name, held.epoch) for peer, hello in batch.hellos for held in hello.spool}
        keys |= {(peer.name, hello.previous[0]) for peer, hello in batch.hellos if hello.previous}
        ledgers = streams.locked_streams(connection, sorted(keys))
        before = dict(ledgers)
        fresh = self._fresh(ledgers, batch)
        _note_lost(connection, ledgers, batch)
        _note_claims(ledgers, batch)
        streams.add_swipes(connection, [_row(peer, epoch, swipe, batch.now) for peer, epoch, swipe, _ in fresh])
        streams.save_streams(connection, {k: v for k, v in ledgers.items() if v != before[k]}, batch.now)
        for peer, status in batch.statuses.values():
            streams.station_heard(connection, peer.name, batch.now, msgspec.to_builtins(status))
        for peer, hello in batch.hellos:
            self._check_chain(connection, peer, hello)
        opened = self._judge(connection, fresh)
        self._take_answers(connection, batch)
        streams.add_quarantine(connection, batch.quarantine)
        return lambda: self._tell(batch, keys, fresh, opened)

    def _fresh(
        self, ledgers: dict[tuple[str, str], Stream], batch: _Batch
    ) -> list[tuple[Peer, str, wire.SwipeRecord, float]]:
        """The swipes that were not settled before, each once; the ledgers move on."""
        fresh = []
        for peer, epoch, swipe, arrived in batch.swipes:
            ledgers[peer.name, epoch], new = ledger.advance(ledgers[peer.name, epoch], [swipe.seq])
            if new:
                fresh.append((peer, epoch, swipe, arrived))
        return fresh

    def _judge(self, connection: Connection, fresh: Sequence[tuple[Peer, str, wire.SwipeRecord, float]]) -> list[float]:
        """Judge whom the batch concerns: flagged or unknown. Returns the arrival of each swipe that opened a case."""
        concerned: dict[str, dict[bytes, float]] = defaultdict(dict)
        for peer, _, swipe, arrived in fresh:
            if swipe.token is not None and (swipe.flags or _JUDGED_REASONS.intersection(swipe.reasons)):
                concerned[peer.community][swipe.token] = arrived
        opened = []
        for community, tokens in concerned.items():
            for token, arrived in tokens.items():
                subjects = self._casework.subjects(connection, community, [token])
                opened += [arrived] * self._casework.judge(connection, subjects)
        return opened

    def _take_answers(self, connection: Connection, batch: _Batch) -> None:
        for address, payload in batch.answers:
            try:
                answer = wire.decode(payload, wire.Answer)
                with connection.begin_nested():
                    self._answered(connection, answer, address.station)
            except (Malformed, LookupError, NotPossible, Stale) as error:
                topic = wire.answer_topic(address.station)
                batch.quarantine.append(_quarantined(batch.now, topic, None, str(error), len(payload)))

    def _check_chain(self, connection: Connection, peer: Peer, hello: wire.Hello) -> None:
        """Notice a station that was restored from an image: it does not know the epoch that we heard last."""
        known = [epoch for epoch, _ in streams.streams_of(connection, peer.name, 2) if epoch != hello.epoch]
        told = {held.epoch for held in hello.spool} | ({hello.previous[0]} if hello.previous else set())
        broken = bool(known) and known[0] not in told
        if broken:
            log.warning("station %s does not know its last epoch: restored from an image?", peer.name)
        streams.station_trouble(connection, peer.name, "restored_from_image" if broken else None)

    def _tell(
        self,
        batch: _Batch,
        keys: Iterable[tuple[str, str]],
        fresh: Sequence[tuple[Peer, str, wire.SwipeRecord, float]],
        opened: Sequence[float],
    ) -> None:
        now = time.monotonic()
        m = self._metrics
        m.stored.inc(len(fresh))
        m.repeated.inc(len(batch.swipes) - len(fresh))
        m.quarantined.inc(len(batch.quarantine))
        for _, _, swipe, _ in fresh:
            m.swipes.labels(swipe.verdict).inc()
            m.to_stored.observe(max(batch.now - swipe.at, 0) / 1000)
        for arrived in opened:
            m.to_case.observe(now - arrived)
        for peer, status in batch.statuses.values():
            m.stations.update(peer.name, _report(status))
        for station, epoch in keys:
            self._to_ack[station].add(epoch)
        for peer, hello in batch.hellos:
            self._to_ack[peer.name].add(hello.epoch)
            self._acked_at.pop(peer.name, None)
            self._greeted(peer.community, peer.name, hello.roster)
        self._changed()

    def _send_acks(self) -> None:
        """Acknowledge what was settled, to each station at most every `ACK_EVERY_S`."""
        now = time.monotonic()
        due = [s for s in self._to_ack if now - self._acked_at.get(s, -ACK_EVERY_S) >= ACK_EVERY_S]
        if not due:
            return
        try:
            with self._database.read() as connection:
                found = streams.locked_streams(connection, [(s, e) for s in due for e in sorted(self._to_ack[s])[:64]])
        except OperationalError:
            return
        for station in due:
            streams_of = [
                wire.StreamAck(epoch, stream.upto, [(a, b) for a, b in stream.ranges[: wire.MAX_RANGES]])
                for (name, epoch), stream in found.items()
                if name == station
            ]
            del self._to_ack[station]
            self._acked_at[station] = now
            community = self._peers[station].community
            ack = wire.Ack(self._centre_epoch, self._roster_version(community), streams_of)
            self._send(community, station, "ack", wire.encode(ack))

    def _set_aside(self, message: Message, address: Address | None, reason: str) -> dict[str, Any]:
        station = address.station if address is not None and address.station in self._peers else None
        log.warning("a message on %s was quarantined: %s", message.topic, reason)
        return _quarantined(int(time.time() * 1000), message.topic, station, reason, len(message.payload))


def _parsed(batch: _Batch, peer: Peer, leaf: str, plain: bytes, arrived: float) -> None:
    match leaf:
        case "swipe" | "swipes":
            message = wire.decode(plain, wire.Swipes)
            batch.swipes += [(peer, message.epoch, swipe, arrived) for swipe in message.swipes]
        case "hello":
            batch.hellos.append((peer, wire.decode(plain, wire.Hello)))
        case "lost":
            batch.lost.append((peer, wire.decode(plain, wire.Lost)))
        case "status":
            batch.statuses[peer.name] = (peer, wire.decode(plain, wire.Status))
        case _:
            raise Malformed("a topic that stations do not write")


def _note_lost(connection: Connection, ledgers: dict[tuple[str, str], Stream], batch: _Batch) -> None:
    rows = []
    for peer, lost in batch.lost:
        key = peer.name, lost.epoch
        for first, last in lost.ranges:
            row = {"station": peer.name, "epoch": lost.epoch, "first": first, "last": last}
            rows.append(row | {"reason": lost.reason, "declared": batch.now})
        ledgers[key] = ledger.cover(ledgers[key], lost.ranges)
    streams.add_lost(connection, rows)


def _note_claims(ledgers: dict[tuple[str, str], Stream], batch: _Batch) -> None:
    """What a station says that it has recorded, so that what is missing can be counted before it arrives."""
    for peer, hello in batch.hellos:
        claims = [(held.epoch, held.last) for held in hello.spool]
        if hello.previous is not None:
            claims.append(hello.previous)
        for epoch, last in claims:
            stream = ledgers[peer.name, epoch]
            if last > stream.claimed:
                ledgers[peer.name, epoch] = Stream(stream.upto, stream.ranges, last)


def _row(peer: Peer, epoch: str, swipe: wire.SwipeRecord, now: int) -> dict[str, Any]:
    return {
        "community": peer.community,
        "station": peer.name,
        "epoch": epoch,
        "seq": swipe.seq,
        "at": swipe.at,
        "received": now,
        "portal": swipe.portal,
        "reader": swipe.reader,
        "direction": swipe.direction,
        "kind": swipe.kind,
        "token": swipe.token,
        "verdict": swipe.verdict,
        "reasons": ",".join(swipe.reasons),
        "flags": ",".join(swipe.flags),
        "roster": swipe.roster,
        "policy": swipe.policy,
        "recorded": swipe.recorded,
        "unattended": swipe.unattended,
        "by_hand": swipe.by_hand,
        "sealed": swipe.sealed,
    }


def _quarantined(now: int, topic: str, station: str | None, reason: str, size: int) -> dict[str, Any]:
    return {"received": now, "topic": topic[:200], "station": station, "reason": reason[:200], "size": size}


def _report(status: wire.Status) -> Report:
    return Report(
        {d.id: d.up for d in status.devices},
        {d.id: d.noise for d in status.devices},
        status.spool_depth,
        status.unrecorded,
        status.verdict_buckets,
        status.verdict_sum,
    )
