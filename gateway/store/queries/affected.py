"""Everyone whom the stations of a community know by token."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Integer, and_, cast, func, select

from gateway.store import tables as t


def people(connection: Connection, community: str) -> Sequence[Any]:
    """Name and phone (encrypted), dwelling, and whether a card of theirs still has to be shown for its new token.

    Of visitors nothing is known but a code; they are not among them.
    """
    c, p, e, d = t.credentials.c, t.persons.c, t.enrolments.c, t.dwellings.c
    newest = select(t.communities.c.token_key).where(t.communities.c.id == community).scalar_subquery()
    waits = and_(c.token_key < newest, c.superseded.is_(False), c.returned_on.is_(None))
    cards = (
        select(c.person, func.max(cast(waits, Integer)).label("waits"))
        .where(c.community == community)
        .group_by(c.person)
        .subquery()
    )
    return connection.execute(
        select(p.name, p.phone, d.building, d.unit, d.room, cards.c.waits)
        .join(cards, cards.c.person == p.id)
        .outerjoin(t.enrolments, and_(e.person == p.id, e.community == community))
        .outerjoin(t.dwellings, d.id == e.dwelling)
        .where(p.kind != "visitor")
        .order_by(d.building, d.unit, d.room, p.id)
    ).all()
