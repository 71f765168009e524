"""Who lives where (实有人口): found by the property, a visit, a declaration or a list; confirmed; moved out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.queries import history, living, streams
from gateway.store.queries.history import By
from rules.model import Source

UNKNOWN = "unknown"
_CONFIRMING = frozenset({Source.PROPERTY, Source.VISIT, Source.POLICE})
"""Sources in which a person has seen that somebody lives there: at a desk, at their door, or at the police."""


class Category(StrEnum):
    """The five categories of 实有人口, with residents of Hong Kong, Macao and Taiwan as a kind of their own."""

    HUKOU = "hukou"
    LODGING = "lodging"
    FLOATING = "floating"
    FOREIGN = "foreign"
    HMT = "hmt"
    NO_HUKOU = "no_hukou"
    UNKNOWN = "unknown"


class Left(StrEnum):
    """Why somebody is taken to have moved out. Silence in swipes is never a reason."""

    CARD_RETURNED = "card_returned"
    LEASE_END = "lease_end"
    LANDLORD = "landlord"
    DECLARED = "declared"
    VISIT = "visit"
    POLICE = "police"
    MOVED_WITHIN = "moved_within"


@dataclass(frozen=True, slots=True)
class Living:
    """What one source says of one person's living in a dwelling. What is unknown or None says nothing."""

    person: int
    dwelling: int | None
    source: Source
    since: date | None = None
    category: str = UNKNOWN
    household: int | None = None
    relation: str = ""
    stay: str = UNKNOWN
    hukou: str | None = None
    employment: str = UNKNOWN
    employer: str = field(default="", repr=False)


class Residency:
    """Puts what is known of living into rows, in the transaction of the caller, and notes each change."""

    def __init__(self, master: Master) -> None:
        self._master = master

    def lives(self, connection: Connection, community: str, person: int) -> bool:
        """Whether somebody lives in a community, as far as is known."""
        return bool(living.residing(connection, community, [person]))

    def found(self, connection: Connection, by: By, community: str, finds: Sequence[Living]) -> None:
        """Take what a source says. One who lives in another dwelling of the community by now has moved within it.

        The community is locked first: two sources that say the same at once make one row.
        """
        streams.community(connection, community, lock=True)
        standing = living.residing(connection, community, [one.person for one in finds])
        new = []
        for one in finds:
            row = standing.get(one.person)
            if row is not None and None not in (row.dwelling, one.dwelling) and row.dwelling != one.dwelling:
                moved = one.since if one.since and (row.since is None or one.since >= row.since) else by.today
                self._end(connection, by, row, moved, Left.MOVED_WITHIN)
                row = None
            if row is None:
                new.append(self._fresh(by, community, one))
            else:
                history.change(connection, by, t.residents, row, self._said(by, row, one))
        made = [(number, community, history.CREATED) for number in living.add(connection, new)]
        history.note(connection, by, t.residents.name, made)

    def moved_out(self, connection: Connection, by: By, community: str, person: int, day: date, why: Left) -> None:
        """Note that somebody has moved out; `day` is the last one that counts.

        Raises:
            LookupError: they do not live in this community, as far as is known.
        """
        streams.community(connection, community, lock=True)
        row = living.residing(connection, community, [person]).get(person)
        if row is None:
            raise LookupError("nobody of that number lives here")
        self._end(connection, by, row, day, why)

    def _end(self, connection: Connection, by: By, row: Any, day: date, why: Left) -> None:
        history.change(connection, by, t.residents, row, {"until": day, "left_why": why.value})

    def _fresh(self, by: By, community: str, one: Living) -> dict[str, Any]:
        return {
            "community": community,
            "person": one.person,
            "dwelling": one.dwelling,
            "household": one.household,
            "category": one.category,
            "relation": one.relation,
            "stay": one.stay,
            "hukou": one.hukou,
            "since": one.since,
            "source": one.source.value,
            "employment": one.employment,
            "employer": self._master.hide("residents.employer", one.employer) if one.employer else None,
            **_confirmed(by, one),
        }

    def _said(self, by: By, row: Any, one: Living) -> dict[str, Any]:
        """What a find adds to a row; what a person has confirmed is confirmed again only by whoever does so first."""
        values: dict[str, Any] = {
            "dwelling": one.dwelling,
            "household": one.household,
            "category": None if one.category == UNKNOWN else one.category,
            "relation": one.relation or None,
            "stay": None if one.stay == UNKNOWN else one.stay,
            "hukou": one.hukou,
            "since": one.since if row.since is None else None,
            "employment": None if one.employment == UNKNOWN else one.employment,
        }
        if one.employer and (row.employer is None or self.employer(row) != one.employer):
            values["employer"] = self._master.hide("residents.employer", one.employer)
        if row.confirmed_on is None:
            values |= _confirmed(by, one)
        return {name: value for name, value in values.items() if value is not None}

    def employer(self, row: Any) -> str:
        """The employer on a row of residents; "" where there is none."""
        return self._master.show("residents.employer", row.employer) if row.employer is not None else ""


def _confirmed(by: By, one: Living) -> dict[str, Any]:
    if one.source not in _CONFIRMING:
        return {"confirmed_on": None, "confirmed_by": None}
    return {"confirmed_on": by.today, "confirmed_by": by.actor}
