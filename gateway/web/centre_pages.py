"""The centre's pages: overview, cases, slips, stations and the policy in force. They name nobody.

Open pages hear that something changed and ask for their rows again, at most once a second each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.web.because import sentence
from gateway.web.centre_view import BECAUSE, RULES, CaseRow, CentreDesk, Freshness
from gateway.web.feed import Feed
from gateway.web.page import Pages, lang_of
from gateway.web.site import events
from rules.cases import AlertState, CaseState
from rules.model import CaseKind, Source

ROWS = 50
"""Rows on one page of a list."""
LARGEST_ID = 2**63 - 1
CHANGES = ("state", "cases", "alerts", "stations", "policy")
"""What may change: the names of the events."""


def changed(feed: Feed, what: str) -> None:
    """Tell open pages that `what`, one of `CHANGES`, is no longer as they show it. From any thread."""
    feed.publish(what, "1", keep=False)


def make_centre_pages(
    data: CentreDesk, feed: Feed, pages: Pages, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> APIRouter:
    """The pages as a router.

    Raises:
        TextsIncomplete: a code that the pages may have to say has no text.
    """
    pages.texts.need(_words())
    router = APIRouter()

    show = _Show(data, pages, now)

    @router.get("/")
    def overview(request: Request) -> HTMLResponse:
        return show(request, "overview", stations=data.stations())

    @router.get("/cases")
    def cases(request: Request) -> HTMLResponse:
        before = _before(request)
        rows = data.cases(ROWS + 1, before)
        return show(
            request, "cases", rows=rows[:ROWS], more=len(rows) > ROWS, before=before, because=show.because(request)
        )

    @router.get("/alerts")
    def alerts(request: Request) -> HTMLResponse:
        before = _before(request)
        rows = data.alerts(ROWS + 1, before)
        return show(request, "alerts", rows=rows[:ROWS], more=len(rows) > ROWS, before=before)

    @router.get("/stations")
    def stations(request: Request) -> HTMLResponse:
        return show(request, "stations", stations=data.stations())

    @router.get("/policy")
    def policy(request: Request) -> HTMLResponse:
        return show(request, "policy", policy=data.policy())

    @router.get("/stream")
    async def stream(request: Request) -> Response:
        return events(feed, request)

    return router


@dataclass(frozen=True, slots=True)
class _Show:
    """Answers with a page, or only with its live part when the page itself asks."""

    data: CentreDesk
    pages: Pages
    now: Callable[[], datetime]

    def __call__(self, request: Request, name: str, **values: Any) -> HTMLResponse:
        part = "fragment" in request.query_params
        template = f"centre/{name}_live.html" if part else f"centre/{name}.html"
        return self.pages.html(request, template, state=self.data.state(), now=self.now(), name=name, **values)

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
    words += [f"case.state.{state.value}" for state in CaseState]
    words += [f"case.because.{code}" for code in BECAUSE]
    words += [f"alert.state.{state.value}" for state in AlertState]
    words += [f"alert.rule.{rule}" for rule in RULES]
    words += [f"freshness.{freshness.value}" for freshness in Freshness]
    return words
