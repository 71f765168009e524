"""自主申报 and 房东申报 on the reviewer's pages: what waits, what the register has of it, confirmed or rejected."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.centre import audit
from gateway.centre.api.access import Access
from gateway.centre.audit import Who
from gateway.centre.declarations import Declarations, Move, NoSuchRoom, Said
from gateway.centre.pages.collect.desk import Again, Desk
from gateway.centre.pages.collect.tonight import Form
from gateway.centre.pages.typed import Typed
from gateway.centre.rooms import Place
from gateway.centre.slips import Stale
from gateway.settings import ApiClient
from gateway.store.queries import declared
from gateway.store.queries.history import By
from rules.model import Source

MOST = 100
PLACE = ("building", "unit", "room")
WORDS = (
    *(f"own.move.{one.value}" for one in Move),
    *(f"case.source.{one.value}" for one in (Source.SELF, Source.LANDLORD)),
    *(f"declared.state.{one}" for one in ("waiting", "confirmed", "rejected")),
)
Number = Annotated[int, Path(ge=1, le=2**53)]


def make_declared_pages(desk: Desk, access: Access) -> APIRouter:
    """The pages as a router."""
    router = APIRouter(prefix="/collect/declarations")
    may = Annotated[ApiClient, Depends(access.page("reviewer"))]
    pages = _Pages(desk, Declarations(desk.master, desk.casework, desk.slips))
    _reading(router, pages, may)
    _deciding(router, pages, may)
    return router


class _Unclear(Exception):
    """The room is to be put right in the form; nothing else has to be said again."""


class _Pages:
    def __init__(self, desk: Desk, declarations: Declarations) -> None:
        self.desk = desk
        self.declarations = declarations

    def by(self, client: ApiClient) -> By:
        return By(client.name, self.desk.casework.now())

    def confirm(self, connection: Connection, client: ApiClient, number: int, place: Place | None) -> None:
        """Raises Stale where somebody was first, _Unclear where the room is none here."""
        _waiting(connection, client.scope, number)
        try:
            self.declarations.confirm(connection, self.by(client), number, place)
        except NoSuchRoom as error:
            raise _Unclear from error

    def one(
        self,
        request: Request,
        client: ApiClient,
        number: int,
        *,
        again: Again | None = None,
        form: Typed | None = None,
        revealed: Said | None = None,
    ) -> HTMLResponse:
        """A declaration; decided already, with who decided it and what was typed here."""
        with self.desk.database.read() as connection:
            row = declared.declaration_here(connection, client.scope, number)
            glance = self.declarations.glance(connection, row) if row.said is not None else None
        return self.desk.page(
            request,
            client,
            "declaration",
            " ".join(part for part in (row.building, row.unit, row.room) if part),
            status=200 if again is None else again.status,
            row=row,
            glance=glance,
            said=revealed or (glance.said if glance is not None else None),
            revealed=revealed is not None,
            **self.desk.again(request, again, form),
        )


def _reading(router: APIRouter, pages: _Pages, may: Any) -> None:
    desk = pages.desk

    @router.get("")
    def waiting(request: Request, client: may) -> HTMLResponse:
        with desk.database.read() as connection:
            rows = declared.waiting(connection, client.scope, MOST)
            found = [(row, pages.declarations.glance(connection, row)) for row in rows]
        return desk.page(request, client, "declarations", "declared.tab", found=found)

    @router.get("/{number}")
    def one(request: Request, number: Number, client: may) -> HTMLResponse:
        return pages.one(request, client, number)

    @router.post("/{number}/reveal")
    def reveal(request: Request, number: Number, client: may) -> HTMLResponse:
        by = pages.by(client)
        try:
            with desk.database.write() as connection:
                _waiting(connection, client.scope, number)
                _, said = pages.declarations.read(connection, by, number)
                who, about = Who(client.name, client.role, by.at), f"declarations/{number}"
                audit.note(connection, who, "reveal", about, community=client.scope, purpose="check")
        except Stale:
            return pages.one(request, client, number, again=Again({}, "stale"))
        return pages.one(request, client, number, revealed=said)


def _deciding(router: APIRouter, pages: _Pages, may: Any) -> None:
    desk = pages.desk

    @router.post("/{number}/confirm")
    def confirm(request: Request, number: Number, client: may, form: Form) -> Response:
        building, unit, room = (form.text(part, 20) for part in PLACE)
        place = (building, unit, room) if building or unit or room else None

        def does(connection: Connection) -> None:
            pages.confirm(connection, client, number, place)

        try:
            done = desk.take(client, form, "/collect/declarations?done=confirmed", does)
        except _Unclear:
            return pages.one(request, client, number, again=Again({"room": "room"}), form=form)
        if isinstance(done, Again):
            return pages.one(request, client, number, again=done, form=form)
        desk.register_changed()
        return done

    @router.post("/{number}/reject")
    def reject(request: Request, number: Number, client: may, form: Form) -> Response:
        why = form.text("why", 200)
        if not why:
            return pages.one(request, client, number, again=Again({"why": "reason"}), form=form)

        def does(connection: Connection) -> None:
            _waiting(connection, client.scope, number)
            pages.declarations.reject(connection, pages.by(client), number, why)

        done = desk.take(client, form, "/collect/declarations?done=rejected", does)
        return pages.one(request, client, number, again=done, form=form) if isinstance(done, Again) else done


def _waiting(connection: Connection, community: str, number: int) -> None:
    """Raise Stale where somebody has decided it, LookupError where there is none here."""
    if declared.declaration_here(connection, community, number).state != "waiting":
        raise Stale
