"""The addresses of the gate console: the page, its stream, opening by hand, health and metrics."""

from collections.abc import Callable, Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query
from prometheus_client import REGISTRY, CollectorRegistry
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from gateway.station.console.acts import make_acts
from gateway.station.console.attends import key_of
from gateway.station.console.feed import DOOR_ROWS, HOLDS, STATE, GateFeed
from gateway.station.console.locking import is_locked, make_locking, only_open
from gateway.station.console.papers import Papers, make_papers
from gateway.station.console.view import ConsoleDesk, Device, Visitor
from gateway.station.events import SHOWN
from gateway.web.feed import encode
from gateway.web.guard import LOOPBACK
from gateway.web.page import lang_of
from gateway.web.site import events, make_site, vitals

ROWS = 30
"""Verdicts on the page. Fewer than a watcher's queue, so that nothing shown is ever dropped on the way."""


def make_app(
    desk: ConsoleDesk,
    gate: GateFeed,
    *,
    allowed_hosts: Iterable[str] = LOOPBACK,
    registry: CollectorRegistry = REGISTRY,
) -> FastAPI:
    """The console of one station. `gate` is what the station reports to while this runs."""
    gate.seed(desk.recent(ROWS))
    live, guarded = _live(desk, gate), APIRouter(dependencies=[Depends(only_open(desk.lock))])
    guarded.include_router(make_acts(desk, gate))
    guarded.include_router(make_papers(desk, gate))
    papers = Papers(desk, gate)
    locking = make_locking(
        desk.lock,
        gate.pages,
        lambda request, status, wrong: live(request, "gate/page.html", status=status, wrong=wrong),
        lambda request, status, wrong: papers.page(request, "gate/post.html", status=status, wrong=wrong),
    )
    routers = (
        _pages(desk, gate, live),
        _listings(desk, gate),
        guarded,
        locking,
        vitals(desk.parts, registry),
    )
    return make_site(gate.pages, routers, allowed_hosts=allowed_hosts, closing=(gate.feed.close,))


def _live(desk: ConsoleDesk, gate: GateFeed) -> Callable[..., HTMLResponse]:
    """Shows the booth as it is now."""

    def live(request: Request, template: str, *, status: int = 200, wrong: str = "") -> HTMLResponse:
        after = gate.feed.last_id  # before the rows are read: what comes meanwhile comes again, and is known by its id
        return gate.pages.html(
            request,
            template,
            status=status,
            wrong=wrong,
            locked=is_locked(desk.lock, request),
            has_pin=desk.lock.has_pin,
            state=desk.state(),
            rows=desk.recent(ROWS),
            waiting=gate.waiting(),
            events=desk.door_events(DOOR_ROWS),
            visitors=tuple(Visitor),
            holds=HOLDS,
            after=after,
            now=gate.now(),
            key_of=key_of,
        )

    return live


def _pages(desk: ConsoleDesk, gate: GateFeed, live: Callable[..., HTMLResponse]) -> APIRouter:
    router = APIRouter()

    @router.get("/")
    def root() -> Response:
        return RedirectResponse("/gate")

    @router.get("/gate")
    def page(request: Request) -> HTMLResponse:
        return live(request, "gate/page.html")

    @router.get("/gate/live")
    def body(request: Request) -> HTMLResponse:
        return live(request, "gate/live.html")

    @router.get("/gate/status")
    def status(request: Request) -> HTMLResponse:
        return HTMLResponse(gate.strip(lang_of(request), desk.state()))

    @router.get("/gate/stream")
    async def stream(request: Request) -> Response:
        strip = gate.strip(lang_of(request), desk.state())
        return events(gate.feed, request, first=(encode(STATE, strip),))

    return router


def _listings(desk: ConsoleDesk, gate: GateFeed) -> APIRouter:
    """What programs ask for."""
    router = APIRouter()

    @router.get("/gate/readers.json")
    def readers() -> JSONResponse:
        return JSONResponse({"now": gate.now().isoformat(), "devices": [_plain(one) for one in desk.state().devices]})

    @router.get("/gate/doors.json")
    def doors(limit: Annotated[int, Query(ge=1, le=SHOWN)] = SHOWN) -> JSONResponse:
        now = [{"portal": one.portal, "state": one.state, "fire": one.fire} for one in desk.state().doors]
        found = desk.door_events(limit)
        events = [{"at": one.when.isoformat(), "portal": one.portal, "event": one.what} for one in found]
        return JSONResponse({"doors": now, "events": events})

    return router


def _plain(device: Device) -> dict[str, object]:
    """A device as `gateway readers` shows it."""
    return {
        "id": device.id,
        "kind": device.kind,
        "driver": device.driver,
        "line": device.line,
        "state": str(device.health),
        "trouble": device.trouble,
        "last_heard": device.last_heard and device.last_heard.isoformat(),
        "last_read": device.last_read and device.last_read.isoformat(),
        "reads": device.reads,
        "noise": device.noise,
        "faults": device.faults,
        "facts": dict(device.facts),
    }
