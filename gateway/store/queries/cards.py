"""Cards and enrolments of one person, and how many were ended."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, func, select

from gateway.store import tables as t


def enrolment(connection: Connection, community: str, person: int) -> Row[Any] | None:
    e = t.enrolments.c
    return connection.execute(select(t.enrolments).where(e.community == community, e.person == person)).one_or_none()


def card(connection: Connection, community: str, number: int) -> Row[Any] | None:
    """A card of the compound; never an identity number, which cannot change hands."""
    c = t.credentials.c
    where = (c.id == number, c.community == community, c.kind.not_in(_OWN))
    return connection.execute(select(t.credentials).where(*where)).one_or_none()


def cards_of(connection: Connection, community: str, person: int) -> Sequence[Row[Any]]:
    """The cards of somebody that were not returned, oldest first."""
    c = t.credentials.c
    where = (c.community == community, c.person == person, c.returned_on.is_(None), c.kind.not_in(_OWN))
    return connection.execute(select(t.credentials).where(*where, c.superseded.is_(False)).order_by(c.id)).all()


def ended_today(connection: Connection, community: str, today: date) -> int:
    """How many residents' enrolments were ended in a compound today, or wait for a second person since."""
    e = t.enrolments.c
    ended = (e.community == community, e.role == 0, e.ended_why.is_not(None), e.ended_on == today)
    return connection.execute(select(func.count()).select_from(t.enrolments).where(*ended)).scalar_one()


_OWN = ("citizen-id", "pr-2017")
