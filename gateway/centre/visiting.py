"""Visits to a dwelling: who came, whether anybody was met, the card left behind, and when they come again."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway.centre.deskwork import Deed, after, found, put
from gateway.keys import Master
from gateway.store.queries import casefile
from rules.cases import Actor, CaseState, NotPossible
from rules.model import CIVIL


class Role(StrEnum):
    """As what somebody comes along (同入户): 网格员, 社区干部, 群防群治队员. The last have no account."""

    WORKER = "worker"
    CADRE = "cadre"
    VOLUNTEER = "volunteer"


TOGETHER = ",".join(sorted(Role))
"""What stands in `visits.roles` where all three came."""
_OWN = {Actor.WORKER: Role.WORKER, Actor.REVIEWER: Role.CADRE}


@dataclass(frozen=True, slots=True)
class Came:
    role: Role
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit, times in ms. Whoever logs it came, too; nobody else need have: a visit alone counts."""

    at: int
    met: bool
    notice_left: bool
    came: tuple[Came, ...] = ()
    appointment: int | None = None


def log_visit(connection: Connection, master: Master, case: int, visit: Visit, deed: Deed) -> CaseState:
    """Log a visit to the dwelling of a case that still has this revision; the state after it.

    Raises:
        LookupError, Stale and NotPossible as `deskwork.act_on`; a visit lies between the case's opening and now, and
        an appointment after now.
    """
    row = found(connection, case, deed.actor)
    if visit.at > deed.now:
        raise NotPossible("a visit cannot lie in the future")
    if datetime.fromtimestamp(visit.at / 1000, UTC).astimezone(CIVIL).date() < row.opened_on:
        raise NotPossible("a visit cannot lie before the case was opened")
    if visit.appointment is not None and visit.appointment <= deed.now:
        raise NotPossible("an appointment lies in the future")
    state = after(connection, row, deed)
    put(connection, row, deed, state, {"state": state.value, "appointment": visit.appointment}, _said(visit))
    missed = sum(not one.met for one in casefile.visits(connection, case))
    roles = {_OWN[deed.actor], *(one.role for one in visit.came)}
    names = msgspec.json.encode([(one.role, one.name) for one in visit.came]).decode()
    values = {
        "case": case,
        "at": visit.at,
        "met": visit.met,
        "notice_left": visit.notice_left,
        "actor": deed.who,
        "attempt": None if visit.met else missed + 1,
        "appointment": visit.appointment,
        "roles": ",".join(sorted(roles)),
        "came": master.hide("visits.came", names) if visit.came else None,
    }
    casefile.add_visit(connection, values)
    return state


def log_also(connection: Connection, master: Master, others: Sequence[Any], visit: Visit, deed: Deed) -> None:
    """Log the same visit on other cases of the door, as far as they are for whoever came to do."""
    for row in others:
        also = replace(deed, revision=row.revision)
        with contextlib.suppress(NotPossible), connection.begin_nested():
            log_visit(connection, master, row.id, visit, also)


def who_came(master: Master, row: object) -> list[tuple[str, str]]:
    """Role and name of whoever came along, besides the one who logged the visit."""
    hidden = getattr(row, "came", None)
    return [] if hidden is None else msgspec.json.decode(master.show("visits.came", hidden), type=list[tuple[str, str]])


def _said(visit: Visit) -> str:
    return "met" if visit.met else "not_met"
