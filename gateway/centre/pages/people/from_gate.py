"""What guards reported and the property has to deal with: lost cards that fit nobody alone, and new residents."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.centre.gate_acts import COLUMN, settle, whose
from gateway.centre.pages.people.frame import Desk, room_of
from gateway.settings import ApiClient
from gateway.store.queries import gate_acts
from rules.cases import NotPossible
from rules.identity import mask_name

ROWS = 50
Outcome = Literal["marked_lost", "enrolled", "nothing"]
Reported = tuple[Any, str, str]
"""An act, its dwelling as people say it, and the masked name."""


def make_from_gate(desk: Desk) -> APIRouter:
    """The page as a router."""
    router = APIRouter()
    property_ = Annotated[ApiClient, Depends(desk.allowed)]

    @router.get("/gate/people/from-gate")
    def listed(request: Request, client: property_) -> HTMLResponse:
        return _page(desk, request, client)

    @router.post("/gate/people/from-gate/{number}/name")
    def name(request: Request, number: int, client: property_) -> HTMLResponse:
        with desk.database.write() as connection:
            found = whose(connection, desk.master, desk.who(client), client.scope, number)
        return _page(desk, request, client, shown={number: found})

    @router.post("/gate/people/from-gate/{number}")
    def done(request: Request, number: int, client: property_, outcome: Annotated[Outcome, Form()]) -> Response:
        try:
            with desk.database.write() as connection:
                settle(connection, desk.who(client), client.scope, number, outcome)
        except NotPossible:
            return _page(desk, request, client, taken=True)
        return desk.done("/gate/people/from-gate")

    return router


def waiting(desk: Desk, connection: Connection, community: str) -> Sequence[Reported]:
    """What is open, newest first."""
    rows = gate_acts.listed(connection, community, state="open", kind="", limit=ROWS, before=None)
    return [(row, room_of(row) or row.said or "", _masked(desk, row)) for row in rows]


def _page(
    desk: Desk, request: Request, client: ApiClient, *, shown: dict[int, str] | None = None, taken: bool = False
) -> HTMLResponse:
    with desk.database.read() as connection:
        rows = waiting(desk, connection, client.scope)
    status = 409 if taken else 200
    return desk.sheet(
        request, "from_gate", "people.from_gate", status=status, rows=rows, shown=shown or {}, taken=taken
    )


def _masked(desk: Desk, row: Any) -> str:
    return mask_name(desk.master.show(COLUMN, row.name)) if row.name is not None else ""
