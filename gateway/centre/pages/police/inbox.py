"""The inbox of a police station, oldest first; counts alone for its duty desk; all slips, newest first."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.centre.api.access import Access
from gateway.centre.api.police import of_theirs, open_view
from gateway.centre.pages.police.office import Office, station_of
from gateway.settings import ApiClient
from gateway.store.queries import casefile, slips
from rules.roles import Role

ROWS = 30
MORE_ROWS = 100
After = Annotated[int, Query(ge=0, le=2**53)]


def make_inbox(office: Office, access: Access) -> APIRouter:
    """The pages as a router."""
    router = APIRouter()

    @router.get("/police")
    def inbox(
        request: Request, client: Annotated[ApiClient, Depends(access.page("police", "duty"))], after: After = 0
    ) -> HTMLResponse:
        station, sheet = station_of(client), office.sheet(client)
        with office.database.read() as connection:
            of_theirs(connection, client, station)
            counts = open_view(connection, station)
            if client.role == Role.DUTY:
                return sheet(request, "duty", "police.inbox", counts=counts)
            rows = [row for row in slips.before_the_police(connection, station) if row.id > after]
            shown = [office.shown(connection, request, row) for row in rows[:ROWS]]
        following = shown[-1].row.id if len(rows) > ROWS else None
        return sheet(request, "inbox", "police.inbox", counts=counts, rows=shown, after=after, following=following)

    @router.get("/police/slips")
    def every(
        request: Request,
        client: Annotated[ApiClient, Depends(access.page("police"))],
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    ) -> HTMLResponse:
        station = station_of(client)
        with office.database.read() as connection:
            of_theirs(connection, client, station)
            rows = casefile.list_alerts(connection, MORE_ROWS + 1, before, sent=True, police_station=station)
        older = rows[MORE_ROWS - 1].id if len(rows) > MORE_ROWS else None
        return office.sheet(client)(request, "slips", "police.all", rows=rows[:MORE_ROWS], before=before, older=older)

    return router
