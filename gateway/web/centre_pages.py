"""The centre's pages: overview, cases, slips, stations and the policy in force. They name nobody.

Open pages hear that something changed and ask for their rows again, at most once a second each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.web.admin_frame import admin_frame
from gateway.web.because import sentence
from gateway.web.centre_view import (
    BECAUSE,
    COMMAND_STATES,
    LOST_REASONS,
    RULES,
    STATION_TROUBLES,
    CaseRow,
    CentreDesk,
    Freshness,
    Hole,
)
from gateway.web.feed import Feed
from gateway.web.page import Pages, lang_of
from gateway.web.site import events
from rules.cases import AlertState, CaseState
from rules.model import CaseKind, Source

ROWS = 50
"""Rows on one page of a list."""
LARGEST_ID = 2**63 - 1
CHANGES = ("state", "cases", "alerts", "stations", "quarantine", "policy")
"""What may change: the names of the events."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def changed(feed: Feed, what: str) -> None:
    """Tell open pages that `what`, one of `CHANGES`, is no longer as they show it. From any thread."""
    feed.publish(what, "1", keep=False)


def make_centre_pages(
    data: CentreDesk, feed: Feed, pages: Pages, *, now: Callable[[], datetime] = utc_now
) -> APIRouter:
    """The pages as a router.

    Raises:
        TextsIncomplete: a code that the pages may have to say has no text.
    """
    pages.texts.need(_words())
    router = APIRouter()

    show = Show(data, pages, now)

    @router.get("/admin")
    def overview(request: Request) -> HTMLResponse:
        return show(request, "overview", stations=data.stations())

    @router.get("/admin/cases")
    def cases(request: Request) -> HTMLResponse:
        before = _before(request)
        rows = data.cases(ROWS + 1, before)
        return show(
            request, "cases", rows=rows[:ROWS], more=len(rows) > ROWS, before=before, because=show.because(request)
        )

    @router.get("/admin/alerts")
    def alerts(request: Request) -> HTMLResponse:
        before = _before(request)
        rows = data.alerts(ROWS + 1, before)
        return show(request, "alerts", rows=rows[:ROWS], more=len(rows) > ROWS, before=before)

    @router.get("/admin/stations")
    def stations(request: Request) -> HTMLResponse:
        return show(request, "stations", stations=data.stations(), commands=data.commands())

    @router.get("/admin/quarantine")
    def quarantine(request: Request) -> HTMLResponse:
        before = _before(request)
        rows = data.set_aside(ROWS + 1, before)
        return show(request, "quarantine", rows=rows[:ROWS], more=len(rows) > ROWS, before=before)

    @router.get("/admin/policy")
    def policy(request: Request) -> HTMLResponse:
        return show(request, "policy", policy=data.policy())

    @router.get("/admin/stream")
    async def stream(request: Request) -> Response:
        return events(feed, request)

    _one_station(router, data, feed, show)
    return router


def _one_station(router: APIRouter, data: CentreDesk, feed: Feed, show: "Show") -> None:
    @router.get("/admin/stations/{station}")
    def station(request: Request, station: str) -> HTMLResponse:
        rows = [row for row in data.stations() if row.id == station]
        if not rows:
            raise HTTPException(404)
        return show(request, "stations", template="centre/station.html", station=rows[0], holes=data.holes(station))

    @router.post("/admin/stations/{station}/accept")
    def accept(request: Request, station: str, kind: Annotated[Hole, Form()]) -> Response:
        try:
            data.accept(station, kind, request.state.actor)
        except LookupError:
            raise HTTPException(404) from None
        for what in ("state", "stations"):
            changed(feed, what)
        return RedirectResponse(f"/admin/stations/{station}", 303)


@dataclass(frozen=True, slots=True)
class Show:
    """Answers with a page, or only with its live part when the page itself asks."""

    data: CentreDesk
    pages: Pages
    now: Callable[[], datetime] = utc_now

    def __call__(self, request: Request, name: str, *, template: str = "", **values: Any) -> HTMLResponse:
        part = "fragment" in request.query_params
        template = template or (f"centre/{name}_live.html" if part else f"centre/{name}.html")
        state = self.data.state()
        frame = admin_frame(request, state.district, state.banner)
        return self.pages.html(request, template, state=state, frame=frame, now=self.now(), name=name, **values)

    def because(self, request: Request) -> Callable[[CaseRow], str]:
        """What says why a case stands, in the language of the request."""
        return lambda case: sentence(self.pages.texts, lang_of(request), case)


def _before(request: Request) -> int | None:
    """The id that a further page of a list begins below; None for the newest, and for whatever is not an id."""
    text = request.query_params.get("before", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    return min(int(text), LARGEST_ID)


def _words() -> list[str]:
    words = [f"case.kind.{kind.value}" for kind in CaseKind]
    words += [f"case.source.{source.value}" for source in Source]
    words += [f"case.state.{state}" for state in (*(one.value for one in CaseState), "deregistered")]
    words += [f"case.because.{code}" for code in BECAUSE]
    words += [f"alert.state.{state.value}" for state in AlertState]
    words += [f"alert.rule.{rule}" for rule in RULES]
    words += [f"command.state.{state}" for state in COMMAND_STATES]
    words += [f"freshness.{freshness.value}" for freshness in Freshness]
    words += [f"{prefix}.{kind.value}" for kind in Hole for prefix in ("hole", "hole.accept")]
    words += [f"lost_reason.{reason}" for reason in LOST_REASONS]
    words += [f"station_trouble.{code}" for code in STATION_TROUBLES]
    return words
