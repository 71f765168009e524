"""The centre's pages: overview, cases, slips, stations and the policy in force. They name nobody.

Open pages are sent what changes of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form
from markupsafe import Markup
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
    CentreDesk,
    Freshness,
    Hole,
)
from gateway.web.live import Live
from gateway.web.page import Pages, lang_of
from rules.cases import AlertState, CaseState
from rules.model import CaseKind, Source

ROWS = 50
"""Rows on one page of a list."""
LARGEST_ID = 2**63 - 1
LIVE = ("overview", "cases", "alerts", "stations", "quarantine", "policy")
"""The pages that change by themselves."""
LISTS = frozenset({"cases", "alerts", "quarantine"})
"""Those that go on to further pages."""
SAID = ("sent", "away", "choose")
"""What became of a command, on the page of its station."""
AGES_S = 15
"""How long ago something was is said anew after so long."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def make_live(data: CentreDesk, pages: Pages, *, now: Callable[[], datetime] = utc_now) -> Live:
    """What the open pages show."""
    return Live(Show(data, pages, now).part, LIVE)


def make_centre_pages(
    data: CentreDesk, live: Live, pages: Pages, *, now: Callable[[], datetime] = utc_now
) -> APIRouter:
    """The pages as a router.

    Raises:
        TextsIncomplete: a code that the pages may have to say has no text.
    """
    pages.texts.need(_words())
    router = APIRouter()
    show = Show(data, pages, now)

    def page(request: Request, name: str) -> HTMLResponse:
        """The page, or its live part alone when the page itself asks; a further page of a list stands still."""
        lang, before = lang_of(request), _before(request)
        if before is not None and name in LISTS:
            part, after = show.part(name, lang, before), ""
        else:
            part, after = live.page(name, lang)
        if "fragment" in request.query_params:
            return HTMLResponse(f'<span hidden data-at="{after}"></span>{part}')
        return show(request, name, part=Markup(part), after=after)  # noqa: S704 - made by a template of our own

    def add(name: str) -> None:
        @router.get("/admin" if name == "overview" else f"/admin/{name}")
        def shown(request: Request) -> HTMLResponse:
            return page(request, name)

    for name in LIVE:
        add(name)

    @router.get("/admin/stream")
    async def stream(request: Request, of: str) -> Response:
        return live.stream(request, of)

    _one_station(router, data, live, show)
    return router


def _one_station(router: APIRouter, data: CentreDesk, live: Live, show: "Show") -> None:
    @router.get("/admin/stations/{station}")
    def station(request: Request, station: str) -> HTMLResponse:
        rows = [row for row in data.stations() if row.id == station]
        if not rows:
            raise HTTPException(404)
        said = request.query_params.get("said", "")
        said = said if said in SAID else ""
        return show(
            request, "stations", template="centre/station.html", station=rows[0], holes=data.holes(station), said=said
        )

    @router.post("/admin/stations/{station}/accept")
    def accept(request: Request, station: str, kind: Annotated[Hole, Form()]) -> Response:
        try:
            data.accept(station, kind, request.state.actor)
        except LookupError:
            raise HTTPException(404) from None
        live.changed()
        return RedirectResponse(f"/admin/stations/{station}", 303)


@dataclass(frozen=True, slots=True)
class Show:
    """Answers with a page, and with the part of it that lives."""

    data: CentreDesk
    pages: Pages
    now: Callable[[], datetime] = utc_now

    def __call__(self, request: Request, name: str, *, template: str = "", **values: Any) -> HTMLResponse:
        template = template or f"centre/{name}.html"
        house = self.data.house()
        frame = admin_frame(request, house.district, house.banner)
        return self.pages.html(request, template, house=house, frame=frame, now=self.now(), name=name, **values)

    def part(self, name: str, lang: str, before: int | None = None) -> str:
        """What changes of a page, in a language; ages in steps, so that they do not change all the time."""
        now = self.now()
        now -= timedelta(seconds=now.timestamp() % AGES_S)
        shown = {"state": self.data.state(), "now": now} | self._values(name, lang, before)
        return self.pages.render(lang, f"centre/{name}_live.html", **shown)

    def _values(self, name: str, lang: str, before: int | None) -> dict[str, Any]:
        if name in LISTS:
            lists: dict[str, Callable[[int, int | None], Sequence[Any]]]
            lists = {"cases": self.data.cases, "alerts": self.data.alerts, "quarantine": self.data.set_aside}
            rows = lists[name](ROWS + 1, before)
            because = lambda case: sentence(self.pages.texts, lang, case)  # noqa: E731 (bound to a language)
            return {"rows": rows[:ROWS], "more": len(rows) > ROWS, "before": before, "because": because}
        if name == "policy":
            return {"policy": self.data.policy()}
        return {"stations": self.data.stations(), "commands": self.data.commands() if name == "stations" else ()}


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
    words += [f"station.said.{one}" for one in SAID]
    words += [f"lost_reason.{reason}" for reason in LOST_REASONS]
    words += [f"station_trouble.{code}" for code in STATION_TROUBLES]
    return words
