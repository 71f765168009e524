"""Who is enrolled, over the API: lists with masked names, moves, protected records and their history."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row

from gateway.centre.api.access import Access, Problems, by_of, within
from gateway.centre.api.register import Community
from gateway.centre.living import Left, Residency
from gateway.centre.persons import called
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.queries import history, merging, residents
from rules.identity import mask_name
from rules.model import Role

PersonId = Annotated[int, Path(ge=1, le=2**53)]
_Why = Annotated[str, Field(min_length=1, max_length=200)]
_SEARCHED = 50


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ResidentView(BaseModel):
    """Somebody enrolled here, with a masked name. Nothing about registration."""

    id: int
    person: int
    name: str
    role: str
    building: str | None
    unit: str | None
    room: str | None
    since: date
    until: date | None
    confirmed_until: date | None
    ending: str | None
    """Why an ending waits for a second person."""


class MovedOutBody(_Body):
    day: date
    why: Literal["lease_end", "landlord", "declared", "visit"]


class ProtectBody(_Body):
    protected: bool
    why: _Why


class ChangeView(BaseModel):
    """One change of a row, without what is encrypted."""

    at: int
    actor: str
    why: str
    columns: list[str]


def make_residents(
    database: Database, master: Master, access: Access, now: Callable[[], int], changed: Callable[[], None]
) -> APIRouter:
    """The router. `changed` is called after commits that changed the register."""
    router = APIRouter(prefix="/api/v1/communities/{community}", route_class=Problems, tags=["residents"])
    residency = Residency(master)
    desk = access.allow("property", "reviewer", "administrator")

    @router.get("/residents")
    def listed(
        community: Community,
        client: Annotated[ApiClient, Depends(desk)],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
        building: Annotated[str, Query(max_length=20)] = "",
        name: Annotated[str, Query(max_length=120)] = "",
    ) -> list[ResidentView]:
        """Who is enrolled here; `after` is the id to go on above. `name` searches within the compound alone."""
        within(client, community)
        seen = client.role == "reviewer"
        with database.read() as connection:
            if name:
                return [_view(master, row) for row in search(connection, master, community, name, protected=seen)]
            rows = residents.listed(connection, community, limit, after, protected=seen, building=building)
        return [_view(master, row) for row in rows]

    @router.post("/residents/{person}/moved-out", status_code=204)
    def moved_out(
        community: Community,
        person: PersonId,
        body: MovedOutBody,
        client: Annotated[ApiClient, Depends(access.allow("property", "worker", "reviewer"))],
    ) -> None:
        """Note that somebody has moved out. Their card goes on until it is returned."""
        within(client, community)
        by = by_of(client, now())
        if not date(2000, 1, 1) <= body.day <= by.today:
            raise HTTPException(422, "whoever has moved out has done so by today")
        with database.write() as connection:
            known_here(connection, community, person, client)
            residency.moved_out(connection, by, community, person, body.day, Left(body.why))
        changed()

    @router.post("/residents/{person}/protected", status_code=204)
    def protect(
        community: Community,
        person: PersonId,
        body: ProtectBody,
        client: Annotated[ApiClient, Depends(access.allow("reviewer"))],
    ) -> None:
        """Protect somebody's record (人身安全保护), or end that: then property, landlord and household see it again."""
        within(client, community)
        with database.write() as connection:
            known_here(connection, community, person, client)
            row = merging.person(connection, person)
            by = replace(by_of(client, now(), body.why), community=community)
            history.change(connection, by, t.persons, row, {"protected": body.protected})
        changed()

    @router.get("/residents/{person}/history")
    def changes(
        community: Community,
        person: PersonId,
        client: Annotated[ApiClient, Depends(access.allow("reviewer", "administrator"))],
    ) -> list[ChangeView]:
        """Who changed what of somebody here, when and why. What another community does is not shown."""
        within(client, community)
        with database.read() as connection:
            row = known_here(connection, community, person, client)
            noted = [*history.of(connection, "enrolments", row.id), *history.of(connection, "persons", person)]
        return [
            ChangeView(at=one.at, actor=one.actor, why=one.why, columns=sorted(one.changes))
            for one in sorted(noted, key=lambda one: one.id)
            if one.community == community
        ]

    return router


def known_here(connection: Connection, community: str, person: int, client: ApiClient) -> Row[Any]:
    """Somebody enrolled here whom the client may see; LookupError when there is none."""
    row = residents.one(connection, community, person, protected=client.role in ("reviewer", "administrator"))
    if row is None:
        raise LookupError("nobody of that number is enrolled here")
    return row


def search(connection: Connection, master: Master, community: str, name: str, *, protected: bool) -> list[Row[Any]]:
    """Who is enrolled here with a name that has `name` in it, looked for in memory."""
    wanted = name.strip().casefold()
    found = [
        row.person
        for row in residents.names(connection, community, protected=protected)
        if wanted in called(master, row).casefold()
    ]
    rows = (residents.one(connection, community, one, protected=protected) for one in found[:_SEARCHED])
    return [row for row in rows if row is not None]


def _view(master: Master, row: Row[Any]) -> ResidentView:
    return ResidentView(
        id=row.id,
        person=row.person,
        name=mask_name(called(master, row)),
        role=Role(row.role).name.lower(),
        building=row.building,
        unit=row.unit,
        room=row.room,
        since=row.since,
        until=row.until,
        confirmed_until=row.confirmed_until,
        ending=row.ended_why if row.ended_on is None else None,
    )
