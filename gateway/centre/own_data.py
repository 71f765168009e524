"""One's own data: a code from a desk, a session of ten minutes, all that is held, and what one may ask about it."""

import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from gateway.centre.deskwork import Deed, act_on
from gateway.centre.slips import Slips, Stale
from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.queries import cards, declared, history, people
from gateway.store.queries.history import By
from rules.cases import Actor, CaseAct, NotPossible, Objection
from rules.identity import mask

CODE_DIGITS = 10
GOOD_MS = 600_000
"""Ten minutes: for the code to be used, and for the session that it opens."""
ANSWER_DAYS = 15
"""A request about one's own data is answered within so many days."""
MOST_PASSES = 500
COLUMN = "requests.said"


class Asked(StrEnum):
    CORRECT = "correct"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Session:
    """Who somebody is, by the code that a desk gave them; `community` is whose desk."""

    person: int
    community: str


class OwnData:
    """Each act is in the transaction of the caller."""

    def __init__(self, master: Master, slips: Slips) -> None:
        self._master = master
        self._slips = slips

    def code(self, connection: Connection, by: By, community: str, person: int) -> str:
        """A code for somebody who presented their own card at a desk; that it was given is noted.

        Raises:
            LookupError: they are not enrolled here.
        """
        if cards.enrolment(connection, community, person) is None:
            raise LookupError("nobody of that number is enrolled here")
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        values = {"person": person, "community": community, "lookup": self._lookup("code", code), "created": by.at}
        declared.add_code(connection, values | {"created_by": by.actor, "expires": by.at + GOOD_MS})
        history.note(connection, by, t.persons.name, [(person, community, {"code": [None, True]})])
        return code

    def open(self, connection: Connection, code: str, now: int) -> str | None:
        """The token of a session, for a code that is good and was not used; None for any other, whatever is wrong."""
        token = secrets.token_urlsafe(24)
        lookup, session = self._lookup("code", code.strip()), self._lookup("session", token)
        return token if declared.open_session(connection, lookup, session, now, now + GOOD_MS) else None

    def session(self, connection: Connection, token: str, now: int) -> Session | None:
        """Whose session it is; None when it is over or was never one."""
        row = declared.session(connection, self._lookup("session", token), now)
        return None if row is None else Session(row.person, row.community)

    def show(self, connection: Connection, session: Session, since: int) -> dict[str, Any]:
        """All that is held about somebody, in plain values; who looked, who changed what; their passes since then."""
        row = people.person(connection, session.person)
        held = declared.own(connection, session.person)
        number = self._master.show("persons.number", row.number)
        seen = history.of(connection, t.persons.name, session.person)
        return {
            "name": self._master.show("persons.name", row.name),
            "number": mask(number),
            "held": {name: [self._plain(connection, name, one) for one in rows] for name, rows in held.items()},
            "looked": [{"at": one.at, "who": one.actor, "what": sorted(one.changes)} for one in seen],
            "passes": [
                {"at": one.at, "portal": one.portal, "direction": one.direction, "verdict": one.verdict}
                for one in declared.own_passes(connection, session.person, since, MOST_PASSES)
            ],
        }

    def ask(self, connection: Connection, session: Session, asked: Asked, text: str, by: By) -> int:
        """Ask that something be corrected or deleted; the request's number."""
        values = {"person": session.person, "community": session.community, "kind": asked.value, "created": by.at}
        said, due = self._master.hide(COLUMN, text), by.today + timedelta(days=ANSWER_DAYS)
        return declared.add_request(connection, values | {"said": said, "due": due})

    def object(self, connection: Connection, session: Session, objection: Objection, by: By) -> None:
        """我不住这里 / 信息不对: whatever goes on about them pauses until a reviewer has looked.

        Raises:
            NotPossible: nothing goes on about them, or it is paused already.
        """
        row = declared.own_case(connection, session.person)
        if row is None:
            raise NotPossible("nothing goes on about you")
        deed = Deed(CaseAct.OBJECT, row.revision, Actor.RESIDENT, by.actor, by.at, word=objection)
        act_on(connection, row.id, deed, self._slips)

    def decide(self, connection: Connection, by: By, community: str, number: int, *, done: bool, why: str) -> None:
        """Answer a request: done, or refused with the reason.

        Raises:
            LookupError: there is none here. Stale: somebody was first. NotPossible: refused without a reason.
        """
        row = declared.request(connection, number)
        if row is None or row.community != community:
            raise LookupError("there is no such request here")
        if not done and not why.strip():
            raise NotPossible("a refusal has a reason")
        said = {"decided": by.at, "decided_by": by.actor, "outcome": "done" if done else "refused", "why": why}
        if not declared.decide_request(connection, number, said):
            raise Stale

    def _plain(self, connection: Connection, table: str, row: Any) -> dict[str, Any]:
        """A row as its person may read it: opened where it is encrypted, the room by its name, without tokens."""
        dwelling = getattr(row, "dwelling", None)
        said: dict[str, Any] = {} if dwelling is None else {"where": "".join(people.dwelling(connection, dwelling))}
        for name, value in row._asdict().items():
            if name in {"token", "token_key"}:
                continue
            opened = self._master.show(f"{table}.{name}", value) if isinstance(value, bytes) else value
            said[name] = opened.isoformat() if isinstance(opened, date) else opened
        return said

    def _lookup(self, what: str, text: str) -> bytes:
        return self._master.index(f"{what}\x1f{text}")
