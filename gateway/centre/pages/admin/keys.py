"""The page of the keys: which there are, since when, until when; a compound's token key renewed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre import audit
from gateway.centre.api.access import Access
from gateway.centre.audit import Who
from gateway.centre.pages.sheet import Sheet
from gateway.centre.tokens import ROTATION_MS, Tokens
from gateway.keys import Master
from gateway.settings import ApiClient, Settings
from gateway.store.database import Database
from gateway.store.queries import fleet, places, streams, tokens

SOON_MS = 90 * 86_400_000
"""A certificate that ends sooner has not been renewed as it should have been: that happens at a third of its life."""
Word = Annotated[str, Form(max_length=40)]


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """A community's token keys: the newest, whether older ones are still good, and how many cards wait."""

    community: str
    name: str
    newest: int
    began: int | None
    until: int | None
    waiting: int


def make_keys_pages(
    database: Database,
    master: Master,
    access: Access,
    settings: Settings,
    now: Callable[[], int],
    changed: Callable[[], None],
    sheet: Sheet,
) -> APIRouter:
    """The pages as a router. `changed` is called after a commit that changed the register."""
    router = APIRouter()
    looks = [Depends(access.page_of_all("administrator", "security"))]
    security = Annotated[ApiClient, Depends(access.page_of_all("security"))]

    def page(request: Request, *, wrong: str = "") -> HTMLResponse:
        with database.read() as connection:
            boxes = [(row, fleet.newest_certificate(connection, row.name)) for row in streams.stations(connection)]
            held = _token_keys(connection)
        return sheet(
            request,
            "keys",
            "admin.keys",
            status=422 if wrong else 200,
            boxes=boxes,
            held=held,
            soon=now() + SOON_MS,
            clients=settings.centre.clients,
            lists=_fingerprint(master.lists_public()),
            roster=_fingerprint(master.roster_public()),
            identity=_fingerprint(master.identity_public()),
            done=request.query_params.get("done") == "renewed",
            wrong=wrong,
            may_renew="security" in _roles(request),
            may_look="administrator" in _roles(request),
        )

    @router.get("/admin/keys", dependencies=looks)
    def keys(request: Request) -> HTMLResponse:
        return page(request)

    @router.post("/admin/keys/{community}/renew")
    def renew(
        request: Request, community: str, client: security, newest: Annotated[int, Form()] = 0, sure: Word = ""
    ) -> Response:
        if sure != "yes":
            return page(request, wrong=community)
        with database.write() as connection:
            if tokens.keys(connection, community).newest == newest:  # otherwise it was renewed since the page was shown
                at = now()
                Tokens(master).rotate(connection, community, at)
                who = Who(client.name, client.role, at)
                audit.note(connection, who, "tokens.renew", f"communities/{community}", community=community)
        changed()
        return RedirectResponse("/admin/keys?done=renewed#tokens", 303)

    return router


def _token_keys(connection: Connection) -> list[TokenKeys]:
    began = tokens.rotating(connection)
    found = []
    for row in places.communities(connection):
        since = began.get(row.id)
        waiting = tokens.waiting(connection, row.id) if since is not None else 0
        until = None if since is None else since + ROTATION_MS
        found.append(TokenKeys(row.id, row.name, tokens.keys(connection, row.id).newest, since, until, waiting))
    return found


def _fingerprint(public: bytes) -> str:
    """The first half of the SHA-256 of a public key, in groups: what two people compare by telephone."""
    said = hashlib.sha256(public).hexdigest()[:32]
    return " ".join(said[at : at + 4] for at in range(0, 32, 4))


def _roles(request: Request) -> Any:
    signed = getattr(request.state, "signed", None)
    return ("security",) if signed is None else signed.roles
