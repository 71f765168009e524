"""Deputies (A/B 角): who sees and does whose cases within which days, besides their own."""

from datetime import date

from sqlalchemy import Connection

from gateway.store.queries import standins
from gateway.store.queries.history import By
from rules.cases import NotPossible

LONGEST_DAYS = 92
"""A deputy is for an absence; a case that stays with somebody else is assigned to them."""


def appoint(connection: Connection, by: By, community: str, worker: str, deputy: str, since: date, until: date) -> int:
    """Have `deputy` do the cases of `worker` in a community from `since` through `until`; its number.

    What is said twice holds once.

    Raises:
        NotPossible: it is the same person, or the days are none, too many, or over.
    """
    if worker == deputy:
        raise NotPossible("nobody is their own deputy")
    if not since <= until or (until - since).days >= LONGEST_DAYS or until < by.today:
        raise NotPossible(f"a deputy is appointed for 1 to {LONGEST_DAYS} days that are not over")
    values = {"community": community, "worker": worker, "deputy": deputy, "since": since, "until": until}
    if (standing := standins.same(connection, values)) is not None:
        return standing
    return standins.add(connection, values | {"created": by.at, "created_by": by.actor})


def end(connection: Connection, by: By, community: str, number: int, worker: str = "") -> None:
    """End it with the day before; of one `worker` alone, where it is named.

    Raises:
        LookupError: there is none of that number that still holds.
    """
    if not standins.end(connection, community, number, by.today, worker):
        raise LookupError("there is no such deputy")


def may_do(connection: Connection, community: str, who: str, collector: str, day: date) -> bool:
    """Whether somebody may do a case that is assigned to `collector`: their own, or as a deputy on that day."""
    return who == collector or collector in standins.stands_in_for(connection, community, who, day)
