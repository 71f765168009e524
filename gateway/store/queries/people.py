"""Persons, dwellings, enrolments, credentials and registrations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, and_, bindparam, func, select, update

from gateway.store import tables as t
from gateway.store.queries.writing import upsert

_CHUNK = 500
T = TypeVar("T")
Token = tuple[str, bytes]
"""A community, and a token there."""
_one, _other = t.credentials.alias(), t.credentials.alias()
_TOGETHER = (
    select(_one.c.token, _other.c.token.label("other"))
    .join(_other, (_one.c.person == _other.c.person) & (_one.c.community == _other.c.community))
    .where(_one.c.community == bindparam("community"), _one.c.token.in_(bindparam("tokens", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person as the register holds them, the number and the name still encrypted."""

    id: int
    kind: str
    number: bytes
    name: bytes
    protected: bool


def person(connection: Connection, number: int) -> PersonRow:
    row = connection.execute(select(t.persons).where(t.persons.c.id == number)).one()
    return PersonRow(row.id, row.kind, row.number, row.name, row.protected)


def kept(connection: Connection, lookups: Sequence[bytes]) -> dict[bytes, bytes]:
    """For those whose record was made one with another: the look-up of the one that was kept."""
    gone, other = t.persons, t.persons.alias()
    found: dict[bytes, bytes] = {}
    for chunk in _chunks(lookups):
        query = select(gone.c.lookup, other.c.lookup.label("kept")).join(other, other.c.id == gone.c.merged_into)
        found |= {row.lookup: row.kept for row in connection.execute(query.where(gone.c.lookup.in_(chunk)))}
    return found


def enrolled(connection: Connection, community: str, lookups: Sequence[bytes]) -> dict[bytes, Row[Any]]:
    """The enrolments of these look-ups in a community: role, since, until, portals and day of ending."""
    e = t.enrolments.c
    found: dict[bytes, Row[Any]] = {}
    for chunk in _chunks(lookups):
        rows = connection.execute(
            select(t.persons.c.lookup, e.role, e.since, e.until, e.portals, e.ended_on)
            .join(t.enrolments, e.person == t.persons.c.id)
            .where(e.community == community, t.persons.c.lookup.in_(chunk))
        )
        found |= {row.lookup: row for row in rows}
    return found


def put_dwellings(
    connection: Connection, community: str, places: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], int]:
    """Create dwellings (building, unit, room) that are not there; the ids of all that the community has."""
    rows = [{"community": community, "building": b, "unit": u, "room": r} for b, u, r in set(places)]
    upsert(connection, t.dwellings, rows, ["community", "building", "unit", "room"])
    return dwellings(connection, community)


def dwelling_is_here(connection: Connection, community: str, number: int) -> bool:
    d = t.dwellings.c
    return connection.execute(select(d.id).where(d.id == number, d.community == community)).first() is not None


def dwellings(connection: Connection, community: str) -> dict[tuple[str, str, str], int]:
    """Every dwelling of a community by (building, unit, room)."""
    d = t.dwellings.c
    rows = connection.execute(select(d.building, d.unit, d.room, d.id).where(d.community == community))
    return {(row.building, row.unit, row.room): row.id for row in rows}


def dwelling_of(connection: Connection, community: str, place: tuple[str, str, str]) -> int | None:
    """The dwelling at (building, unit, room)."""
    d = t.dwellings.c
    where = (d.community == community, d.building == place[0], d.unit == place[1], d.room == place[2])
    return connection.execute(select(d.id).where(*where)).scalar()


def dwelling(connection: Connection, number: int) -> tuple[str, str, str]:
    row = connection.execute(select(t.dwellings).where(t.dwellings.c.id == number)).one()
    return row.building, row.unit, row.room


def put_credentials(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    upsert(connection, t.credentials, rows, ["community", "token"])


def register_known_until(connection: Connection, community: str, as_of: date) -> None:
    """Note the day up to which registrations of the community are known; it never goes back."""
    c = t.communities.c
    connection.execute(
        update(t.communities)
        .where(c.id == community, (c.register_as_of.is_(None)) | (c.register_as_of < as_of))
        .values(register_as_of=as_of)
    )


def not_named_again(connection: Connection, community: str, as_of: date) -> Sequence[Row[Any]]:
    """Imported registrations of a community that a complete list as of that day does not name any more."""
    r = t.registrations.c
    return connection.execute(
        select(t.registrations).where(
            r.community == community,
            r.source == "import",
            r.as_of < as_of,
            r.since < as_of,
            r.until.is_(None) | (r.until >= as_of),
        )
    ).all()


def owners(connection: Connection, community: str, tokens: Sequence[bytes]) -> dict[bytes, int]:
    """The persons whose tokens these are in the community; a token that is nobody's is left out."""
    found: dict[bytes, int] = {}
    for chunk in _chunks(tokens):
        rows = connection.execute(
            select(t.credentials.c.token, t.credentials.c.person).where(
                t.credentials.c.community == community,
                t.credentials.c.token.in_(chunk),
                t.credentials.c.returned_on.is_(None),
            )
        )
        found.update({row.token: row.person for row in rows})
    return found


def holders(connection: Connection, community: str, tokens: Sequence[bytes], today: date) -> dict[bytes, bytes]:
    """The look-up of the person who has each of these tokens in the community.

    A token that is nobody's is left out, and so is one whose holder's enrolment there ended before `today`.
    """
    c, e = t.credentials.c, t.enrolments.c
    found: dict[bytes, bytes] = {}
    for chunk in _chunks(tokens):
        rows = connection.execute(
            select(c.token, t.persons.c.lookup)
            .select_from(t.credentials)
            .join(t.persons, t.persons.c.id == c.person)
            .outerjoin(t.enrolments, and_(e.person == c.person, e.community == c.community))
            .where(
                c.community == community,
                c.token.in_(chunk),
                c.returned_on.is_(None),
                e.until.is_(None) | (e.until >= today),
            )
        )
        found.update({row.token: row.lookup for row in rows})
    return found


def credential(connection: Connection, community: str, token: bytes) -> Row[Any] | None:
    """A credential that somebody has in the community, or had."""
    c = t.credentials.c
    return connection.execute(select(t.credentials).where(c.community == community, c.token == token)).one_or_none()


def given_back(connection: Connection, community: str, tokens: Sequence[bytes]) -> dict[bytes, int]:
    """Those of these tokens whose card was returned, with whoever had it."""
    c = t.credentials.c
    found: dict[bytes, int] = {}
    for chunk in _chunks(tokens):
        where = (c.community == community, c.token.in_(chunk), c.returned_on.is_not(None))
        found |= {row.token: row.person for row in connection.execute(select(c.token, c.person).where(*where))}
    return found


def tokens_of(connection: Connection, community: str, number: int) -> list[bytes]:
    c = t.credentials.c
    return list(connection.execute(select(c.token).where(c.community == community, c.person == number)).scalars())


def credentials_together(connection: Connection, tokens: Sequence[Token]) -> dict[Token, list[Token]]:
    """For each token of a community that is somebody's: all tokens of that person there."""
    found: dict[Token, list[Token]] = {}
    for community, same in groupby(sorted(tokens), key=itemgetter(0)):
        for chunk in _chunks([token for _, token in same]):
            for token, other in connection.execute(_TOGETHER, {"community": community, "tokens": chunk}):
                found.setdefault((community, token), []).append((community, other))
    return found


def registrations(connection: Connection, number: int, community: str) -> list[tuple[date, date | None, date]]:
    """(since, until, as of) of a person's registrations in a community."""
    r = t.registrations.c
    rows = connection.execute(select(r.since, r.until, r.as_of).where(r.person == number, r.community == community))
    return [(row.since, row.until, row.as_of) for row in rows]


def registrations_of(connection: Connection, number: int, community: str) -> Sequence[Row[Any]]:
    """The rows of a person's registrations in a community."""
    r = t.registrations.c
    query = select(t.registrations).where(r.person == number, r.community == community)
    return connection.execute(query.order_by(r.since)).all()


def registered_elsewhere(connection: Connection, number: int, community: str, today: date) -> bool:
    r = t.registrations.c
    return (
        connection.execute(
            select(r.id)
            .where(r.person == number, r.community != community, (r.until.is_(None)) | (r.until >= today))
            .limit(1)
        ).first()
        is not None
    )


def roster_rows(connection: Connection, community: str, today: date) -> Sequence[Any]:
    """One row a credential of everyone enrolled in the community, or registered there so far.

    token, lost, kind and number of the person, the enrolment's columns or None, the last day registered here, and
    whether they are registered elsewhere today.
    """
    c, e, r = t.credentials.c, t.enrolments.c, t.registrations.c
    here = (
        select(r.person, func.max(func.coalesce(r.until, date.max)).label("registered_until"))
        .where(r.community == community, r.since <= today)
        .group_by(r.person)
        .subquery()
    )
    holds = (r.since <= today) & (r.until.is_(None) | (r.until >= today))
    away = select(r.person).distinct().where(r.community != community, holds).subquery()
    return connection.execute(
        select(
            c.token,
            c.lost,
            t.persons.c.kind,
            t.persons.c.number,
            e.role,
            e.since,
            e.until,
            e.portals,
            e.schedule,
            here.c.registered_until,
            away.c.person.label("elsewhere"),
        )
        .select_from(t.credentials)
        .join(t.persons, t.persons.c.id == c.person)
        .outerjoin(t.enrolments, and_(e.person == c.person, e.community == c.community))
        .outerjoin(here, here.c.person == c.person)
        .outerjoin(away, away.c.person == c.person)
        .where(c.community == community, c.returned_on.is_(None), e.id.is_not(None) | here.c.person.is_not(None))
        .where(c.superseded.is_(False))
        .order_by(c.token)
    ).all()


def next_roster_version(connection: Connection, community: str, at_least: int) -> int:
    """Number the roster that is about to be built."""
    c = t.communities.c
    current = connection.execute(select(c.roster_version).where(c.id == community).with_for_update()).scalar_one()
    version = int(max(current + 1, at_least))
    connection.execute(update(t.communities).where(c.id == community).values(roster_version=version))
    return version


def roster_is_fresh(connection: Connection, community: str) -> None:
    """Note that the roster which is about to be built says all that the register does."""
    connection.execute(update(t.communities).where(t.communities.c.id == community).values(roster_stale=False))


def roster_is_stale(connection: Connection, community: str) -> None:
    connection.execute(update(t.communities).where(t.communities.c.id == community).values(roster_stale=True))


def a_roster_is_stale(connection: Connection) -> bool:
    """Whether some community's roster does not say what the register does."""
    c = t.communities.c
    return connection.execute(select(c.id).where(c.roster_stale).limit(1)).first() is not None


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
