"""Blind re-checks: some of each month's dismissals are looked at again by somebody who had no hand in them."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from gateway.centre import deskwork
from gateway.centre.deskwork import Deed
from gateway.centre.slips import Slips, Stale
from gateway.store.queries import blind, casefile
from rules.cases import Actor, CaseAct, CaseState, Dismissal, NotPossible
from rules.model import CIVIL
from rules.sampling import draw, size_of


def draw_month(connection: Connection, today: date, now: int) -> int:
    """Draw from the dismissals of the month before `today`, once; how many were drawn."""
    first = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    if blind.drawn(connection, first):
        return 0
    since, until = _midnight(first), _midnight(today.replace(day=1))
    population = blind.dismissed(connection, since, until, [one.value for one in Dismissal])
    seed = secrets.token_hex(16)
    values = {"month": first, "seed": seed, "population": len(population), "cases": population, "drawn": now}
    number = blind.add_draw(connection, values)
    if number is None:
        return 0
    drawn = draw(seed, population, size_of(len(population)))
    blind.add_checks(connection, number, drawn)
    return len(drawn)


@dataclass(frozen=True, slots=True)
class Finding:
    """What somebody found of a dismissal that they look at again: whether it was right, and in words."""

    actor: Actor
    who: str
    now: int
    upheld: bool
    note: str


def case_of(connection: Connection, check: int, communities: Collection[str] = ()) -> int:
    """The case that a check is about; LookupError where there is none, or not in the communities that are named."""
    row = blind.check(connection, check)
    case = casefile.case(connection, row.case) if row is not None else None
    if case is None or (communities and case.community not in communities):
        raise LookupError("there is no such check")
    return int(case.id)


def decide(connection: Connection, check: int, found: Finding, slips: Slips) -> CaseState:
    """Take a finding; a dismissal that was not right reopens the case. The case's state after it.

    Raises:
        LookupError: there is no such check for them. NotPossible: they had a hand in the case, or do not say what they
            found. Stale: somebody has decided it.
    """
    number = case_of(connection, check)
    case = deskwork.found(connection, number, found.actor)
    if found.who in hands(connection, number):
        raise NotPossible("whoever had a hand in a case does not check it again")
    if not found.note.strip():
        raise NotPossible("what was found is said in words")
    values = {"checker": found.who, "checked": found.now, "upheld": found.upheld, "note": found.note}
    if not blind.decide(connection, check, values):
        raise Stale
    act, note = "blind_check", "right" if found.upheld else "wrong"
    casefile.add_event(connection, number, at=found.now, actor=found.who, act=act, state=case.state, note=note)
    if found.upheld or case.state != CaseState.DISMISSED or casefile.has_open_case(connection, case):
        return CaseState(case.state)
    why = "the dismissal was wrong"
    deed = Deed(CaseAct.REOPEN, case.revision, found.actor, found.who, found.now, note=why)
    return deskwork.act_on(connection, number, deed, slips)


def hands(connection: Connection, case: int) -> frozenset[str]:
    """Whoever did anything about a case."""
    return frozenset(event.actor for event in casefile.events(connection, case))


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=CIVIL).timestamp() * 1000)
