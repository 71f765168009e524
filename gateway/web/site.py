"""An application around pages: static files, plain error pages, health and metrics, and the guard before them all."""

from collections.abc import Callable, Iterable

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from gateway.web.feed import Feed
from gateway.web.guard import LOOPBACK, Guard
from gateway.web.page import STATIC, Pages, lang_of

SAID = frozenset({400, 401, 403, 404, 405, 409, 422, 423, 429, 503})
"""Statuses with a sentence of their own; any other is shown as a fault of ours."""


class _Static(StaticFiles):
    """Static files. An address that names its content may be kept for ever, any other is asked for again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        named = scope["query_string"].startswith(b"v=") and response.status_code in {200, 304}
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if named else "no-cache"
        return response


def make_site(
    pages: Pages,
    routers: Iterable[APIRouter],
    *,
    allowed_hosts: Iterable[str] = LOOPBACK,
    closing: Iterable[Callable[[], None]] = (),
    title: str = "xiaoqu-gateway",
    openapi_url: str | None = None,
) -> FastAPI:
    """An application of `routers`. `closing` is called when its server stops: whatever ends open streams."""
    app = FastAPI(title=title, openapi_url=openapi_url, docs_url=None, redoc_url=None)
    app.state.closing = tuple(closing)
    app.mount("/static", _Static(directory=STATIC), name="static")
    for router in routers:
        app.include_router(router)

    def refused(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.headers and {"Location", "HX-Redirect"} & error.headers.keys():
            return Response(status_code=error.status_code, headers=error.headers)
        return error_page(pages, request, error.status_code if isinstance(error, HTTPException) else 422)

    def unknown(request: Request, error: Exception) -> Response:
        if type(error) is not LookupError:
            raise error  # a KeyError is a bug, not a question about something that is not there
        return error_page(pages, request, 404)

    app.add_exception_handler(LookupError, unknown)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, refused)
    app.add_middleware(
        Guard, allowed_hosts=tuple(allowed_hosts), on_error=lambda scope: error_page(pages, Request(scope), 500)
    )
    return app


def error_page(pages: Pages, request: Request, status: int) -> Response:
    """What is wrong in one sentence, without anything from inside: a page, or problem+json (RFC 9457)."""
    said = status if status in SAID else 500
    title = pages.texts.get(lang_of(request), f"error.{said}")
    if "text/html" not in request.headers.get("accept", ""):
        problem = {"type": "about:blank", "title": title, "status": status}
        return JSONResponse(problem, status, media_type="application/problem+json")
    return pages.html(request, "error.html", status=status, title=title, code=status)


def events(feed: Feed, request: Request, first: Iterable[bytes] = ()) -> Response:
    """A feed as `text/event-stream`, resumed after the browser's last event or after what the page names."""
    if feed.full:
        raise HTTPException(503)
    after = request.headers.get("last-event-id") or request.query_params.get("after", "")
    headers = {"X-Accel-Buffering": "no"}  # a declared nginx in front must pass each event on at once
    return StreamingResponse(
        feed.stream(lang_of(request), after, first), media_type="text/event-stream", headers=headers
    )


def vitals(parts: Callable[[], dict[str, str]], registry: CollectorRegistry) -> APIRouter:
    """`/healthz`: 200 when every part is "ok", else 503 and which is not; `/metrics` for Prometheus."""
    router = APIRouter()

    @router.get("/healthz")
    def healthz() -> JSONResponse:
        found = parts()
        well = all(state == "ok" for state in found.values())
        return JSONResponse({"status": "ok" if well else "failing", "parts": found}, 200 if well else 503)

    @router.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
