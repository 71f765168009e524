"""Leases over the API: who lets what to whom, which end soon, and what comes after them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from gateway.centre.api.access import Access, Problems, by_of, within
from gateway.centre.api.register import Community
from gateway.centre.leases import Decision, Lease, Leases
from gateway.centre.persons import Persons, called
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import leases as lease_rows
from gateway.store.queries import merging, people
from rules.identity import BadNumber, canonical, mask_name
from rules.model import CIVIL, CredentialKind, Source

Number = Annotated[int, Path(ge=1, le=2**53)]
_Short = Annotated[str, Field(max_length=20)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Room(_Body):
    building: _Short = ""
    unit: _Short = ""
    room: Annotated[str, Field(min_length=1, max_length=20)]


class LeaseBody(_Body):
    """A dwelling let to somebody of the register, or to somebody unknown."""

    dwelling: Room
    since: date
    until: date | None = None
    tenant: Annotated[str, Field(max_length=64)] = ""
    """The tenant's citizen number, if they are in the register."""


class EndingView(BaseModel):
    """A lease that ends and of which nothing is decided: 续租还是搬离?"""

    id: int
    building: str
    unit: str
    room: str
    tenant: str
    until: date


class DecisionBody(_Body):
    decision: Decision
    until: date | None = None


def make_leases(
    database: Database, master: Master, access: Access, now: Callable[[], int], changed: Callable[[], None]
) -> APIRouter:
    """The router. `changed` is called after commits that changed the register."""
    router = APIRouter(prefix="/api/v1/communities/{community}", route_class=Problems, tags=["leases"])
    leases, persons = Leases(master), Persons(master)
    property_ = access.allow("property")

    @router.put("/leases", status_code=201)
    def put_lease(
        community: Community, body: LeaseBody, client: Annotated[ApiClient, Depends(property_)]
    ) -> dict[str, int]:
        """Take a lease, or what is said anew of one."""
        within(client, community)
        with database.write() as connection:
            tenant = _tenant(connection, persons, community, body.tenant) if body.tenant else None
            dwelling = dwelling_of(connection, community, body.dwelling)
            lease = Lease(dwelling, body.since, body.until, Source.PROPERTY, tenant)
            number = leases.put(connection, by_of(client, now()), community, lease)
        return {"id": number}

    @router.get("/leases/ending")
    def ending(
        community: Community,
        client: Annotated[ApiClient, Depends(property_)],
        days: Annotated[int, Query(ge=0, le=366)] = 30,
        limit: Annotated[int, Query(ge=1, le=200)] = 100,
    ) -> list[EndingView]:
        """Leases that end within so many days and of which nothing is decided (租期到期)."""
        within(client, community)
        today = datetime.fromtimestamp(now() / 1000, UTC).astimezone(CIVIL).date()
        with database.read() as connection:
            rows = lease_rows.ending(connection, community, today + timedelta(days=days), limit)
        return [
            EndingView(
                id=row.id,
                building=row.building,
                unit=row.unit,
                room=row.room,
                tenant=mask_name(called(master, row)) if row.name else "",
                until=row.until,
            )
            for row in rows
            if not row.protected
        ]

    @router.post("/leases/{number}/decision", status_code=204)
    def decide(
        community: Community, number: Number, body: DecisionBody, client: Annotated[ApiClient, Depends(property_)]
    ) -> None:
        """What comes after a lease: renewed, or moving out. Nobody's card stops by it."""
        within(client, community)
        with database.write() as connection:
            leases.decide(connection, by_of(client, now()), community, number, body.decision, until=body.until)
        changed()

    return router


def dwelling_of(connection: Connection, community: str, room: Room) -> int:
    """The dwelling; one that is not there yet is no room of this compound."""
    found = people.dwelling_of(connection, community, (room.building, room.unit, room.room))
    if found is None:
        raise HTTPException(422, "there is no such room here")
    return found


def _tenant(connection: Connection, persons: Persons, community: str, number: str) -> int:
    kind = CredentialKind.CITIZEN_ID
    try:
        found = persons.find(connection, kind, canonical(kind, number))
    except BadNumber as error:
        raise HTTPException(422, str(error)) from None
    if found is None or not merging.is_of(connection, community, found):
        raise HTTPException(422, "the tenant is not in the register yet: enrol them first")
    return found
