"""Accounts, invitations, recovery codes and sign-ins."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from gateway.store import tables as t


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(t.accounts)).scalar_one()


def listed(connection: Connection) -> Sequence[Row[Any]]:
    """All accounts by name, each with how many sign-ins stand."""
    ways = select(func.count()).where(t.sign_ins.c.account == t.accounts.c.id).scalar_subquery()
    return connection.execute(select(t.accounts, ways.label("open")).order_by(t.accounts.c.name)).all()


def workers(connection: Connection, places: Collection[str]) -> list[tuple[str, str, str]]:
    """Name, shown name and community of those who can be given a case there: grid workers with an account."""
    a = t.accounts.c
    rows = connection.execute(select(t.accounts).where(a.scope.in_(places), ~a.disabled).order_by(a.name))
    return [(row.name, row.shown, row.scope) for row in rows if "worker" in row.roles]


def with_roles(connection: Connection, roles: Collection[str]) -> set[str]:
    """Names of the accounts that have one of these roles."""
    rows = connection.execute(select(t.accounts.c.name, t.accounts.c.roles))
    return {row.name for row in rows if set(roles).intersection(row.roles)}


def named(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(t.accounts).where(t.accounts.c.name == name)).one_or_none()


def invited(connection: Connection, lookup: bytes, now: int) -> Row[Any] | None:
    a = t.accounts.c
    return connection.execute(select(t.accounts).where(a.invite == lookup, a.invite_until >= now)).one_or_none()


def add(connection: Connection, values: Mapping[str, Any]) -> int:
    return int(connection.execute(insert(t.accounts).values(**values).returning(t.accounts.c.id)).scalar_one())


def change(connection: Connection, number: int, values: Mapping[str, Any]) -> None:
    connection.execute(update(t.accounts).where(t.accounts.c.id == number).values(**values))


def step_used(connection: Connection, number: int, step: int) -> bool:
    """Note that a time step of the second factor was used; False where it, or a later one, was already."""
    a = t.accounts.c
    done = connection.execute(update(t.accounts).where(a.id == number, a.totp_step < step).values(totp_step=step))
    return done.rowcount == 1


def recovery_used(connection: Connection, number: int, lookup: bytes) -> bool:
    """Use up a recovery code; False where there is none such."""
    r = t.recovery_codes.c
    return connection.execute(delete(t.recovery_codes).where(r.account == number, r.lookup == lookup)).rowcount == 1


def set_recovery(connection: Connection, number: int, lookups: Sequence[bytes]) -> None:
    """These recovery codes, and none of those before."""
    connection.execute(delete(t.recovery_codes).where(t.recovery_codes.c.account == number))
    if lookups:
        connection.execute(insert(t.recovery_codes), [{"account": number, "lookup": one} for one in lookups])


def open_sign_in(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(t.sign_ins).values(**values))


def sign_in(connection: Connection, lookup: bytes) -> Row[Any] | None:
    """A session with its account: its columns, and `account_…` those of the account."""
    a, s = t.accounts.c, t.sign_ins.c
    named = [column.label(f"account_{column.name}") for column in (a.id, a.name, a.shown, a.roles, a.scope, a.totp)]
    joined = t.sign_ins.join(t.accounts, s.account == a.id)
    return connection.execute(
        select(s.id, s.agent, s.second, s.created, s.seen, *named)
        .select_from(joined)
        .where(s.lookup == lookup, a.disabled.is_(False))
    ).one_or_none()


def seen(connection: Connection, number: int, at: int) -> None:
    connection.execute(update(t.sign_ins).where(t.sign_ins.c.id == number).values(seen=at))


def second_shown(connection: Connection, number: int) -> None:
    connection.execute(update(t.sign_ins).where(t.sign_ins.c.id == number).values(second=True))


def close(connection: Connection, *, number: int | None = None, account: int | None = None) -> None:
    """End one session, or all of an account."""
    s = t.sign_ins.c
    connection.execute(delete(t.sign_ins).where(s.id == number if account is None else s.account == account))


def close_older(connection: Connection, created: int) -> int:
    """End sessions that began before `created`; how many."""
    return connection.execute(delete(t.sign_ins).where(t.sign_ins.c.created < created)).rowcount
