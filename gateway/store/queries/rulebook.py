"""The versions of the policy. Nothing is ever deleted, and no version is written over."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.store import tables as t

_p = t.policies.c


def versions(connection: Connection) -> Sequence[Row[Any]]:
    """Every version without its text, newest first."""
    columns = [column for column in t.policies.c if column.name != "text"]
    return connection.execute(select(*columns).order_by(_p.version.desc())).all()


def version(connection: Connection, number: int) -> Row[Any] | None:
    return connection.execute(select(t.policies).where(_p.version == number)).one_or_none()


def highest(connection: Connection) -> int:
    """The number of the newest version, whatever became of it; 0 where there is none."""
    return int(connection.execute(select(func.coalesce(func.max(_p.version), 0))).scalar_one())


def approved(connection: Connection) -> Sequence[Any]:
    """Number, beginning (ms) and approval (ms) of each approved version, lowest first."""
    asked = select(_p.version, _p.effective_from, _p.approved_at).where(_p.state == "approved").order_by(_p.version)
    return connection.execute(asked).all()


def add(connection: Connection, values: dict[str, Any]) -> bool:
    """Add a version; False when another one took its number meanwhile."""
    try:
        with connection.begin_nested():
            connection.execute(insert(t.policies).values(**values))
    except IntegrityError:
        return False
    return True


def approve(connection: Connection, number: int, by: str, at: int) -> bool:
    """Approve a version that is proposed; False when it is not any more."""
    done = connection.execute(
        update(t.policies)
        .where(_p.version == number, _p.state == "proposed")
        .values(state="approved", approved_by=by, approved_at=at)
    )
    return done.rowcount == 1


def withdraw_proposals(connection: Connection, below: int) -> None:
    """Lower versions that still wait for approval are withdrawn: a newer one takes their place."""
    connection.execute(update(t.policies).where(_p.version < below, _p.state == "proposed").values(state="withdrawn"))


def withdraw_later(connection: Connection, below: int, begins: int) -> None:
    """Lower versions that would begin at or after that instant (ms) are withdrawn: a version never goes down."""
    connection.execute(
        update(t.policies)
        .where(_p.version < below, _p.state == "approved", _p.effective_from >= begins)
        .values(state="withdrawn")
    )
