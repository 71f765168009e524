"""What is to be done at the desk today: leases that end, ends that wait for a second person, staff, reminders."""

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.centre.leases import Decision, Leases
from gateway.centre.pages.people import from_gate
from gateway.centre.pages.people.frame import Desk, room_of
from gateway.settings import ApiClient
from gateway.store.queries import desk as desk_rows
from gateway.store.queries import leases as lease_rows
from rules.cases import NotPossible

AHEAD = timedelta(days=30)
ROWS = 100


def make_today(desk: Desk) -> APIRouter:
    """The page as a router."""
    router = APIRouter()
    leases = Leases(desk.master)
    property_ = Annotated[ApiClient, Depends(desk.allowed)]

    @router.get("/gate/people")
    def today(request: Request, client: property_) -> HTMLResponse:
        return _page(desk, request, client)

    @router.post("/gate/people/leases/{number}")
    def decide(
        request: Request,
        number: int,
        client: property_,
        decision: Annotated[Decision, Form()],
        until: Annotated[date | None, Form()] = None,
    ) -> Response:
        try:
            with desk.database.write() as connection:
                leases.decide(connection, desk.by(client), client.scope, number, decision, until=until)
        except NotPossible as error:
            return _page(desk, request, client, wrong=str(error))
        return desk.done("/gate/people")

    return router


def _page(desk: Desk, request: Request, client: ApiClient, wrong: str = "") -> HTMLResponse:
    today, place = desk.today(), client.scope
    with desk.database.read() as connection:
        ending = lease_rows.ending(connection, place, today + AHEAD, ROWS)
        waiting = desk_rows.ending(connection, place)
        reported = len(from_gate.waiting(desk, connection, place))
        staff = desk_rows.staff_ending(connection, place, today + AHEAD)
        remind = desk_rows.to_remind(connection, place, ROWS + 1)
    return desk.sheet(
        request,
        "today",
        "people.today",
        status=409 if wrong else 200,
        wrong=wrong,
        today=today,
        reported=reported,
        leases=[(row, room_of(row), _tenant(desk, row)) for row in ending if not row.protected],
        waiting=[(row, room_of(row), desk.named(row)) for row in waiting],
        staff=[(row, desk.named(row)) for row in staff],
        remind=[(room_of(row), desk.named(row)) for row in remind[:ROWS]],
        more=len(remind) > ROWS,
    )


def _tenant(desk: Desk, row: Any) -> str:
    return desk.named(row) if row.name else ""
