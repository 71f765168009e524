"""Visitors (访客): a code that opens from when to when, walk-ins, and leaving by exit or when the time is over."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Connection

from gateway.centre.persons import Identity, Persons
from gateway.centre.tokens import Tokens
from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.queries import history, people, streams, visiting
from gateway.store.queries.history import By
from rules.cases import NotPossible
from rules.model import CIVIL, Credential, CredentialKind, Role

CODE_DIGITS = 8
LONGEST_MS = 7 * 86_400_000
"""A pass is good for a week at most; whoever stays longer is a guest or a resident."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Whom somebody expects, or who stands at the gate. Name and phone may be left out; instants are ms, UTC."""

    since: int
    until: int
    host: int | None = None
    kind: str = "expected"
    name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    party: int = 1


class Visitors:
    """Each act is in the transaction of the caller, and noted."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self._persons = Persons(master)
        self._tokens = Tokens(master)

    def expect(self, connection: Connection, by: By, community: str, visit: Visit) -> tuple[int, str]:
        """Enter a visitor; the pass's number and the code that opens the gate.

        Raises:
            LookupError: there is no such community, or no such dwelling in it.
            NotPossible: the time is over, ends before it begins, or is longer than a week.
        """
        if streams.community(connection, community, lock=True) is None:
            raise LookupError("there is no such community")
        if visit.host is not None and not people.dwelling_is_here(connection, community, visit.host):
            raise LookupError("there is no such dwelling here")
        if not visit.since <= visit.until <= visit.since + LONGEST_MS or visit.until <= by.at:
            raise NotPossible("a pass begins before it ends, is not over yet, and is good for a week at most")
        code, token = self._fresh_code(connection, community)
        identity = Identity(CredentialKind.VISITOR, code, "")
        person = self._persons.put(connection, by, community, [identity]).ids[self._persons.lookup(identity.kind, code)]
        self._enrol(connection, by, community, person, token, visit)
        number = visiting.add(
            connection,
            {
                "community": community,
                "person": person,
                "host": visit.host,
                "kind": visit.kind,
                "name": self._master.hide("visitors.name", visit.name) if visit.name else None,
                "phone": self._master.hide("visitors.phone", visit.phone) if visit.phone else None,
                "party": visit.party,
                "since": visit.since,
                "until": visit.until,
                "arrived": by.at if visit.kind == "walk_in" else None,
                "created": by.at,
                "created_by": by.actor,
            },
        )
        history.note(connection, by, t.visitors.name, [(number, community, history.CREATED)])
        people.roster_is_stale(connection, community)
        return number, code

    def walked_in(self, connection: Connection, by: By, community: str, at: int, host: int | None, name: str) -> int:
        """Enter a visitor whom a guard has let in at `at`, until the end of that day; there is no code. Its number."""
        code, _ = self._fresh_code(connection, community)
        identity, lookup = (
            Identity(CredentialKind.VISITOR, code, ""),
            self._persons.lookup(CredentialKind.VISITOR, code),
        )
        row = {
            "community": community,
            "person": self._persons.put(connection, by, community, [identity]).ids[lookup],
            "host": host,
            "kind": "walk_in",
            "name": self._master.hide("visitors.name", name) if name else None,
            "since": at,
            "until": _end_of_day(at),
            "arrived": at,
            "created": by.at,
            "created_by": by.actor,
        }
        number = visiting.add(connection, row)
        history.note(connection, by, t.visitors.name, [(number, community, history.CREATED)])
        return number

    def leave(self, connection: Connection, by: By, community: str, number: int) -> None:
        """Note that a visitor has left, as somebody saw; the code opens nothing more.

        Raises:
            LookupError: there is no such pass here. NotPossible: they have left.
        """
        row = visiting.found(connection, community, number)
        if row is None:
            raise LookupError("there is no such pass here")
        if row.left is not None:
            raise NotPossible("this visitor has left")
        self._check_out(connection, by, row, by.at, "by_hand")

    def settle(self, connection: Connection, by: By) -> int:
        """Note arrivals and departures by what the gates have recorded, and check out whoever's time is over.

        Returns how many were checked out.
        """
        out = 0
        for row in visiting.under_way(connection):
            came, went = visiting.seen(connection, row.community, row.person, row.since)
            if row.arrived is None and came is not None:
                history.change(connection, by, t.visitors, row, {"arrived": came})
            if row.until <= by.at:
                left = went if went is not None else row.until
                self._check_out(connection, by, row, left, "exit" if went is not None else "expiry")
                out += 1
        return out

    def _check_out(self, connection: Connection, by: By, row: Any, at: int, how: str) -> None:
        history.change(connection, by, t.visitors, row, {"left": at, "left_how": how})
        for card in visiting.codes(connection, row.community, row.person):
            history.change(connection, by, t.credentials, card, {"returned_on": by.today})
        people.roster_is_stale(connection, row.community)

    def _enrol(self, connection: Connection, by: By, community: str, person: int, token: bytes, visit: Visit) -> None:
        enrolment = {"community": community, "person": person, "dwelling": visit.host, "category": "unknown"}
        enrolment |= {
            "role": int(Role.VISITOR),
            "since": _day(visit.since),
            "until": _day(visit.until),
        }
        history.put(connection, by, t.enrolments, [enrolment], ("community", "person"))
        card = {"community": community, "token": token, "person": person, "kind": CredentialKind.VISITOR.value}
        card |= {"token_key": self._tokens.number(connection, community), "issued_on": by.today, "returned_on": None}
        history.put(connection, by, t.credentials, [card], ("community", "token"))

    def _fresh_code(self, connection: Connection, community: str) -> tuple[str, bytes]:
        """A code that nobody has here, and its token."""
        while True:
            code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
            token = self._tokens.one(connection, community, Credential(CredentialKind.VISITOR, code))
            if people.credential(connection, community, token) is None:
                return code, token


def _end_of_day(milliseconds: int) -> int:
    day = datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(CIVIL)
    return int(datetime.combine(day, time.max, CIVIL).timestamp() * 1000)


def _day(milliseconds: int) -> date:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(CIVIL).date()
