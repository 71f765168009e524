"""The decider: one thread that owns all that a verdict depends on. A card read goes in; an outcome comes out.

    inbox ─▶ swipe ─▶ snapshot ─▶ decide ─▶ outcome ─▶ recorder, and to the person when it is on disk or 150 ms are over

Whoever takes an outcome out of `pending` signals it: the recorder after its commit, or this thread when time is up.
"""

import json
import logging
import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import msgspec

from drivers.api import CardRead
from gateway import points
from gateway.bundle import Roster
from gateway.keys import Enrolled, seal
from gateway.points import Point
from gateway.station.deeds import ByHand, Deed
from gateway.wire import GateAct, SwipeRecord
from rules.decide import decide
from rules.model import (
    CIVIL,
    Credential,
    CredentialKind,
    Decision,
    Direction,
    Enrolment,
    GatePolicy,
    Hours,
    Portal,
    Reason,
    Recent,
    Snapshot,
    Swipe,
    Verdict,
    token_of,
)

log = logging.getLogger(__name__)

INBOX = 256
SIGNAL_AFTER_S = 0.15
"""A disk that stalls costs a person at most this long."""
_REMEMBERED = 10_000
_LONGEST_NUMBER, _LONGEST_TEXT = 32, 90
"""Of what is sealed: a name has 15 characters and an address 35 (GA 467), and the sealed whole at most 1024 bytes."""
_LONGEST_DWELLING = 40
_IDENTITY_NUMBERS = frozenset({CredentialKind.CITIZEN_ID, CredentialKind.PR_2017})


@dataclass(frozen=True, slots=True)
class Gate:
    """A portal as the station runs it: what the rules see, and what happens when nobody attends it."""

    portal: Portal
    name: str
    opener: str | None
    pulse_seconds: float
    attended: Hours | None
    """The hours in which a guard is there; None for never."""
    opens_unattended: bool


@dataclass(frozen=True, slots=True)
class ReaderPlace:
    """Where a reader stands: its portal and the direction in which one passes it."""

    portal: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class Heard:
    """A card read by a reader at a monotonic instant."""

    reader: str
    card: CardRead
    mono: float


@dataclass(frozen=True, slots=True)
class InUse:
    """A roster from now on, and the keys that its tokens may be made by, by number."""

    roster: Roster
    keys: Mapping[int, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decided swipe: its record, whether the gate opens, and whether the guard is reminded about registration."""

    record: SwipeRecord
    decision: Decision
    opens: bool
    remind: bool
    mono: float
    token: bytes | None = field(default=None, repr=False)


class Decider:
    """Run `run` on a thread of its own. Everything here is that thread's, but for `inbox`, `pending`, `not_opened`."""

    def __init__(
        self,
        enrolled: Enrolled,
        epoch: str,
        gates: Mapping[str, Gate],
        readers: Mapping[str, ReaderPlace],
        *,
        record: Callable[[Outcome], None],
        signal: Callable[[Outcome, bool], None],
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        clock_state: Callable[[], str] = lambda: "synced",
        held: Callable[[str], bool] = lambda _portal: False,
    ) -> None:
        self.inbox: queue.Queue[Heard | ByHand | Deed | InUse] = queue.Queue(INBOX)
        self.pending: OrderedDict[int, Outcome] = OrderedDict()
        self.roster: Roster | None = None
        self.keys: Mapping[int, bytes] = {enrolled.token_key_id: enrolled.token_key}
        self._enrolled = enrolled
        self._epoch = epoch
        self._gates = gates
        self._readers = readers
        self._record = record
        self._signal = signal
        self._wall = wall
        self._clock = clock
        self._clock_state = clock_state
        self._held = held
        self._seq = 0
        self._recent: OrderedDict[bytes, deque[tuple[float, int, Recent]]] = OrderedDict()
        self._not_opened: set[int] = set()
        self._reminded: OrderedDict[bytes, date] = OrderedDict()

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._turn()
            except Exception:  # a bug in one swipe must not hold the gate for the next
                log.exception("the decider failed on one swipe")

    def not_opened(self, seq: int) -> None:
        """A portal was granted and its opener is down: nobody passed, so nobody has come in. From any thread."""
        if len(self._not_opened) >= _REMEMBERED:
            self._not_opened.clear()  # what is older than so many is forgotten by every rule
        self._not_opened.add(seq)

    def policy(self) -> GatePolicy:
        """The policy that holds now. From any thread."""
        roster = self.roster
        return GatePolicy() if roster is None else roster.policy_at(self._now())

    def weekday(self, moment: datetime) -> int:
        """As what weekday a civil moment counts at this gate now, holidays considered. From any thread."""
        roster = self.roster
        return moment.weekday() if roster is None else roster.policy_at(moment).weekday(moment.date())

    def _turn(self) -> None:
        try:
            item = self.inbox.get(timeout=self._patience())
        except queue.Empty:
            pass
        else:
            self._handle(item)
        self._signal_overdue()

    def _handle(self, item: Heard | ByHand | Deed | InUse) -> None:
        match item:
            case InUse(roster, keys):
                self.roster, self.keys = roster, keys
            case Heard():
                points.reached(Point.CARD_TAKEN)
                self._settle(self.judge(item))
            case ByHand():
                outcome = self._by_hand(item)
                self._settle(outcome)
                item.told(outcome.record.seq)
            case Deed():
                self._settle(self._deed(item))

    def judge(self, heard: Heard) -> Outcome:
        """Decide one card read and number it."""
        place = self._readers[heard.reader]
        gate = self._gates[place.portal]
        credential = heard.card.credential
        key, token, row = self._found(credential)
        swipe = Swipe(place.portal, heard.reader, place.direction, credential.kind, token, self._now())
        snapshot = self._view(swipe, gate, row, heard.mono)
        decision = decide(swipe, snapshot)
        seq = self._seq + 1
        opens = decision.verdict is Verdict.GRANT or (
            decision.verdict is Verdict.ATTEND and gate.opens_unattended and not _attended(gate, snapshot.civil)
        )
        keep = row is None or not row.count_only
        record = SwipeRecord(
            seq=seq,
            at=int(swipe.at.timestamp() * 1000),
            mono=int(heard.mono * 1000),
            portal=swipe.portal,
            reader=swipe.reader,
            direction=swipe.direction.value,
            verdict=decision.verdict.value,
            reasons=[reason.value for reason in decision.reasons],
            kind=credential.kind.value,
            token=token if keep else None,
            key=key,
            flags=sorted(flag.value for flag in decision.flags),
            roster=self.roster.header.version if self.roster is not None else 0,
            policy=snapshot.policy.version,
            clock=self._clock_state(),
            unattended=opens and decision.verdict is Verdict.ATTEND,
            sealed=self._seal(heard.card, seq) if keep and (row is None or row.token != token) else None,
        )
        outcome = Outcome(record, decision, opens, self._remind(token, decision, snapshot), heard.mono, token)
        self._seq = seq  # numbered only when it is whole: a number without a record would be a hole for ever
        self._remember(token, outcome, heard.mono)
        points.reached(Point.DECIDED)
        return outcome

    def _found(self, credential: Credential) -> tuple[int, bytes, Enrolment | None]:
        """The number of the token key in use, the credential's token by it, and its row, maybe by an older key."""
        if self.roster is None:
            key = max(self.keys)
            return key, token_of(self.keys[key], credential), None
        header = self.roster.header
        token = token_of(self.keys[header.token_key_id], credential)
        row = self.roster.find(token)
        for older in header.older_keys if row is None else ():
            if row is None and older in self.keys:
                row = self.roster.find(token_of(self.keys[older], credential))
        return header.token_key_id, token, row

    def _by_hand(self, act: ByHand) -> Outcome:
        seq = self._seq + 1
        visit = GateAct("visitor") if act.noted else None
        record = self._done(act.portal, act.mono, seq, act.by, act.dwelling, _named(act.name), visit)
        outcome = self._as_outcome(msgspec.structs.replace(record, by_hand=act.whom), act.mono, opens=True)
        self._seq = seq
        return outcome

    def _deed(self, deed: Deed) -> Outcome:
        seq = self._seq + 1
        until = int((self._wall() + deed.seconds) * 1000) if deed.seconds else 0
        act = GateAct(deed.kind, until)
        record = self._done(deed.portal, deed.mono, seq, "console", deed.dwelling, deed.said or _named(deed.name), act)
        outcome = self._as_outcome(record, deed.mono, opens=False)
        self._seq = seq
        return outcome

    def _done(
        self,
        portal: str,
        mono: float,
        seq: int,
        where: str,
        dwelling: str,
        said: Mapping[str, str | int],
        act: GateAct | None,
    ) -> SwipeRecord:
        """The record of what was done by hand; what is said of somebody goes to the centre alone."""
        named = json.dumps(dict(said), ensure_ascii=False).encode() if said else None
        return SwipeRecord(
            seq=seq,
            at=int(self._now().timestamp() * 1000),
            mono=int(mono * 1000),
            portal=portal,
            reader=where,
            direction=Direction.IN.value,
            verdict=Verdict.GRANT.value,
            reasons=[Reason.MANUAL.value],
            dwelling=_clean(dwelling, _LONGEST_DWELLING) or None,
            roster=self.roster.header.version if self.roster is not None else 0,
            clock=self._clock_state(),
            act=act,
            sealed=seal(self._enrolled.identity_public, named, self._enrolled.station, self._epoch, seq)
            if named
            else None,
        )

    def _as_outcome(self, record: SwipeRecord, mono: float, *, opens: bool) -> Outcome:
        return Outcome(record, Decision(Verdict.GRANT, (Reason.MANUAL,)), opens=opens, remind=False, mono=mono)

    def _view(self, swipe: Swipe, gate: Gate, row: Enrolment | None, mono: float) -> Snapshot:
        roster = self.roster
        civil = swipe.at.astimezone(CIVIL)
        if roster is None:
            held = self._held(swipe.portal)
            return Snapshot(civil, gate.portal, None, has_roster=False, register_as_of=None, held_open_by_hand=held)
        return Snapshot(
            civil,
            gate.portal,
            row,
            has_roster=True,
            register_as_of=roster.header.register_as_of,
            recent=self._passes(swipe.token, mono),
            held_open_by_hand=self._held(swipe.portal),
            schedules=roster.schedules,
            policy=roster.policy_at(swipe.at),
        )

    def _seal(self, card: CardRead, seq: int) -> bytes | None:
        """What the reader gave, for the centre alone; only of an unknown number, and only where there is a roster.

        While token keys are changed, also of a card, which the centre knows by its token alone.
        """
        if self.roster is None:
            return None
        if card.credential.kind not in _IDENTITY_NUMBERS and not self.roster.header.older_keys:
            return None
        identity = card.identity
        said = {"kind": card.credential.kind.value, "number": _clean(card.credential.number, _LONGEST_NUMBER)}
        if identity is not None:
            said |= {"name": _clean(identity.name, _LONGEST_TEXT), "address": _clean(identity.address, _LONGEST_TEXT)}
        plain = json.dumps(said, ensure_ascii=False).encode()
        return seal(self._enrolled.identity_public, plain, self._enrolled.station, self._epoch, seq)

    def _remind(self, token: bytes, decision: Decision, snapshot: Snapshot) -> bool:
        """Whether the guard's side line about registration is due: seldom, and for a grant alone."""
        today = snapshot.today
        if not decision.flags or decision.quiet or decision.verdict is not Verdict.GRANT:
            return False
        if "registration_unknown" in decision.flags:
            return False
        last = self._reminded.get(token)
        if last is not None and today - last < timedelta(days=snapshot.policy.side_line_days):
            return False
        self._reminded[token] = today
        self._reminded.move_to_end(token)
        while len(self._reminded) > _REMEMBERED:
            self._reminded.popitem(last=False)
        return True

    def _passes(self, token: bytes | None, mono: float) -> tuple[Recent, ...]:
        if token is None or token not in self._recent:
            return ()
        return tuple(
            Recent(r.portal, r.direction, r.verdict, mono - then, self._was_seen(seq))
            for then, seq, r in reversed(self._recent[token])
        )

    def _was_seen(self, seq: int) -> bool:
        return seq not in self._not_opened and seq not in self.pending

    def _remember(self, token: bytes, outcome: Outcome, mono: float) -> None:
        record = outcome.record
        passes = self._recent.pop(token, None) or deque(maxlen=8)
        recent = Recent(record.portal, Direction(record.direction), outcome.decision.verdict, 0.0)
        passes.append((mono, record.seq, recent))
        self._recent[token] = passes
        while len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)

    def _settle(self, outcome: Outcome) -> None:
        self.pending[outcome.record.seq] = outcome
        points.reached(Point.PENDING)
        self._record(outcome)
        points.reached(Point.HELD)

    def _patience(self) -> float:
        """Seconds until the oldest pending verdict must be signalled, or half a second when none waits."""
        try:
            oldest = next(iter(self.pending.values()))
        except (StopIteration, RuntimeError):
            return 0.5 if not self.pending else 0.0
        return min(max(oldest.mono + SIGNAL_AFTER_S - self._clock(), 0.0), 0.5)

    def _signal_overdue(self) -> None:
        now = self._clock()
        for seq, outcome in list(self.pending.items()):
            if outcome.mono + SIGNAL_AFTER_S > now:
                return
            if self.pending.pop(seq, None) is not None:
                self._signal(outcome, False)
                points.reached(Point.SIGNALLED_UNRECORDED)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall(), UTC)


def _attended(gate: Gate, civil: datetime) -> bool:
    return gate.attended is not None and gate.attended.holds(civil)


def _named(name: str) -> Mapping[str, str | int]:
    return {"name": _clean(name, _LONGEST_TEXT)} if name else {}


def _clean(text: str, longest: int) -> str:
    """What can be printed of a text, as far as it may go: the centre refuses more, and would refuse it for ever."""
    return "".join(letter for letter in text[:longest] if letter.isprintable())
