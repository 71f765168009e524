"""What guards did at their gates, taken in with the swipes beside which it comes: once each, in the same transaction.

A visitor is entered as a walk-in. A card that was reported lost is marked so when the report fits one person and they
have one card, up to five in a day; else the property is asked. The dwelling that a guard wrote for a new resident is
for the property, too, and so is what was said when a shift was handed over.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from gateway.centre import audit, rooms
from gateway.centre.audit import Who
from gateway.centre.persons import Persons
from gateway.centre.sorting import Arrived
from gateway.centre.visitors import Visitors
from gateway.keys import Master, NotAuthentic
from gateway.store import tables as t
from gateway.store.database import after_commit
from gateway.store.queries import cards, gate_acts, history, people, streams
from gateway.store.queries.history import By
from rules.cases import NotPossible

COLUMN = "gate_acts.name"
FORGET_MS = 30 * 86_400_000
"""Names and dwellings that guards wrote are kept as long as swipes and visitors are."""
DAY_MS = 86_400_000
MOST_A_DAY = 5
"""So many cards are marked lost in a compound in a day by what guards report; the property looks at all others."""
Timed = tuple[Arrived, int]
"""What came, and when it was done (ms, UTC)."""


class GateActs:
    """Used by the intake. `register_changed` is called after a commit that changed the register."""

    def __init__(self, master: Master, register_changed: Callable[[], None]) -> None:
        self._master = master
        self._persons = Persons(master)
        self._visitors = Visitors(master)
        self._register_changed = register_changed

    def take(self, connection: Connection, fresh: Sequence[Timed], now: int) -> None:
        """Take in the acts among what is stored for the first time."""
        for one, at in fresh:
            swipe = one.swipe
            if swipe.act is not None:
                self._take(connection, one, swipe.act.kind, at, now)
            elif swipe.by_hand == "new_resident" and swipe.dwelling:
                self._take(connection, one, "new_resident", at, now)

    def _take(self, connection: Connection, one: Arrived, kind: str, at: int, now: int) -> None:
        swipe, community = one.swipe, one.peer.community
        by = By(f"guard at {one.peer.name}", now)
        told = self._said(one)
        name = str(told.get("name", "")).strip()
        hidden = json.dumps(told, ensure_ascii=False) if kind == "handover" else name if kind == "lost_card" else ""
        home = rooms.found(connection, community, swipe.dwelling or "")
        dwelling = home[1] if home is not None else None
        state, outcome = ("open", "") if kind in ("lost_card", "new_resident") else ("noted", "")
        if kind == "visitor" and streams.community(connection, community, lock=True) is not None:
            self._visitors.walked_in(connection, by, community, at, dwelling, name)
        if kind == "lost_card" and self._mark_lost(connection, by, community, dwelling, name):
            state, outcome = "done", "marked_lost"
        gate_acts.add(
            connection,
            {
                "community": community,
                "station": one.peer.name,
                "epoch": one.epoch,
                "seq": swipe.seq,
                "at": at,
                "kind": kind,
                "portal": swipe.portal,
                "until": (swipe.act.until if swipe.act is not None else 0) or None,
                "said": swipe.dwelling,
                "dwelling": dwelling,
                "name": self._master.hide(COLUMN, hidden) if hidden else None,
                "state": state,
                "outcome": outcome,
                "done_by": by.actor if state == "done" else None,
                "done_at": now if state == "done" else None,
            },
        )

    def _mark_lost(self, connection: Connection, by: By, community: str, dwelling: int | None, name: str) -> bool:
        if dwelling is None or not name:
            return False
        who = [row for row in gate_acts.enrolled_in(connection, community, dwelling) if self._persons.name(row) == name]
        theirs = cards.cards_of(connection, community, who[0].id) if len(who) == 1 else []
        if len(theirs) != 1 or gate_acts.marked_since(connection, community, by.at - DAY_MS) >= MOST_A_DAY:
            return False
        history.change(connection, by, t.credentials, theirs[0], {"lost": True})
        people.roster_is_stale(connection, community)
        after_commit(connection, self._register_changed)
        return True

    def _said(self, one: Arrived) -> dict[str, Any]:
        if one.swipe.act is None or one.swipe.sealed is None:
            return {}
        try:
            said: Any = json.loads(self._master.unseal(one.swipe.sealed, one.peer.name, one.epoch, one.swipe.seq))
        except (NotAuthentic, ValueError):
            return {}  # what cannot be read names nobody; the act is noted all the same
        return said if isinstance(said, dict) else {}


def whose(connection: Connection, master: Master, who: Who, community: str, number: int) -> str:
    """The name that a guard wrote for a lost card; that it was read is noted.

    Raises:
        LookupError: there is none.
    """
    row = gate_acts.found(connection, community, number)
    if row is None or row.name is None or row.kind == "handover":
        raise LookupError("there is no name")
    audit.note(connection, who, "reveal", f"gate_acts/{number}", community=community)
    return master.show(COLUMN, row.name)


@dataclass(frozen=True, slots=True)
class Handover:
    """What guards said when they handed a shift over; `since` is when it began (ms, UTC), or 0."""

    since: int
    by: str
    to: str
    note: str


def handover(connection: Connection, master: Master, who: Who, community: str, number: int) -> Handover:
    """A hand-over of the shift; that it was read is noted, since it may name people.

    Raises:
        LookupError: there is none, or its time is over.
    """
    row = gate_acts.found(connection, community, number)
    if row is None or row.kind != "handover" or row.name is None:
        raise LookupError("there is no such hand-over")
    audit.note(connection, who, "reveal", f"gate_acts/{number}", community=community, purpose="handover")
    said: dict[str, Any] = json.loads(master.show(COLUMN, row.name))
    since = said.get("since", 0)
    return Handover(since if isinstance(since, int) else 0, *(str(said.get(name, "")) for name in ("by", "to", "note")))


def settle(connection: Connection, who: Who, community: str, number: int, outcome: str) -> None:
    """Note what the property made of an open act.

    Raises:
        LookupError: there is no such act here. NotPossible: it is not open.
    """
    if gate_acts.found(connection, community, number) is None:
        raise LookupError("there is no such act here")
    if not gate_acts.close(connection, community, number, outcome, who.actor, who.at):
        raise NotPossible("this act is not open")
