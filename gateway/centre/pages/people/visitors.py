"""The page of the visitors: a pass in two fields, with its code; who is expected or here, and who has left."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.centre import rooms
from gateway.centre.pages.people.frame import Desk, room_of
from gateway.centre.visitors import Visit, Visitors
from gateway.settings import ApiClient
from gateway.store.queries import visiting
from rules.cases import NotPossible
from rules.model import CIVIL

ROWS = 50
LONGEST_DAYS = 7
Short = Annotated[str, Form(max_length=20)]
Days = Annotated[int, Form(ge=1, le=LONGEST_DAYS)]
Party = Annotated[int, Form(ge=1, le=50)]


def make_visitors_pages(desk: Desk) -> APIRouter:
    """The page as a router."""
    router = APIRouter()
    visitors = Visitors(desk.master)
    property_ = Annotated[ApiClient, Depends(desk.allowed)]

    @router.get("/gate/people/visitors")
    def listed(
        request: Request, client: property_, before: Annotated[int | None, Query(ge=1, le=2**53)] = None
    ) -> HTMLResponse:
        return _page(desk, request, client, before)

    @router.post("/gate/people/visitors")
    def expect(
        request: Request,
        client: property_,
        building: Short = "",
        unit: Short = "",
        room: Short = "",
        name: Annotated[str, Form(max_length=120)] = "",
        party: Party = 1,
        days: Days = 1,
    ) -> Response:
        typed = {"building": building, "unit": unit, "room": room, "name": name, "party": party, "days": days}
        with desk.database.write() as connection:
            host = rooms.found(connection, client.scope, building, unit, room)
            if host is None:
                return _page(desk, request, client, typed=typed, wrong="unknown_dwelling")
            try:
                visit = Visit(desk.now(), _end(desk.now(), days), host[1], "expected", name.strip(), "", party)
                _, code = visitors.expect(connection, desk.by(client), client.scope, visit)
            except NotPossible:
                return _page(desk, request, client, typed=typed, wrong="no_such_time")
        desk.changed()
        return _page(desk, request, client, code=code)

    @router.post("/gate/people/visitors/{number}/leave")
    def leave(request: Request, number: int, client: property_) -> Response:
        try:
            with desk.database.write() as connection:
                visitors.leave(connection, desk.by(client), client.scope, number)
        except NotPossible:
            return _page(desk, request, client)  # somebody else said so first
        return desk.done("/gate/people/visitors")

    return router


def _page(
    desk: Desk,
    request: Request,
    client: ApiClient,
    before: int | None = None,
    *,
    typed: dict[str, Any] | None = None,
    wrong: str = "",
    code: str = "",
) -> HTMLResponse:
    with desk.database.read() as connection:
        rows = visiting.expected(connection, client.scope, ROWS + 1, before)
    blank = {"building": "", "unit": "", "room": "", "name": "", "party": 1, "days": 1}
    return desk.sheet(
        request,
        "visitors",
        "people.visitors",
        status=422 if wrong else 200,
        typed=typed or blank,
        errors={"room": desk.sheet.say(request, f"lists.row.{wrong}")} if wrong else {},
        code=code,
        rows=[(row, room_of(row)) for row in rows[:ROWS]],
        before=before,
        older=rows[ROWS - 1].id if len(rows) > ROWS else None,
        longest=LONGEST_DAYS,
        now=desk.now(),
    )


def _end(now: int, days: int) -> int:
    """The end of the last civil day."""
    first = datetime.fromtimestamp(now / 1000, UTC).astimezone(CIVIL)
    midnight = (first + timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(midnight.timestamp() * 1000) - 1
