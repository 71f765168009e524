"""The lists (核查清单) that were made for a police station, to take away; one of today, made when it is asked for."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre.api.access import Access
from gateway.centre.api.police import download, lists_view, of_theirs, read_file
from gateway.centre.checklists import KEPT_DAYS, Checklists, list_name
from gateway.centre.lists import writing
from gateway.centre.pages.police.office import Office, station_of
from gateway.settings import ApiClient

ROWS = 60


def make_files(office: Office, access: Access, lists: Checklists) -> APIRouter:
    """The pages as a router."""
    officer = access.page("police")
    router = APIRouter()

    def read(client: ApiClient, day: date, name: str) -> bytes:
        with office.database.write() as connection:
            return read_file(connection, lists, client, station_of(client), day, name, now=office.now())

    @router.get("/police/lists")
    def made(request: Request, client: Annotated[ApiClient, Depends(officer)]) -> HTMLResponse:
        station = station_of(client)
        with office.database.read() as connection:
            of_theirs(connection, client, station)
            rows = lists_view(connection, station, ROWS)
        there = {row.day for row in rows if (lists.folder(station, row.day) / list_name(station, row.day)).is_file()}
        at = office.routes.of(station).file
        said: dict[str, Any] = {
            "rows": rows,
            "there": there,
            "at": at,
            "kept": KEPT_DAYS,
            "key": office.master.lists_public().hex(),
        }
        return office.sheet(client)(request, "lists", "police.lists", **said)

    @router.post("/police/lists")
    def make(client: Annotated[ApiClient, Depends(officer)]) -> Response:
        station = station_of(client)
        with office.database.read() as connection:
            of_theirs(connection, client, station)
        lists.make(station, office.today, client.name)
        return RedirectResponse("/police/lists", 303)

    @router.get("/police/lists/{day}/checklist")
    def checklist(day: date, client: Annotated[ApiClient, Depends(officer)]) -> Response:
        name = list_name(station_of(client), day)
        return download(read(client, day, name), writing.EXCEL, name)

    @router.get("/police/lists/{day}/signature")
    def signature(day: date, client: Annotated[ApiClient, Depends(officer)]) -> Response:
        name = f"{list_name(station_of(client), day)}.sig"
        return download(read(client, day, name), "application/octet-stream", name)

    return router
