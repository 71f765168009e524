"""Intake: what came off the bus since the last commit, settled in one transaction, then acknowledged.

Settled is stored, set aside with a reason (it opens but cannot be used) or declared lost. PUBACKs go out after the
commit, in order of receipt; acknowledgements to a station at most five a second.
"""

import contextlib
import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from gateway import points, wire
from gateway.bus import Message
from gateway.centre import epochs, found, ledger, statuses, twins
from gateway.centre.acks import EVERY_S, Acks
from gateway.centre.casework import JUDGED_REASONS, Casework
from gateway.centre.clocks import SYNCED, Clocks, Touched
from gateway.centre.epochs import Ledgers
from gateway.centre.gaps import Trouble, trouble
from gateway.centre.lives import Lives
from gateway.centre.mark import Mark, Older
from gateway.centre.rows import at_of, report_of, row_of
from gateway.centre.slips import Stale
from gateway.centre.sorting import Arrived, Batch, Said, Sorter
from gateway.centre.stations import Peer
from gateway.keys import NotAuthentic
from gateway.metrics import CentreMetrics
from gateway.points import Point
from gateway.store.database import Database
from gateway.store.queries import streams
from gateway.store.queries.people import Token
from gateway.wire import Malformed
from rules.cases import NotPossible

log = logging.getLogger(__name__)

QUEUE = 5000
BATCH = 1000
_RETRY_S = 0.5
_AWAY = "the database does not answer"
_UNUSABLE = "it could not be settled; see the log"


class _Away(Exception):
    """The database does not answer: the same again later."""


class Intake:
    """Run `run` on a thread of its own; `take` is the bus's callback."""

    def __init__(
        self,
        database: Database,
        sorter: Sorter,
        casework: Casework,
        metrics: CentreMetrics,
        acks: Acks,
        *,
        greeted: Callable[[str, str, int], None],
        answered: Callable[[Connection, wire.Answer, str], None],
        errands: Mapping[str, Callable[[Connection, Peer, bytes], None]],
        acts: Callable[[Connection, Sequence[tuple[Arrived, int]], int], None],
        changed: Callable[[], None],
        renew: Callable[[Connection, Batch], None],
        mark: Mark,
        older: Callable[[], None],
    ) -> None:
        self._database = database
        self._sorter = sorter
        self._casework = casework
        self._metrics = metrics
        self._acks = acks
        self._greeted = greeted
        self._answered = answered
        self._errands = errands
        self._acts = acts
        self._changed = changed
        self._renew = renew
        self._mark = mark
        self._older = older
        self._lives = Lives()
        self._clocks = Clocks()
        self._inbox: queue.Queue[tuple[Message, float]] = queue.Queue(QUEUE)
        self.trouble = ""

    def take(self, message: Message) -> None:
        """Queue a message; when the queue is full the bus waits, and so do its PUBACKs."""
        points.reached(Point.MESSAGE_CAME)
        self._inbox.put((message, time.monotonic()))

    def run(self, stop: threading.Event) -> None:
        waiting: list[tuple[Message, float]] = []
        while not stop.is_set():
            try:
                waiting = waiting or self._collect()
                if waiting and self.settle(waiting):
                    settled, waiting = waiting, []
                    for message, _ in settled:
                        message.settle()
                    points.reached(Point.RECEIPTS_SENT)
                elif waiting:
                    stop.wait(_RETRY_S)
                self._acks.send()
            except Older:
                self._older()  # nothing is settled in it, nor acknowledged: what waits here comes again
                return
            except Exception:  # a bug must not end the intake; what was not settled is tried again
                log.exception("the intake failed")
                stop.wait(_RETRY_S)

    def settle(self, messages: Sequence[tuple[Message, float]]) -> bool:
        """Settle messages together; False when the database is away and they must be tried again.

        Raises:
            Older: the database is an older one than the one before.
        """
        try:
            try:
                self._commit(self._sorted(messages))
            except (_Away, Older):
                raise
            except Exception as error:  # a bug that one message shows must not stop those beside it
                if not isinstance(error, Stale):
                    log.exception("%d messages could not be settled together", len(messages))
                for one in messages:
                    self._settle_one(one)
        except _Away:
            return False
        if self.trouble:
            log.info("the database answers again")
        self.trouble = ""
        return True

    def _collect(self) -> list[tuple[Message, float]]:
        items: list[tuple[Message, float]] = []
        with contextlib.suppress(queue.Empty):
            items.append(self._inbox.get(timeout=EVERY_S / 4))
            while len(items) < BATCH:
                items.append(self._inbox.get_nowait())
        return items

    def _sorted(self, messages: Sequence[tuple[Message, float]]) -> Batch:
        batch = self._sorter.new_batch()
        with self._watching():
            for message, arrived in messages:
                self._sorter.sort(message, arrived, batch)
        return batch

    def _settle_one(self, one: tuple[Message, float]) -> None:
        """Settle a message by itself; then without judging; then swipe by swipe; and set aside what is left."""
        message = one[0]
        for judging in (True, False):
            if self._tried("a message by itself", partial(self._settle_alone, one, judging)):
                return
        batch, last = self._sorter.new_batch(), self._sorter.new_batch()
        self._tried("a message, to sort it", lambda: self._sorter.sort(*one, batch))
        for swipe in batch.swipes:
            alone = Batch(batch.now, swipes=[swipe])
            if not self._tried("a swipe by itself", partial(self._commit, alone, judging=False)):
                last.refused.append((swipe.peer, swipe.epoch, swipe.swipe.seq))
        last.refused += batch.refused
        last.quarantine.append(self._sorter.aside(message.topic, len(message.payload), _UNUSABLE))
        self._tried("a message, to set it aside", lambda: self._commit(last, judging=False))

    def _settle_alone(self, one: tuple[Message, float], judging: bool) -> None:
        self._commit(self._sorted([one]), judging=judging)

    def _tried(self, what: str, call: Callable[[], None]) -> bool:
        """Whether it could be done. What fails is logged, and the next way of settling follows."""
        try:
            call()
        except (_Away, Older):
            raise
        except Exception:
            log.exception("could not settle %s", what)
            return False
        return True

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        """Say once that the database is away; what holds for any other error is the caller's to decide."""
        try:
            yield
        except DBAPIError as error:
            if not isinstance(error, OperationalError) and not error.connection_invalidated:
                raise
            if not self.trouble:
                log.error("%s: %s", _AWAY, error.orig)  # noqa: TRY400 - the reason says it
            self.trouble = _AWAY
            raise _Away from error

    def _commit(self, batch: Batch, *, judging: bool = True) -> None:
        """Settle a batch in one transaction, then tell the world."""
        with self._watching(), self._database.write() as connection:
            points.reached(Point.BATCH_SORTED)
            self._mark.seen(connection)
            self._renew(connection, batch)
            ledgers = epochs.locked(connection, batch, self._sorter)
            points.reached(Point.STREAMS_LOCKED)
            before = dict(ledgers)
            fresh = self._fresh(ledgers, batch)
            fresh += found.take(connection, batch.swipes, fresh)
            _note_lost(connection, ledgers, batch)
            epochs.note_claims(ledgers, batch)
            corrected = self._clocks.learn(connection, batch)
            timed = list(zip(fresh, self._clocks.offsets(connection, fresh), strict=True))
            streams.add_swipes(connection, [row_of(one, batch.now, at) for one, at in timed if one.swipe.passed])
            self._acts(connection, [(one, at_of(one, offset)) for one, offset in timed], batch.now)
            points.reached(Point.SWIPES_ADDED)
            fresh = [one for one in fresh if one.swipe.passed]
            came = [one for one in batch.swipes if one.swipe.passed]
            for one in twins.take(connection, came, fresh, batch.now):
                trouble(connection, one.peer.name, Trouble.CLONED, batch.now)
                topic = wire.StationTopics(one.peer.community, one.peer.name)("swipe")
                batch.quarantine.append(self._sorter.aside(topic, 0, twins.NUMBERED_TWICE))
            epochs.check_chains(connection, ledgers, batch)
            for peer, status, arrived in batch.beats:
                doubled = self._lives.doubled(peer.name, status.epoch, status.heartbeat, status.mono)
                if self._lives.heard(peer.name, status.epoch, status.heartbeat, arrived) or doubled:
                    trouble(connection, peer.name, Trouble.CLONED, batch.now)
            begun = epochs.begun(batch)
            moved = {k: ledger.dated(v, batch.now) for k, v in ledgers.items() if v != before[k] or k in begun}
            streams.save_streams(connection, moved, batch.now, begun)
            points.reached(Point.STREAMS_SAVED)
            said = statuses.take(connection, batch, self._sorter)
            opened = self._judge(connection, fresh, corrected) if judging else []
            points.reached(Point.JUDGED)
            self._take_answers(connection, batch)
            self._run_errands(connection, batch)
            streams.add_quarantine(connection, batch.quarantine)
            self._mark.settled(connection)
            points.reached(Point.SETTLING)
        points.reached(Point.SETTLED)
        self._tell(batch, ledgers, fresh, opened)
        self._report(said)
        points.reached(Point.TOLD)

    def _fresh(self, ledgers: Ledgers, batch: Batch) -> list[Arrived]:
        """The swipes that were not settled before, each once; the ledgers move on."""
        coming: dict[tuple[str, str], dict[int, Arrived]] = defaultdict(dict)
        for one in batch.swipes:
            coming[one.peer.name, one.epoch].setdefault(one.swipe.seq, one)
        fresh: list[Arrived] = []
        for key, by_seq in coming.items():
            ledgers[key], new = ledger.advance(ledgers[key], by_seq)
            boots = {one.boot for one in by_seq.values() if one.boot}
            ledgers[key] = replace(ledgers[key], boot=min(boots, default=ledgers[key].boot))
            fresh += [one for seq, one in by_seq.items() if seq in new]
        for peer, epoch, seq in batch.refused:
            ledgers[peer.name, epoch], _ = ledger.advance(ledgers[peer.name, epoch], [seq])
        return fresh

    def _judge(self, connection: Connection, fresh: Sequence[Arrived], corrected: Touched) -> list[float]:
        """Judge whom the batch concerns. Returns the arrival of each swipe that opened a case.

        That is whoever was ever flagged or unknown within the window, by this swipe or another: what a judgement makes
        of a set of passes must not depend on which of them came last.
        """
        touched: dict[Token, float] = dict.fromkeys(corrected, time.monotonic())
        sure: set[Token] = set()
        for one in fresh:
            if one.swipe.token is not None:
                touched[one.peer.community, one.swipe.token] = one.at
                if _concerns(one.swipe):
                    sure.add((one.peer.community, one.swipe.token))
        concerned: dict[str, list[bytes]] = defaultdict(list)
        for community, token in self._casework.concerned(connection, touched, sure):
            concerned[community].append(token)
        opened: list[float] = []
        for community, tokens in concerned.items():
            subjects = self._casework.subjects(connection, community, tokens)
            arrived = {subject: touched[community, token] for token, subject in subjects.items()}
            opened += [arrived[subject] for subject in self._casework.openings(connection, arrived)]
        return opened

    def _take_answers(self, connection: Connection, batch: Batch) -> None:
        for address, payload in batch.answers:
            try:
                answer = wire.decode(payload, wire.Answer)
                with connection.begin_nested():
                    self._answered(connection, answer, address.station)
            except (Malformed, LookupError, NotPossible) as error:
                topic = wire.answer_topic(address.station)
                batch.quarantine.append(self._sorter.aside(topic, len(payload), str(error)))

    def _run_errands(self, connection: Connection, batch: Batch) -> None:
        for peer, leaf, payload in batch.errands:
            try:
                with connection.begin_nested():
                    self._errands[leaf](connection, peer, payload)
            except (Malformed, LookupError, NotAuthentic) as error:
                topic = wire.StationTopics(peer.community, peer.name)(leaf)
                batch.quarantine.append(self._sorter.aside(topic, len(payload), str(error)))

    def _tell(self, batch: Batch, ledgers: Ledgers, fresh: Sequence[Arrived], opened: Sequence[float]) -> None:
        self._count(batch, fresh, opened)
        for peer in _peers(batch):
            for (name, epoch), stream in ledgers.items():
                if name == peer.name:
                    self._acks.note(peer, epoch, stream, at_once=peer.name in batch.backlog)
        for peer, hello in batch.hellos:
            self._greeted(peer.community, peer.name, hello.roster)
        self._changed()

    def _count(self, batch: Batch, fresh: Sequence[Arrived], opened: Sequence[float]) -> None:
        now, stored = time.monotonic(), self._sorter.now()
        m = self._metrics
        m.stored.inc(len(fresh))
        m.repeated.inc(len(batch.swipes) - len(fresh))
        m.quarantined.inc(len(batch.quarantine))
        for one in fresh:
            m.swipes.labels(one.swipe.verdict).inc()
            if one.swipe.clock == SYNCED:
                m.to_stored.observe(max(stored - one.swipe.at, 0) / 1000)
        for arrived in opened:
            m.to_case.observe(now - arrived)

    def _report(self, said: Sequence[Said]) -> None:
        now = time.monotonic()
        for one in said:
            self._metrics.stations.update(one.peer.name, report_of(one.status), heard=one.heard, at=now)


def _concerns(swipe: wire.SwipeRecord) -> bool:
    return bool(swipe.flags) or not JUDGED_REASONS.isdisjoint(swipe.reasons)


def _peers(batch: Batch) -> list[Peer]:
    every = [one.peer for one in batch.swipes] + [peer for peer, _, _ in batch.refused]
    every += [peer for peer, _ in batch.lost] + [peer for peer, _ in batch.hellos]
    return list({peer.name: peer for peer in every}.values())


def _note_lost(connection: Connection, ledgers: Ledgers, batch: Batch) -> None:
    """What is not settled yet of what was declared lost. What came as a swipe is not lost, whatever is said of it."""
    rows = []
    for peer, lost in batch.lost:
        key = peer.name, lost.epoch
        ledgers[key], fresh = ledger.lose(ledgers[key], lost.ranges)
        for first, last in fresh:
            row = {"station": peer.name, "epoch": lost.epoch, "first": first, "last": last}
            rows.append(row | {"reason": lost.reason, "declared": batch.now})
    streams.add_lost(connection, rows)
