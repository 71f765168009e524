"""The pages that take a list in: template, file, what is wrong with it in words, how far it is, taken when told."""

import contextlib
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection, Row
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre.api.lists import said
from gateway.centre.lists import writing
from gateway.centre.lists.forms import FORMS, Kind
from gateway.centre.lists.runs import Runs
from gateway.centre.pages.people.frame import Desk
from gateway.centre.pages.uploads import uploaded
from gateway.settings import ApiClient
from gateway.store.queries import lists
from gateway.web.page import lang_of
from rules.cases import NotPossible

KINDS = (Kind.DWELLINGS, Kind.VISITORS)
"""The property's lists: it has nothing to do with registration."""
GOING = frozenset({"waiting", "checking", "taking"})
ROWS = 100
RUNS = 20


def make_lists_pages(desk: Desk, runs: Runs) -> APIRouter:
    """The pages as a router."""
    router = APIRouter()
    _come_in(router, desk, runs)
    _one(router, desk, runs)
    return router


def _come_in(router: APIRouter, desk: Desk, runs: Runs) -> None:
    property_ = Annotated[ApiClient, Depends(desk.allowed)]

    @router.get("/gate/people/lists")
    def listed(request: Request, client: property_) -> HTMLResponse:
        return _page(desk, request, client)

    @router.get("/gate/people/lists/template/{kind}")
    def template(kind: Kind, client: property_) -> Response:  # noqa: ARG001 - it says who may
        if kind not in KINDS:
            raise LookupError("no such list is the property's")
        name = quote(f"{FORMS[kind].title}.xlsx")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(writing.template(FORMS[kind]), media_type=writing.EXCEL, headers=headers)

    @router.post("/gate/people/lists/{kind}")
    async def receive(request: Request, kind: Kind, client: property_) -> Response:
        if kind not in KINDS:
            raise LookupError("no such list is the property's")
        data = await uploaded(request, "file")
        if not data:
            return await run_in_threadpool(_page, desk, request, client, wrong="no_file")
        try:
            number = await run_in_threadpool(runs.receive, desk.by(client), client.scope, kind, data)
        except NotPossible:
            return await run_in_threadpool(_page, desk, request, client, wrong="taken_before")
        return RedirectResponse(f"/gate/people/lists/{number}", 303)


def _one(router: APIRouter, desk: Desk, runs: Runs) -> None:
    property_ = Annotated[ApiClient, Depends(desk.allowed)]

    @router.get("/gate/people/lists/{number}")
    def one(
        request: Request, number: int, client: property_, after: Annotated[int, Query(ge=0, le=2**53)] = 0
    ) -> HTMLResponse:
        with desk.database.read() as connection:
            values = _values(desk, connection, request, client, number, after)
        if "fragment" in request.query_params:
            return desk.sheet.part(request, "list_state", **values)
        return desk.sheet(request, "list", "people.list", **values)

    @router.post("/gate/people/lists/{number}/take")
    def take(number: int, client: property_) -> Response:
        with desk.database.read() as connection:
            _theirs(connection, client, number)
        with contextlib.suppress(NotPossible):  # somebody else pressed first: the page shows how far it is
            runs.take(number, desk.by(client))
        return RedirectResponse(f"/gate/people/lists/{number}", 303)


def _page(desk: Desk, request: Request, client: ApiClient, *, wrong: str = "") -> HTMLResponse:
    with desk.database.read() as connection:
        rows = [row for row in lists.of(connection, client.scope, RUNS) if Kind(row.kind) in KINDS]
    error = desk.sheet.say(request, f"people.wrong.{wrong}") if wrong else ""
    status = 422 if wrong else 200
    return desk.sheet(
        request, "lists", "people.lists", status=status, rows=rows, kinds=[one.value for one in KINDS], error=error
    )


def _values(
    desk: Desk, connection: Connection, request: Request, client: ApiClient, number: int, after: int
) -> dict[str, Any]:
    row = _theirs(connection, client, number)
    noted = lists.rows(connection, number, ROWS + 1, after)
    texts, lang = desk.sheet.pages.texts, lang_of(request)
    return {
        "row": row,
        "started": datetime.fromtimestamp(row.started / 1000, UTC),
        "going": row.state in GOING,
        "step": {"waiting": 2, "checking": 2, "checked": 3, "taking": 4, "taken": 5}.get(row.state, 2),
        "noted": [(one, said(texts, lang, one)) for one in noted[:ROWS]],
        "older": noted[ROWS - 1].id if len(noted) > ROWS else None,
        "after": after,
    }


def _theirs(connection: Connection, client: ApiClient, number: int) -> Row[Any]:
    row = lists.one(connection, number)
    if row is None or row.community != client.scope or Kind(row.kind) not in KINDS:
        raise LookupError("there is no such list")
    return row
