"""Persons: one row each in the whole district, found by a keyed index; number, name and phone are ciphertext."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.queries import history
from gateway.store.queries.history import By
from rules.model import CredentialKind


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is: kind and canonical number of their document, and what they are called and reached by.

    An empty phone says nothing; `protected` False does not take the mark away.
    """

    kind: CredentialKind
    number: str = field(repr=False)
    name: str = field(repr=False)
    phone: str = field(default="", repr=False)
    protected: bool = False


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

    def put(self, connection: Connection, by: By, identities: Sequence[Identity]) -> dict[bytes, int]:
        """Create persons, or change what is said otherwise of them; their ids by look-up.

        Of somebody whose record was made one with another, nothing is changed: theirs is the id that was kept.
        """
        named = {self.lookup(one.kind, one.number): one for one in identities}
        standing = history.standing(connection, t.persons, ("lookup",), [(lookup,) for lookup in named])
        merged = {lookup: row.merged_into for (lookup,), row in standing.items() if row.merged_into is not None}
        rows = [
            self._row(lookup, one, standing.get((lookup,))) for lookup, one in named.items() if lookup not in merged
        ]
        ids = history.put(connection, by, t.persons, rows, ("lookup",))
        return {lookup: number for (lookup,), number in ids.items()} | merged

    def find(self, connection: Connection, kind: CredentialKind, number: str) -> int | None:
        """The person with this document, if the register has them; where two were made one, the one that was kept."""
        lookup = (self.lookup(kind, number),)
        row = history.standing(connection, t.persons, ("lookup",), [lookup]).get(lookup)
        return None if row is None else int(row.merged_into or row.id)

    def name(self, row: Any) -> str:
        """The name on a row of persons."""
        return self._master.show("persons.name", row.name)

    def _row(self, lookup: bytes, one: Identity, stands: Any) -> dict[str, Any]:
        phone, found_by = (None, None) if stands is None else (stands.phone, stands.phone_lookup)
        if one.phone and found_by != (said := self.phone_lookup(one.phone)):
            phone, found_by = self._master.hide("persons.phone", one.phone), said
        return {
            "lookup": lookup,
            "kind": one.kind.value,
            "number": stands.number if stands is not None else self._master.hide("persons.number", one.number),
            "name": self._kept(stands, one.name),
            "protected": one.protected or bool(stands is not None and stands.protected),
            "phone": phone,
            "phone_lookup": found_by,
        }

    def _kept(self, stands: Any, name: str) -> bytes:
        if stands is not None and self.name(stands) == name:
            return bytes(stands.name)
        return self._master.hide("persons.name", name)
