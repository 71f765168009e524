"""Who calls, what they may do, and how a refusal is said (RFC 9457 problem+json, never with anything from inside)."""

import hashlib
import hmac
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from starlette.responses import JSONResponse, Response

from gateway.centre.slips import Stale
from gateway.settings import ApiClient
from gateway.store.queries.history import By
from rules.cases import NotPossible

log = logging.getLogger(__name__)

_NOT_THERE = "there is no such thing in your scope"


class Access:
    """Finds the client of a request by its bearer token; only digests of tokens are known here."""

    def __init__(self, clients: Sequence[ApiClient]) -> None:
        self._clients = tuple(clients)

    def allow(self, *roles: str) -> Callable[[Request], ApiClient]:
        """A dependency that lets in clients of these roles: 401 without a known token, 403 for another role."""

        def client(request: Request) -> ApiClient:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            digest = hashlib.sha256(token.encode()).hexdigest()
            found = [one for one in self._clients if hmac.compare_digest(one.token_sha256, digest)]
            if scheme.lower() != "bearer" or not found:
                raise HTTPException(401, "a bearer token of a known client is needed", {"WWW-Authenticate": "Bearer"})
            if found[0].role not in roles:
                raise HTTPException(403, f"this is not for the role {found[0].role}")
            return found[0]

        return client


def within(client: ApiClient, place: str) -> None:
    """Raise LookupError where the client's scope does not reach: what is not theirs does not exist for them."""
    if client.scope and client.scope != place:
        raise LookupError(_NOT_THERE)


def by_of(client: ApiClient, now: int, why: str = "") -> By:
    """Who does it, for the history."""
    return By(client.name, now, why)


_SAID = (
    HTTPException,
    RequestValidationError,
    LookupError,
    NotPossible,
    Stale,
    OperationalError,
    DataError,
    IntegrityError,
)


class Problems(APIRoute):
    """A route whose failures are problem+json: 404 unknown, 409 not possible, 422 bad input, 503 no database."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except _SAID as error:
                return _problem_of(error)

        return handled


def _problem_of(error: Exception) -> Response:
    """What a failure is for the client; whatever is a bug of ours is raised again."""
    match error:
        case HTTPException():
            return problem(error.status_code, str(error.detail), headers=error.headers)
        case RequestValidationError() | DataError():
            found = error.errors()[:100] if isinstance(error, RequestValidationError) else ()
            return problem(422, "the request does not fit", mistakes=[_mistake(e) for e in found])
        case IntegrityError():
            return problem(409, "somebody else changed it first; look again")
        case NotPossible() | Stale():
            return problem(409, str(error) or "somebody else changed it first; look again")
        case OperationalError():
            log.warning("a request found no database: %s", error.orig)
            return problem(503, "try again in a moment", headers={"Retry-After": "5"})
    if type(error) is not LookupError:
        raise error  # a KeyError is a bug, not a question about something that is not there
    return problem(404, _NOT_THERE)


def problem(status: int, detail: str, *, headers: Any = None, **more: object) -> JSONResponse:
    body = {"type": "about:blank", "title": detail, "status": status} | more
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


def _mistake(error: Any) -> dict[str, str]:
    """Where and what; never the value that was sent."""
    return {"at": ".".join(str(part) for part in error["loc"]), "problem": str(error["msg"])[:200]}
