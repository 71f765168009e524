"""What goes to a police station, over the API: how much is open there, its lists and slips to print."""

from collections.abc import Callable, Collection
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.responses import Response

from gateway.centre import audit
from gateway.centre.api.access import Access, Problems, by_of
from gateway.centre.api.alerts import Slip
from gateway.centre.api.described import BINARY
from gateway.centre.audit import Who
from gateway.centre.checklists import Checklists, list_name
from gateway.centre.lists import writing
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import checklists, history, slips

Station = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
_ITS_OWN = ("police", "duty")


class OpenView(BaseModel):
    """How many slips a station has before it: what a duty desk sees."""

    police_station: str
    sent: int
    acknowledged: int
    last_list: date | None


class ListMadeView(BaseModel):
    """A list that was made, for its day."""

    day: date
    made: datetime
    made_by: str
    slips: int
    digest: str


def make_police(database: Database, access: Access, lists: Checklists, now: Callable[[], int]) -> APIRouter:
    router = APIRouter(prefix="/api/v1/police/{police}", route_class=Problems, tags=["police"])
    _counting(router, database, access)
    _files(router, database, access, lists, now)
    return router


def _counting(router: APIRouter, database: Database, access: Access) -> None:
    @router.get("")
    def open_slips(
        police: Station, client: Annotated[ApiClient, Depends(access.allow("police", "duty", "administrator"))]
    ) -> OpenView:
        """How many slips wait for the station, and of which day its last list is: counts alone."""
        with database.read() as connection:
            of_theirs(connection, client, police)
            return open_view(connection, police)

    @router.get("/lists")
    def made(
        police: Station,
        client: Annotated[ApiClient, Depends(access.allow("police", "reviewer", "administrator"))],
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> list[ListMadeView]:
        """The lists that were made, newest first."""
        with database.read() as connection:
            of_theirs(connection, client, police)
            return lists_view(connection, police, limit)


def _files(router: APIRouter, database: Database, access: Access, lists: Checklists, now: Callable[[], int]) -> None:
    readers = access.allow("police", "reviewer")

    def read(client: ApiClient, police: str, day: date, name: str, slip: str | None = None) -> bytes:
        with database.write() as connection:
            return read_file(connection, lists, client, police, day, name, slip, now=now())

    def gives(media: str) -> dict[str, Any]:
        return {"response_class": Response, "responses": {200: {"content": {media: BINARY}}}}

    @router.get("/lists/{day}/checklist", **gives(writing.EXCEL))
    def checklist(police: Station, day: date, client: Annotated[ApiClient, Depends(readers)]) -> Response:
        """The list of a day as it was made and signed (核查清单, Excel)."""
        name = list_name(police, day)
        return download(read(client, police, day, name), writing.EXCEL, name)

    @router.get("/lists/{day}/signature", **gives("application/octet-stream"))
    def signature(police: Station, day: date, client: Annotated[ApiClient, Depends(readers)]) -> Response:
        """The Ed25519 signature of that file, 64 bytes."""
        name = f"{list_name(police, day)}.sig"
        return download(read(client, police, day, name), "application/octet-stream", name)

    @router.get("/lists/{day}/slips/{slip}", **gives("text/html"))
    def page(police: Station, day: date, slip: Slip, client: Annotated[ApiClient, Depends(readers)]) -> Response:
        """A slip of that list, to print on A4 (协助核查单)."""
        return download(read(client, police, day, f"{slip}.html", slip), "text/html; charset=utf-8", f"{slip}.html")


def open_view(connection: Connection, police: str) -> OpenView:
    """How much a police station has before it."""
    last = checklists.last(connection, police)
    found = slips.counts(connection, police)
    return OpenView(police_station=police, last_list=last.day if last is not None else None, **found)


def lists_view(connection: Connection, police: str, limit: int) -> list[ListMadeView]:
    """The lists that were made for a police station, newest first."""
    return [
        ListMadeView(
            day=row.day,
            made=datetime.fromtimestamp(row.made / 1000, UTC),
            made_by=row.made_by,
            slips=len(row.rows),
            digest=row.digest,
        )
        for row in checklists.made(connection, police, limit)
    ]


def read_file(
    connection: Connection,
    lists: Checklists,
    client: ApiClient,
    police: str,
    day: date,
    name: str,
    slip: str | None = None,
    *,
    now: int,
) -> bytes:
    """A file of a list, for whoever may see all that is in it; the reading is noted first.

    Raises:
        LookupError: there is none that the client may see.
    """
    of_theirs(connection, client, police)
    row = checklists.one(connection, police, day)
    if row is None or not _may_read(client, row.rows, slip):
        raise LookupError("there is no such list")
    data = lists.file(police, day, name)
    said = {"read": [None, f"{police} {day} {slip or ''}".strip()]}
    history.note(connection, by_of(client, now), "police_lists", [(0, None, said)])
    audit.note(connection, Who(client.name, client.role, now), "export", f"police_lists/{police}/{day}")
    return data


def of_theirs(connection: Connection, client: ApiClient, police: str) -> None:
    """Raise LookupError unless there is such a police station, and it is in the client's scope."""
    communities = checklists.communities_of(connection, police)
    if not communities or client.scope not in _scopes(client.role, police, communities):
        raise LookupError("there is no such police station")


def of_all_theirs(connection: Connection, client: ApiClient, police: str) -> None:
    """The same for what is about every community of the station at once: whoever is confined has to have them all."""
    of_theirs(connection, client, police)
    if (
        client.role not in _ITS_OWN
        and client.scope
        and set(checklists.communities_of(connection, police)) != {client.scope}
    ):
        raise LookupError("what other communities have sent is not in the scope")


def _scopes(role: str, police: str, communities: Collection[str]) -> set[str]:
    return {"", police} if role in _ITS_OWN else {"", *communities}


def _may_read(client: ApiClient, rows: list[dict[str, Any]], slip: str | None) -> bool:
    """The police read all of theirs; the reviewer of one community what is about it alone."""
    about = {row["community"] for row in rows if slip is None or row["slip"] == slip}
    if slip is not None and not about:
        return False
    return client.role in _ITS_OWN or not client.scope or about <= {client.scope}


def download(data: bytes, media: str, name: str) -> Response:
    """A file that the browser puts away and keeps no copy of."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(data, media_type=media, headers=headers)
