"""The boxes that stations are: their generations, their certificates, and the commands given to them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from gateway.keys.certificates import Issued
from gateway.store import tables as t


def peers(connection: Connection) -> list[Row[str, str, int, int | None]]:
    """Name, community, generation and time of revocation of each station."""
    c = t.stations.c
    return list(connection.execute(select(c.name, c.community, c.generation, c.revoked_at)).all())


def station(connection: Connection, name: str, *, lock: bool = False) -> Row[Any] | None:
    """A station; with `lock`, nobody else changes it before the transaction ends."""
    query = select(t.stations).where(t.stations.c.name == name)
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def next_generation(connection: Connection, name: str, at: int) -> None:
    """A new box stands for a station: what the one before said of itself is forgotten, its streams stay."""
    values = {"enrolled_at": at, "revoked_at": None, "heard_at": None, "status": None}
    c = t.stations.c
    connection.execute(update(t.stations).where(c.name == name).values(generation=c.generation + 1, **values))


def revoke_station(connection: Connection, name: str, at: int) -> None:
    connection.execute(update(t.stations).where(t.stations.c.name == name).values(revoked_at=at))


def add_certificate(connection: Connection, issued: Issued, generation: int, at: int) -> None:
    """Note a certificate that was given to a box, so that it can be revoked."""
    begins, ends = (int(moment.timestamp() * 1000) for moment in (issued.begins, issued.ends))
    row = {"serial": issued.serial, "name": issued.name, "generation": generation, "begins": begins, "ends": ends}
    connection.execute(insert(t.certificates).values(**row, issued=at))


def newest_certificate(connection: Connection, name: str) -> Row[Any] | None:
    """The certificate of an account that was given last, revoked or not."""
    c = t.certificates.c
    query = select(t.certificates).where(c.name == name).order_by(c.issued.desc(), c.ends.desc()).limit(1)
    return connection.execute(query).one_or_none()


def revoke_certificates(connection: Connection, name: str, at: int) -> int:
    """Revoke every certificate of an account; how many were good until then."""
    c = t.certificates.c
    asked = update(t.certificates).where(c.name == name, c.revoked_at.is_(None), c.ends > at)
    return connection.execute(asked.values(revoked_at=at)).rowcount


def revoked_serials(connection: Connection, at: int) -> list[str]:
    """The certificates that are revoked and would be good at an instant otherwise."""
    c = t.certificates.c
    return list(connection.execute(select(c.serial).where(c.revoked_at.is_not(None), c.ends > at)).scalars())


def certificates_since(connection: Connection, name: str, since: int) -> int:
    """How many certificates an account was given since then."""
    c = t.certificates.c
    asked = select(func.count()).select_from(t.certificates).where(c.name == name, c.issued >= since)
    return connection.execute(asked).scalar_one()


def people_known_to(connection: Connection, community: str) -> int:
    """How many people a box of a compound knows by the tokens of their credentials."""
    c = t.credentials.c
    asked = select(func.count(func.distinct(c.person))).where(c.community == community)
    return connection.execute(asked).scalar_one()


def add_command(connection: Connection, row: dict[str, Any]) -> int:
    """Note a command that is about to be sent; its id."""
    done = connection.execute(insert(t.commands).values(**row).returning(t.commands.c.id))
    return int(done.scalar_one())


def count_commands(connection: Connection, name: str, counter: int) -> None:
    """Note the counter of a station's last command: no restart gives it again."""
    connection.execute(update(t.stations).where(t.stations.c.name == name).values(commands=counter))


def answer_command(connection: Connection, name: str, counter: int, values: dict[str, Any]) -> None:
    """Note a station's first answer to a command."""
    c = t.commands.c
    this = c.station == name, c.counter == counter, c.answered.is_(None)
    connection.execute(update(t.commands).where(*this).values(**values))


def command_of(connection: Connection, name: str, counter: int) -> Row[Any] | None:
    """The command that a station was given under a counter."""
    c = t.commands.c
    return connection.execute(select(t.commands).where(c.station == name, c.counter == counter)).one_or_none()


def commands(connection: Connection, name: str | None, limit: int, before: int | None = None) -> Sequence[Row[Any]]:
    """Commands, newest first, of one station or of all; only ids below `before`."""
    c = t.commands.c
    query = select(t.commands).order_by(c.id.desc()).limit(limit)
    if name is not None:
        query = query.where(c.station == name)
    if before is not None:
        query = query.where(c.id < before)
    return connection.execute(query).all()


def command(connection: Connection, number: int) -> Row[Any] | None:
    return connection.execute(select(t.commands).where(t.commands.c.id == number)).one_or_none()


def set_aside(connection: Connection, limit: int, before: int | None = None) -> Sequence[Row[Any]]:
    """Messages that were set aside, newest first; only ids below `before`."""
    c = t.quarantine.c
    query = select(t.quarantine).order_by(c.id.desc()).limit(limit)
    return connection.execute(query if before is None else query.where(c.id < before)).all()
