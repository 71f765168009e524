"""A gate without devices: a real decider, recorder and spool, and lists where people, lamps and the bus would be."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from pathlib import Path
from time import monotonic

from drivers.api import CardRead, Identity
from gateway.bundle import Roster
from gateway.station.decider import Decider, Gate, Heard, Outcome, ReaderPlace
from gateway.station.recorder import Recorder
from gateway.station.spool import Spool
from gateway.wire import SwipeRecord
from rules.model import CIVIL, Credential, CredentialKind, Direction, Hours, Portal, token_of
from tests.gateway import rosters

EPOCH = "0123456789abcdef"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=CIVIL)
NOBODY = "110101190001010000"  # no check digit is looked at here


def gate(attended: Hours | None = None, *, opens_unattended: bool = False) -> Gate:
    return Gate(Portal("east"), "东门", "relay", 5.0, attended, opens_unattended)


DAY = Hours(time(7), time(22))


def card(number: str = "04AABBCC", kind: CredentialKind = CredentialKind.CARD_UID, name: str = "") -> CardRead:
    return CardRead(Credential(kind, number), Identity(name, "无名路") if name else None)


def token(number: str = "04AABBCC", kind: CredentialKind = CredentialKind.CARD_UID) -> bytes:
    return token_of(rosters.MASTER.token_key(rosters.COMMUNITY), Credential(kind, number))


@dataclass
class Clocks:
    """The wall clock and the monotonic one, moved by the test alone."""

    wall: datetime = NOON
    mono: float = 1000.0

    def seconds(self) -> float:
        return self.wall.timestamp()


@dataclass
class Bench:
    """A decider whose thread is the test's; what it records and signals is kept."""

    gate: Gate = field(default_factory=gate)
    clocks: Clocks = field(default_factory=Clocks)
    recorded: list[Outcome] = field(default_factory=list)
    signalled: list[tuple[int, bool]] = field(default_factory=list)
    decider: Decider = field(init=False)

    def __post_init__(self) -> None:
        self.decider = Decider(
            rosters.enrolled(),
            EPOCH,
            {"east": self.gate},
            {"in": ReaderPlace("east", Direction.IN), "out": ReaderPlace("east", Direction.OUT)},
            record=self.recorded.append,
            signal=lambda outcome, recorded: self.signalled.append((outcome.record.seq, recorded)),
            wall=self.clocks.seconds,
            clock=lambda: self.clocks.mono,
        )

    def use(self, roster: Roster | None) -> "Bench":
        self.decider.roster = roster
        return self

    def swipe(self, read: CardRead | None = None, reader: str = "in") -> Outcome:
        return self.decider.judge(Heard(reader, read or card(), self.clocks.mono))


@dataclass
class Post:
    """Decider and recorder on threads of their own over a real spool."""

    spool: Spool
    decider: Decider
    recorder: Recorder
    signals: list[tuple[int, bool, float]]
    committed: list[SwipeRecord]
    lost: list[int]

    def swipe(self, number: str = "04AABBCC") -> None:
        self.decider.inbox.put(Heard("in", card(number), monotonic()))

    def signalled(self) -> list[int]:
        return [seq for seq, _, _ in list(self.signals)]


@contextmanager
def post(
    path: Path,
    *,
    patience_s: float = 0.2,
    most_held: int = 10_000,
    most_bytes: int | None = None,
    output: Callable[[Outcome], None] = lambda _outcome: None,
) -> Iterator[Post]:
    """`output` is what is told a verdict first, and may fail."""
    spool = Spool(path, patience_s)
    signals: list[tuple[int, bool, float]] = []
    committed: list[SwipeRecord] = []
    lost: list[int] = []

    def signal(outcome: Outcome, recorded: bool) -> None:
        output(outcome)
        signals.append((outcome.record.seq, recorded, monotonic() - outcome.mono))

    decider = Decider(
        rosters.enrolled(),
        spool.epoch,
        {"east": gate()},
        {"in": ReaderPlace("east", Direction.IN)},
        record=lambda outcome: recorder.add(outcome),  # noqa: PLW0108 - the recorder comes after it
        signal=signal,
    )
    recorder = Recorder(
        spool,
        pending=decider.pending,
        signal=signal,
        committed=committed.extend,
        declared_lost=lost.append,
        keep_days=3,
        most_held=most_held,
        most_bytes=most_bytes,
    )
    deciding, recording = threading.Event(), threading.Event()
    threads = [
        threading.Thread(target=decider.run, args=(deciding,), name="decider"),
        threading.Thread(target=recorder.run, args=(recording,), name="recorder"),
    ]
    for thread in threads:
        thread.start()
    try:
        yield Post(spool, decider, recorder, signals, committed, lost)
    finally:
        for stop, thread in zip((deciding, recording), threads, strict=True):
            stop.set()
            thread.join()
        spool.close()


def flagged(number: int) -> Roster:
    """A roster with one person, who is enrolled and not registered."""
    return rosters.roster(replace(rosters.person(number), registered_until=None))
