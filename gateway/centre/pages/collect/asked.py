"""What people ask about their own data, on the reviewer's pages: what waits, the most urgent first, and an answer."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.centre import audit, worklists
from gateway.centre.api.access import Access
from gateway.centre.audit import Who
from gateway.centre.own_data import Asked, OwnData
from gateway.centre.pages.collect.declared import Number
from gateway.centre.pages.collect.desk import Again, Desk
from gateway.centre.pages.collect.tonight import Form
from gateway.centre.pages.typed import Typed
from gateway.settings import ApiClient
from gateway.store.queries import declared, people
from gateway.store.queries.history import By
from rules.identity import mask_name

MOST = 100
OUTCOMES = ("done", "refused")
WORDS = (*(f"own.asked.{one.value}" for one in Asked), *(f"asked.outcome.{one}" for one in OUTCOMES))


def make_asked_pages(desk: Desk, access: Access) -> APIRouter:
    """The pages as a router."""
    router = APIRouter(prefix="/collect/requests")
    may = Annotated[ApiClient, Depends(access.page("reviewer"))]
    _pages(router, desk, OwnData(desk.master, desk.slips), may)
    return router


def _pages(router: APIRouter, desk: Desk, own_data: OwnData, may: Any) -> None:
    @router.get("")
    def waiting(request: Request, client: may) -> HTMLResponse:
        today = desk.casework.today()
        with desk.database.read() as connection:
            rows = declared.requests(connection, client.scope, MOST)
            found = [(row, _name(desk, connection, row), row.due < today) for row in rows]
            objections = sum(
                bool(one.objection) for one in worklists.to_review(connection, desk.master, client.scope, today)
            )
        return desk.page(request, client, "requests", "asked.tab", found=found, objections=objections)

    def one(
        request: Request,
        client: ApiClient,
        number: int,
        *,
        again: Again | None = None,
        form: Typed | None = None,
        text: str = "",
    ) -> HTMLResponse:
        with desk.database.read() as connection:
            row = declared.request_here(connection, client.scope, number)
            name = _name(desk, connection, row)
        status = 200 if again is None else again.status
        late = row.decided is None and row.due < desk.casework.today()
        values = {"row": row, "person": name, "text": text, "late": late}
        return desk.page(
            request, client, "request", "asked.title", status=status, **values, **desk.again(request, again, form)
        )

    @router.get("/{number}")
    def shown(request: Request, number: Number, client: may) -> HTMLResponse:
        return one(request, client, number)

    @router.post("/{number}/reveal")
    def reveal(request: Request, number: Number, client: may) -> HTMLResponse:
        who = Who(client.name, client.role, desk.casework.now())
        with desk.database.write() as connection:
            row = declared.request_here(connection, client.scope, number)
            audit.note(connection, who, "reveal", f"requests/{number}", community=client.scope, purpose="answer")
        return one(request, client, number, text=own_data.asked(row))

    @router.post("/{number}/answer")
    def answer(request: Request, number: Number, client: may, form: Form) -> Response:
        outcome, why = form.text("outcome"), form.text("why", 200)
        wrong = {} if outcome in OUTCOMES else {"outcome": "choose"}
        wrong |= {"why": "reason"} if outcome == "refused" and not why else {}
        if wrong:
            return one(request, client, number, again=Again(wrong), form=form)

        def does(connection: Connection) -> None:
            by = By(client.name, desk.casework.now())
            own_data.decide(connection, by, client.scope, number, done=outcome == "done", why=why)

        done = desk.take(client, form, "/collect/requests?done=answered", does)
        return one(request, client, number, again=done, form=form) if isinstance(done, Again) else done


def _name(desk: Desk, connection: Connection, row: Any) -> str:
    return mask_name(desk.master.show("persons.name", people.person(connection, row.person).name))
