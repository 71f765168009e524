"""The weekly report (通报) of a street, as a page to print: each community's week, rates, hints, what each means."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.centre import oversight
from gateway.centre.api.access import Access
from gateway.centre.pages.street.desk import SHOWN, Desk
from gateway.settings import ApiClient
from rules.indicators import percent

COUNTS = ("opened", "registered", "dismissed", "standing", "late", "visits", "met", "together")


def make_report(desk: Desk, access: Access) -> APIRouter:
    """The page as a router."""
    router = APIRouter()
    may = Annotated[ApiClient, Depends(access.page("street"))]

    @router.get("/street/report")
    def report(request: Request, client: may, week: str = "") -> HTMLResponse:
        today, now = desk.casework.today(), desk.casework.now()
        monday = oversight.monday_of(week, today)
        with desk.database.read() as connection:
            places = desk.places(connection, client)
            weeks = oversight.week(connection, list(places), monday, now)
            hints = oversight.hints(connection, desk.master, list(places), now)
        whole = oversight.total(weeks)
        last = monday + timedelta(days=6)
        return desk.page(
            request,
            client,
            "report",
            "street.report",
            places=places,
            weeks=weeks,
            whole=whole,
            together=percent(whole.together, whole.met) if whole.met else "",
            counts=COUNTS,
            rates=desk.rates(client),
            shown=[one.value for one in SHOWN],
            hints={place: hints.of(place) for place in places},
            monday=monday,
            sunday=last,
            going=last >= today,
            before=monday - timedelta(days=7),
            following=monday + timedelta(days=7) if last < today else None,
            printed=today,
        )

    return router
