"""What there is to do, over the API: tonight, for a reviewer, at the gate; deputies; dismissals looked at again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.centre import blind, deputies
from gateway.centre import worklists as lists
from gateway.centre.api.access import Access, Problems, by_of, within
from gateway.centre.api.cases import CaseId
from gateway.centre.api.register import Community
from gateway.centre.casework import Casework
from gateway.centre.deskwork import NAME, NOTE
from gateway.centre.slips import Slips
from gateway.centre.worklists import MOST, Whose
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import blind as checks
from gateway.store.queries import standins, streams, worklists
from rules.cases import Actor, NotPossible

_Limit = Annotated[int, Query(ge=1, le=MOST)]
_Name = Annotated[str, Field(min_length=1, max_length=NAME)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class QuestionView(BaseModel):
    """An unknown credential that the gate asks about (门岗待核实); no more is known of it."""

    id: int
    revision: int
    opened_on: date
    due: date | None
    days: int
    portal: str | None


class DeputyBody(_Body):
    worker: _Name
    deputy: _Name
    since: date
    until: date


class DeputyView(BaseModel):
    id: int
    worker: str
    deputy: str
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class CheckView(lists.Home):
    """A dismissal to be looked at again, without why and by whom it was dismissed."""

    case: int
    opened_on: date


class FindingBody(_Body):
    """What somebody found who had no hand in it: whether the dismissal was right."""

    upheld: bool
    note: Annotated[str, Field(min_length=1, max_length=NOTE)]


class CheckedView(BaseModel):
    case: int
    state: str


def make_worklists(
    database: Database,
    master: Master,
    casework: Casework,
    slips: Slips,
    access: Access,
    changed: Callable[[], None],
) -> APIRouter:
    """The router. `changed` is called after a commit that changed a case."""
    router = APIRouter(prefix="/api/v1", route_class=Problems, tags=["work"])
    _lists(router, database, master, casework, access)
    _deputies(router, database, casework, access)
    _checks(router, database, master, casework, slips, access, changed)
    return router


def _lists(router: APIRouter, database: Database, master: Master, casework: Casework, access: Access) -> None:
    @router.get("/worklists/tonight")
    def tonight(
        client: Annotated[ApiClient, Depends(access.allow("worker", "reviewer"))], limit: _Limit = 200
    ) -> list[lists.Tonight]:
        """The client's cases and those of whoever's deputy they are today, by building, unit and room."""
        whose = Whose(client.name, casework.today(), client.scope, client.role == "reviewer")
        with database.read() as connection:
            return lists.tonight(connection, master, whose, limit)

    @router.get("/worklists/review")
    def review(
        client: Annotated[ApiClient, Depends(access.allow("reviewer"))], limit: _Limit = 200
    ) -> list[lists.Waiting]:
        """What waits for a reviewer: objections first, then by the day on which it is due."""
        with database.read() as connection:
            return lists.to_review(connection, master, client.scope, casework.today(), limit)

    @router.get("/worklists/gate")
    def gate(
        client: Annotated[ApiClient, Depends(access.allow("property"))], limit: _Limit = 200
    ) -> list[QuestionView]:
        """Whom the gate should ask who they are, and where they came last; answered as an act on the case."""
        with database.read() as connection:
            return [
                QuestionView(
                    id=row.id,
                    revision=row.revision,
                    opened_on=row.opened_on,
                    due=row.due,
                    days=len(row.because.get("on", ())),
                    portal=streams.newest_portal(connection, row.community, [row.token]),
                )
                for row in worklists.to_ask(connection, client.scope, limit)
            ]


def _deputies(router: APIRouter, database: Database, casework: Casework, access: Access) -> None:
    who = access.allow("worker", "reviewer", "street")

    @router.get("/communities/{community}/deputies")
    def listed(
        community: Community, client: Annotated[ApiClient, Depends(who)], limit: _Limit = 200
    ) -> list[DeputyView]:
        """Deputies of today and later; a worker sees their own."""
        within(client, community)
        own = client.name if client.role == "worker" else ""
        with database.read() as connection:
            rows = standins.holding(connection, community, casework.today(), own, limit)
        return [DeputyView.model_validate(row, from_attributes=True) for row in rows]

    @router.post("/communities/{community}/deputies", status_code=201)
    def appoint(community: Community, body: DeputyBody, client: Annotated[ApiClient, Depends(who)]) -> dict[str, int]:
        """Appoint a deputy (A/B 角): a worker for themselves, a reviewer or the street for anybody."""
        within(client, community)
        if client.role == "worker" and body.worker != client.name:
            raise NotPossible("a worker appoints their own deputy")
        by = by_of(client, casework.now())
        with database.write() as connection:
            if streams.community(connection, community) is None:
                raise LookupError("there is no such community")
            days = (body.since, body.until)
            return {"id": deputies.appoint(connection, by, community, body.worker, body.deputy, *days)}

    @router.post("/communities/{community}/deputies/{number}/end", status_code=204)
    def end(community: Community, number: CaseId, client: Annotated[ApiClient, Depends(who)]) -> None:
        """End it before its last day."""
        within(client, community)
        with database.write() as connection:
            own = client.name if client.role == "worker" else ""
            deputies.end(connection, by_of(client, casework.now()), community, number, own)


def _checks(
    router: APIRouter,
    database: Database,
    master: Master,
    casework: Casework,
    slips: Slips,
    access: Access,
    changed: Callable[[], None],
) -> None:
    who = access.allow("reviewer", "street")

    @router.get("/blind-checks")
    def waiting(client: Annotated[ApiClient, Depends(who)], limit: _Limit = 200) -> list[CheckView]:
        """Dismissals that were drawn and that the client had no hand in."""
        protected = client.role == "reviewer"
        with database.read() as connection:
            rows = checks.waiting(connection, client.reach, client.name, limit, protected=protected)
        return [CheckView(**lists.home(master, row), case=row.case, opened_on=row.opened_on) for row in rows]

    @router.post("/blind-checks/{number}")
    def decide(number: CaseId, body: FindingBody, client: Annotated[ApiClient, Depends(who)]) -> CheckedView:
        """Say whether a dismissal was right; one that was not reopens the case."""
        with database.write() as connection:
            case = blind.case_of(connection, number, client.reach)
            actor, now = Actor(client.role), casework.now()
            found = blind.Finding(actor, client.name, now, body.upheld, body.note)
            state = blind.decide(connection, number, found, slips)
        changed()
        return CheckedView(case=case, state=state.value)
