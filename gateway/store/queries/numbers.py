"""Under which numbers swipes are stored, found by whose they are and when they were: there is no index of numbers."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, select

from gateway.store import tables as t

_AT_ONCE = 200

Number = tuple[str, str, int, int, bytes | None]
"""(station, epoch, seq, instant, token)"""


def stored_between(
    connection: Connection, keys: Sequence[tuple[str, bytes | None]], first: int, last: int
) -> set[Number]:
    """The swipes of these (community, token) from one instant to another, found by the index of their passes."""
    c = t.swipes.c
    by_community: dict[str, set[bytes | None]] = defaultdict(set)
    for community, token in keys:
        by_community[community].add(token)
    found: set[Number] = set()
    for community, tokens in by_community.items():
        within = c.community == community, c.at.between(first, last)
        known = sorted(token for token in tokens if token is not None)
        for start in range(0, len(known), _AT_ONCE):
            found |= _numbers(connection, *within, c.token.in_(known[start : start + _AT_ONCE]))
        if None in tokens:
            found |= _numbers(connection, *within, c.token.is_(None))
    return found


def _numbers(connection: Connection, *where: ColumnElement[bool]) -> set[Number]:
    c = t.swipes.c
    rows = connection.execute(select(c.station, c.epoch, c.seq, c.at, c.token).where(*where))
    return {(row.station, row.epoch, row.seq, row.at, row.token) for row in rows}
