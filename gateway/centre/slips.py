"""Slips to the police (协助核查单): sent by a person, answered by the police, closed with their case."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from gateway import wire
from gateway.store.queries import casefile, people, streams
from rules.cases import CASE_AFTER, Actor, AlertAct, AlertState, CaseState, NotPossible, alert_step, step
from rules.model import CaseKind

ANSWER: dict[str, AlertAct] = {
    "acknowledged": AlertAct.ACKNOWLEDGE,
    "handled": AlertAct.HANDLE,
    "returned": AlertAct.RETURN,
    "wrong": AlertAct.MARK_WRONG,
}
_AT_THE_POLICE = {AlertState.SENT: "sent", AlertState.ACKNOWLEDGED: "acknowledged"}


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

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")

    def send(self, connection: Connection, slip: str, revision: int, *, actor: str, now: int) -> None:
        """Send a proposed slip: an act of a person, never of the program.

        Raises:
            LookupError: there is no such slip. Stale: somebody was first. NotPossible: it is not to be sent any more.
        """
        row = _found(casefile.alert(connection, slip))
        state = alert_step(AlertState(row.state), AlertAct.SEND, actor=Actor.REVIEWER)
        _put(casefile.change_alert(connection, slip, revision, {"state": state.value, "sent": now, "sent_by": actor}))
        case = _found(casefile.case(connection, row.case))
        casefile.add_event(connection, row.case, at=now, actor=actor, act="send_slip", state=case.state, note=slip)
        self._publish(connection, slip, now, counted=True)

    def answer(self, connection: Connection, answer: wire.Answer, police_station: str, now: int) -> Answered:
        """Take an answer of a police station; the same one again changes nothing.

        Raises:
            LookupError: there is no such slip at this police station.
            NotPossible: it was answered otherwise, or closed.
        """
        row = _found(casefile.alert(connection, answer.id))
        if row.police_station != police_station:
            raise LookupError(answer.id)
        if row.answer == answer.answer:
            return Answered(closed=False, community=row.community, registered=None)
        act = ANSWER[answer.answer]
        state = alert_step(AlertState(row.state), act, actor=Actor.POLICE)
        said = {"answered": now, "answer": answer.answer, "answered_by": answer.actor, "note": answer.note}
        values = {"state": state.value, "receipt": answer.receipt} | said
        _put(casefile.change_alert(connection, answer.id, row.revision, values))
        case = _found(casefile.case(connection, row.case))
        casefile.add_event(
            connection, row.case, at=now, actor=answer.actor, act=f"police_{answer.answer}", state=case.state
        )
        if act not in CASE_AFTER:
            self._publish(connection, answer.id, now)
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
            self._publish(connection, row.slip, now)
            streams.add_outbox(connection, wire.alert_topic(row.police_station, row.slip), b"", None, now)

    def republish(self, connection: Connection, slip: str, now: int) -> None:
        """Put a slip that the police have into the outbox again: the broker may have forgotten it."""
        self._publish(connection, slip, now)

    def _end_case(self, connection: Connection, case: Any, act: AlertAct, actor: str, now: int) -> bool:
        how, dismissal = CASE_AFTER[act]
        try:
            state = step(CaseState(case.state), how, kind=CaseKind(case.kind), actor=Actor.POLICE, dismissal=dismissal)
        except NotPossible:
            return False  # it ended by another way meanwhile, and the answer stands on the slip
        values = {"state": state.value, "is_open": False, "closed": now, "how": f"police_{how.value}"}
        _put(casefile.change_case(connection, case.id, case.revision, values))
        casefile.add_event(connection, case.id, at=now, actor=actor, act=how.value, state=state.value)
        return True

    def _publish(self, connection: Connection, slip: str, now: int, *, counted: bool = False) -> None:
        row = _found(casefile.alert(connection, slip))
        case = _found(casefile.case(connection, row.case))
        community = _found(streams.community(connection, row.community))
        tokens = people.tokens_of(connection, row.community, case.person) if case.person else [case.token]
        payload = wire.Alert(
            id=slip,
            revision=row.revision,
            state=_AT_THE_POLICE.get(AlertState(row.state), "closed"),  # type: ignore[arg-type]
            community=row.community,
            portal=streams.newest_portal(connection, row.community, tokens),
            rule=row.rule,
            since=row.since.isoformat(),
            register_as_of=community.register_as_of.isoformat() if community.register_as_of else None,
            particulars=f"{self._base_url}/api/v1/alerts/{slip}",
        )
        topic = wire.alert_topic(row.police_station, slip)
        streams.add_outbox(connection, topic, wire.encode(payload), slip if counted else None, now)


def _found(row: Any) -> Any:
    if row is None:
        raise LookupError("there is no such slip, case or community")
    return row


def _put(done: bool) -> None:
    if not done:
        raise Stale
