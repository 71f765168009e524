"""The chained record of acts: appended to, read in its order, never changed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from gateway.store import tables as t
from gateway.store.queries.streams import get_setting, set_setting

ANCHOR = "audit.anchor"

_PART = 1000
_APPENDING = 0x7872  # whoever appends holds this advisory lock of PostgreSQL; SQLite has one writer anyway


def last(connection: Connection) -> bytes:
    """The digest that the next row goes on from; nobody else appends until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_APPENDING)))
    a = t.audit.c
    return connection.execute(select(a.digest).order_by(a.id.desc()).limit(1)).scalar_one_or_none() or anchor(
        connection
    )


def anchor(connection: Connection) -> bytes:
    """The digest that the first row goes on from: of the last row that was deleted after its time, b"" for none."""
    return bytes.fromhex(get_setting(connection, ANCHOR) or "")


def add_head(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(t.audit_heads).values(**values))


def heads(connection: Connection) -> Sequence[Row[Any]]:
    """Signatures of how far the record went, oldest first."""
    return connection.execute(select(t.audit_heads).order_by(t.audit_heads.c.last)).all()


def delete_before(connection: Connection, before: int) -> int:
    """Delete acts before that instant (ms) from the beginning of the record on; how many."""
    a = t.audit.c
    first_kept = connection.execute(select(func.min(a.id)).where(a.at >= before)).scalar()
    old = a.at < before if first_kept is None else a.id < first_kept
    newest = connection.execute(select(a.digest).where(old).order_by(a.id.desc()).limit(1)).scalar()
    if newest is None:
        return 0
    set_setting(connection, ANCHOR, newest.hex())
    return connection.execute(delete(t.audit).where(old)).rowcount


def append(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(t.audit).values(**values))


def newest(
    connection: Connection, limit: int, before: int | None = None, *, actor: str = "", about: str = ""
) -> Sequence[Row[Any]]:
    """The newest acts below an id; of one account alone, or on what begins with `about`, where that is said."""
    a = t.audit.c
    where = [] if before is None else [a.id < before]
    where += [a.actor == actor] if actor else []
    where += [a.about.startswith(about, autoescape=True)] if about else []
    return connection.execute(select(t.audit).where(*where).order_by(a.id.desc()).limit(limit)).all()


def about(connection: Connection, subjects: Sequence[str]) -> Sequence[Any]:
    """The acts on these subjects, oldest first."""
    a = t.audit.c
    return connection.execute(select(a.at, a.actor, a.act).where(a.about.in_(subjects)).order_by(a.id)).all()


def rows(connection: Connection) -> Iterator[Row[Any]]:
    """All of it, oldest first, a part at a time."""
    after = 0
    while part := connection.execute(
        select(t.audit).where(t.audit.c.id > after).order_by(t.audit.c.id).limit(_PART)
    ).all():
        yield from part
        after = part[-1].id
