"""A centre without a broker: real database, keys, intake and register; what it would send is kept in lists."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Table, select

from gateway import wire
from gateway.bus import Message
from gateway.centre import deskwork
from gateway.centre.acks import Acks
from gateway.centre.api.cases import judge_again
from gateway.centre.casework import Casework
from gateway.centre.certify import Certify
from gateway.centre.commands import Commands
from gateway.centre.deskwork import Deed
from gateway.centre.gate_acts import GateActs
from gateway.centre.intake import Intake
from gateway.centre.mark import Mark
from gateway.centre.register import EnrolmentEntry, Register, RegistrationEntry
from gateway.centre.slips import Slips
from gateway.centre.sorting import Sorter
from gateway.centre.stations import Stations
from gateway.centre.tokens import Tokens
from gateway.centre.told import Told, open_by
from gateway.centre.visiting import Visit, log_visit
from gateway.keys import Master, seal
from gateway.metrics import CentreMetrics
from gateway.routes import MqttRoute, Police, Routes
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.queries import history, merging, streams
from gateway.store.queries.casefile import Subject
from gateway.store.queries.history import By
from gateway.wire import StationTopics, SwipeRecord
from rules.cases import Actor, CaseAct, CaseState
from rules.identity import canonical, check_digit
from rules.model import CIVIL, Credential, CredentialKind, GatePolicy, Source, token_of
from rules.policy import Collection, Escalation, Policy, Slip

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=CIVIL)
TODAY = NOW.date()
EPOCH, EPOCH_2 = "00000000000000a1", "00000000000000b2"
CENTRE_EPOCH = "00000000000000cc"
YUAN, OTHER = "test-yuan", "other-yuan"
STATION, OTHER_STATION = "test-yuan-1", "other-yuan-1"
POLICE, OTHER_POLICE = "jiangwan", "hekou"
BY = By("office-1", int(NOW.timestamp() * 1000), "as the test has it")
MASTER = Master(bytes(range(32)))
POLICY = Policy(1, "test", "test", datetime(2026, 1, 1, tzinfo=CIVIL))
BY_BUS = Routes([Police(name=name, routes=(MqttRoute(),)) for name in (POLICE, OTHER_POLICE)])
SHORT = Policy(
    2,
    "test",
    "slips at once",
    datetime(2026, 1, 1, tzinfo=CIVIL),
    gate=GatePolicy(version=2),
    collection=Collection(due_days=0),
    slip=Slip(visits=1, different_times=False, evening_or_weekend=False, notice=False, overdue_days=0),
    escalation=Escalation(0, 0, 0, 0),
)


def number(seq: int, birth: date = date(1900, 1, 1)) -> str:
    """A citizen number of nobody: they would be 126, or the caller says when they were born."""
    first_17 = f"510099{birth:%Y%m%d}{seq:03d}"
    return first_17 + check_digit(first_17)


def token(text: str, community: str = YUAN, kind: CredentialKind = CredentialKind.CITIZEN_ID) -> bytes:
    return token_of(MASTER.token_key(community), Credential(kind, canonical(kind, text)))


def entry(text: str, **over: Any) -> EnrolmentEntry:
    """A tenant who moved in yesterday, with a dwelling."""
    values = {"kind": CredentialKind.CITIZEN_ID, "number": text, "name": "测试甲", "since": TODAY - timedelta(days=1)}
    return EnrolmentEntry(**(values | {"building": "3栋", "unit": "2单元", "room": "501室"} | over))


def registration(text: str, **over: Any) -> RegistrationEntry:
    values: dict[str, Any] = {"kind": CredentialKind.CITIZEN_ID, "number": text, "name": "测试甲"}
    return RegistrationEntry(**(values | {"since": date(2026, 11, 1)} | over))


def moment(day: int, hour: int = 12) -> int:
    """Milliseconds of an hour of a day of November 2026, civil time."""
    return int(datetime(2026, 11, day, hour, tzinfo=CIVIL).timestamp() * 1000)


def swipe(seq: int, text: str | None, at: int, **over: Any) -> SwipeRecord:
    values: dict[str, Any] = {
        "seq": seq,
        "at": at,
        "mono": seq * 1000,
        "portal": "east",
        "reader": "east-in",
        "direction": "in",
        "verdict": "grant",
        "reasons": ["enrolled"],
        "kind": "citizen-id" if text else None,
        "token": token(text) if text else None,
        "key": 1,
        "flags": ["unregistered"] if text else [],
    }
    return SwipeRecord(**(values | over))


def unknown(seq: int, text: str, at: int, *, sealed: bool = True, epoch: str = EPOCH, **over: Any) -> SwipeRecord:
    """A swipe of a number that the roster does not have, sealed as the gate does it."""
    said = msgspec.json.encode({"kind": "citizen-id", "number": text})
    blob = seal(MASTER.identity_public(), said, STATION, epoch, seq) if sealed else None
    values = {"verdict": "attend", "reasons": ["unknown_credential"], "flags": [], "sealed": blob}
    return swipe(seq, text, at, **(values | over))


TENANT_DAYS = ((20, 19), (21, 20), (22, 12))
"""Three days, two of them in the evening: what a collection case needs."""
STRANGER_DAYS = ((17, 19), (18, 20), (19, 21), (20, 19), (21, 12))
"""Five days, four of them in the evening: what a question at the gate needs."""


def tenant(text: str, first: int = 1, **over: Any) -> list[SwipeRecord]:
    return [swipe(first + i, text, moment(*when), **over) for i, when in enumerate(TENANT_DAYS)]


def stranger(text: str, first: int = 1, **over: Any) -> list[SwipeRecord]:
    return [unknown(first + i, text, moment(*when), **over) for i, when in enumerate(STRANGER_DAYS)]


@dataclass
class Sent:
    community: str
    station: str
    leaf: str
    plain: bytes


@dataclass
class Office:
    """The parts, joined as the centre joins them."""

    database: Database
    policy: Policy = POLICY
    moment: datetime = NOW
    routes: Routes = BY_BUS
    sent: list[Sent] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    greeted: list[tuple[str, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mono = 0.0
        self.metrics = CentreMetrics()
        self.slips = Slips("https://centre.example", self.routes)
        self.casework = Casework(MASTER, lambda: self.policy, self.metrics, self.slips, wall=self.wall)
        self.register = Register(MASTER)
        self.stations = Stations(self.database, MASTER, clock=lambda: self.mono)
        self.acks = Acks(CENTRE_EPOCH, lambda _c: 7, lambda *a: self.sent.append(Sent(*a)), clock=lambda: self.mono)
        self.sorter = Sorter(self.stations, wall=self.wall, clock=lambda: self.mono)
        self.commands = Commands(self.database, self._send, wall=self.wall)
        self.certify = Certify(MASTER, self._send, wall=self.wall)
        self.mark = Mark(Path(__file__).parent / "nowhere" / "mark")
        self.intake = Intake(
            self.database,
            self.sorter,
            self.casework,
            self.metrics,
            self.acks,
            greeted=lambda *a: self.greeted.append(a),
            answered=self.answered,
            errands={"reply": self.commands.answered, "renew": self.certify.asked},
            acts=GateActs(MASTER, lambda: None).take,
            changed=lambda: None,
            renew=Tokens(MASTER).renew,
            mark=self.mark,
            older=lambda: None,
        )
        with self.database.write() as connection:
            rows = [(YUAN, POLICE), (OTHER, OTHER_POLICE)]
            streams.put_communities(
                connection,
                [
                    {"id": c, "name": "滨河苑", "street": "江湾街道", "police_station": p, "portals": ["east", "west"]}
                    for c, p in rows
                ],
            )
            streams.put_station(connection, STATION, YUAN, 1, 0)
            streams.put_station(connection, OTHER_STATION, OTHER, 1, 0)

    def _send(self, *what: Any) -> bool:
        self.sent.append(Sent(*what))
        return True

    def wall(self) -> float:
        return self.moment.timestamp()

    def answered(self, connection: Any, answer: wire.Answer, police: str) -> None:
        """What the centre's process does with an answer."""
        done = self.slips.answer(connection, answer, police, self.casework.now())
        if done.registered is not None:
            self.register.registered_by_answer(
                connection, BY, done.community, done.registered, self.casework.today(), answer.receipt
            )
        if done.closed:
            self.casework.closed(connection)

    def message(self, leaf: str, payload: Any, station: str = STATION, **over: Any) -> Message:
        """A message as the station would send it. `payload` is a struct or plain bytes."""
        community = over.pop("community", YUAN if station == STATION else OTHER)
        topic = over.pop("topic", StationTopics(community, station)(leaf))
        plain = payload if isinstance(payload, bytes) else wire.encode(payload)
        keys = MASTER.station(station, over.pop("generation", 1))
        return Message(topic, keys.up().wrap(topic, plain), over.pop("retained", False), lambda: self._ack(topic))

    def swipes(self, records: Sequence[SwipeRecord], epoch: str = EPOCH, station: str = STATION) -> Message:
        leaf = "swipe" if len(records) == 1 else "swipes"
        return self.message(leaf, wire.Swipes(epoch, list(records)), station)

    def answer(self, slip: str, what: str, police: str = POLICE, **over: Any) -> Message:
        plain = wire.encode(wire.Answer(slip, what, "示例民警", **over))
        return Message(wire.answer_topic(police), plain, False, lambda: None)

    def settle(self, *messages: Message) -> bool:
        return self.intake.settle([(message, 0.0) for message in messages])

    def take(self, *records: SwipeRecord) -> None:
        assert self.settle(self.swipes(records))

    def enrol(self, *entries: EnrolmentEntry, community: str = YUAN) -> list[int]:
        with self.database.write() as connection:
            ids, bad = self.register.enrol(connection, BY, community, entries)
            self.casework.judge(connection, [Subject(community, one, None) for one in ids])
        assert bad == []
        return ids

    def protect(self, person: int) -> None:
        """Have a reviewer protect somebody's record."""
        with self.database.write() as connection:
            row = merging.person(connection, person)
            history.change(connection, BY, t.persons, row, {"protected": True})

    def import_register(
        self, *entries: RegistrationEntry, as_of: date = TODAY, complete: bool = True, community: str = YUAN
    ) -> None:
        with self.database.write() as connection:
            ids, bad = self.register.register(connection, BY, community, as_of, entries, complete=complete)
            self.casework.judge(connection, [Subject(community, one, None) for one in ids])
            if complete:
                self.casework.sweep(connection)
        assert bad == []

    def act(self, case: int, what: CaseAct, actor: Actor, who: str = "somebody", **over: Any) -> CaseState:
        """Do an act on a case as it stands, or at the `revision` that is given, and judge again."""
        with self.database.write() as connection:
            row = deskwork.found(connection, case)
            deed = Deed(what, over.pop("revision", row.revision), actor, who, self.casework.now(), **over)
            state = deskwork.act_on(connection, case, deed, self.slips)
            judge_again(connection, self.casework, case)
        return state

    def visit(self, case: int, visit: Visit, who: str = "worker-1", actor: Actor = Actor.WORKER) -> None:
        """Log a visit on a case as it stands."""
        with self.database.write() as connection:
            revision = deskwork.found(connection, case).revision
            deed = Deed(CaseAct.VISIT, revision, actor, who, self.casework.now())
            log_visit(connection, MASTER, case, visit, deed)
            judge_again(connection, self.casework, case)

    def tell(self, person: int, source: Source, **over: Any) -> tuple[int, bool]:
        """Have somebody say that a person lives here, or has left."""
        community = over.pop("community", YUAN)
        with self.database.write() as connection:
            by = By("desk-1", self.casework.now())
            return open_by(connection, MASTER, self.casework, by, community, Told(person, source, **over))

    def a_case(self, text: str, **over: Any) -> Any:
        """The open case of somebody who was enrolled long ago and is not registered."""
        protected = over.pop("protected", False)
        (person,) = self.enrol(entry(text, since=TODAY - timedelta(days=30), **over))
        if protected:
            self.protect(person)
        self.import_register()
        return next(row for row in self.rows(t.cases) if row.person == person and row.is_open)

    def case(self, number: int) -> Any:
        return next(row for row in self.rows(t.cases) if row.id == number)

    def rows(self, table: Table) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(table).order_by(*table.primary_key.columns)).all())

    def cases(self) -> list[tuple[Any, ...]]:
        """What the cases are, apart from their numbers."""
        return sorted(
            (c.community, c.kind, c.source, c.state, c.person or 0, c.token or b"", c.opened_on, c.due)
            for c in self.rows(t.cases)
        )

    def case_acts(self) -> list[tuple[str, str]]:
        """The events of all cases in order: who did what."""
        return [(event.actor, event.act) for event in self.rows(t.case_events)]

    def quarantined(self) -> list[str]:
        return [row.reason for row in self.rows(t.quarantine)]

    def acked(self) -> dict[str, tuple[int, list[tuple[int, int]]]]:
        """What the stations were told last of each epoch."""
        self.mono += 1.0
        self.acks.send()
        told: dict[str, tuple[int, list[tuple[int, int]]]] = {}
        for sent in self.sent:
            if sent.leaf == "ack":
                for stream in wire.decode(sent.plain, wire.Ack).streams:
                    told[stream.epoch] = (stream.upto, [tuple(one) for one in stream.ranges])
        return told

    def outbox(self) -> Iterable[tuple[str, Any]]:
        return [(row.topic, msgspec.json.decode(row.payload) if row.payload else None) for row in self.rows(t.outbox)]

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def _ack(self, topic: str) -> None:
        self.settled.append(topic)
