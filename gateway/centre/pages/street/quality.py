"""Quality: rates beside each other, hints that records may not be what they seem, dismissals looked at again."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre import blind, oversight, worklists
from gateway.centre.api.access import Access
from gateway.centre.blind import Finding
from gateway.centre.pages.street.desk import SHOWN, Desk
from gateway.centre.pages.typed import Typed, typed
from gateway.centre.slips import Stale
from gateway.settings import ApiClient
from gateway.store.queries import blind as checks
from rules.cases import Actor, NotPossible

MOST = 200


def make_quality(desk: Desk, access: Access) -> APIRouter:
    """The pages as a router."""
    router = APIRouter()
    may = Annotated[ApiClient, Depends(access.page("street"))]

    @router.get("/street/quality")
    def quality(request: Request, client: may) -> HTMLResponse:
        return shown(desk, request, client)

    @router.post("/street/checks/{number}")
    def decide(request: Request, number: int, client: may, form: Annotated[Typed, Depends(typed)]) -> Response:
        upheld, note = form.text("upheld"), form.text("note")
        if upheld not in ("yes", "no") or not note:
            return shown(desk, request, client, status=422, wrong=number, form=form)
        now = desk.casework.now()
        try:
            with desk.database.write() as connection:
                blind.case_of(connection, number, client.reach)
                found = Finding(Actor.STREET, client.name, now, upheld == "yes", note)
                blind.decide(connection, number, found, desk.slips)
        except (Stale, NotPossible):
            return shown(desk, request, client, status=409, why_not=True, form=form)
        desk.changed()
        return RedirectResponse("/street/quality?done=checked", 303)

    return router


def shown(
    desk: Desk,
    request: Request,
    client: ApiClient,
    *,
    status: int = 200,
    wrong: int = 0,
    why_not: bool = False,
    form: Typed | None = None,
) -> HTMLResponse:
    """The page; with what was wrong and what was typed, where something was."""
    now = desk.casework.now()
    with desk.database.read() as connection:
        places = desk.places(connection, client)
        hints = oversight.hints(connection, desk.master, list(places), now)
        waiting = checks.waiting(connection, client.reach, client.name, MOST, protected=False)
        again = [(row.id, worklists.Home(**worklists.home(desk.master, row) | {"id": row.case})) for row in waiting]
    return desk.page(
        request,
        client,
        "quality",
        "street.quality",
        status=status,
        places=places,
        rates=desk.rates(client),
        shown=[one.value for one in SHOWN],
        hints=hints,
        unvisited=sum(hints.unvisited_of.values()),
        again=again,
        wrong=wrong,
        why_not=why_not,
        typed=form or Typed({}),
        done=request.query_params.get("done") == "checked",
    )
