"""实地抽查: dwellings drawn by a seed that is kept, what was found at each, and never more than was drawn."""

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from gateway.store import tables as t
from gateway.store.queries import audits, history, streams
from gateway.store.queries.history import By
from rules.cases import NotPossible

MOST_PEOPLE = 50


@dataclass(frozen=True, slots=True)
class Found:
    """What was found at a dwelling.

    People there and the registered among them; records looked at, right ones, and those of people who have moved out.
    """

    present: int
    registered: int
    records: int
    right: int
    moved_out: int

    def check(self) -> None:
        """Raise NotPossible where a part is more than its whole."""
        fits = 0 <= self.registered <= self.present <= MOST_PEOPLE and 0 <= self.right <= self.records <= MOST_PEOPLE
        if not fits or not 0 <= self.moved_out <= self.records:
            raise NotPossible("a part cannot be more than its whole, and nobody counts more than 50 people in a room")


def drawn(dwellings: Sequence[int], size: int, seed: str) -> list[int]:
    """Which of these are drawn: the same for the same dwellings, size and seed, whatever their order."""
    return sorted(random.Random(seed).sample(sorted(dwellings), min(size, len(dwellings))))  # noqa: S311 - no secret


def draw(connection: Connection, by: By, community: str, size: int, seed: str = "") -> int:
    """Draw dwellings of a community for an audit; its number. Without a seed a fresh one is taken.

    Raises:
        LookupError: there is no such community. NotPossible: it has no dwellings.
    """
    if streams.community(connection, community, lock=True) is None:
        raise LookupError("there is no such community")
    dwellings = audits.dwellings(connection, community)
    if not dwellings:
        raise NotPossible("there are no dwellings to draw from: import them first")
    seed = seed or secrets.token_hex(16)
    values = {"community": community, "seed": seed, "population": len(dwellings)}
    number = audits.add(connection, values | {"drawn_on": by.today, "drawn_by": by.actor}, drawn(dwellings, size, seed))
    history.note(connection, by, t.field_audits.name, [(number, community, history.CREATED)])
    return number


def enter(connection: Connection, by: By, community: str, audit: int, dwelling: int, found: Found | None) -> None:
    """Enter what was found at a drawn dwelling; None where nobody was there or let anybody in.

    Raises:
        LookupError: it was not drawn. NotPossible: a part is more than its whole.
    """
    row = audits.finding(connection, community, audit, dwelling)
    if row is None:
        raise LookupError("this dwelling was not drawn")
    names = ("present", "registered", "records", "right", "moved_out")
    if found is None:
        values = dict.fromkeys(names) | {"refused": True}
    else:
        found.check()
        values = {name: getattr(found, name) for name in names} | {"refused": False}
    said = values | {"found_on": by.today, "found_by": by.actor}
    history.change(connection, by, t.field_findings, row, said)


def same_draw(connection: Connection, community: str, audit: int, dwellings: Sequence[int]) -> bool:
    """Whether an audit's dwellings are those that its seed draws from these."""
    row, found = audits.audit(connection, community, audit), audits.drawn(connection, audit)
    return row is not None and drawn(dwellings, len(found), row.seed) == sorted(found)
