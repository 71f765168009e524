"""Under which numbers swipes are stored, found by whose they are and when they were: there is no index of numbers."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, select, tuple_

from gateway.store import tables as t

_AT_ONCE = 200

Number = tuple[str, str, int, bytes | None]
"""(station, epoch, seq, token)"""


def stored_at(connection: Connection, keys: Sequence[tuple[str, bytes | None, int]]) -> set[Number]:
    """The numbers of the swipes of these (community, token, instant)."""
    c = t.swipes.c
    found: set[Number] = set()
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        if known := [key for key in part if key[1] is not None]:
            found |= _numbers(connection, tuple_(c.community, c.token, c.at).in_(known))
        for community in {community for community, token, _ in part if token is None}:
            instants = [at for where, token, at in part if token is None and where == community]
            found |= _numbers(connection, c.community == community, c.token.is_(None), c.at.in_(instants))
    return found


def _numbers(connection: Connection, *where: ColumnElement[bool]) -> set[Number]:
    c = t.swipes.c
    rows = connection.execute(select(c.station, c.epoch, c.seq, c.token).where(*where))
    return {(row.station, row.epoch, row.seq, row.token) for row in rows}
