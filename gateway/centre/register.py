"""The register: whom the property has enrolled, and whom the police have registered. Numbers and names are encrypted.

Enrolment and registration come by separate doors: the property's list has no field for registration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from gateway.centre.living import Living, Residency
from gateway.centre.persons import Identity, Persons
from gateway.centre.tokens import Tokens
from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.queries import history, people, streams
from gateway.store.queries.history import By
from rules.identity import canonical
from rules.model import Credential, CredentialKind, Role, Source

MAX_ROWS = 5000
_ELSEWHERE = "a credential of this row is somebody else's here"
_ENDED = "this enrolment has ended; a new one begins later"
_SHORTENED = "a resident's enrolment is not ended or shortened by a list"


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
    cards: tuple[tuple[CredentialKind, str], ...] = field(default=(), repr=False)
    """Further credentials of the same person: (kind, number)."""
    phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RegistrationEntry:
    """One registration, as the police list it."""

    kind: CredentialKind
    number: str = field(repr=False)
    name: str = field(repr=False)
    since: date
    until: date | None = None
    receipt: str | None = None
    employment: str = "unknown"
    employer: str = field(default="", repr=False)


@dataclass(slots=True)
class ListSoFar:
    """What the parts of one list that were taken before have said, so that the next part can be held against it."""

    today: date = date.min
    """A card whose holder's enrolment ended before this day may be somebody else's now; by default none may."""
    rows: int = 0
    persons: set[bytes] = field(default_factory=set, repr=False)
    cards: dict[bytes, bytes] = field(default_factory=dict, repr=False)
    """Token of each card or code in the list -> look-up of the person whose row named it first."""


@dataclass(frozen=True, slots=True)
class _Good:
    """A row that can be taken: the entry, the person's look-up, canonical number and further credentials."""

    entry: Any = field(repr=False)
    lookup: bytes
    number: str = field(repr=False)
    more: tuple[Credential, ...] = ()


class Register:
    """Takes entries in the transaction of the caller; good rows are taken, bad ones come back with their problem."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self.persons = Persons(master)
        self._residency = Residency(master)
        self._tokens = Tokens(master)

    def enrol(
        self,
        connection: Connection,
        by: By,
        community: str,
        entries: Sequence[EnrolmentEntry],
        so_far: ListSoFar | None = None,
    ) -> tuple[list[int], list[BadRow]]:
        """Enrol people in a community. Returns their person ids and the rows that were not taken.

        A list that comes in parts has one `so_far` for all of them. No row takes a card or a code from somebody
        who is enrolled with it.

        Raises:
            LookupError: there is no such community.
        """
        so_far = so_far or ListSoFar()
        portals = self._portals(connection, community)
        good, bad = self._sorted_out(entries, portals, so_far)
        named = self._tokens.of(connection, community, {one for _, row in good for one in _credentials_of(row)})
        good, theirs = self._own_cards(connection, community, good, so_far, named)
        good, shorter = _not_shortened(connection, community, good, by.today)
        bad = sorted([*bad, *theirs, *shorter], key=lambda one: one.row)
        if not good:
            return [], bad
        kept = [row for _, row in good]
        ids = self.persons.put(connection, by, community, [_identity(row) for row in kept]).ids
        places = people.put_dwellings(
            connection, community, [(r.entry.building, r.entry.unit, r.entry.room) for r in kept if r.entry.room]
        )
        rows, cards, key = [], [], self._tokens.number(connection, community)
        for row in kept:
            person = ids[row.lookup]
            dwelling = places.get((row.entry.building, row.entry.unit, row.entry.room))
            rows.append(_enrolment(community, person, dwelling, row.entry))
            cards += [_card(community, person, one, named[one], key) for one in _credentials_of(row)]
        history.put(connection, by, t.enrolments, rows, ("community", "person"))
        back = people.given_back(connection, community, [card["token"] for card in cards])
        people.put_credentials(connection, [one for one in cards if back.get(one["token"]) != one["person"]])
        self._residency.found(connection, by, community, [_living(row) for row in rows if _lives(row)])
        people.roster_is_stale(connection, community)
        return sorted({row["person"] for row in rows}), bad

    def register(
        self,
        connection: Connection,
        by: By,
        community: str,
        as_of: date,
        entries: Sequence[RegistrationEntry],
        so_far: ListSoFar | None = None,
        *,
        complete: bool,
    ) -> tuple[list[int], list[BadRow]]:
        """Take the police's registrations of a community as known up to `as_of`. Returns as `enrol`.

        `complete` says that this is the last part of their list: whoever none of its parts, all as of the same day,
        names is not registered from that day on; what the police answered to a slip stays.
        """
        self._portals(connection, community)
        sorted_out, bad = self._sorted_out(entries, None, so_far or ListSoFar())
        good = [row for _, row in sorted_out]
        ids = self.persons.put(connection, by, community, [_identity(row) for row in good]).ids
        keys = [(ids[row.lookup], community, row.entry.since) for row in good]
        standing = history.standing(connection, t.registrations, ("person", "community", "since"), keys)
        rows, cards, key = [], [], self._tokens.number(connection, community)
        named = self._tokens.of(connection, community, {one for row in good for one in _credentials_of(row)})
        for row in good:
            person = ids[row.lookup]
            stands = standing.get((person, community, row.entry.since))
            if stands is not None and stands.as_of > as_of:
                continue  # an older list says nothing against a newer one
            employment = row.entry.employment
            if employment == "unknown" and stands is not None:
                employment = stands.employment
            rows.append(
                {
                    "person": person,
                    "community": community,
                    "since": row.entry.since,
                    "until": row.entry.until,
                    "as_of": as_of,
                    "source": "import",
                    "receipt": row.entry.receipt or (stands.receipt if stands is not None else None),
                    "employment": employment,
                    "employer": self._employer(stands.employer if stands is not None else None, row.entry.employer),
                }
            )
            cards += [_card(community, person, one, named[one], key) for one in _credentials_of(row)]
        history.put(connection, by, t.registrations, rows, ("person", "community", "since"))
        people.put_credentials(connection, cards)
        if complete:
            ended = {"until": as_of - timedelta(days=1), "as_of": as_of}
            for gone in people.not_named_again(connection, community, as_of):
                history.change(connection, by, t.registrations, gone, ended)
            people.register_known_until(connection, community, as_of)
        people.roster_is_stale(connection, community)
        return sorted(set(ids.values())), bad

    def mark_lost(self, connection: Connection, by: By, community: str, credential: Credential, *, lost: bool) -> None:
        """Note that a credential (of canonical number) was reported lost, or was found.

        Raises:
            LookupError: nobody has it in this community, or there is no such community.
        """
        self._portals(connection, community)
        row = people.credential(connection, community, self._tokens.one(connection, community, credential))
        if row is None:
            raise LookupError("nobody has this credential here")
        history.change(connection, by, t.credentials, row, {"lost": lost})
        people.roster_is_stale(connection, community)

    def registered_by_answer(
        self, connection: Connection, by: By, community: str, person: int, day: date, receipt: str | None
    ) -> None:
        """Note that the police answered with a registration, valid from `day`."""
        row = {"person": person, "community": community, "since": day, "until": None, "as_of": day}
        row |= {"source": "answer", "receipt": receipt}
        history.put(connection, by, t.registrations, [row], ("person", "community", "since"))
        people.roster_is_stale(connection, community)

    def _portals(self, connection: Connection, community: str) -> frozenset[str]:
        """The portals of a community, whose register is this transaction's from here on."""
        row = streams.community(connection, community, lock=True)
        if row is None:
            raise LookupError(f"there is no community {community}")
        return frozenset(row.portals)

    def _sorted_out(
        self, entries: Sequence[Any], portals: frozenset[str] | None, so_far: ListSoFar
    ) -> tuple[list[tuple[int, _Good]], list[BadRow]]:
        good: list[tuple[int, _Good]] = []
        bad: list[BadRow] = []
        for i, entry in enumerate(entries, so_far.rows):
            try:
                number = canonical(entry.kind, entry.number)
                more = tuple(Credential(kind, canonical(kind, text)) for kind, text in getattr(entry, "cards", ()))
                lookup = self.persons.lookup(entry.kind, number)
                _check(entry, portals, again=lookup in so_far.persons)
            except ValueError as error:
                bad.append(BadRow(i, str(error)))
                continue
            so_far.persons.add(lookup)
            good.append((i, _Good(entry, lookup, number, more)))
        so_far.rows += len(entries)
        return good, bad

    def _own_cards(
        self,
        connection: Connection,
        community: str,
        good: Sequence[tuple[int, _Good]],
        so_far: ListSoFar,
        token_by: Mapping[Credential, bytes],
    ) -> tuple[list[tuple[int, _Good]], list[BadRow]]:
        """Part the rows into those whose cards and codes are their own or free, and those that name another's."""
        named = {i: [token_by[one] for one in _cards_of(row)] for i, row in good}
        tokens = sorted({token for row in named.values() for token in row})
        holders = people.holders(connection, community, tokens, so_far.today)
        kept = people.kept(connection, [row.lookup for _, row in good])
        own: list[tuple[int, _Good]] = []
        bad: list[BadRow] = []
        for i, row in good:
            own_lookup = kept.get(row.lookup, row.lookup)
            said = [so_far.cards.get(token, holders.get(token, own_lookup)) for token in named[i]]
            if any(lookup != own_lookup for lookup in said):
                bad.append(BadRow(i, _ELSEWHERE))
                continue
            so_far.cards.update(dict.fromkeys(named[i], own_lookup))
            own.append((i, row))
        return own, bad

    def _employer(self, stands: bytes | None, text: str) -> bytes | None:
        """An employer as it is to be stored: what stands, where that says the same or nothing is said."""
        if not text or (stands is not None and self._master.show("registrations.employer", stands) == text):
            return stands
        return self._master.hide("registrations.employer", text)


def _card(community: str, person: int, credential: Credential, token: bytes, key: int) -> dict[str, Any]:
    return {
        "community": community,
        "person": person,
        "kind": credential.kind.value,
        "token": token,
        "token_key": key,
        "returned_on": None,
    }


def _not_shortened(
    connection: Connection, community: str, good: Sequence[tuple[int, _Good]], today: date
) -> tuple[list[tuple[int, _Good]], list[BadRow]]:
    """Part the rows into those that leave a resident's enrolment as long as it is, and those that would end it.

    One that has ended does not go on by a list that says again when it began.
    """
    kept_as = people.kept(connection, [row.lookup for _, row in good])
    standing = people.enrolled(connection, community, [kept_as.get(row.lookup, row.lookup) for _, row in good])
    kept: list[tuple[int, _Good]] = []
    bad: list[BadRow] = []
    for i, row in good:
        stands = standing.get(kept_as.get(row.lookup, row.lookup))
        if stands is not None and stands.ended_on is not None and row.entry.since < stands.ended_on:
            bad.append(BadRow(i, _ENDED))
        elif stands is not None and stands.ended_on is None and _shortens(stands, row.entry, today):
            bad.append(BadRow(i, _SHORTENED))
        else:
            kept.append((i, row))
    return kept, bad


def _shortens(stands: Any, entry: EnrolmentEntry, today: date) -> bool:
    """Whether an entry leaves a resident less than they have: a beginning to come, an end, fewer portals."""
    if stands.role != Role.RESIDENT:
        return False
    sooner = (entry.until or date.max) < (stands.until or date.max)
    fewer = entry.portals is not None and (stands.portals is None or not set(entry.portals) >= set(stands.portals))
    return entry.role is not Role.RESIDENT or sooner or fewer or entry.since > max(stands.since, today)


def _credentials_of(row: _Good) -> tuple[Credential, ...]:
    """All that somebody of a row has; what only stands for a number is none."""
    own = () if row.entry.kind is CredentialKind.NO_NUMBER else (Credential(row.entry.kind, row.number),)
    return (*own, *row.more)


def _cards_of(row: _Good) -> tuple[Credential, ...]:
    """What of a row can change hands: a visitor's code and cards. An identity number is its owner's for good."""
    if row.entry.kind is CredentialKind.VISITOR:
        return (Credential(row.entry.kind, row.number), *row.more)
    return row.more


def _check(entry: EnrolmentEntry | RegistrationEntry, portals: frozenset[str] | None, *, again: bool) -> None:
    if again:
        raise ValueError("the same number stands twice in this list")
    if entry.until is not None and entry.until < entry.since:
        raise ValueError("it ends before it begins")
    named = getattr(entry, "portals", None)
    if portals is not None and named is not None and not portals.issuperset(named):
        raise ValueError("it names a portal that the community does not have")


def _identity(row: _Good) -> Identity:
    entry = row.entry
    return Identity(entry.kind, row.number, entry.name, phone=getattr(entry, "phone", ""))


def _lives(row: dict[str, Any]) -> bool:
    return bool(row["role"] == Role.RESIDENT and row["dwelling"] is not None)


def _living(row: dict[str, Any]) -> Living:
    """What the property's entry at its desk says of where somebody lives."""
    return Living(row["person"], row["dwelling"], Source.PROPERTY, since=row["since"], category=row["category"])


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
        "ended_why": None,
        "ended_by": None,
        "ended_document": None,
        "ended_on": None,
        "ended_second": None,
    }
