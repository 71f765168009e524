"""The register: whom the property has enrolled, and whom the police have registered. Numbers and names are encrypted.

Enrolment and registration come by separate doors: the property's list has no field for registration.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection

from gateway.keys import Master
from gateway.store.queries import people, streams
from rules.identity import canonical
from rules.model import Credential, CredentialKind, Role, token_of

TOKEN_KEY = 1
MAX_ROWS = 5000


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was not taken: its place in what was sent (from 0), and what is wrong, without quoting it."""

    row: int
    problem: str


@dataclass(frozen=True, slots=True)
class EnrolmentEntry:
    """One resident, guest, visitor or member of staff, as the property enters them."""

    kind: CredentialKind
    number: str = field(repr=False)
    name: str = field(repr=False)
    since: date
    category: str = "unknown"
    role: Role = Role.RESIDENT
    until: date | None = None
    building: str = ""
    unit: str = ""
    room: str = ""
    portals: tuple[str, ...] | None = None
    protected: bool = False
    cards: tuple[tuple[CredentialKind, str], ...] = field(default=(), repr=False)
    """Further credentials of the same person: (kind, number)."""


@dataclass(frozen=True, slots=True)
class RegistrationEntry:
    """One registration, as the police list it."""

    kind: CredentialKind
    number: str = field(repr=False)
    name: str = field(repr=False)
    since: date
    until: date | None = None
    receipt: str | None = None


class Register:
    """Takes entries in the transaction of the caller; good rows are taken, bad ones come back with their problem."""

    def __init__(self, master: Master) -> None:
        self._master = master

    def enrol(
        self, connection: Connection, community: str, entries: Sequence[EnrolmentEntry]
    ) -> tuple[list[int], list[BadRow]]:
        """Enrol people in a community. Returns their person ids and the rows that were not taken.

        Raises:
            LookupError: there is no such community.
        """
        portals = self._portals(connection, community)
        good, bad = self._sorted_out(entries, portals)
        if not good:
            return [], bad
        ids = self._put_persons(connection, good)
        places = people.put_dwellings(
            connection, community, [(e.building, e.unit, e.room) for e, _, _ in good if e.room]
        )
        rows, cards = [], []
        for entry, number, more in good:
            person = ids[self._lookup(entry.kind, number)]
            dwelling = places.get((entry.building, entry.unit, entry.room))
            rows.append(_enrolment(community, person, dwelling, entry))
            cards += [self._card(community, person, one) for one in (Credential(entry.kind, number), *more)]
        people.put_enrolments(connection, rows)
        people.put_credentials(connection, cards)
        people.roster_is_stale(connection, community)
        return sorted({row["person"] for row in rows}), bad

    def register(
        self,
        connection: Connection,
        community: str,
        as_of: date,
        entries: Sequence[RegistrationEntry],
        *,
        complete: bool,
    ) -> tuple[list[int], list[BadRow]]:
        """Take the police's registrations of a community as known up to `as_of`. Returns as `enrol`.

        `complete` says that this is the last part of their list: whoever none of its parts, all as of the same day,
        names is not registered from that day on; what the police answered to a slip stays.
        """
        self._portals(connection, community)
        good, bad = self._sorted_out(entries, None)
        ids = self._put_persons(connection, good)
        rows, cards = [], []
        for entry, number, _ in good:
            person = ids[self._lookup(entry.kind, number)]
            rows.append(
                {
                    "person": person,
                    "community": community,
                    "since": entry.since,
                    "until": entry.until,
                    "as_of": as_of,
                    "source": "import",
                    "receipt": entry.receipt,
                }
            )
            cards.append(self._card(community, person, Credential(entry.kind, number)))
        people.put_registrations(connection, rows)
        people.put_credentials(connection, cards)
        if complete:
            people.end_registrations(connection, community, as_of)
            people.register_known_until(connection, community, as_of)
        people.roster_is_stale(connection, community)
        return sorted({row["person"] for row in rows}), bad

    def registered_by_answer(
        self, connection: Connection, community: str, person: int, day: date, receipt: str | None
    ) -> None:
        """Note that the police answered a slip with a registration, valid from `day`."""
        row = {"person": person, "community": community, "since": day, "until": None, "as_of": day}
        people.put_registrations(connection, [row | {"source": "answer", "receipt": receipt}])
        people.roster_is_stale(connection, community)

    def _portals(self, connection: Connection, community: str) -> frozenset[str]:
        row = streams.community(connection, community)
        if row is None:
            raise LookupError(f"there is no community {community}")
        return frozenset(row.portals)

    def _sorted_out(
        self, entries: Sequence[Any], portals: frozenset[str] | None
    ) -> tuple[list[tuple[Any, str, list[Credential]]], list[BadRow]]:
        good: list[tuple[Any, str, list[Credential]]] = []
        bad: list[BadRow] = []
        seen: set[tuple[CredentialKind, str]] = set()
        for i, entry in enumerate(entries):
            try:
                number = canonical(entry.kind, entry.number)
                more = [Credential(kind, canonical(kind, text)) for kind, text in getattr(entry, "cards", ())]
                if (entry.kind, number) in seen:
                    raise ValueError("the same number stands twice in this list")  # noqa: TRY301
                _check(entry, portals)
            except ValueError as error:
                bad.append(BadRow(i, str(error)))
                continue
            seen.add((entry.kind, number))
            good.append((entry, number, more))
        return good, bad

    def _put_persons(
        self, connection: Connection, good: Sequence[tuple[Any, str, list[Credential]]]
    ) -> dict[bytes, int]:
        """A list may mark a person as protected; no list takes that mark away again."""
        rows = [(getattr(entry, "protected", False), self._person(entry, number)) for entry, number, _ in good]
        ids = people.put_persons(connection, [row | {"protected": True} for marked, row in rows if marked])
        return ids | people.put_persons(connection, [row for marked, row in rows if not marked])

    def _person(self, entry: EnrolmentEntry | RegistrationEntry, number: str) -> dict[str, Any]:
        return {
            "lookup": self._lookup(entry.kind, number),
            "kind": entry.kind.value,
            "number": self._master.hide("persons.number", number),
            "name": self._master.hide("persons.name", entry.name),
        }

    def _card(self, community: str, person: int, credential: Credential) -> dict[str, Any]:
        token = token_of(self._master.token_key(community), credential)
        kind = credential.kind.value
        return {"community": community, "person": person, "kind": kind, "token": token, "token_key": TOKEN_KEY}

    def _lookup(self, kind: CredentialKind, number: str) -> bytes:
        return self._master.index(f"{kind.value}\x1f{number}")


def _check(entry: EnrolmentEntry | RegistrationEntry, portals: frozenset[str] | None) -> None:
    if entry.until is not None and entry.until < entry.since:
        raise ValueError("it ends before it begins")
    named = getattr(entry, "portals", None)
    if portals is not None and named is not None and not portals.issuperset(named):
        raise ValueError("it names a portal that the community does not have")


def _enrolment(community: str, person: int, dwelling: int | None, entry: EnrolmentEntry) -> dict[str, Any]:
    return {
        "community": community,
        "person": person,
        "dwelling": dwelling,
        "category": entry.category,
        "role": int(entry.role),
        "since": entry.since,
        "until": entry.until,
        "portals": list(entry.portals) if entry.portals is not None else None,
        "schedule": None,
    }
