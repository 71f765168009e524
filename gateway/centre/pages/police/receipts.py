"""Receipts (公安回执) that come back as a file: put in, checked without changing anything, then taken."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, UploadFile
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre.api.access import Access, by_of
from gateway.centre.api.lists import Number, list_view, said
from gateway.centre.api.police import of_theirs
from gateway.centre.lists import writing
from gateway.centre.lists.forms import FORMS, Kind
from gateway.centre.lists.runs import Runs
from gateway.centre.pages.police.office import Office, station_of
from gateway.settings import ApiClient
from gateway.store.queries import checklists, lists, streams
from gateway.web.guard import MAX_BODY
from gateway.web.page import lang_of
from rules.cases import NotPossible

ROWS, TROUBLES = 30, 200
UNDER_WAY = frozenset({"waiting", "checking", "taking"})


def make_receipts(office: Office, access: Access, runs: Runs) -> APIRouter:
    """The pages as a router."""
    officer = access.page("police")
    router = APIRouter(dependencies=[Depends(officer)])
    page = _Page(office)
    _giving(router, page, officer, runs)

    @router.get("/police/receipts")
    def listed(request: Request, client: Annotated[ApiClient, Depends(officer)]) -> HTMLResponse:
        return page.all(request, client)

    @router.get("/police/receipts/template")
    def template() -> Response:
        data = writing.template(FORMS[Kind.RECEIPTS])
        headers = {"Content-Disposition": 'attachment; filename="receipts.xlsx"'}
        return Response(data, media_type=writing.EXCEL, headers=headers)

    @router.get("/police/receipts/{number}")
    def one(request: Request, number: Number, client: Annotated[ApiClient, Depends(officer)]) -> HTMLResponse:
        return page.one(request, client, number)

    return router


def _giving(router: APIRouter, page: "_Page", officer: Any, runs: Runs) -> None:
    office = page.office

    @router.post("/police/receipts")
    def put(
        request: Request,
        client: Annotated[ApiClient, Depends(officer)],
        file: Annotated[UploadFile | None, File()] = None,
        community: Annotated[str, Form(max_length=40)] = "",
    ) -> Response:
        with office.database.read() as connection:
            places = page.places(connection, client)
        if community not in dict(places):
            return page.all(request, client, community=community, wrong={"community": "place"})
        data = file.file.read() if file is not None else b""  # of MAX_BODY at most, it never left the memory
        if not data:
            return page.all(request, client, community=community, wrong={"file": "file"})
        number = runs.receive(by_of(client, office.now()), community, Kind.RECEIPTS, data)
        return RedirectResponse(f"/police/receipts/{number}", 303)

    @router.post("/police/receipts/{number}/take")
    def take(request: Request, number: Number, client: Annotated[ApiClient, Depends(officer)]) -> Response:
        with office.database.read() as connection:
            page.found(connection, client, number)
        try:
            runs.take(number, by_of(client, office.now()))
        except NotPossible:
            return page.one(request, client, number, late=True)
        return RedirectResponse(f"/police/receipts/{number}", 303)


class _Page:
    def __init__(self, office: Office) -> None:
        self.office = office
        office.pages.texts.need(f"police.wrong.{code}" for code in ("place", "file"))

    def places(self, connection: Connection, client: ApiClient) -> list[tuple[str, str]]:
        """The communities of the client's station, by id and name."""
        station = station_of(client)
        of_theirs(connection, client, station)
        found = [streams.community(connection, one) for one in checklists.communities_of(connection, station)]
        return [(row.id, row.name) for row in found if row is not None]

    def found(self, connection: Connection, client: ApiClient, number: int) -> Any:
        """A file of receipts of the client's station; LookupError where there is none."""
        row = lists.one(connection, number)
        if row is None or row.kind != Kind.RECEIPTS.value or row.community not in dict(self.places(connection, client)):
            raise LookupError("there are no such receipts")
        return row

    def all(
        self, request: Request, client: ApiClient, *, community: str = "", wrong: dict[str, str] | None = None
    ) -> HTMLResponse:
        sheet, lang, texts = self.office.sheet(client), lang_of(request), self.office.pages.texts
        with self.office.database.read() as connection:
            places = self.places(connection, client)
            rows = lists.of_kind(connection, [one for one, _ in places], Kind.RECEIPTS.value, ROWS)
        values = {
            "rows": [(row, list_view(texts, lang, row)) for row in rows],
            "names": dict(places),
            "places": places,
            "community": community or places[0][0],
            "errors": {name: sheet.say(request, f"police.wrong.{code}") for name, code in (wrong or {}).items()},
            "most": MAX_BODY >> 20,
        }
        return sheet(request, "receipts", "police.receipts", status=422 if wrong else 200, **values)

    def one(self, request: Request, client: ApiClient, number: int, *, late: bool = False) -> HTMLResponse:
        sheet, lang, texts = self.office.sheet(client), lang_of(request), self.office.pages.texts
        with self.office.database.read() as connection:
            row = self.found(connection, client, number)
            rows = lists.rows(connection, number, TROUBLES, 0)
        view = list_view(texts, lang, row)
        troubles = [(one.row, one.column, said(texts, lang, one)) for one in rows]
        values = {"view": view, "actor": row.actor, "troubles": troubles, "late": late}
        values |= {"under_way": view.state in UNDER_WAY}
        if "hx-request" in request.headers:
            return sheet.part(request, "receipt_state", **values)
        return sheet(request, "receipt", "police.receipt", status=409 if late else 200, **values)
