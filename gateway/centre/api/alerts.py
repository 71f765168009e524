"""Slips over the API: proposed ones sent by a reviewer; particulars for the police station that has it; answers."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from gateway import wire
from gateway.centre.api.access import Access, Problems, within
from gateway.centre.slips import Slips
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import casefile, people

Slip = Annotated[str, Path(pattern=r"^[0-9]{8}-[0-9A-F]{6}$")]
"""The number on a slip."""


class SendBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    revision: Annotated[int, Field(ge=1, le=2**31)]


class WithdrawBody(SendBody):
    why: Annotated[str, Field(min_length=1, max_length=500)]


class AnswerBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    answer: Literal["acknowledged", "handled", "returned", "wrong"]
    receipt: Annotated[str | None, Field(max_length=64)] = None
    note: Annotated[str, Field(max_length=500)] = ""


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
    answer: str | None


class Particulars(AlertView):
    """All that is known for the police officer to act on, and how sure it is."""

    name: str
    document: str
    number: str
    dwelling: str
    source: str
    visits: int
    because: dict[str, Any]
    register_as_of: date | None
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
        place = {"police_station" if police else "community": client.scope}
        with database.read() as connection:
            rows = casefile.list_alerts(connection, limit, before, sent=police, **place)
        return [AlertView.model_validate(row, from_attributes=True) for row in rows]

    @router.get("/{slip}")
    def particulars(slip: Slip, client: Annotated[ApiClient, Depends(access.allow("police"))]) -> Particulars:
        """Everything about one slip, for the police station that has it. The reading is recorded on the case."""
        with database.write() as connection:
            row = casefile.alert(connection, slip)
            if row is None or row.sent is None:
                raise LookupError("there is no such slip")
            within(client, row.police_station)
            case = casefile.case(connection, row.case)
            if case is None:
                raise LookupError("there is no such case")
            casefile.add_event(
                connection, row.case, at=now(), actor=client.name, act="read_particulars", state=case.state, note=slip
            )
            return _particulars(connection, master, row, case)


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
        said = wire.Answer(slip, body.answer, client.name, body.receipt, body.note)
        with database.write() as connection:
            row = casefile.alert(connection, slip)
            if row is None:
                raise LookupError("there is no such slip")
            within(client, row.police_station)
            take_answer(connection, said, row.police_station)
        changed()
        return {"slip": slip, "answer": body.answer}


def _particulars(connection: Connection, master: Master, row: Any, case: Any) -> Particulars:
    person = people.person(connection, case.person) if case.person is not None else None
    home = people.dwelling(connection, case.dwelling) if case.dwelling is not None else ("", "", "")
    arithmetic = dict(case.because)
    return Particulars(
        **AlertView.model_validate(row, from_attributes=True).model_dump(),
        name=master.show("persons.name", person.name) if person else "",
        document=person.kind if person else "",
        number=master.show("persons.number", person.number) if person else "",
        dwelling="".join(home),
        source=case.source,
        visits=len(casefile.visits(connection, case.id)),
        because=arithmetic,
        register_as_of=arithmetic.get("register_as_of"),
        sent_by=row.sent_by,
        sent=datetime.fromtimestamp(row.sent / 1000, UTC) if row.sent else None,
    )
