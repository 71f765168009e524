"""Cases over the API: list, one with its events, acts, visits, two made one, a receipt of the police."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from gateway.centre import deskwork, differences, receipts, visiting
from gateway.centre.api.access import Access, Problems, within
from gateway.centre.casework import Casework
from gateway.centre.deskwork import NAME, NOTE, Deed
from gateway.centre.slips import Slips
from gateway.centre.visiting import Came, Role, Visit
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import casefile, worklists
from rules.cases import ENDED, Actor, CaseAct, Dismissal, GateAnswer, NotPossible, Objection

CaseId = Annotated[int, Path(ge=1, le=2**53)]
Number = Annotated[int, Field(ge=1, le=2**53)]
Revision = Annotated[int, Field(ge=1, le=2**31)]
READERS = ("worker", "reviewer", "street", "administrator")
_ACTORS = ("worker", "reviewer", "street", "property")
_Note = Annotated[str, Field(max_length=NOTE)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ActBody(_Body):
    """One act on a case that still has this revision, with the word that it takes, if it takes one."""

    act: CaseAct
    revision: Revision
    to: Annotated[str, Field(max_length=NAME)] = ""
    """To whom it is assigned."""
    dismissal: Dismissal | None = None
    objection: Objection | None = None
    answer: GateAnswer | None = None
    note: _Note = ""


class CameBody(_Body):
    """Somebody who came along (同入户)."""

    role: Role
    name: Annotated[str, Field(min_length=1, max_length=60)]


class VisitBody(_Body):
    """A visit to the dwelling. Times carry a zone; the visit lies not in the future, the appointment does."""

    revision: Revision
    at: AwareDatetime
    met: bool
    notice_left: bool
    came: Annotated[list[CameBody], Field(max_length=10)] = []
    appointment: AwareDatetime | None = None
    household: bool = False
    """Log it on the other cases of the same dwelling, too, as far as the client may do them."""


class MergeBody(_Body):
    """Make the case of the address one with `into`, which goes on."""

    revision: Revision
    into: Number
    note: _Note = ""


class ReceiptBody(_Body):
    """A receipt of the police (回执). `since`: registered from that day on; of a move out, the last day."""

    revision: Revision
    receipt: Annotated[str, Field(min_length=1, max_length=64)]
    since: date
    until: date | None = None


class CaseView(BaseModel):
    """A case without name, number or room."""

    id: int
    revision: int
    kind: str
    source: str
    state: str
    community: str
    opened_on: date
    due: date | None
    because: dict[str, Any]
    collector: str | None
    level: str | None
    paused: bool
    objection: str | None
    merged_into: int | None
    slip: str | None
    slip_state: str | None


class DifferenceView(BaseModel):
    """A field of what was collected, with what stood before."""

    name: str
    before: str | None
    after: str | None


class EventView(BaseModel):
    at: datetime
    actor: str
    act: str
    state: str
    note: str


def make_cases(
    database: Database,
    master: Master,
    casework: Casework,
    slips: Slips,
    access: Access,
    changed: Callable[[], None],
) -> APIRouter:
    """The router. `changed` is called after a commit that changed a case."""
    router = APIRouter(prefix="/api/v1/cases", route_class=Problems, tags=["cases"])
    _reading(router, database, access)
    _reviewing(router, database, master, casework, access)
    _acting(router, database, casework, slips, access, changed)
    _visiting(router, database, master, casework, access, changed)
    return router


def deed_of(client: ApiClient, casework: Casework, act: CaseAct, revision: int, **more: Any) -> Deed:
    """What a client does, in their capacity."""
    return Deed(act, revision, Actor(client.role), client.name, casework.now(), **more)


def seen(connection: Connection, client: ApiClient, case: int) -> Any:
    """A case within the client's scope and theirs to see. LookupError otherwise."""
    row = deskwork.found(connection, case, Actor(client.role) if client.role != "administrator" else Actor.STREET)
    within(client, row.community)
    return row


def _reading(router: APIRouter, database: Database, access: Access) -> None:
    @router.get("")
    def cases(
        client: Annotated[ApiClient, Depends(access.allow(*READERS))],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
        only_open: bool = True,
    ) -> list[CaseView]:
        """Cases in the client's scope, newest first; `before` is the id to go on below."""
        protected = client.role == "reviewer"
        with database.read() as connection:
            rows = casefile.list_cases(
                connection, limit, before, communities=client.reach, only_open=only_open, protected=protected
            )
        return [CaseView.model_validate(row, from_attributes=True) for row in rows]

    @router.get("/{case}/events")
    def events(case: CaseId, client: Annotated[ApiClient, Depends(access.allow(*READERS))]) -> list[EventView]:
        """What happened to a case, oldest first."""
        with database.read() as connection:
            seen(connection, client, case)
            rows = casefile.events(connection, case)
        return [
            EventView(
                at=datetime.fromtimestamp(row.at / 1000, UTC),
                actor=row.actor,
                act=row.act,
                state=row.state,
                note=row.note,
            )
            for row in rows
        ]


def _reviewing(router: APIRouter, database: Database, master: Master, casework: Casework, access: Access) -> None:
    @router.get("/{case}/differences")
    def collected(
        case: CaseId, client: Annotated[ApiClient, Depends(access.allow("reviewer"))]
    ) -> list[DifferenceView]:
        """What the last collection has changed of the person, for the review. The reading is noted on the case."""
        with database.write() as connection:
            seen(connection, client, case)
            found = differences.of(connection, master, case, client.name, casework.now())
        return [DifferenceView(name=one.name, before=one.before, after=one.after) for one in found]


def _acting(
    router: APIRouter,
    database: Database,
    casework: Casework,
    slips: Slips,
    access: Access,
    changed: Callable[[], None],
) -> None:
    @router.post("/{case}/acts")
    def act(
        case: CaseId, body: ActBody, client: Annotated[ApiClient, Depends(access.allow(*_ACTORS))]
    ) -> dict[str, str | int]:
        """Do one act of the case table; 409 when it is not possible or somebody was first."""
        words = [word for word in (body.dismissal, body.objection, body.answer) if word is not None]
        if len(words) > 1:
            raise NotPossible("an act takes one word at most")
        word = words[0] if words else None
        deed = deed_of(client, casework, body.act, body.revision, word=word, to=body.to, note=body.note)
        with database.write() as connection:
            seen(connection, client, case)
            state = deskwork.act_on(connection, case, deed, slips)
            if state in ENDED:
                casework.closed(connection)
            judge_again(connection, casework, case)
            row = deskwork.found(connection, case)
        changed()
        return {"id": case, "state": row.state, "revision": row.revision}

    @router.post("/{case}/merge", status_code=204)
    def merge(case: CaseId, body: MergeBody, client: Annotated[ApiClient, Depends(access.allow("reviewer"))]) -> None:
        """Make two open cases about one person one; the trail stays on both."""
        deed = deed_of(client, casework, CaseAct.MERGE, body.revision, note=body.note)
        with database.write() as connection:
            for number in (case, body.into):
                seen(connection, client, number)
            deskwork.merge(connection, case, body.into, deed, slips)
            casework.closed(connection)
            judge_again(connection, casework, body.into)
        changed()

    @router.post("/{case}/receipt")
    def receipt(
        case: CaseId, body: ReceiptBody, client: Annotated[ApiClient, Depends(access.allow("reviewer"))]
    ) -> dict[str, str | int]:
        """Enter a receipt that the police gave on paper: registered, or of a move out deregistered."""
        given = receipts.Receipt(body.receipt, body.since, body.until)
        with database.write() as connection:
            seen(connection, client, case)
            state = receipts.enter(connection, case, body.revision, given, client.name, casework.now(), slips)
            casework.closed(connection)
            judge_again(connection, casework, case)
        changed()
        return {"id": case, "state": state.value}


def _visiting(
    router: APIRouter,
    database: Database,
    master: Master,
    casework: Casework,
    access: Access,
    changed: Callable[[], None],
) -> None:
    @router.post("/{case}/visits", status_code=201)
    def visit(
        case: CaseId, body: VisitBody, client: Annotated[ApiClient, Depends(access.allow("worker", "reviewer"))]
    ) -> dict[str, str | int]:
        """Log a visit; a slip may be proposed by it."""
        given = Visit(
            at=int(body.at.timestamp() * 1000),
            met=body.met,
            notice_left=body.notice_left,
            came=tuple(Came(one.role, one.name) for one in body.came),
            appointment=int(body.appointment.timestamp() * 1000) if body.appointment is not None else None,
        )
        with database.write() as connection:
            row = seen(connection, client, case)
            others = worklists.at_one_door(connection, row) if body.household else ()
            deed = deed_of(client, casework, CaseAct.VISIT, body.revision)
            visiting.log_visit(connection, master, case, given, deed)
            visiting.log_also(connection, master, others, given, deed)
            for number in (case, *(other.id for other in others)):
                judge_again(connection, casework, number)
            row = deskwork.found(connection, case)
        changed()
        return {"id": case, "state": row.state, "revision": row.revision}


def judge_again(connection: Connection, casework: Casework, case: int) -> None:
    """Judge whom a case is about, by what has become of it."""
    row = deskwork.found(connection, case)
    if row.person is not None or row.token is not None:  # else it has expired and is erased
        casework.judge(connection, [casework.subject_of(connection, row)])
