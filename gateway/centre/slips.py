"""Slips to the police (协助核查单): sent by a person, answered by the police, closed with their case."""

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from gateway import wire
from gateway.centre import grounds
from gateway.centre.announcing import Announcer
from gateway.routes import Routes
from gateway.store.queries import casefile, slips, streams
from gateway.store.queries.history import By
from rules.acts import Grounds
from rules.cases import ALERT_BEGINS, CASE_AFTER, Actor, AlertAct, AlertState, CaseState, NotPossible, alert_step, step
from rules.model import CaseKind

ANSWER: dict[str, AlertAct] = {
    "acknowledged": AlertAct.ACKNOWLEDGE,
    "handled": AlertAct.HANDLE,
    "returned": AlertAct.RETURN,
    "wrong": AlertAct.MARK_WRONG,
}
SYSTEM = "system"


class Stale(Exception):
    """Somebody else changed it first. Nothing has changed; look again."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer led to: whether the case closed, and the community and person whose registration is now known."""

    closed: bool
    community: str
    registered: int | None


class Slips:
    """Acts on slips, each in the transaction of the caller. `base_url` is where the API gives the particulars."""

    def __init__(self, base_url: str, routes: Routes) -> None:
        self._announcer = Announcer(base_url, routes)
        self.republish = self._announcer.republish

    def propose(self, connection: Connection, case: Any, because: Grounds, now: int) -> None:
        """Propose a slip about a case; nothing where one about the same person and community is open."""
        community = streams.community(connection, case.community)
        if community is None or slips.about_the_same(connection, case):
            return
        slip = f"{By(SYSTEM, now).today:%Y%m%d}-{secrets.token_hex(3).upper()}"
        values = {
            "slip": slip,
            "case": case.id,
            "community": case.community,
            "police_station": community.police_station,
            "state": ALERT_BEGINS.value,
            "is_open": True,
            "rule": "overdue",
            "since": case.opened_on,
            "proposed": now,
            "grounds": grounds.stated(connection, case, because, now),
        }
        if casefile.add_alert(connection, values):
            self._event(connection, case.id, now, SYSTEM, "propose", slip)

    def recount(self, connection: Connection, case: int, now: int) -> None:
        """Count what was done in vain since the slip of a case was proposed, and say it where the police have it."""
        row = casefile.open_alert_of(connection, case)
        if row is None:
            return
        repeats = slips.visits_since(connection, case, row.proposed)
        counted = {"repeats": repeats, "repeated": now}
        if repeats == row.repeats or not casefile.change_alert(connection, row.slip, row.revision, counted):
            return
        if row.state in (AlertState.SENT, AlertState.ACKNOWLEDGED):
            self._say(connection, row.slip, now)

    def send(self, connection: Connection, slip: str, revision: int, *, actor: str, now: int) -> None:
        """Send a slip that is proposed, or that the police returned: an act of a person, never of the program.

        Raises:
            LookupError: there is no such slip. Stale: somebody was first. NotPossible: it is not to be sent any more.
        """
        row = _found(casefile.alert(connection, slip))
        state = alert_step(AlertState(row.state), AlertAct.SEND, actor=Actor.REVIEWER)
        if _found(casefile.case(connection, row.case)).paused:
            raise NotPossible("somebody objects to the case: that is resolved first")
        values = {"state": state.value, "sent": now, "sent_by": actor, "sending": row.sending + 1}
        values |= {"answer": None, "answered": None}
        _put(casefile.change_alert(connection, slip, revision, values))
        self._event(connection, row.case, now, actor, "send_slip", slip)
        self._say(connection, slip, now, counted=row.sent is None)

    def withdraw(self, connection: Connection, slip: str, revision: int, *, actor: str, why: str, now: int) -> None:
        """Withdraw a slip; none is proposed for the same case again. Raises as `send`."""
        row = _found(casefile.alert(connection, slip))
        state = alert_step(AlertState(row.state), AlertAct.WITHDRAW, actor=Actor.REVIEWER)
        _put(casefile.change_alert(connection, slip, revision, {"state": state.value, "is_open": False}))
        self._event(connection, row.case, now, actor, "withdraw_slip", why)
        if row.sent is not None:
            self._say(connection, slip, now)

    def answer(self, connection: Connection, answer: wire.Answer, police_station: str, now: int) -> Answered:
        """Take an answer of a police station; the same one again, or one to an earlier sending, changes nothing.

        Raises:
            LookupError: there is no such slip at this police station.
            NotPossible: it was answered otherwise, or closed.
        """
        row = _found(casefile.alert(connection, answer.id))
        if row.police_station != police_station or row.sent is None:
            raise LookupError("there is no such slip at this police station")
        if answer.sending is not None and answer.sending > row.sending:
            raise NotPossible("this slip was not sent so many times")
        if answer.sending is not None and answer.sending < row.sending:
            return Answered(closed=False, community=row.community, registered=None)
        if answer.answer == row.answer or (row.answer is not None and answer.answer == "acknowledged"):
            return Answered(closed=False, community=row.community, registered=None)
        act = ANSWER[answer.answer]
        state = alert_step(AlertState(row.state), act, actor=Actor.POLICE)
        said = {"answered": now, "answer": answer.answer, "answered_by": answer.actor, "note": answer.note}
        values = {"state": state.value, "receipt": answer.receipt} | said
        _put(casefile.change_alert(connection, answer.id, row.revision, values))
        case = _found(casefile.case(connection, row.case))
        self._event(connection, row.case, now, answer.actor, f"police_{answer.answer}")
        if act not in CASE_AFTER:
            self._say(connection, answer.id, now)
            return Answered(closed=False, community=row.community, registered=None)
        closed = self._end_case(connection, case, act, answer.actor, now)
        self.close(connection, row.case, now)
        registered = case.person if closed and act is AlertAct.HANDLE else None
        return Answered(closed=closed, community=row.community, registered=registered)

    def close(self, connection: Connection, case: int, now: int) -> None:
        """Close the open slip of a case, if there is one, and tell the police where they have it."""
        row = casefile.open_alert_of(connection, case)
        if row is None:
            return
        state = alert_step(AlertState(row.state), AlertAct.CLOSE, actor=Actor.SYSTEM)
        _put(casefile.change_alert(connection, row.slip, row.revision, {"state": state.value, "is_open": False}))
        if row.sent is not None:
            self._say(connection, row.slip, now)

    def _event(self, connection: Connection, case: int, now: int, actor: str, act: str, note: str = "") -> None:
        state = _found(casefile.case(connection, case)).state
        casefile.add_event(connection, case, at=now, actor=actor, act=act, state=state, note=note)

    def _end_case(self, connection: Connection, case: Any, act: AlertAct, actor: str, now: int) -> bool:
        how, word = CASE_AFTER[act]
        try:
            state = step(CaseState(case.state), how, kind=CaseKind(case.kind), actor=Actor.POLICE, word=word)
        except NotPossible:
            return False  # it ended by another way meanwhile, and the answer stands on the slip
        values: dict[str, Any] = {"state": state.value, "is_open": False, "paused": False}
        values |= {"closed": now, "how": f"police_{how.value}"}
        _put(casefile.change_case(connection, case.id, case.revision, values))
        casefile.add_event(connection, case.id, at=now, actor=actor, act=how.value, state=state.value)
        return True

    def _say(self, connection: Connection, slip: str, now: int, *, counted: bool = False) -> None:
        self._announcer.say(connection, _found(casefile.alert(connection, slip)), now, counted=counted)


def _found(row: Any) -> Any:
    if row is None:
        raise LookupError("there is no such slip, case or community")
    return row


def _put(done: bool) -> None:
    if not done:
        raise Stale
