"""Who read which personal data and who did what as an administrator: a record that is chained, so that a change shows.

Each row's digest is SHA-256 over the digest before it and the row. Whoever cannot be recorded cannot act: the row
stands in the transaction of the act itself. No number, name or phone is ever in it.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from gateway.store.queries import audit

FIELDS = ("at", "actor", "role", "act", "about", "community", "purpose")


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts, in which role, when (ms, UTC)."""

    actor: str
    role: str
    at: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The first row at which the chain does not hold, and how many rows held before it."""

    id: int
    held: int


def note(connection: Connection, who: Who, act: str, about: str, *, community: str = "", purpose: str = "") -> None:
    """Record an act on `about`, such as "persons/12"; in the transaction in which it is done."""
    values = {"at": who.at, "actor": who.actor, "role": who.role, "act": act, "about": about}
    values |= {"community": community, "purpose": purpose}
    audit.append(connection, values | {"digest": _digest(audit.last(connection), values)})


def verify(connection: Connection) -> int | Broken:
    """How many rows there are, all of them as they were written and none missing between; or where that ends.

    The first goes on from the last that the retention deleted.
    """
    before, held = audit.anchor(connection), 0
    for row in audit.rows(connection):
        if row.digest != _digest(before, row._asdict()):
            return Broken(row.id, held)
        before, held = row.digest, held + 1
    return held


def _digest(before: bytes, row: Any) -> bytes:
    said = json.dumps([row[name] for name in FIELDS], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(before + said.encode()).digest()
