"""Two records of one person: found, made one with a trail, and parted again as they were."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

from sqlalchemy import Connection

from gateway.centre.persons import Persons
from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.queries import history, merging, people
from gateway.store.queries.history import By
from rules.cases import NotPossible
from rules.model import CredentialKind

MOST = 200
"""Pairs shown at a time: the next ones come when these are decided."""


@dataclass(frozen=True, slots=True)
class Twin:
    """Two records that may be one person's: the same name, and the same dwelling or phone."""

    first: int
    second: int
    why: str


class Merging:
    """Each act is in the transaction of the caller, and noted."""

    def __init__(self, master: Master) -> None:
        self._persons = Persons(master)

    def twins(self, connection: Connection, community: str) -> list[Twin]:
        """Records of a community that may be of one person, `MOST` at a time. Names are opened in memory alone."""
        named = defaultdict(list)
        for row in merging.people_here(connection, community):
            named[self._persons.name(row).casefold().replace(" ", "")].append(row)
        apart = merging.told_apart(connection)
        found = (twin for name, rows in sorted(named.items()) if name for twin in _pairs(rows))
        return list(islice((one for one in found if (one.first, one.second) not in apart), MOST))

    def tell_apart(self, connection: Connection, by: By, first: int, second: int) -> None:
        """These are two people: they are no candidates any more.

        Raises:
            NotPossible: it is one record, or one of them was made one with another.
        """
        rows = [merging.person(connection, one) for one in sorted({first, second})]
        if len(rows) == 1 or any(row.merged_into is not None for row in rows):
            raise NotPossible("these are one person's records")
        merging.tell_apart(connection, by, first, second)
        noted = [(row.id, by.community, {"told_apart": [None, True]}) for row in rows]
        history.note(connection, by, t.persons.name, noted)

    def merge(self, connection: Connection, by: By, kept: int, gone: int) -> int:
        """Give what is of `gone` to `kept`; the merge's number. What both have of one kind stays where it is.

        Raises:
            LookupError: there is no such person. NotPossible: it is one record, or one of them is merged already.
        """
        if kept == gone:
            raise NotPossible("these are one record")
        rows = {one: merging.person(connection, one) for one in sorted((kept, gone))}
        if any(row.merged_into is not None for row in rows.values()):
            raise NotPossible("one of these records was made one with another already")
        if merging.was_kept(connection, gone):
            raise NotPossible("another record was made one with this: it is the one to keep, or they are parted first")
        moved = merging.move(connection, gone, kept)
        history.change(connection, by, t.persons, rows[gone], {"merged_into": kept})
        if rows[gone].protected:
            history.change(connection, by, t.persons, rows[kept], {"protected": True})
        for community in merging.communities_of(connection, (kept, gone)):
            people.roster_is_stale(connection, community)
        return merging.note(connection, by, kept, gone, moved, was_protected=bool(rows[kept].protected))

    def together(self, connection: Connection, community: str, *persons: int) -> None:
        """LookupError unless a community has something to do with each of these."""
        if not all(merging.is_of(connection, community, one) for one in persons):
            raise LookupError("there is no such person here")

    def undo_here(self, connection: Connection, by: By, community: str, number: int) -> None:
        """As `undo`, where a community has something to do with both."""
        row = merging.merge(connection, number)
        if row is None:
            raise LookupError("there is no such merge")
        self.together(connection, community, row.kept, row.gone)
        self.undo(connection, by, number)

    def undo(self, connection: Connection, by: By, number: int) -> None:
        """Part two records again: what went over goes back, where it still is.

        Raises:
            LookupError: there is no such merge. NotPossible: it was undone.
        """
        row = merging.merge(connection, number)
        if row is None:
            raise LookupError("there is no such merge")
        if row.undone_at is not None:
            raise NotPossible("these records were parted already")
        if merging.person(connection, row.kept).merged_into is not None:
            raise NotPossible("the one that was kept was made one with another since: those are parted first")
        merging.move_back(connection, row.moved, row.kept, row.gone)
        history.change(connection, by, t.persons, merging.person(connection, row.gone), {"merged_into": None})
        if not row.moved.get("protected", True):
            history.change(connection, by, t.persons, merging.person(connection, row.kept), {"protected": False})
        merging.note_undone(connection, number, by)
        for community in merging.communities_of(connection, (row.kept, row.gone)):
            people.roster_is_stale(connection, community)


def _pairs(rows: list[Any]) -> Iterator[Twin]:
    """Pairs among people of one name. Two citizen numbers are two people unless they live and are reached alike."""
    told: set[tuple[int, int]] = set()
    for why in ("phone", "dwelling"):
        for alike in _alike(rows, "phone_lookup" if why == "phone" else "dwelling"):
            for one, other in combinations(alike, 2):
                pair = min(one.id, other.id), max(one.id, other.id)
                alike_only = why == "dwelling" and one.kind == other.kind != CredentialKind.NO_NUMBER
                if pair not in told and not alike_only:
                    told.add(pair)
                    yield Twin(*pair, why)


def _alike(rows: Iterable[Any], column: str) -> Iterable[list[Any]]:
    """The rows by what a column says, where it says something."""
    found = defaultdict(list)
    for row in rows:
        if (value := getattr(row, column)) is not None:
            found[value].append(row)
    return found.values()
