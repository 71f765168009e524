"""The pages of what leaves for the police stations: by which routes, the last events, a test, and a replay."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre.api.access import Access, by_of
from gateway.centre.api.deliveries import delivery_view, routes_view
from gateway.centre.pages.sheet import Sheet
from gateway.centre.replaying import replay, send_test
from gateway.routes import Routes
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import places, webhooks
from rules.cases import NotPossible

ROWS = 50


def make_deliveries_pages(  # noqa: C901 - a router is its routes
    database: Database, access: Access, routes: Routes, base_url: str, now: Callable[[], int], sheet: Sheet
) -> APIRouter:
    """The pages as a router."""
    administrator = access.page_of_all("administrator")
    router = APIRouter(dependencies=[Depends(administrator)])

    @router.get("/admin/deliveries")
    def deliveries(request: Request) -> HTMLResponse:
        with database.read() as connection:
            stations = {row.police_station for row in places.communities(connection)}
            rows = [(routes.of(one).title or one, routes_view(connection, routes, one)) for one in sorted(stations)]
        return sheet(request, "deliveries", "admin.deliveries", rows=rows)

    @router.get("/admin/deliveries/{police}")
    def station(
        request: Request, police: str, before: Annotated[int | None, Query(ge=1, le=2**53)] = None
    ) -> HTMLResponse:
        return page(request, police, before)

    @router.post("/admin/deliveries/{police}/test")
    def test(request: Request, police: str, client: Annotated[ApiClient, Depends(administrator)]) -> Response:
        return acted(request, police, lambda c: send_test(c, routes.of(police), base_url, by_of(client, now())))

    @router.post("/admin/deliveries/{police}/replay")
    def again(
        request: Request,
        police: str,
        client: Annotated[ApiClient, Depends(administrator)],
        number: Annotated[int | None, Form(ge=1, le=2**53)] = None,
    ) -> Response:
        return acted(request, police, lambda c: replay(c, routes.of(police), number, by_of(client, now())))

    def page(request: Request, police: str, before: int | None = None, *, wrong: str = "") -> HTMLResponse:
        with database.read() as connection:
            if police not in {row.police_station for row in places.communities(connection)}:
                raise HTTPException(404)
            how = routes_view(connection, routes, police)
            rows = [delivery_view(row) for row in webhooks.listed(connection, police, ROWS + 1, before, None)]
        shown = {"how": how, "title": routes.of(police).title or police, "rows": rows[:ROWS], "before": before}
        older = rows[ROWS - 1].id if len(rows) > ROWS else None
        status = 409 if wrong else 200
        return sheet(request, "delivery", "admin.deliveries", status=status, wrong=wrong, older=older, **shown)

    def acted(request: Request, police: str, act: Callable[..., object]) -> Response:
        try:
            with database.write() as connection:
                act(connection)
        except LookupError:
            raise HTTPException(404) from None
        except NotPossible as error:
            return page(request, police, wrong=str(error))
        return RedirectResponse(f"/admin/deliveries/{police}", 303)

    return router
