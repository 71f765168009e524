"""The reviewer's queue, and a case with what differs, what was done, and what can be done next."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.centre import audit, differences, receipts, worklists
from gateway.centre.api.access import Access
from gateway.centre.api.cases import CaseId, deed_of, judge_again
from gateway.centre.audit import Who
from gateway.centre.deskwork import act_on
from gateway.centre.differences import Difference
from gateway.centre.pages.collect.desk import Again, Desk
from gateway.centre.pages.collect.reviewed import ACTS, names_of, shown
from gateway.centre.pages.collect.tonight import PURPOSES, Form, revealed
from gateway.centre.pages.typed import Typed
from gateway.centre.receipts import Receipt
from gateway.settings import ApiClient
from gateway.store.queries import casefile
from rules.cases import ENDED, REASONED, CaseAct, CaseState, Dismissal, NotPossible

SLIP_ACTS = ("send", "withdraw")
_TO = "/collect/review?done=acted"


def make_review(desk: Desk, access: Access) -> APIRouter:
    """The pages as a router."""
    router = APIRouter()
    may = Annotated[ApiClient, Depends(access.page("reviewer"))]
    _reading(router, desk, may)
    _acting(router, desk, may)
    _receipts(router, desk, may)
    _slips(router, desk, may)
    return router


def _reading(router: APIRouter, desk: Desk, may: Any) -> None:
    @router.get("/collect/review")
    def queue(request: Request, client: may) -> HTMLResponse:
        today = desk.casework.today()
        with desk.database.read() as connection:
            found = worklists.to_review(connection, desk.master, client.scope, today)
            filed = worklists.filed(connection, desk.master, client.scope, today)
        calm = [one for one in found if not one.objection]
        states = (CaseState.COLLECTED, CaseState.REVIEWED, CaseState.OPEN)
        groups = [("objected", [one for one in found if one.objection])]
        groups += [(state.value, [one for one in calm if one.state == state]) for state in states]
        groups.append((CaseState.FILED.value, filed))
        return desk.page(request, client, "review", "collect.review", groups=groups, total=len(found))

    @router.get("/collect/review/{case}")
    def one(request: Request, case: CaseId, client: may) -> HTMLResponse:
        return shown(desk, request, client, case)

    @router.post("/collect/review/{case}/reveal")
    def reveal(request: Request, case: CaseId, client: may, form: Form) -> HTMLResponse:
        purpose = form.text("purpose")
        if purpose not in PURPOSES:
            return shown(desk, request, client, case, again=Again({"purpose": "purpose"}))
        plain = revealed(desk, client, case, purpose)
        return shown(desk, request, client, case, revealed=plain, differing=_read(desk, client, case, purpose))


def _read(desk: Desk, client: ApiClient, case: int, purpose: str) -> list[Difference]:
    """What differs, in full; the reading is noted on the case and in the record of acts."""
    now = desk.casework.now()
    try:
        with desk.database.write() as connection:
            row = desk.case(connection, client, case)
            found = differences.of(connection, desk.master, case, client.name, now)
            who = Who(client.name, client.role, now)
            audit.note(connection, who, "reveal", f"cases/{case}", community=row.community, purpose=purpose)
    except NotPossible:
        return []
    return found


def _acting(router: APIRouter, desk: Desk, may: Any) -> None:
    @router.post("/collect/review/{case}/act")
    def act(request: Request, case: CaseId, client: may, form: Form) -> Response:
        what = next((one for one in ACTS if one.value == form.text("act")), None)
        wrong = _missing(what, form)
        if what is None or wrong:
            return shown(desk, request, client, case, again=Again(wrong), form=form)
        word = Dismissal(form.text("dismissal")) if what is CaseAct.DISMISS else None

        def does(connection: Connection) -> None:
            row = desk.case(connection, client, case, form.number("revision"))
            if what is CaseAct.ASSIGN and form.text("to") not in names_of(connection, row.community):
                raise NotPossible("there is no such grid worker here")
            deed = deed_of(
                client,
                desk.casework,
                what,
                form.number("revision"),
                word=word,
                to=form.text("to", 64) if what is CaseAct.ASSIGN else "",
                note=form.text("note"),
            )
            if act_on(connection, case, deed, desk.slips) in ENDED:
                desk.casework.closed(connection)
            judge_again(connection, desk.casework, case)

        return _taken(desk, request, client, case, form, does)


def _missing(what: CaseAct | None, form: Typed) -> dict[str, str]:
    """Fields that an act needs and that say nothing."""
    act = form.text("act")
    wrong: dict[str, str] = {} if what is not None else {"act": "choose"}
    if what in REASONED and not form.text("note"):
        wrong[f"note-{act}"] = "reason"
    if what is CaseAct.ASSIGN and not form.text("to"):
        wrong["to"] = "choose"
    if what is CaseAct.DISMISS and form.text("dismissal") not in {one.value for one in Dismissal}:
        wrong["dismissal"] = "choose"
    return wrong


def _receipts(router: APIRouter, desk: Desk, may: Any) -> None:
    @router.post("/collect/review/{case}/receipt")
    def receipt(request: Request, case: CaseId, client: may, form: Form) -> Response:
        number, since, until = form.text("receipt", 64), form.day("since"), form.day("until")
        wrong = {} if number else {"receipt": "missing"}
        if since is None or since > desk.casework.today():
            wrong["since"] = "impossible_date"
        if form.text("until") and (until is None or since is None or until < since):
            wrong["until"] = "impossible_date"
        if wrong or since is None:
            return shown(desk, request, client, case, again=Again(wrong), form=form)

        def does(connection: Connection) -> None:
            given, revision = Receipt(number, since, until), form.number("revision")
            desk.case(connection, client, case, revision)
            receipts.enter(connection, case, revision, given, client.name, desk.casework.now(), desk.slips)
            desk.casework.closed(connection)
            judge_again(connection, desk.casework, case)

        done = _taken(desk, request, client, case, form, does)
        desk.register_changed()
        return done


def _slips(router: APIRouter, desk: Desk, may: Any) -> None:
    @router.post("/collect/review/{case}/slip")
    def slip(request: Request, case: CaseId, client: may, form: Form) -> Response:
        what = form.text("do")
        wrong = {} if what in SLIP_ACTS else {"do": "choose"}
        if what == "withdraw" and not form.text("why"):
            wrong["why"] = "reason"
        if wrong:
            return shown(desk, request, client, case, again=Again(wrong), form=form)

        def does(connection: Connection) -> None:
            desk.case(connection, client, case)
            row = casefile.open_alert_of(connection, case)
            if row is None:
                raise NotPossible("there is no slip")
            given = {"actor": client.name, "now": desk.casework.now()}
            if what == "send":
                desk.slips.send(connection, row.slip, form.number("revision"), **given)
            else:
                desk.slips.withdraw(connection, row.slip, form.number("revision"), why=form.text("why"), **given)

        return _taken(desk, request, client, case, form, does)


def _taken(
    desk: Desk, request: Request, client: ApiClient, case: int, form: Typed, does: Callable[[Connection], None]
) -> Response:
    done = desk.take(client, form, _TO, does)
    return done if isinstance(done, Response) else shown(desk, request, client, case, again=done, form=form)
