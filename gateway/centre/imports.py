"""Lists that come in whole are taken in chunks, each with its judging: the intake gets its turn between them."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TypeVar

from sqlalchemy import Connection

from gateway.centre.casework import Casework
from gateway.centre.register import BadRow, EnrolmentEntry, ListSoFar, Register, RegistrationEntry
from gateway.centre.sweep import AT_ONCE
from gateway.store.database import Database
from gateway.store.queries.casefile import Subject
from gateway.store.queries.history import By

CHUNK = 200
"""Rows taken in one transaction."""

_Entry = TypeVar("_Entry")


class Imports:
    """Takes lists in transactions of its own; each call returns how many rows were taken, and the others.

    When the database goes away in the middle, the chunks before stay: the same list, sent again, changes nothing there.
    """

    def __init__(self, database: Database, register: Register, casework: Casework) -> None:
        self._database = database
        self._register = register
        self._casework = casework

    def enrol(self, by: By, community: str, entries: Sequence[EnrolmentEntry]) -> tuple[int, list[BadRow]]:
        """Enrol people.

        Raises:
            LookupError: there is no such community.
        """
        taken, bad, so_far = 0, list[BadRow](), ListSoFar(self._casework.today())
        for chunk, _ in _chunks(entries):
            with self._database.write() as connection:
                ids, wrong = self._register.enrol(connection, by, community, chunk, so_far)
                self._judge(connection, community, ids)
            taken, bad = taken + len(ids), bad + wrong
        return taken, bad

    def register(
        self, by: By, community: str, as_of: date, entries: Sequence[RegistrationEntry], *, complete: bool
    ) -> tuple[int, list[BadRow]]:
        """Take registrations; with the last chunk of a complete list, whoever it does not name ends. Raises as `enrol`.

        After a complete list everyone whom it may concern is judged again.
        """
        taken, bad, so_far = 0, list[BadRow](), ListSoFar(self._casework.today())
        for chunk, last in _chunks(entries):
            with self._database.write() as connection:
                ids, wrong = self._register.register(
                    connection, by, community, as_of, chunk, so_far, complete=complete and last
                )
                self._judge(connection, community, ids)
            taken, bad = taken + len(ids), bad + wrong
        if complete:
            self._sweep()
        return taken, bad

    def _sweep(self) -> None:
        with self._database.read() as connection:
            subjects = self._casework.to_sweep(connection)
        for start in range(0, len(subjects), AT_ONCE):
            with self._database.write() as connection:
                self._casework.judge(connection, subjects[start : start + AT_ONCE])

    def _judge(self, connection: Connection, community: str, persons: Sequence[int]) -> None:
        self._casework.judge(connection, [Subject(community, number, None) for number in persons])


def _chunks(entries: Sequence[_Entry]) -> Iterator[tuple[Sequence[_Entry], bool]]:
    """The entries in chunks, and whether it is the last one; an empty list is one empty chunk."""
    for start in range(0, max(len(entries), 1), CHUNK):
        yield entries[start : start + CHUNK], start + CHUNK >= len(entries)
