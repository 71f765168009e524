"""The stored swipes of a community, card by card in the order in which they were made; nothing of it names anybody."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from gateway.store import tables as t

_AT_ONCE = 5_000
_s = t.swipes.c


def swipes(connection: Connection, community: str, since: int) -> Iterator[Any]:
    """token, at, portal, direction, kind, verdict, reasons and roster of each swipe that has a token, from `since` on.

    They come in turn while they are read: whatever their number, few are held at once.
    """
    asked = (
        select(_s.token, _s.at, _s.portal, _s.direction, _s.kind, _s.verdict, _s.reasons, _s.roster)
        .where(_s.community == community, _s.at >= since, _s.token.is_not(None))
        .order_by(_s.token, _s.at, _s.id)
    )
    with connection.execute(asked, execution_options={"yield_per": _AT_ONCE}) as rows:
        yield from rows


def residents_enrolled(connection: Connection, community: str, today: date) -> list[int]:
    """Everyone who is enrolled as a resident of a community today."""
    e = t.enrolments.c
    asked = select(e.person).where(
        e.community == community, e.role == 0, e.since <= today, e.until.is_(None) | (e.until >= today)
    )
    return list(connection.execute(asked).scalars())
