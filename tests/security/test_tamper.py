"""Whoever can write the database and changes the record of acts is found out, wherever they put their hand."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateway.centre import audit
from gateway.centre.audit import Who
from gateway.store import tables as t
from gateway.store.database import Database
from tests.gateway.centre.office import MASTER

ACTS = 12


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A record of acts whose head is signed."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('record') / 'acts.sqlite3'}")
    database.migrate()
    with database.write() as connection:
        for at in range(ACTS):
            audit.note(
                connection, Who(f"actor-{at % 3}", "worker", 1000 + at), "reveal", f"persons/{at}", purpose="check"
            )
        audit.sign_head(connection, MASTER, 2000)
    yield database
    database.close()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    row=st.integers(1, ACTS),
    how=st.sampled_from(["actor", "about", "purpose", "at", "digest", "delete", "swap", "forge", "insert"]),
    rest=st.booleans(),
)
def test_any_change_of_the_record_of_acts_is_found(record: Database, row: int, how: str, *, rest: bool) -> None:
    """Changed, deleted, moved or put in; also by somebody who reckons the chain anew from there on (`rest`)."""
    assume(not (how == "digest" and rest))  # that puts it back as it was
    with record.read() as connection:
        assert audit.verify(connection, MASTER.lists_public()) == ACTS
        before = [one._asdict() for one in connection.execute(t.audit.select().order_by(t.audit.c.id))]
    rows = [dict(one) for one in before]
    _change(rows, row - 1, how)
    if rest:
        _chain_anew(rows)
    try:
        _write(record, rows)
        with record.read() as connection:
            assert isinstance(audit.verify(connection, MASTER.lists_public()), audit.Broken), (row, how, rest)
    finally:
        _write(record, before)


def _change(rows: list[dict[str, object]], at: int, how: str) -> None:  # noqa: C901 - one way each
    one, other = rows[at], rows[(at + 1) % ACTS]
    match how:
        case "actor" | "about" | "purpose":
            one[how] = f"{one[how]}x"
        case "at":
            one["at"] = int(str(one["at"])) + 1
        case "digest":
            one["digest"] = hashlib.sha256(bytes(one["digest"])).digest()  # type: ignore[call-overload]
        case "delete":
            rows.remove(one)
        case "swap":
            for name in audit.FIELDS:
                one[name], other[name] = other[name], one[name]
        case "forge":
            one |= {"actor": "nobody", "digest": other["digest"]}
        case _:
            rows.insert(at, one | {"actor": "nobody"})
            for number, moved in enumerate(rows, 1):
                moved["id"] = number


def _chain_anew(rows: list[dict[str, object]]) -> None:
    before = b""
    for one in rows:
        before = audit._digest(before, one)
        one["digest"] = before


def _write(database: Database, rows: list[dict[str, object]]) -> None:
    with database.write() as connection:
        connection.execute(t.audit.delete())
        connection.execute(t.audit.insert(), rows)


def test_a_database_that_was_put_back_to_before_the_last_signature_does_not_hold(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'acts.sqlite3'}")
    database.migrate()
    with database.write() as connection:
        for at in range(3):
            audit.note(connection, Who("somebody", "worker", at), "reveal", f"persons/{at}")
        audit.sign_head(connection, MASTER, 10)
        connection.execute(t.audit.delete().where(t.audit.c.id == 3))
        assert isinstance(audit.verify(connection, MASTER.lists_public()), audit.Broken)
        connection.execute(t.audit_heads.delete())
        assert audit.verify(connection, MASTER.lists_public()) == 2, "who takes the signature, too, is not found out"
    database.close()
