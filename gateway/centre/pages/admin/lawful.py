"""The page of lawful requests (依法调取): what was asked for and released, and the form of a new one."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre import lawful
from gateway.centre.api.access import Access
from gateway.centre.api.lawful import DAY_MS, MEDIA, RELEASING, AskedBody, asked_of
from gateway.centre.api.police import download
from gateway.centre.audit import Who
from gateway.centre.pages.sheet import Sheet
from gateway.centre.slips import Stale
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import lawful as rows
from gateway.store.queries import places
from rules.cases import NotPossible
from rules.model import CIVIL
from rules.policy import Policy

ROWS = 100
Word = Annotated[str, Form(max_length=200)]


def make_lawful_pages(  # noqa: C901 - a router is its routes
    database: Database,
    master: Master,
    access: Access,
    now: Callable[[], int],
    policy: Callable[[], Policy],
    sheet: Sheet,
) -> APIRouter:
    """The pages as a router."""
    router = APIRouter()
    releasing, reading = access.page_of_all(*RELEASING), access.page_of_all(*RELEASING, "auditor")
    May = Annotated[ApiClient, Depends(releasing)]  # noqa: N806

    def page(request: Request, client: ApiClient, *, status: int = 200, **values: object) -> HTMLResponse:
        with database.read() as connection:
            asked, known = rows.newest(connection, ROWS), places.communities(connection)
        shown = {"wrong": "", "released": None, "me": client.name, "may": client.role in RELEASING} | values
        portals = [(f"{one.id} {portal}", f"{one.name} · {portal}") for one in known for portal in one.portals]
        return sheet(request, "lawful", "admin.lawful", status=status, rows=asked, portals=portals, **shown)

    @router.get("/admin/lawful")
    def requests(request: Request, client: Annotated[ApiClient, Depends(reading)]) -> HTMLResponse:
        return page(request, client)

    @router.post("/admin/lawful")
    def ask(
        request: Request,
        client: May,
        document: Word = "",
        authority: Word = "",
        since: Word = "",
        until: Word = "",
        tell: Word = "",
        portal: Annotated[list[str], Form(max_length=20)] = [],  # noqa: B006 - FastAPI reads it and no more
    ) -> Response:
        try:
            body = _typed(document, authority, portal, since, until, tell=bool(tell))
            with database.write() as connection:
                kept = policy().retention.passes_days * DAY_MS
                lawful.ask(connection, Who(client.name, client.role, now()), asked_of(body), kept)
        except (ValueError, ValidationError, LookupError, NotPossible):
            return page(request, client, status=422, wrong="request")
        return RedirectResponse("/admin/lawful", 303)

    @router.post("/admin/lawful/{number}/release")
    def release(request: Request, number: int, client: May) -> Response:
        try:
            with database.write() as connection:
                done = lawful.release(connection, master, Who(client.name, client.role, now()), number)
        except (NotPossible, Stale):
            return page(request, client, status=409, wrong="release")
        return page(request, client, released=(number, done))

    @router.post("/admin/lawful/{number}/refuse")
    def refuse(request: Request, number: int, client: May, why: Word = "") -> Response:
        if len(why.strip()) < 2:
            return page(request, client, status=422, wrong="why")
        try:
            with database.write() as connection:
                lawful.refuse(connection, Who(client.name, client.role, now()), number, why.strip())
        except Stale:
            return page(request, client, status=409, wrong="release")
        return RedirectResponse("/admin/lawful", 303)

    @router.get("/admin/lawful/{number}/file")
    def file(number: int, client: May) -> Response:
        with database.write() as connection:
            data = lawful.take(connection, Who(client.name, client.role, now()), number)
        return download(data, MEDIA, f"lawful-{number}.sealed")

    return router


def _typed(document: str, authority: str, portals: list[str], since: str, until: str, *, tell: bool) -> AskedBody:
    """A form as the API takes it.

    Raises:
        ValueError: gates of two communities, or of none; a time that is none.
    """
    places_of = [one.partition(" ") for one in portals]
    (community,) = {one[0] for one in places_of}
    begins, ends = (datetime.fromisoformat(one).replace(tzinfo=CIVIL) for one in (since, until))
    return AskedBody(
        document=document,
        authority=authority,
        community=community,
        portals=[one[2] for one in places_of],
        since=begins,
        until=ends,
        tell=tell,
    )
