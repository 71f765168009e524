"""How slips reach the station: its routes, the webhook with its last events and a test, and its keys of the API."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre.api.access import Access, by_of
from gateway.centre.api.deliveries import delivery_view, routes_view
from gateway.centre.api.police import of_all_theirs
from gateway.centre.pages.police.office import Office, station_of
from gateway.centre.replaying import send_test
from gateway.settings import ApiClient, Centre
from gateway.store.queries import webhooks
from rules.cases import NotPossible

ROWS = 50


def make_hook(office: Office, access: Access, centre: Centre) -> APIRouter:
    """The pages as a router."""
    officer = access.page("police")
    router = APIRouter()

    @router.get("/police/deliveries")
    def deliveries(
        request: Request,
        client: Annotated[ApiClient, Depends(officer)],
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    ) -> HTMLResponse:
        return page(request, client, before)

    @router.post("/police/deliveries/test")
    def test(request: Request, client: Annotated[ApiClient, Depends(officer)]) -> Response:
        station = station_of(client)
        try:
            with office.database.write() as connection:
                of_all_theirs(connection, client, station)
                send_test(connection, office.routes.of(station), centre.base_url, by_of(client, office.now()))
        except NotPossible:
            return page(request, client, wrong=True)
        return RedirectResponse("/police/deliveries", 303)

    def page(request: Request, client: ApiClient, before: int | None = None, *, wrong: bool = False) -> HTMLResponse:
        station = station_of(client)
        with office.database.read() as connection:
            of_all_theirs(connection, client, station)
            how = routes_view(connection, office.routes, station)
            rows = [delivery_view(row) for row in webhooks.listed(connection, station, ROWS + 1, before, None)]
        keys = [one for one in centre.clients if one.scope == station]
        older = rows[ROWS - 1].id if len(rows) > ROWS else None
        values = {"how": how, "rows": rows[:ROWS], "before": before, "older": older, "keys": keys, "wrong": wrong}
        return office.sheet(client)(request, "deliveries", "police.deliveries", status=409 if wrong else 200, **values)

    return router
