"""The keys by which tokens of a community are made, and what stands under an older one while it is rotated."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, tuple_, update

from gateway.store import tables as t
from gateway.store.queries.writing import upsert

_CHUNK = 200
T = TypeVar("T")


class Keys(NamedTuple):
    """The numbers of a community's token keys that are good: `newest`, and while a rotation lasts those before it."""

    newest: int
    oldest: int

    @property
    def older(self) -> range:
        """The newest of them first."""
        return range(self.newest - 1, self.oldest - 1, -1)


def keys(connection: Connection, community: str) -> Keys:
    """Raises LookupError where there is no such community."""
    c = t.communities.c
    row = connection.execute(select(c.token_key, c.token_key_oldest).where(c.id == community)).one_or_none()
    if row is None:
        raise LookupError("there is no such community")
    return Keys(*row)


def rotating(connection: Connection) -> dict[str, int]:
    """The communities whose keys are rotated -> when that began (ms)."""
    c = t.communities.c
    rows = connection.execute(select(c.id, c.rotated_at).where(c.token_key > c.token_key_oldest))
    return {row.id: row.rotated_at for row in rows}


def begin(connection: Connection, community: str, now: int) -> Keys:
    """A further key from now on; those before stay good until `end`."""
    c = t.communities.c
    values = {"token_key": c.token_key + 1, "rotated_at": now, "roster_stale": True}
    connection.execute(update(t.communities).where(c.id == community).values(values))
    return keys(connection, community)


def end(connection: Connection, community: str) -> None:
    """The newest key alone is good from now on."""
    c = t.communities.c
    values = {"token_key_oldest": c.token_key, "rotated_at": None, "roster_stale": True}
    connection.execute(update(t.communities).where(c.id == community).values(values))
    connection.execute(delete(t.retokened).where(t.retokened.c.community == community))


def waiting(connection: Connection, community: str) -> int:
    """How many cards that open stand under an older key alone."""
    c = t.credentials.c
    newest = select(t.communities.c.token_key).where(t.communities.c.id == community).scalar_subquery()
    where = c.community == community, c.token_key < newest, c.superseded.is_(False), c.returned_on.is_(None)
    return connection.execute(select(func.count()).select_from(t.credentials).where(*where)).scalar_one()


def with_numbers(connection: Connection, community: str) -> list[tuple[str, bytes]]:
    """(kind, number) of each person who has a credential of that kind in the community: their own number is one."""
    c, p = t.credentials.c, t.persons.c
    query = select(p.kind, p.number).distinct().join(t.credentials, and_(c.person == p.id, c.kind == p.kind))
    rows = connection.execute(query.where(c.community == community, c.superseded.is_(False)))
    return [(row.kind, row.number) for row in rows]


def carry(connection: Connection, community: str, newer: Mapping[bytes, bytes], key: int) -> int:
    """Have what stands under old tokens stand under new ones (`newer`, by key `key`); how many credentials did.

    The old row of a credential stays, and joins the swipes of before to its person. Swipes and cases of a token that
    was nobody's go over to the new one, and so will those that come later (`now_called`).
    """
    done = 0
    for chunk in _chunks(list(newer)):
        done += _credentials(connection, community, {old: newer[old] for old in chunk}, key)
    return done


def now_called(connection: Connection, tokens: Iterable[tuple[str, bytes]]) -> dict[tuple[str, bytes], bytes]:
    """What the (community, token) of nobody who was known became."""
    r, found = t.retokened.c, {}
    for chunk in _chunks(sorted(set(tokens))):
        for row in connection.execute(select(t.retokened).where(tuple_(r.community, r.old).in_(chunk))):
            found[row.community, row.old] = row.new
    return found


def known(connection: Connection, tokens: Iterable[tuple[str, bytes]]) -> set[tuple[str, bytes]]:
    """Those (community, token) that are of a credential there."""
    c, found = t.credentials.c, set()
    for chunk in _chunks(sorted(set(tokens))):
        query = select(c.community, c.token).where(tuple_(c.community, c.token).in_(chunk))
        found |= {(row.community, row.token) for row in connection.execute(query)}
    return found


def _credentials(connection: Connection, community: str, newer: Mapping[bytes, bytes], key: int) -> int:
    c = t.credentials.c
    named = c.community == community, c.token.in_([*newer, *newer.values()])
    stand = {row.token: row for row in connection.execute(select(t.credentials).where(*named))}
    olds = [row for token, row in stand.items() if token in newer and not row.superseded]
    copied = list({newer[row.token]: row for row in olds if newer[row.token] not in stand}.values())
    ids = [row.id for row in olds]
    if ids:
        connection.execute(update(t.credentials).where(c.id.in_(ids)).values(superseded=True))
    if copied:
        rows = [{**row._asdict(), "token": newer[row.token], "token_key": key} for row in copied]
        connection.execute(insert(t.credentials), [{k: v for k, v in row.items() if k != "id"} for row in rows])
    _nobodys(connection, community, {old: new for old, new in newer.items() if old not in stand})
    return len(olds)


def _nobodys(connection: Connection, community: str, newer: Mapping[bytes, bytes]) -> None:
    """Note what tokens became, and change it where they stand: in swipes, and in cases about them."""
    known = now_called(connection, [(community, old) for old in newer])
    fresh = {old: new for old, new in newer.items() if (community, old) not in known}
    if not fresh:
        return
    r = t.retokened.c
    of_old = update(t.retokened).where(r.community == community, r.new == bindparam("was"))
    connection.execute(of_old.values(new=bindparam("now")), [{"was": old, "now": new} for old, new in fresh.items()])
    rows = [{"community": community, "old": old, "new": new} for old, new in fresh.items()]
    upsert(connection, t.retokened, rows, ["community", "old"])
    s, k = t.swipes.c, t.cases.c
    of_swipes = s.community == community, s.token.in_(list(fresh))
    for old in connection.execute(select(s.token).distinct().where(*of_swipes)).scalars().all():
        connection.execute(update(t.swipes).where(s.community == community, s.token == old).values(token=fresh[old]))
    about = k.community == community, k.token.in_(list(fresh))
    for row in connection.execute(select(k.id, k.token, k.is_open).where(*about)).all():
        twin = select(k.id).where(k.community == community, k.token == fresh[row.token], k.is_open)
        if not row.is_open or connection.execute(twin).first() is None:
            connection.execute(update(t.cases).where(k.id == row.id).values(token=fresh[row.token]))


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
