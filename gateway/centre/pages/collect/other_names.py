"""Names that a list says otherwise of known numbers, on the reviewer's pages: read on record, and decided."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.centre import audit
from gateway.centre.api.access import Access
from gateway.centre.api.names import masked
from gateway.centre.audit import Who
from gateway.centre.pages.collect.declared import Number
from gateway.centre.pages.collect.desk import Again, Desk
from gateway.centre.pages.collect.tonight import Form
from gateway.centre.persons import Persons
from gateway.settings import ApiClient
from gateway.store.queries import names
from gateway.store.queries.history import By


def make_name_pages(desk: Desk, access: Access) -> APIRouter:
    """The pages as a router."""
    router = APIRouter(prefix="/collect")
    _pages(router, desk, Persons(desk.master), Annotated[ApiClient, Depends(access.page("reviewer"))])
    return router


def _pages(router: APIRouter, desk: Desk, persons: Persons, may: Any) -> None:
    @router.get("/names/{number}")
    def name(request: Request, number: Number, client: may) -> HTMLResponse:
        return _shown(desk, request, client, _masked(desk, client, number))

    @router.post("/names/{number}/reveal")
    def reveal(request: Request, number: Number, client: may) -> HTMLResponse:
        return _shown(desk, request, client, _read(desk, client, persons, number), full=True)

    @router.post("/names/{number}")
    def decide(request: Request, number: Number, client: may, form: Form) -> Response:
        if form.text("take") not in ("yes", "no"):
            return _shown(desk, request, client, _masked(desk, client, number), again=Again({"take": "choose"}))

        def does(connection: Connection) -> None:
            by = By(client.name, desk.casework.now())
            persons.rename(connection, by, client.scope, number, take=form.text("take") == "yes")

        done = desk.take(client, form, "/collect/twins?done=named", does)
        if isinstance(done, Again):
            return _shown(desk, request, client, _masked(desk, client, number), again=done)
        desk.register_changed()
        return done


Names = tuple[Any, str, str]
"""The row, the name that is known, and the other one."""


def _shown(
    desk: Desk, request: Request, client: ApiClient, both: Names, *, again: Again | None = None, full: bool = False
) -> HTMLResponse:
    row, known, said = both
    status = 200 if again is None else again.status
    values = {"row": row, "known": known, "said": said, "revealed": full}
    return desk.page(
        request, client, "other_name", "alike.name", status=status, **values, **desk.again(request, again, None)
    )


def _masked(desk: Desk, client: ApiClient, number: int) -> Names:
    with desk.database.read() as connection:
        row = next(iter(names.waiting(connection, client.scope, 1, number - 1)), None)
    if row is None or row.id != number:
        raise LookupError("there is no such name here")
    return (row, *masked(desk.master, row))


def _read(desk: Desk, client: ApiClient, persons: Persons, number: int) -> Names:
    """Both names in full; the reading is recorded."""
    now = desk.casework.now()
    with desk.database.write() as connection:
        row, known, said = persons.names(connection, By(client.name, now), client.scope, number)
        who, about = Who(client.name, client.role, now), f"persons/{row.person}"
        audit.note(connection, who, "reveal", about, community=client.scope, purpose="check")
    return row, known, said
