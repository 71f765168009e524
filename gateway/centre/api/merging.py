"""Two records of one person over the API: candidates, made one, parted again. A reviewer's work."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from gateway.centre.api.access import Access, Problems, by_of, within
from gateway.centre.api.register import Community
from gateway.centre.merging import Merging
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database

Number = Annotated[int, Path(ge=1, le=2**53)]
_Person = Annotated[int, Field(ge=1, le=2**53)]


class TwinView(BaseModel):
    first: int
    second: int
    why: str


class ApartBody(BaseModel):
    """Two records of two people."""

    model_config = ConfigDict(extra="forbid")
    first: _Person
    second: _Person


class MergeBody(BaseModel):
    """Two records of one person: the one that is kept, the one that goes, and why this is sure."""

    model_config = ConfigDict(extra="forbid")
    kept: _Person
    gone: _Person
    why: Annotated[str, Field(min_length=1, max_length=200)]


def make_merging(
    database: Database, master: Master, access: Access, now: Callable[[], int], changed: Callable[[], None]
) -> APIRouter:
    """The router. `changed` is called after commits that changed the register."""
    router = APIRouter(prefix="/api/v1/communities/{community}", route_class=Problems, tags=["register"])
    merging = Merging(master)
    reviewer = access.allow("reviewer")

    @router.get("/twins")
    def twins(community: Community, client: Annotated[ApiClient, Depends(reviewer)]) -> list[TwinView]:
        """Records that may be of one person: the same name, and the same phone or dwelling."""
        within(client, community)
        with database.read() as connection:
            found = merging.twins(connection, community)
        return [TwinView(first=one.first, second=one.second, why=one.why) for one in found]

    @router.post("/twins/apart", status_code=204)
    def apart(community: Community, body: ApartBody, client: Annotated[ApiClient, Depends(reviewer)]) -> None:
        """These are two people's records: they are no candidates any more."""
        within(client, community)
        with database.write() as connection:
            merging.together(connection, community, body.first, body.second)
            by = replace(by_of(client, now()), community=community)
            merging.tell_apart(connection, by, body.first, body.second)

    @router.post("/merges", status_code=201)
    def merge(community: Community, body: MergeBody, client: Annotated[ApiClient, Depends(reviewer)]) -> dict[str, int]:
        """Make two records one."""
        within(client, community)
        with database.write() as connection:
            merging.together(connection, community, body.kept, body.gone)
            number = merging.merge(connection, by_of(client, now(), body.why), body.kept, body.gone)
        changed()
        return {"id": number}

    @router.post("/merges/{number}/undo", status_code=204)
    def undo(community: Community, number: Number, client: Annotated[ApiClient, Depends(reviewer)]) -> None:
        """Part two records again."""
        within(client, community)
        with database.write() as connection:
            merging.undo_here(connection, by_of(client, now()), community, number)
        changed()

    return router
