"""Tonight's list, a case with what can be done about it, the card left behind, and who lives behind a masked name."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre import audit, deputies, worklists
from gateway.centre.api.access import Access
from gateway.centre.api.cases import CaseId, deed_of, judge_again
from gateway.centre.audit import Who
from gateway.centre.deskwork import act_on
from gateway.centre.pages.collect.desk import Again, Desk
from gateway.centre.pages.collect.facts import facts_of, place_of
from gateway.centre.pages.collect.visit import Companions, log, visit_of
from gateway.centre.pages.typed import Typed, typed
from gateway.settings import ApiClient
from gateway.store.queries import casefile
from gateway.store.queries import worklists as rows
from gateway.store.queries.history import By
from rules.cases import Actor, CaseAct, CaseState, NotPossible, Objection, possible
from rules.model import CaseKind

COLLECTORS = ("worker", "reviewer")
PURPOSES = ("find", "check")
"""Why somebody's name is looked at: to find them at the door, or to check what was written down."""
ACTS = (CaseAct.HAND_BACK, CaseAct.OBJECT, CaseAct.COLLECT)
"""What is done about a case without a visit; a deregistration alone is collected so."""
_DONE = {CaseAct.HAND_BACK: "handed_back", CaseAct.OBJECT: "objected", CaseAct.COLLECT: "collected"}
Form = Annotated[Typed, Depends(typed)]


def make_tonight(desk: Desk, access: Access) -> APIRouter:
    """The pages as a router."""
    router = APIRouter()
    may = Annotated[ApiClient, Depends(access.page(*COLLECTORS))]
    _lists(router, desk, may)
    _case(router, desk, may)
    _acts(router, desk, may)
    return router


def _lists(router: APIRouter, desk: Desk, may: Any) -> None:
    @router.get("/collect")
    def home(client: may) -> Response:
        return RedirectResponse("/collect/review" if client.role == "reviewer" else "/collect/tonight", 303)

    @router.get("/collect/tonight")
    def tonight(request: Request, client: may) -> HTMLResponse:
        whose = desk.whose(client)
        with desk.database.read() as connection:
            found = worklists.tonight(connection, desk.master, whose)
        appointed = sorted(
            (one for one in found if one.appointment is not None and _day(one.appointment) == whose.today),
            key=lambda one: one.appointment,  # type: ignore[arg-type, return-value]
        )
        groups = worklists.by_building(found)
        return desk.page(
            request,
            client,
            "tonight",
            "collect.tonight",
            groups=groups,
            total=len(found),
            homes=len({(one.building, one.unit, one.room) for one in found}),
            late=sum(one.overdue for one in found),
            appointed=appointed,
            me=client.name,
        )


def _day(at: Any) -> Any:
    return By("", int(at.timestamp() * 1000)).today


def _case(router: APIRouter, desk: Desk, may: Any) -> None:
    @router.get("/collect/cases/{case}")
    def case(request: Request, case: CaseId, client: may) -> HTMLResponse:
        return shown(desk, request, client, case)

    @router.post("/collect/cases/{case}/reveal")
    def reveal(request: Request, case: CaseId, client: may, form: Form) -> HTMLResponse:
        purpose = form.text("purpose")
        if purpose not in PURPOSES:
            return shown(desk, request, client, case, again=Again({"purpose": "purpose"}))
        return shown(desk, request, client, case, revealed=revealed(desk, client, case, purpose))

    @router.get("/collect/cases/{case}/notice")
    def notice(request: Request, case: CaseId, client: may) -> HTMLResponse:
        with desk.database.read() as connection:
            row = desk.case(connection, client, case)
            place = place_of(connection, row.dwelling) if row.dwelling is not None else ""
        return desk.page(request, client, "notice", "collect.notice", place=place, url=f"{desk.base_url}/me")


def _acts(router: APIRouter, desk: Desk, may: Any) -> None:
    @router.post("/collect/cases/{case}/visit")
    def visit(request: Request, case: CaseId, client: may, form: Form) -> Response:
        given = visit_of(form, desk.casework.now())
        if isinstance(given, Again):
            return shown(desk, request, client, case, again=given, form=form)
        household = form.text("household") == "yes"
        done = desk.take(
            client,
            form,
            "/collect/tonight?done=visit",
            lambda connection: log(connection, desk, client, case, form.number("revision"), given, household=household),
        )
        return done if isinstance(done, Response) else shown(desk, request, client, case, again=done, form=form)

    @router.post("/collect/cases/{case}/act")
    def act(request: Request, case: CaseId, client: may, form: Form) -> Response:
        what = next((one for one in ACTS if one.value == form.text("act")), None)
        words = {one.value: one for one in Objection}
        word = words.get(form.text("objection")) if what is CaseAct.OBJECT else None
        wrong = {"note": "reason"} if what is CaseAct.HAND_BACK and not form.text("note") else {}
        wrong |= {"objection": "choose"} if what is CaseAct.OBJECT and word is None else {}
        if what is None or wrong:
            return shown(desk, request, client, case, again=Again(wrong or {"act": "choose"}), form=form)

        def does(connection: Connection) -> None:
            row = desk.case(connection, client, case, form.number("revision"))
            if what is CaseAct.COLLECT and row.kind != CaseKind.DEREGISTRATION:
                raise NotPossible("who lives here is collected with the form of the household")
            deed = deed_of(client, desk.casework, what, form.number("revision"), word=word, note=form.text("note"))
            act_on(connection, case, deed, desk.slips)
            judge_again(connection, desk.casework, case)

        done = desk.take(client, form, f"/collect/tonight?done={_DONE[what]}", does)
        return done if isinstance(done, Response) else shown(desk, request, client, case, again=done, form=form)


def shown(
    desk: Desk,
    request: Request,
    client: ApiClient,
    case: int,
    *,
    again: Again | None = None,
    form: Typed | None = None,
    revealed: dict[str, str] | None = None,
) -> HTMLResponse:
    """The page of a case; with what was wrong and what was typed, where something was."""
    with desk.database.read() as connection:
        row = desk.case(connection, client, case)
        facts = facts_of(desk, request, connection, row, form, again)
        together = len(rows.at_one_door(connection, row))
    can = possible(CaseState(row.state), kind=CaseKind(row.kind), actor=Actor(client.role), paused=row.paused)
    return desk.page(
        request,
        client,
        "case",
        facts["place"] or desk.say(request, "collect.no_room"),
        status=200 if again is None else again.status,
        revealed=revealed,
        together=together,
        can={one.value for one in can},
        now=worklists.moment(desk.casework.now()),
        companions=Companions(form),
        **facts,
    )


def revealed(desk: Desk, client: ApiClient, case: int, purpose: str) -> dict[str, str]:
    """Name and phone of whom a case is about, for one look; a reviewer also sees the number. The look is recorded.

    Raises:
        LookupError: there is no such case for them. NotPossible: it is a case of somebody else.
    """
    now = desk.casework.now()
    with desk.database.write() as connection:
        row = desk.case(connection, client, case)
        if row.person is None:
            raise LookupError("it is about nobody who is known")
        if client.role == "worker":
            mine = deputies.may_do(connection, row.community, client.name, row.collector or "", By("", now).today)
            if not mine:
                raise LookupError("there is no such case for them")
        who = Who(client.name, client.role, now)
        audit.note(connection, who, "reveal", f"persons/{row.person}", community=row.community, purpose=purpose)
        person = casefile.person(connection, row.person)
    said = {"name": desk.master.show("persons.name", person.name)}
    said["phone"] = desk.master.show("persons.phone", person.phone) if person.phone is not None else ""
    if client.role == "reviewer":
        said["number"] = desk.master.show("persons.number", person.number)
    return said
