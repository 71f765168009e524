"""Receipts of the police (回执) that somebody enters: the registration is written down, and the case is done by it."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from gateway.centre import deskwork
from gateway.centre.deskwork import Deed
from gateway.centre.slips import Slips
from gateway.store import tables as t
from gateway.store.queries import history, people
from gateway.store.queries.history import By
from rules.cases import Actor, CaseAct, CaseState, NotPossible, may_review
from rules.model import CaseKind


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says: its number; registered from `since` through `until`, or until `since` of a move out."""

    number: str
    since: date
    until: date | None = None


def enter(
    connection: Connection, case: int, revision: int, receipt: Receipt, who: str, now: int, slips: Slips
) -> CaseState:
    """Take a receipt for a case that still has this revision; the state after it, which the police have brought about.

    Raises:
        As `deskwork.act_on`. NotPossible also where it is dated after today, or whoever enters it has collected.
    """
    row = deskwork.found(connection, case)
    by = By(who, now, f"receipt {receipt.number}")
    if receipt.since > by.today or (receipt.until is not None and receipt.until < receipt.since):
        raise NotPossible("a receipt is not of a day that has not come, nor ends before it begins")
    if not may_review(who, deskwork.collectors(connection, case)):
        raise NotPossible("whoever collected a record does not enter its receipt")
    deed = Deed(CaseAct.REGISTER, revision, Actor.POLICE, who, now)
    state = deskwork.after(connection, row, deed)
    values = {"state": state.value, "is_open": False, "paused": False, "closed": now, "how": "police_receipt"}
    deskwork.put(connection, row, deed, state, values, receipt.number)
    if row.kind == CaseKind.DEREGISTRATION:
        for standing in people.registrations_of(connection, row.person, row.community):
            if standing.until is None or standing.until > receipt.since:
                said = {"until": receipt.since, "as_of": by.today, "receipt": receipt.number}
                history.change(connection, by, t.registrations, standing, said)
    else:
        new = {"person": row.person, "community": row.community, "since": receipt.since, "until": receipt.until}
        new |= {"as_of": by.today, "source": "receipt", "receipt": receipt.number}
        history.put(connection, by, t.registrations, [new], ("person", "community", "since"))
    people.roster_is_stale(connection, row.community)
    slips.close(connection, case, now)
    return state
