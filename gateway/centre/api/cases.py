"""Cases over the API: list, one with its events, acts and visits."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from gateway.centre import deskwork
from gateway.centre.api.access import Access, Problems, within
from gateway.centre.casework import Casework
from gateway.centre.slips import Slips
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import casefile
from rules.cases import ENDED, Actor, CaseAct, Dismissal

CaseId = Annotated[int, Path(ge=1, le=2**53)]
_READERS = ("worker", "reviewer", "street", "administrator")
_ACTORS = ("worker", "reviewer", "street", "property")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ActBody(_Body):
    """One act on a case that still has this revision."""

    act: CaseAct
    revision: Annotated[int, Field(ge=1, le=2**31)]
    dismissal: Dismissal | None = None
    note: Annotated[str, Field(max_length=500)] = ""


class VisitBody(_Body):
    """A visit to the dwelling. `at` carries a time zone and is not in the future."""

    at: AwareDatetime
    met: bool
    notice_left: bool


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
    slip: str | None
    slip_state: str | None


class EventView(BaseModel):
    at: datetime
    actor: str
    act: str
    state: str
    note: str


def make_cases(
    database: Database, casework: Casework, slips: Slips, access: Access, changed: Callable[[], None]
) -> APIRouter:
    """The router. `changed` is called after a commit that changed a case."""
    router = APIRouter(prefix="/api/v1/cases", route_class=Problems, tags=["cases"])

    @router.get("")
    def cases(
        client: Annotated[ApiClient, Depends(access.allow(*_READERS))],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
        only_open: bool = True,
    ) -> list[CaseView]:
        """Cases in the client's scope, newest first; `before` is the id to go on below."""
        with database.read() as connection:
            rows = casefile.list_cases(connection, limit, before, community=client.scope, only_open=only_open)
        return [CaseView.model_validate(row, from_attributes=True) for row in rows]

    @router.get("/{case}/events")
    def events(case: CaseId, client: Annotated[ApiClient, Depends(access.allow(*_READERS))]) -> list[EventView]:
        """What happened to a case, oldest first."""
        with database.read() as connection:
            within(client, deskwork.found(connection, case).community)
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

    @router.post("/{case}/acts")
    def act(
        case: CaseId, body: ActBody, client: Annotated[ApiClient, Depends(access.allow(*_ACTORS))]
    ) -> dict[str, str | int]:
        """Do one act of the case table; 409 when it is not possible or somebody was first."""
        with database.write() as connection:
            within(client, deskwork.found(connection, case).community)
            state = deskwork.act_on(
                connection,
                case,
                body.revision,
                body.act,
                actor=Actor(client.role),
                who=client.name,
                now=casework.now(),
                slips=slips,
                dismissal=body.dismissal,
                note=body.note,
            )
            if state in ENDED:
                casework.closed(connection)
            _judge_again(connection, casework, case)
        changed()
        return {"id": case, "state": state.value}

    @router.post("/{case}/visits", status_code=201)
    def visit(
        case: CaseId, body: VisitBody, client: Annotated[ApiClient, Depends(access.allow("worker"))]
    ) -> dict[str, str | int]:
        """Log a visit; a slip may be proposed by it."""
        with database.write() as connection:
            within(client, deskwork.found(connection, case).community)
            deskwork.visit(
                connection,
                case,
                at=int(body.at.timestamp() * 1000),
                met=body.met,
                notice_left=body.notice_left,
                actor=Actor(client.role),
                who=client.name,
                now=casework.now(),
            )
            _judge_again(connection, casework, case)
            row = deskwork.found(connection, case)
        changed()
        return {"id": case, "state": row.state, "revision": row.revision}

    return router


def _judge_again(connection: Connection, casework: Casework, case: int) -> None:
    casework.judge(connection, [casework.subject_of(connection, deskwork.found(connection, case))])
