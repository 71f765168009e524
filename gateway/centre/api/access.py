"""Who calls, what they may do, and how a refusal is said (RFC 9457 problem+json, never with anything from inside)."""

import hashlib
import hmac
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import quote
from weakref import WeakKeyDictionary

from fastapi import FastAPI, HTTPException, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from starlette.responses import JSONResponse, Response

from gateway.centre.accounts.book import Signed
from gateway.centre.slips import Stale
from gateway.settings import ApiClient, ApiToken
from gateway.store.queries.history import By
from rules.cases import NotPossible
from rules.roles import Role

log = logging.getLogger(__name__)

Dependency = TypeVar("Dependency", bound=Callable[..., Any])
STEPS = {"second": "/sign-in/second", "enrol": "/account/second"}
"""Where somebody is sent who is signed in by password alone, and needs more."""
_UNKNOWN = "a bearer token of a known client is needed"
_NOT_THERE = "there is no such thing in your scope"
_PERMITS: WeakKeyDictionary[Callable[..., Any], frozenset[str]] = WeakKeyDictionary()


class Access:
    """Finds who calls: a program by its bearer token, of which only digests are known here, or somebody signed in.

    Every route takes one of `allow`, `page` or `anyone` as a dependency; `undeclared` finds those that do not.
    """

    def __init__(
        self,
        clients: Sequence[ApiToken],
        signed: Callable[[Request], Signed | None] = lambda _: None,
        street: Callable[[str], tuple[str, ...]] = lambda scope: (scope,),
    ) -> None:
        self._clients = tuple(clients)
        self._signed = signed
        self._street = street

    def allow(self, *roles: str) -> Callable[[Request], ApiClient]:
        """A dependency that lets in callers of these roles: 401 without a token or session, 403 for another role."""

        def client(request: Request) -> ApiClient:
            if "authorization" in request.headers:
                return self._program(request, roles)
            signed = self._signed(request)
            if signed is None or signed.needs:
                raise HTTPException(401, _UNKNOWN, {"WWW-Authenticate": "Bearer"})
            return self._somebody(signed, roles)

        return declared(client, roles)

    def page(self, *roles: str) -> Callable[[Request], ApiClient]:
        """The same for a page: whoever is not signed in is sent to do so, and comes back after."""

        def client(request: Request) -> ApiClient:
            if "authorization" in request.headers:
                program = self._program(request, roles)
                request.state.actor = program.name
                return program
            signed = self._signed(request)
            if signed is None or signed.needs:
                step = "/sign-in" if signed is None else STEPS[signed.needs]
                back = request.url.path if request.method == "GET" else "/"
                raise sent_to(request, f"{step}?next={quote(back)}")
            request.state.signed, request.state.actor = signed, signed.name
            return self._somebody(signed, roles)

        return declared(client, roles)

    def page_of_all(self, *roles: str) -> Callable[[Request], ApiClient]:
        """The same for a page about the whole district: it is not there for whoever is confined to a part of it."""
        inner = self.page(*roles)

        def client(request: Request) -> ApiClient:
            return of_district(inner(request))

        return declared(client, roles)

    def _program(self, request: Request, roles: Sequence[str]) -> ApiClient:
        scheme, _, token = request.headers["authorization"].partition(" ")
        digest = hashlib.sha256(token.encode()).hexdigest()
        found = [one for one in self._clients if hmac.compare_digest(one.token_sha256, digest)]
        if scheme.lower() != "bearer" or not found:
            raise HTTPException(401, _UNKNOWN, {"WWW-Authenticate": "Bearer"})
        if found[0].role not in roles:
            raise HTTPException(403, f"this is not for the role {found[0].role}")
        return self._placed(found[0])

    def _placed(self, client: ApiClient) -> ApiClient:
        """The client; one of a street with the communities that are the street's."""
        if client.role is not Role.STREET or not client.scope:
            return client
        return client.model_copy(update={"places": self._street(client.scope)})

    def _somebody(self, signed: Signed, roles: Sequence[str]) -> ApiClient:
        """Somebody who is signed in, in the first of these roles that they have."""
        held = next((role for role in roles if role in signed.roles), None)
        if held is None:
            raise HTTPException(403, "this is not for your role")
        return self._placed(ApiClient(name=signed.name, role=Role(held), scope=signed.scope))


def anyone() -> None:
    """The dependency of a route that is for everybody."""


def declared(dependency: Dependency, roles: Sequence[str]) -> Dependency:
    """Mark a dependency as one that says who may use its route."""
    _PERMITS[dependency] = frozenset(roles)
    return dependency


def permissions(app: FastAPI) -> dict[tuple[str, str], frozenset[str] | None]:
    """(method, path) of each route -> the roles that may use it; empty for everybody, None where nothing says so."""
    found: dict[tuple[str, str], frozenset[str] | None] = {}
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute):
            said = [permit for one in _all(route.dependant) if (permit := _permit(one)) is not None]
            roles = frozenset[str]().union(*said) if said else None
            found |= {(method, route.path or ""): roles for method in route.methods or ()}
    return found


def undeclared(app: FastAPI) -> list[str]:
    """Routes of which nothing says who may use them."""
    return [f"{method} {path}" for (method, path), roles in permissions(app).items() if roles is None]


def _permit(dependant: Dependant) -> frozenset[str] | None:
    if dependant.call is anyone:
        return frozenset()
    return None if dependant.call is None else _PERMITS.get(dependant.call)


def sent_to(request: Request, address: str) -> HTTPException:
    """What sends a browser elsewhere, also when only a part of a page asked."""
    if "hx-request" in request.headers:
        return HTTPException(401, headers={"HX-Redirect": address})
    return HTTPException(303, headers={"Location": address})


def _all(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from _all(one)


def within(client: ApiClient, place: str) -> None:
    """Raise LookupError where the client's scope does not reach: what is not theirs does not exist for them."""
    if client.scope and place not in client.reach:
        raise LookupError(_NOT_THERE)


def of_district(client: ApiClient) -> ApiClient:
    """The client, where nothing confines it; LookupError otherwise: what is about all is not there for a part."""
    within(client, "")
    return client


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
