"""From judgement to rows: what is known of a person, `rules.judge`, and its acts applied.

Every transition is a compare-and-set with its event and its outbox row in the transaction of the caller.
"""

import dataclasses
import json
import logging
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, assert_never

import msgspec
from sqlalchemy import Connection

from gateway.centre.slips import Slips
from gateway.keys import Master, NotAuthentic
from gateway.metrics import CentreMetrics
from gateway.store.database import after_commit
from gateway.store.queries import casefile, people, streams
from gateway.store.queries.casefile import Subject
from gateway.store.queries.people import Token
from rules.acts import Act, Arithmetic, CloseCase, Escalate, OpenCase, ProposeSlip, Remind, Restate, TakeBack
from rules.cases import ALERT_BEGINS, BEGINS, CLOSING, ENDED, CaseState, step
from rules.identity import birth_of
from rules.judge import judge
from rules.model import (
    CIVIL,
    Case,
    CaseKind,
    Credential,
    CredentialKind,
    Pass,
    Person,
    Reason,
    Registration,
    Rests,
    Role,
    Source,
    Visit,
)
from rules.policy import Policy

log = logging.getLogger(__name__)

SYSTEM = "system"
JUDGED_REASONS = frozenset({Reason.UNKNOWN_CREDENTIAL.value, Reason.ENROLMENT_EXPIRED.value})
"""Why the gate asked: whoever was met so is judged, and so is whoever was flagged."""
_DAY_MS = 86_400_000
_FOREIGN = ("9", "81", "82", "83")


@dataclass(frozen=True, slots=True)
class Known:
    """All that the database knows of one subject, in the words of `rules`."""

    person: Person
    passes: frozenset[Pass]
    registrations: tuple[Registration, ...]
    cases: tuple[Case, ...]
    register_as_of: date | None
    dwelling: int | None


class Casework:
    """Judges subjects and applies what follows. `policy` is asked each time, since it may change."""

    def __init__(
        self,
        master: Master,
        policy: Callable[[], Policy],
        metrics: CentreMetrics,
        slips: Slips,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._master = master
        self._policy = policy
        self._metrics = metrics
        self._slips = slips
        self._wall = wall

    def now(self) -> int:
        """Milliseconds, UTC."""
        return int(self._wall() * 1000)

    def today(self) -> date:
        """The civil date in Asia/Shanghai."""
        return datetime.fromtimestamp(self._wall(), UTC).astimezone(CIVIL).date()

    def subjects(self, connection: Connection, community: str, tokens: Sequence[bytes]) -> dict[bytes, Subject]:
        """Whom each token of a community stands for: a person where they are known, else the token itself."""
        owners = people.owners(connection, community, tokens)
        return {
            token: Subject(community, owners[token], None) if token in owners else Subject(community, None, token)
            for token in sorted(tokens)
        }

    def concerned(self, connection: Connection, tokens: Iterable[Token], sure: Collection[Token]) -> list[Token]:
        """Those of `tokens` that a judgement is about: `sure`, and whoever within the window was met like that.

        By any of a person's credentials: a judgement is about all passes of one person.
        """
        rest = sorted(set(tokens).difference(sure))
        credentials = people.credentials_together(connection, rest)
        asked = sorted({other for token in rest for other in credentials.get(token, [token])})
        met = streams.marked(connection, asked, *self._window())
        return sorted({*sure, *(token for token in rest if not met.isdisjoint(credentials.get(token, [token])))})

    def _window(self) -> tuple[int, int]:
        """The time (ms) in which passes may count today, or counted when a case was opened that may be restated."""
        policy, now = self._policy(), self.now()
        days = 2 * max(policy.collection.window_days, policy.gate_query.window_days) + 1
        return now - days * _DAY_MS, now + _DAY_MS

    def subject_of(self, connection: Connection, case: Any) -> Subject:
        """Whom a case is about as of now: a token may have become a person's since it was opened."""
        if case.person is not None:
            return Subject(case.community, case.person, None)
        return self.subjects(connection, case.community, [case.token])[case.token]

    def judge(self, connection: Connection, subjects: Iterable[Subject]) -> int:
        """Judge each subject as of now and apply the acts. Returns how many cases were opened.

        A person whose row cannot be read (another key, damage) is passed over, and that is logged.
        """
        opened = 0
        for subject in subjects:
            try:
                known = self.known(connection, subject)
            except NotAuthentic as error:
                log.error("person %s cannot be judged: %s", subject.person, error)  # noqa: TRY400 - it says all
                continue
            acts = judge(
                known.person,
                known.passes,
                known.registrations,
                known.cases,
                self._policy(),
                self.today(),
                known.register_as_of,
            )
            for act in acts:
                opened += self._apply(connection, subject, known, act)
        return opened

    def sweep(self, connection: Connection) -> int:
        """Judge everyone whom a new day may concern. Returns how many cases were opened."""
        return self.judge(connection, self.to_sweep(connection))

    def to_sweep(self, connection: Connection) -> list[Subject]:
        """Whom a new day may concern: open cases, and residents who are enrolled and not registered."""
        found = {self.subject_of(connection, case) for case in casefile.open_cases(connection)}
        found |= {Subject(c, p, None) for c, p in people.unregistered_enrolled(connection, self.today())}
        return sorted(found, key=lambda s: (s.community, s.person or 0, s.token or b""))

    def closed(self, connection: Connection) -> None:
        """Count a closed case, once that is committed."""
        after_commit(connection, self._metrics.closed.inc)

    def known(self, connection: Connection, subject: Subject) -> Known:
        """Load what is known of a subject."""
        community = streams.community(connection, subject.community)
        as_of = community.register_as_of if community is not None else None
        tokens = [subject.token or b""]
        if subject.person is not None:
            tokens = people.tokens_of(connection, subject.community, subject.person)
        cases = tuple(self._case(connection, row) for row in casefile.subjects_case(connection, subject, tokens))
        seen = streams.passes(connection, subject.community, tokens, *self._window())
        if subject.person is None:
            return Known(self._stranger(connection, subject), _passes(seen), (), cases, as_of, None)
        facts = tuple(Registration(*row) for row in people.registrations(connection, subject.person, subject.community))
        person, dwelling = self._person(connection, subject.community, subject.person)
        return Known(person, _passes(seen), facts, cases, as_of, dwelling)

    def _person(self, connection: Connection, community: str, number: int) -> tuple[Person, int | None]:
        row = people.person(connection, number)
        enrolment = people.enrolment(connection, community, number)
        credential = Credential(CredentialKind(row.kind), self._master.show("persons.number", row.number))
        dwelling = enrolment.dwelling if enrolment is not None else None
        person = Person(
            known=True,
            dwelling=dwelling is not None,
            role=Role(enrolment.role) if enrolment is not None else None,
            birth=birth_of(credential, self.today()),
            enrolled_since=enrolment.since if enrolment is not None else None,
            travel_document=_is_travel_document(credential),
            protected=row.protected,
        )
        return person, dwelling

    def _stranger(self, connection: Connection, subject: Subject) -> Person:
        """What the newest seal of an unknown token tells: nothing leaves this call but birth date and document kind."""
        seal = streams.newest_seal(connection, subject.community, subject.token or b"")
        if seal is None:
            return Person(known=False, dwelling=False)
        try:
            said = json.loads(self._master.unseal(seal.sealed, seal.station, seal.epoch, seal.seq))
            credential = Credential(CredentialKind(said["kind"]), str(said["number"]))
        except (NotAuthentic, ValueError, KeyError, TypeError):
            log.warning("a seal of station %s, epoch %s, seq %d does not open", seal.station, seal.epoch, seal.seq)
            return Person(known=False, dwelling=False)
        birth = birth_of(credential, self.today())
        return Person(known=False, dwelling=False, birth=birth, travel_document=_is_travel_document(credential))

    def _case(self, connection: Connection, row: Any) -> Case:
        going = CaseState(row.state) not in ENDED
        visits = casefile.visits(connection, row.id) if going else ()
        return Case(
            row.id,
            CaseKind(row.kind),
            row.state,
            row.opened_on,
            row.due,
            tuple(Visit(_civil(v.at), v.met, v.notice_left) for v in visits),
            alert=going and casefile.had_alert(connection, row.id),  # one slip a case: what was withdrawn stays so
            paused=row.paused,
            reminded=row.reminded_on,
            rests=_rests(row) if going else None,
        )

    def _apply(self, connection: Connection, subject: Subject, known: Known, act: Act) -> int:
        """Do what an act says. Returns how many cases that opened."""
        if isinstance(act, OpenCase):
            return self._open(connection, subject, known, act)
        row = casefile.case(connection, act.case)
        if row is not None:
            self._apply_to(connection, subject, row, act)
        return 0

    def _apply_to(
        self,
        connection: Connection,
        subject: Subject,
        row: Any,
        act: Remind | Escalate | ProposeSlip | CloseCase | Restate | TakeBack,
    ) -> None:
        match act:
            case Remind():
                self._note(connection, row, "remind", {"reminded_on": self.today()})
            case Escalate(to=to):
                if row.level != to.value:
                    self._note(connection, row, "escalate", {"level": to.value}, to.value)
            case ProposeSlip():
                self._propose(connection, subject, row)
            case CloseCase():
                self._close(connection, row, act)
            case Restate(because=because):
                casefile.change_case(connection, row.id, row.revision, {"because": _plain(because)})
            case TakeBack():
                self._take_back(connection, row)
            case _:
                assert_never(act)

    def _open(self, connection: Connection, subject: Subject, known: Known, act: OpenCase) -> int:
        values = {
            "community": subject.community,
            "kind": act.kind.value,
            "source": act.source.value,
            "state": BEGINS.value,
            "is_open": True,
            "person": subject.person,
            "token": subject.token,
            "dwelling": known.dwelling,
            "opened_on": self.today(),
            "opened": self.now(),
            "due": act.due,
            "because": _plain(act.because),
            "policy": act.because.policy_version,
        }
        number = casefile.open_case(connection, values)
        if number is None:
            return 0
        self._event(connection, number, "open", BEGINS, act.source.value)
        after_commit(connection, self._metrics.opened.inc)
        return 1

    def _propose(self, connection: Connection, subject: Subject, row: Any) -> None:
        community = streams.community(connection, subject.community)
        if community is None:
            return
        slip = f"{self.today():%Y%m%d}-{secrets.token_hex(3).upper()}"
        values = {
            "slip": slip,
            "case": row.id,
            "community": subject.community,
            "police_station": community.police_station,
            "state": ALERT_BEGINS.value,
            "is_open": True,
            "rule": "overdue",
            "since": row.opened_on,
            "proposed": self.now(),
        }
        if casefile.add_alert(connection, values):
            self._event(connection, row.id, "propose", CaseState(row.state), slip)

    def _close(self, connection: Connection, row: Any, act: CloseCase) -> None:
        how, actor = CLOSING[act.how]
        state = step(CaseState(row.state), how, kind=CaseKind(row.kind), actor=actor)
        closed = {"state": state.value, "is_open": False, "closed": self.now(), "how": act.how.value}
        if casefile.change_case(connection, row.id, row.revision, closed):
            self._event(connection, row.id, how.value, state, act.how.value)
            self._slips.close(connection, row.id, self.now())
            self.closed(connection)

    def _take_back(self, connection: Connection, row: Any) -> None:
        if casefile.take_back(connection, row.id, row.revision):
            log.info("case %d is taken back: with the passes that came since it has no grounds", row.id)

    def _note(self, connection: Connection, row: Any, act: str, values: dict[str, Any], note: str = "") -> None:
        if casefile.change_case(connection, row.id, row.revision, values):
            self._event(connection, row.id, act, CaseState(row.state), note)

    def _event(self, connection: Connection, case: int, act: str, state: CaseState, note: str = "") -> None:
        casefile.add_event(connection, case, at=self.now(), actor=SYSTEM, act=act, state=state.value, note=note)


def _rests(row: Any) -> Rests | None:
    """What a case from the gate rests on, while nobody has done anything about it."""
    if row.source != Source.GATE or row.state != BEGINS or row.collector is not None:
        return None
    because = msgspec.convert(row.because, Arithmetic)
    return Rests(because.on, because.evenings, because.policy_version)


def _passes(instants: Iterable[int]) -> frozenset[Pass]:
    return frozenset(Pass(_civil(at)) for at in instants)


def _civil(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(CIVIL)


def _is_travel_document(credential: Credential) -> bool:
    """Foreigners' permanent-resident numbers, and permits of residents of Hong Kong, Macao and Taiwan."""
    return credential.kind is CredentialKind.PR_2017 or (
        credential.kind is CredentialKind.CITIZEN_ID and credential.number.startswith(_FOREIGN)
    )


def _plain(value: Any) -> dict[str, Any]:
    """A dataclass as plain JSON values."""
    return dict(msgspec.to_builtins(dataclasses.asdict(value)))
