"""What a guard does by a touch: opening, visitors, hold-open periods, lost cards. Each is answered by one sentence."""

import queue
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.station.console.feed import HOLDS, GateFeed
from gateway.station.console.view import ConsoleDesk, Visitor
from gateway.web.page import Pages, clock, lang_of

LONGEST_DWELLING = 32
LONGEST_NAME = 20
LONGEST_KEY = 64

Portal = Annotated[str, Form(max_length=LONGEST_KEY)]
Dwelling = Annotated[str, Form(max_length=LONGEST_DWELLING)]
Name = Annotated[str, Form(max_length=LONGEST_NAME)]


@dataclass(frozen=True, slots=True)
class Answers:
    """Does an act and says so: in one sentence to a page that asked by script, else by leading back to the page."""

    pages: Pages

    def done(self, request: Request, act: Callable[[], object], key: str, **figures: object) -> Response:
        """Where the act returns an instant, the sentence has it as `until`."""
        try:
            found = act()
        except LookupError:
            raise HTTPException(404) from None
        except queue.Full:
            return self.said(request, 503, "gate.too_busy")
        if isinstance(found, int):
            figures["until"] = clock(datetime.fromtimestamp(found / 1000, UTC))[:5]
        return self.said(request, 200, key, **figures)

    def said(self, request: Request, status: int, key: str, **figures: object) -> Response:
        if "hx-request" in request.headers:
            text = self.pages.texts.get(lang_of(request), key, **figures)
            return self.pages.html(request, "gate/said.html", status=status, text=text)
        if status != 200:
            raise HTTPException(status)
        return RedirectResponse("/gate", 303)


def make_acts(desk: ConsoleDesk, gate: GateFeed) -> APIRouter:
    """The router."""
    router, answers = APIRouter(), Answers(gate.pages)
    _people(router, answers, desk, gate)
    _periods(router, answers, desk)
    return router


def _people(router: APIRouter, answers: Answers, desk: ConsoleDesk, gate: GateFeed) -> None:
    @router.post("/gate/open")
    def open_by_hand(
        request: Request,
        portal: Portal,
        classification: Annotated[Visitor, Form()],
        dwelling: Dwelling = "",
        attend: Annotated[str, Form(max_length=LONGEST_KEY)] = "",
    ) -> Response:
        kept = dwelling.strip() if classification is Visitor.NEW_RESIDENT else ""
        who = gate.pages.texts.get(lang_of(request), f"visitor.{classification.value}")

        def act() -> None:
            gate.pressed(portal, attend, lambda: desk.acts.open(portal, classification, kept))

        return answers.done(request, act, "gate.opened", portal=_name(desk, portal), who=who)

    @router.post("/gate/visitor")
    def visitor(request: Request, portal: Portal, dwelling: Dwelling, name: Name = "") -> Response:
        whom, called = dwelling.strip(), name.strip()
        if not whom:
            return answers.said(request, 422, "gate.visitor_needs_dwelling")

        def act() -> None:
            desk.acts.enter_visitor(portal, whom, called)

        return answers.done(request, act, "gate.visitor_entered", portal=_name(desk, portal), dwelling=whom)

    @router.post("/gate/lost")
    def lost(request: Request, dwelling: Dwelling, name: Name) -> Response:
        where, whose = dwelling.strip(), name.strip()
        if not (where and whose):
            return answers.said(request, 422, "gate.lost_needs_both")
        return answers.done(request, lambda: desk.acts.report_lost(where, whose), "gate.lost_reported")


def _periods(router: APIRouter, answers: Answers, desk: ConsoleDesk) -> None:
    @router.post("/gate/hold")
    def hold(request: Request, portal: Portal, minutes: Annotated[int, Form()]) -> Response:
        if minutes not in HOLDS:
            raise HTTPException(422)
        act: Callable[[], int] = lambda: desk.acts.hold(portal, minutes * 60)  # noqa: E731
        return answers.done(request, act, "gate.held", portal=_name(desk, portal))

    @router.post("/gate/hold/end")
    def end(request: Request, portal: Portal) -> Response:
        return answers.done(request, lambda: desk.acts.end_hold(portal), "gate.hold_ended", portal=_name(desk, portal))

    @router.post("/gate/hold/no")
    def no_hold(request: Request, portal: Portal) -> Response:
        return answers.done(
            request, lambda: desk.acts.wants_no_hold(portal), "gate.no_hold", portal=_name(desk, portal)
        )


def _name(desk: ConsoleDesk, portal: str) -> str:
    return next((view.name for view in desk.state().portals if view.id == portal), portal)
