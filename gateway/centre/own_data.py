"""One's own data: a page with a code, which a desk opens after a swipe; all that is held, and what one may ask."""

import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from gateway.centre.deskwork import Deed, act_on
from gateway.centre.lawful import of_year
from gateway.centre.slips import Slips, Stale
from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.queries import audit, cards, declared, history, lawful, people
from gateway.store.queries.history import By
from rules.cases import Actor, CaseAct, NotPossible, Objection
from rules.identity import mask
from rules.model import CredentialKind

CODE_DIGITS = 8
GOOD_MS = 600_000
"""Ten minutes: for the code to be opened, and then for the page to be read."""
SWIPED_MS = 120_000
"""A code is opened so long after a swipe of the person's own card at most."""
KEPT_MS = 86_400_000
ANSWER_DAYS = 15
"""A request about one's own data is answered within so many days."""
MOST_PASSES = 500
COLUMN = "requests.said"
READ = "read"
"""What a page says of each act in the record of acts: somebody saw what is held in full."""
OPENED = "opened"
"""What the history says of a page that was opened; where the card was presented stands with it."""


class Asked(StrEnum):
    CORRECT = "correct"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Session:
    """Whose data a page may show; `community` is whose desk opened it."""

    person: int
    community: str


class OwnData:
    """Each act is in the transaction of the caller."""

    def __init__(self, master: Master, slips: Slips) -> None:
        self._master = master
        self._slips = slips

    def begin(self, connection: Connection, now: int) -> tuple[str, str]:
        """A new page: the code that stands on it, and the token that nobody else knows. It is nobody's yet."""
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        token = secrets.token_urlsafe(24)
        values = {"code": code, "session": self._lookup(token), "created": now, "expires": now + GOOD_MS}
        declared.add_code(connection, values, now - KEPT_MS)
        return code, token

    def open(self, connection: Connection, by: By, community: str, person: int, code: str) -> None:
        """Let the page with this code show somebody's data, who has just presented their own card; noted, with where.

        The swipe is one since the page was there, of the last two minutes, and opens one page. The desk learns nothing.

        Raises:
            LookupError: they are not enrolled here.
            NotPossible: no page waits with that code, or their own card was not presented.
        """
        if cards.enrolment(connection, community, person) is None:
            raise LookupError("nobody of that number is enrolled here")
        row = declared.code(connection, code, by.at)
        if row is None:
            raise NotPossible("no page waits with this code: it was used, is over ten minutes old, or is none")
        swipe = declared.own_swipe(connection, community, person, max(row.created, by.at - SWIPED_MS), by.at)
        if swipe is None:
            raise NotPossible("their own card has to be presented at a reader here, after the page was opened")
        values = {"person": person, "community": community, "opened_by": by.actor, "swipe": swipe.id}
        declared.open_code(connection, row.id, values | {"expires": by.at + GOOD_MS})
        history.note(connection, by, t.persons.name, [(person, community, {OPENED: [None, swipe.portal]})])

    def waiting(self, connection: Connection, token: str, now: int) -> str | None:
        """The code of a page that waits to be opened; None where it is open, over, or none."""
        row = declared.session(connection, self._lookup(token), now)
        return row.code if row is not None and row.person is None else None

    def session(self, connection: Connection, token: str, now: int) -> Session | None:
        """Whose data a page may show; None while it waits, when it is over, and where it was never one."""
        row = declared.session(connection, self._lookup(token), now)
        return None if row is None or row.person is None else Session(row.person, row.community)

    def show(self, connection: Connection, session: Session, since: int, now: int) -> dict[str, Any]:
        """All that is held about somebody, in plain values; who looked, who changed what; their passes since then."""
        row = people.person(connection, session.person)
        held = declared.own(connection, session.person)
        number = self._master.show("persons.number", row.number)
        seen = history.of(connection, t.persons.name, session.person)
        read = audit.about(connection, declared.own_subjects(connection, session.person))
        return {
            "name": self._master.show("persons.name", row.name),
            "number": "" if row.kind == CredentialKind.NO_NUMBER else mask(number),
            "held": {name: [self._plain(connection, name, one) for one in rows] for name, rows in held.items()},
            "looked": sorted(
                [
                    {
                        "at": one.at,
                        "who": one.actor,
                        "what": sorted(one.changes),
                        "where": one.changes.get(OPENED, [None, None])[1],
                    }
                    for one in seen
                ]
                + [{"at": one.at, "who": one.actor, "what": [READ], "where": None} for one in read],
                key=lambda one: one["at"],
            ),
            "lawful": [
                {"authority": one.authority, "since": one.since, "until": one.until, "released": one.decided}
                for one in lawful.told(connection, session.person)
            ],
            "released": of_year(connection, now)[1],
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
        declared.request_here(connection, community, number)
        if not done and not why.strip():
            raise NotPossible("a refusal has a reason")
        said = {"decided": by.at, "decided_by": by.actor, "outcome": "done" if done else "refused", "why": why}
        if not declared.decide_request(connection, number, said):
            raise Stale

    def asked(self, row: Any) -> str:
        """What a request says."""
        return self._master.show(COLUMN, row.said)

    def _plain(self, connection: Connection, table: str, row: Any) -> dict[str, Any]:
        """A row as its person may read it: opened where it is encrypted, the room by its name, without tokens."""
        dwelling = getattr(row, "dwelling", None)
        said: dict[str, Any] = {} if dwelling is None else {"where": "".join(people.dwelling(connection, dwelling))}
        for name, value in row._asdict().items():
            if name in {"token", "token_key", "superseded"}:
                continue
            opened = self._master.show(f"{table}.{name}", value) if isinstance(value, bytes) else value
            said[name] = opened.isoformat() if isinstance(opened, date) else opened
        return said

    def _lookup(self, token: str) -> bytes:
        return self._master.index(f"session\x1f{token}")
