"""Who read which personal data and who did what as an administrator: a record that is chained, so that a change shows.

Each row's digest is SHA-256 over the digest before it and the row. Whoever cannot be recorded cannot act: the row
stands in the transaction of the act itself. No number, name or phone is ever in it.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from gateway import keys as signature
from gateway.keys import Master, NotAuthentic
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


def sign_head(connection: Connection, master: Master, at: int) -> None:
    """Sign how far the record goes, so that rows cut off its end show; nothing where none came since."""
    signed = audit.heads(connection)
    for row in audit.newest(connection, 1):
        if not signed or signed[-1].last < row.id:
            head = {"at": at, "last": row.id, "digest": row.digest}
            audit.add_head(connection, head | {"signature": master.sign_list(_head(row.id, row.digest))})


def verify(connection: Connection, public: bytes) -> int | Broken:
    """How many rows there are, all of them as they were written and none missing; or where that ends.

    The first goes on from the last that the retention deleted; the last is no older than the last signature, which
    holds under the key `public`. Rows that came since that one and were cut off do not show.
    """
    before, held, last = audit.anchor(connection), 0, 0
    heads = {head.last: head for head in audit.heads(connection)}
    for row in audit.rows(connection):
        head = heads.get(row.id)
        chained = row.digest == _digest(before, row._asdict())
        if not chained or (head is not None and not _signed(head, row.digest, public)):
            return Broken(row.id, held)
        before, held, last = row.digest, held + 1, row.id
    newest = max(heads, default=0)
    if newest > last and not (held == 0 and _signed(heads[newest], before, public)):
        return Broken(last + 1, held)
    return held


def _signed(head: Any, digest: bytes, public: bytes) -> bool:
    try:
        signature.verify(public, head.signature, _head(head.last, head.digest))
    except NotAuthentic:
        return False
    return bool(head.digest == digest)


def _head(last: int, digest: bytes) -> bytes:
    return f"xq audit head {last} ".encode() + digest


def _digest(before: bytes, row: Any) -> bytes:
    said = json.dumps([row[name] for name in FIELDS], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(before + said.encode()).digest()
