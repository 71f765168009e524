"""From judgement to rows: `rules.judge` over what is known of people, and its acts applied.

Every transition is a compare-and-set with its event and its outbox row in the transaction of the caller.
"""

import dataclasses
import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, assert_never

import msgspec
from sqlalchemy import Connection

from gateway.centre import knowing
from gateway.centre.knowing import Known
from gateway.centre.slips import Slips
from gateway.keys import Master
from gateway.metrics import CentreMetrics
from gateway.store.database import after_commit
from gateway.store.queries import casefile, due, people, questions, streams
from gateway.store.queries.casefile import Subject
from gateway.store.queries.people import Token
from rules.acts import (
    Act,
    Ask,
    CloseCase,
    Escalate,
    Level,
    OpenCase,
    ProposeSlip,
    RaiseSlip,
    Remind,
    Restate,
    TakeBack,
)
from rules.cases import BEGINS, CLOSING, CaseState, Close, step
from rules.judge import judge
from rules.known import months_after
from rules.model import (
    CIVIL,
    CaseKind,
    Reason,
)
from rules.policy import Policy

log = logging.getLogger(__name__)

SYSTEM = "system"
JUDGED_REASONS = frozenset({Reason.UNKNOWN_CREDENTIAL.value, Reason.ENROLMENT_EXPIRED.value})
"""Why the gate asked: whoever was met so is judged, and so is whoever was flagged."""
_DAY_MS = 86_400_000


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
        return len(self.openings(connection, subjects))

    def openings(self, connection: Connection, subjects: Iterable[Subject]) -> list[Subject]:
        """As `judge`; whom each case that was opened is about."""
        opened, policy, today = [], self._policy(), self.today()
        for subject, known in knowing.of(connection, self._master, subjects, today, self._window()):
            acts = judge(
                known.person,
                known.passes,
                known.registrations,
                known.cases,
                policy,
                today,
                known.register_as_of,
            )
            for act in acts:
                opened += [subject] * self._apply(connection, subject, known, act)
            self._ask(connection, subject, known, acts)
            for case in known.cases:
                if case.alert:
                    self._slips.recount(connection, case.id, self.now())
        return opened

    def known(self, connection: Connection, subject: Subject) -> Known:
        """What is known of one subject now. LookupError where their row cannot be read."""
        for _, one in knowing.of(connection, self._master, [subject], self.today(), self._window()):
            return one
        raise LookupError("their row cannot be read")

    def policy(self) -> Policy:
        """The policy in force."""
        return self._policy()

    def sweep(self, connection: Connection) -> int:
        """Judge everyone whom a new day may concern. Returns how many cases were opened."""
        return self.judge(connection, self.to_sweep(connection))

    def to_sweep(self, connection: Connection) -> list[Subject]:
        """Whom a new day may concern: open cases, and whoever is due by the register though nothing came of them."""
        found = {self.subject_of(connection, case) for case in casefile.open_cases(connection)}
        today, rule = self.today(), self._policy().recheck
        rented, others = (months_after(today, -months) for months in (rule.rented_months, rule.other_months))
        whom = due.unregistered(connection, today) | due.moved_out(connection, today)
        whom |= due.to_recheck(connection, today, rented, others) | due.to_ask_about(connection, today)
        found |= {Subject(community, person, None) for community, person in whom}
        return sorted(found, key=lambda s: (s.community, s.person or 0, s.token or b""))

    def closed(self, connection: Connection) -> None:
        """Count a closed case, once that is committed."""
        after_commit(connection, self._metrics.closed.inc)

    def _apply(self, connection: Connection, subject: Subject, known: Known, act: Act) -> int:
        """Do what an act says. Returns how many cases that opened."""
        if isinstance(act, OpenCase):
            return self._open(connection, subject, known, act)
        if isinstance(act, Ask):
            return 0  # kept with all others of the person
        row = casefile.case(connection, act.case)
        if row is not None and row.is_open:  # it may have ended since it was judged
            self._apply_to(connection, row, act)
        return 0

    def _apply_to(
        self,
        connection: Connection,
        row: Any,
        act: Remind | Escalate | ProposeSlip | RaiseSlip | CloseCase | Restate | TakeBack,
    ) -> None:
        match act:
            case Remind():
                self._remind(connection, row)
            case Escalate(to=to):
                self._escalate(connection, row, to)
            case ProposeSlip(because=because):
                self._slips.propose(connection, row, because, self.now())
            case RaiseSlip():
                self._raise(connection, row)
            case CloseCase():
                self._close(connection, row, act)
            case Restate() | TakeBack():
                self._put_right(connection, row, act)
            case _:
                assert_never(act)

    def _open(self, connection: Connection, subject: Subject, known: Known, act: OpenCase) -> int:
        number = self.put_open(connection, subject, act, known.dwelling)
        return 0 if number is None else 1

    def put_open(
        self, connection: Connection, subject: Subject, act: OpenCase, dwelling: int | None, who: str = SYSTEM
    ) -> int | None:
        """Open a case; None where one about the same subject is open."""
        values = {
            "community": subject.community,
            "kind": act.kind.value,
            "source": act.source.value,
            "state": BEGINS.value,
            "is_open": True,
            "person": subject.person,
            "token": subject.token,
            "dwelling": dwelling,
            "opened_on": self.today(),
            "opened": self.now(),
            "due": act.due,
            "because": _plain(act.because),
            "policy": act.because.policy_version,
        }
        number = casefile.open_case(connection, values)
        if number is not None:
            self._event(connection, number, "open", BEGINS, act.source.value, who)
            after_commit(connection, self._metrics.opened.inc)
        return number

    def _ask(self, connection: Connection, subject: Subject, known: Known, acts: Iterable[Act]) -> None:
        """Have the property asked what `acts` ask of a person, and nothing else."""
        asked = {act.question.value: act.since for act in acts if isinstance(act, Ask)}
        if subject.person is not None and asked != known.asked:
            questions.keep(connection, subject.community, subject.person, asked, self.now())

    def _escalate(self, connection: Connection, row: Any, to: Level) -> None:
        if row.level != to.value:
            self._note(connection, row, "escalate", {"level": to.value}, to.value)

    def _raise(self, connection: Connection, row: Any) -> None:
        """Nobody of the community decided upon a slip in time: the street does."""
        slip = casefile.raise_alert(connection, row.id, Level.STREET.value)
        if slip is not None:
            self._event(connection, row.id, "raise", CaseState(row.state), slip)

    def _remind(self, connection: Connection, row: Any) -> None:
        if row.reminded_on != self.today():  # somebody else may have judged it at the same time
            self._note(connection, row, "remind", {"reminded_on": self.today()})

    def _close(self, connection: Connection, row: Any, act: CloseCase) -> None:
        how, actor = CLOSING[act.how]
        state = step(CaseState(row.state), how, kind=CaseKind(row.kind), actor=actor)
        closed: dict[str, Any] = {"state": state.value, "is_open": False, "paused": False}
        closed |= {"closed": self.now(), "how": act.how.value}
        if act.how is Close.EXPIRED:
            closed |= {"token": None, "because": row.because | {"on": [], "evenings": 0}}
            streams.forget_token(connection, row.community, row.token)
        if casefile.change_case(connection, row.id, row.revision, closed):
            self._event(connection, row.id, how.value, state, act.how.value)
            self._slips.close(connection, row.id, self.now())
            self.closed(connection)

    def _put_right(self, connection: Connection, row: Any, act: Restate | TakeBack) -> None:
        if isinstance(act, Restate):
            casefile.change_case(connection, row.id, row.revision, {"because": _plain(act.because)})
        elif casefile.take_back(connection, row.id, row.revision):
            log.info("case %d is taken back: with the passes that came since it has no grounds", row.id)

    def _note(self, connection: Connection, row: Any, act: str, values: dict[str, Any], note: str = "") -> None:
        if casefile.change_case(connection, row.id, row.revision, values):
            self._event(connection, row.id, act, CaseState(row.state), note)

    def _event(
        self, connection: Connection, case: int, act: str, state: CaseState, note: str = "", who: str = SYSTEM
    ) -> None:
        casefile.add_event(connection, case, at=self.now(), actor=who, act=act, state=state.value, note=note)


def _plain(value: Any) -> dict[str, Any]:
    """A dataclass as plain JSON values."""
    return dict(msgspec.to_builtins(dataclasses.asdict(value)))
