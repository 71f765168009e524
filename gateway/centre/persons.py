"""Persons: one row each in the whole district, found by a keyed index; number, name and phone are ciphertext."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection

from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.queries import history, merging, names
from gateway.store.queries.history import By
from rules.identity import without_number
from rules.model import CredentialKind, Origin


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is: kind and canonical number of their document, and what they are called and reached by.

    An empty phone says nothing.
    """

    kind: CredentialKind
    number: str = field(repr=False)
    name: str = field(repr=False)
    phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """Ids by look-up, and whose name was said otherwise than it is known, and stays until a reviewer decides."""

    ids: dict[bytes, int] = field(repr=False)
    otherwise: frozenset[bytes] = field(repr=False)


ORIGINS = {"foreign": Origin.FOREIGNER, "hmt": Origin.COMPATRIOT}
"""By which law somebody without a number registers, by their category; all others by the mainland's."""


class Persons:
    """Puts persons into the register in the transaction of the caller, and finds them."""

    def __init__(self, master: Master) -> None:
        self._master = master

    def lookup(self, kind: CredentialKind, number: str) -> bytes:
        """The keyed index of a canonical number."""
        return self._master.index(f"{kind.value}\x1f{number}")

    def phone_lookup(self, phone: str) -> bytes:
        """The keyed index of a phone number."""
        return self._master.index(f"phone\x1f{phone}")

    def without_number(self, community: str, name: str, born: date, origin: Origin) -> str:
        """What stands for the number of somebody without one: the same for a name and day of birth in a community."""
        said = f"{CredentialKind.NO_NUMBER}\x1f{community}\x1f{_plain(name)}\x1f{born}"
        return without_number(born, origin, self._master.index(said)[:4].hex())

    def put(
        self, connection: Connection, by: By, community: str, identities: Sequence[Identity], *, seen: bool = False
    ) -> Kept:
        """Create persons, or change what a community may say otherwise of those whom no other one knows.

        No list changes a known name; `seen` says that a person has seen the document. What is not changed waits for a
        reviewer. Of a record that was made one with another nothing is changed: the id is the one that was kept.
        """
        named = {self.lookup(one.kind, one.number): one for one in identities}
        found = history.standing(connection, t.persons, ("lookup",), [(lookup,) for lookup in named])
        standing = {lookup: row for (lookup,), row in found.items()}
        merged = {lookup: row.merged_into for lookup, row in standing.items() if row.merged_into is not None}
        others = {lookup for lookup, row in standing.items() if self._says_other(row, named[lookup])}
        ids = [standing[lookup].id for lookup in others]
        shared = names.known_elsewhere(connection, ids, community) if ids else set()
        ours = {lookup for lookup in named if lookup not in standing or standing[lookup].id not in shared}
        rows = [
            self._row(lookup, one, standing.get(lookup), ours=lookup in ours, seen=seen)
            for lookup, one in named.items()
            if lookup not in merged
        ]
        put = history.put(connection, replace(by, community=community), t.persons, rows, ("lookup",))
        otherwise = {
            lookup
            for lookup in others - merged.keys()
            if not _same(self.name(standing[lookup]), named[lookup].name) and not (seen and lookup in ours)
        }
        self._ask(connection, by, community, {standing[one].id: named[one].name for one in otherwise})
        return Kept({lookup: number for (lookup,), number in put.items()} | merged, frozenset(otherwise))

    def find(self, connection: Connection, kind: CredentialKind, number: str) -> int | None:
        """The person with this document, if the register has them; where two were made one, the one that was kept."""
        lookup = (self.lookup(kind, number),)
        row = history.standing(connection, t.persons, ("lookup",), [lookup]).get(lookup)
        return None if row is None else int(row.merged_into or row.id)

    def calls(self, connection: Connection, kind: CredentialKind, number: str, name: str) -> bool | None:
        """Whether the register calls the one with this document so; None where it does not know them."""
        row = history.standing(connection, t.persons, ("lookup",), [(self.lookup(kind, number),)])
        return next((_same(self.name(one), name) for one in row.values()), None)

    def name(self, row: Any) -> str:
        """The name on a row of persons."""
        return self._master.show("persons.name", row.name)

    def rename(self, connection: Connection, by: By, community: str, number: int, *, take: bool) -> None:
        """Decide about another name: take it for the person, or leave theirs. Either way it is noted.

        Raises:
            LookupError: none waits here under that number.
        """
        row = names.one(connection, community, number)
        if row is None:
            raise LookupError("there is no such name here")
        by = replace(by, community=community)
        if take:
            name = self._master.hide("persons.name", self._master.show("names.name", row.name))
            history.change(connection, by, t.persons, merging.person(connection, row.person), {"name": name})
        else:
            history.note(connection, by, t.persons.name, [(row.person, community, {"other_name": [True, None]})])
        names.decided(connection, number)

    def names(self, connection: Connection, by: By, community: str, number: int) -> tuple[Any, str, str]:
        """What waits here under that number, the name that is known and the other one; that they were read is noted.

        Raises:
            LookupError: none waits here under that number.
        """
        row = names.one(connection, community, number)
        if row is None:
            raise LookupError("there is no such name here")
        by = replace(by, community=community)
        history.note(connection, by, t.persons.name, [(row.person, community, {"read": [None, True]})])
        return row, self.name(merging.person(connection, row.person)), self._master.show("names.name", row.name)

    def _says_other(self, stands: Any, one: Identity) -> bool:
        phone = one.phone and stands.phone_lookup != self.phone_lookup(one.phone)
        return bool(phone) or not _same(self.name(stands), one.name)

    def _ask(self, connection: Connection, by: By, community: str, said: Mapping[int, str]) -> None:
        """Have a reviewer decide about other names."""
        rows = [
            {"person": person, "name": self._master.hide("names.name", name), "said": by.at, "said_by": by.actor}
            for person, name in sorted(said.items())
        ]
        names.say(connection, community, rows)

    def _row(self, lookup: bytes, one: Identity, stands: Any, *, ours: bool, seen: bool) -> dict[str, Any]:
        phone, found_by = (None, None) if stands is None else (stands.phone, stands.phone_lookup)
        if one.phone and (ours or phone is None) and found_by != (said := self.phone_lookup(one.phone)):
            phone, found_by = self._master.hide("persons.phone", one.phone), said
        return {
            "lookup": lookup,
            "kind": one.kind.value,
            "number": stands.number if stands is not None else self._master.hide("persons.number", one.number),
            "name": self._kept(stands, one.name, may=ours and seen),
            "phone": phone,
            "phone_lookup": found_by,
        }

    def _kept(self, stands: Any, name: str, *, may: bool) -> bytes:
        known = None if stands is None else self.name(stands)
        if known is not None and (not may or known == name) and (known or not name):
            return bytes(stands.name)
        return self._master.hide("persons.name", name)


def called(master: Master, row: Any) -> str:
    """The name on a row of persons as its community may see it: the one that it said itself, until that is decided.

    So whoever knows a number learns no name by it.
    """
    said = getattr(row, "said_name", None)
    return master.show("persons.name", row.name) if said is None else master.show("names.name", said)


def _same(known: str, said: str) -> bool:
    """Whether two names are one, but for width, case, blanks and dots between parts; an unknown one is any."""
    return not known or not said or _plain(known) == _plain(said)


def _plain(name: str) -> str:
    return re.sub(r"[\s.·•・‧∙˙]", "", unicodedata.normalize("NFKC", name)).casefold()
