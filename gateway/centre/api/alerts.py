"""Slips over the API: proposed ones sent by a reviewer; particulars for the police station that has it; answers."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from gateway import wire
from gateway.centre import audit
from gateway.centre.api.access import Access, Problems, within
from gateway.centre.audit import Who
from gateway.centre.particulars import Particulars, of
from gateway.centre.slips import Slips, Stale
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import casefile

Slip = Annotated[str, Path(pattern=r"^[0-9]{8}-[0-9A-F]{6}$")]
"""The number on a slip."""


class SendBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    revision: Annotated[int, Field(ge=1, le=2**31)]


class WithdrawBody(SendBody):
    why: Annotated[str, Field(min_length=1, max_length=500)]


class AnswerBody(BaseModel):
    """`officer` is who answers, as the client says; `sending` which sending of the slip is answered."""

    model_config = ConfigDict(extra="forbid")
    answer: Literal["acknowledged", "handled", "returned", "wrong"]
    receipt: Annotated[str | None, Field(max_length=64)] = None
    note: Annotated[str, Field(max_length=500)] = ""
    officer: Annotated[str, Field(max_length=20)] = ""
    sending: Annotated[int | None, Field(ge=1, le=10_000)] = None


class AlertView(BaseModel):
    """A slip without name, number or dwelling."""

    slip: str
    revision: int
    case: int
    state: str
    community: str
    police_station: str
    rule: str
    since: date
    sending: int
    repeats: int
    answer: str | None


class ParticularsView(AlertView):
    """All that is known for the police officer to act on, and how sure it is.

    `match` is how the person is known: document (their number was read), chip, card (it may have been lent) or told.
    `days`, `evenings`: how many of the last `window_days` had a pass; never which. Of a protected person neither name,
    number nor dwelling is here.
    """

    name: str
    document: str
    number: str
    dwelling: str
    protected: bool
    source: str
    match: str | None
    days: int
    evenings: int
    window_days: int
    unregistered_since: date | None
    policy: int | None
    roster: int | None
    register_as_of: date | None
    visits: int
    times: dict[str, int]
    weekend: int
    met: int
    notice_left: bool
    last_visit: date | None
    sent_by: str | None
    sent: datetime | None


def make_alerts(
    database: Database,
    master: Master,
    slips: Slips,
    access: Access,
    *,
    take_answer: Callable[[Connection, wire.Answer, str], None],
    now: Callable[[], int],
    changed: Callable[[], None],
) -> APIRouter:
    """The router. `take_answer` is what an answer from the bus goes through, too."""
    router = APIRouter(prefix="/api/v1/alerts", route_class=Problems, tags=["alerts"])
    _reading(router, database, master, access, now)
    _sending(router, database, slips, access, now, changed)
    _answering(router, database, access, take_answer, changed)
    return router


def _reading(router: APIRouter, database: Database, master: Master, access: Access, now: Callable[[], int]) -> None:
    @router.get("")
    def alerts(
        client: Annotated[ApiClient, Depends(access.allow("reviewer", "street", "police", "administrator"))],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    ) -> list[AlertView]:
        """Slips in the client's scope, newest first. The police see those that were sent to them."""
        police = client.role == "police"
        station, reach = (client.scope, ()) if police else ("", client.reach)
        with database.read() as connection:
            rows = casefile.list_alerts(
                connection, limit, before, sent=police, police_station=station, communities=reach
            )
        return [AlertView.model_validate(row, from_attributes=True) for row in rows]

    @router.get("/{slip}")
    def particulars(slip: Slip, client: Annotated[ApiClient, Depends(access.allow("police"))]) -> ParticularsView:
        """Everything about one slip, for the police station that has it. The reading is recorded on the case."""
        with database.write() as connection:
            row = sent_to(connection, client, slip)
            return _shown(row, read(connection, master, client, row, now()))


def _sending(
    router: APIRouter,
    database: Database,
    slips: Slips,
    access: Access,
    now: Callable[[], int],
    changed: Callable[[], None],
) -> None:
    @router.post("/{slip}/send")
    def send(
        slip: Slip, body: SendBody, client: Annotated[ApiClient, Depends(access.allow("reviewer", "street"))]
    ) -> dict[str, str]:
        """Send a proposed slip to the police: always a person's act."""
        with database.write() as connection:
            row = casefile.alert(connection, slip)
            if row is None:
                raise LookupError("there is no such slip")
            within(client, row.community)
            slips.send(connection, slip, body.revision, actor=client.name, now=now())
        changed()
        return {"slip": slip, "state": "sent"}

    @router.post("/{slip}/withdraw")
    def withdraw(
        slip: Slip, body: WithdrawBody, client: Annotated[ApiClient, Depends(access.allow("reviewer", "street"))]
    ) -> dict[str, str]:
        """Withdraw a slip, sent or not; none is proposed for its case again."""
        with database.write() as connection:
            row = casefile.alert(connection, slip)
            if row is None:
                raise LookupError("there is no such slip")
            within(client, row.community)
            slips.withdraw(connection, slip, body.revision, actor=client.name, why=body.why, now=now())
        changed()
        return {"slip": slip, "state": "closed"}


def _answering(
    router: APIRouter,
    database: Database,
    access: Access,
    take_answer: Callable[[Connection, wire.Answer, str], None],
    changed: Callable[[], None],
) -> None:
    @router.post("/{slip}/answer")
    def answer(
        slip: Slip, body: AnswerBody, client: Annotated[ApiClient, Depends(access.allow("police"))]
    ) -> dict[str, str]:
        """Answer a slip as its police station; the same answer again changes nothing."""
        actor = f"{body.officer} ({client.name})" if body.officer else client.name
        said = wire.Answer(slip, body.answer, actor, body.receipt, body.note, body.sending)
        with database.write() as connection:
            take_answer(connection, said, sent_to(connection, client, slip).police_station)
        changed()
        return {"slip": slip, "answer": body.answer}


def sent_to(connection: Connection, client: ApiClient, slip: str, revision: int | None = None) -> Any:
    """The row of a slip that was sent to the client's police station.

    Raises:
        LookupError: there is none. Stale: it has another revision than the one that is given.
    """
    row = casefile.alert(connection, slip)
    if row is None or row.sent is None:
        raise LookupError("there is no such slip")
    within(client, row.police_station)
    if revision not in (None, row.revision):
        raise Stale
    return row


def read(connection: Connection, master: Master, client: ApiClient, row: Any, now: int) -> Particulars:
    """The particulars of a slip, for whoever may have them: noted on its case and in the record of acts."""
    case = casefile.case(connection, row.case)
    if case is None:
        raise LookupError("there is no such case")
    said = {"at": now, "actor": client.name, "act": "read_particulars", "state": case.state, "note": row.slip}
    casefile.add_event(connection, row.case, **said)
    who = Who(client.name, client.role, now)
    audit.note(connection, who, "reveal", f"alerts/{row.slip}", community=row.community)
    return of(connection, master, row, "")


def _shown(row: Any, said: Particulars) -> ParticularsView:
    grounds = said.grounds
    return ParticularsView(
        **AlertView.model_validate(row, from_attributes=True).model_dump(),
        name=said.name,
        document=said.document,
        number=said.number,
        dwelling=said.dwelling,
        protected=said.protected,
        source=said.source,
        match=grounds.get("match"),
        days=grounds.get("days", 0),
        evenings=grounds.get("evenings", 0),
        window_days=grounds.get("window_days", 0),
        unregistered_since=grounds.get("unregistered_since"),
        policy=grounds.get("policy"),
        roster=grounds.get("roster"),
        register_as_of=said.register_as_of,
        visits=said.visits,
        times=dict(said.times),
        weekend=said.weekend,
        met=said.met,
        notice_left=said.notice_left,
        last_visit=said.last_visit,
        sent_by=said.sent_by,
        sent=said.sent,
    )
