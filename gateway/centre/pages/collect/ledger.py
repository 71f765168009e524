"""The month's ledger as a page, on paper and as Excel, its columns in the order that one's own ledger has."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.centre import audit
from gateway.centre.api.access import Access
from gateway.centre.audit import Who
from gateway.centre.lists import writing
from gateway.centre.pages.collect.desk import Desk
from gateway.centre.pages.collect.tonight import COLLECTORS, Form
from gateway.centre.pages.typed import whole
from gateway.centre.workbook import COLUMNS, Line, after, lines, month_of, order_of
from gateway.settings import ApiClient

COOKIE = "xq_ledger"
SHOWN = 300
"""Lines on a page, the newest of the month; the file has all."""
_YEAR_S = 365 * 86_400


def make_ledger(desk: Desk, access: Access) -> APIRouter:
    """The pages as a router."""
    router = APIRouter()
    allowed = access.page(*COLLECTORS)
    may = Annotated[ApiClient, Depends(allowed)]

    @router.get("/collect/ledger")
    def ledger(request: Request, client: may, month: str = "") -> Response:
        first, order = month_of(month, desk.casework.today()), order_of(request.cookies.get(COOKIE, ""))
        every = _lines(desk, client, first)
        texts = [_texts(desk, request, one, order) for one in every[-SHOWN:]]
        before = first.replace(year=first.year - (first.month == 1), month=(first.month - 2) % 12 + 1)
        return desk.page(
            request,
            client,
            "ledger",
            "collect.ledger",
            month=f"{first:%Y-%m}",
            before=f"{before:%Y-%m}",
            following=f"{after(first):%Y-%m}" if after(first) <= desk.casework.today() else "",
            heads=[desk.say(request, f"collect.column.{name}") for name in order],
            rows=texts,
            count=len(every),
            order=order,
            places={name: order.index(name) + 1 if name in order else 0 for name in COLUMNS},
        )

    @router.post("/collect/ledger", dependencies=[Depends(allowed)])
    def arrange(form: Form) -> Response:
        places = {name: whole(form.text(f"place-{name}", 2)) for name in COLUMNS}
        order = sorted((name for name in COLUMNS if places[name]), key=lambda name: (places[name], COLUMNS.index(name)))
        response = RedirectResponse("/collect/ledger", 303)
        response.set_cookie(
            COOKIE, ",".join(order), max_age=_YEAR_S, httponly=True, samesite="strict", path="/collect/ledger"
        )
        return response

    @router.get("/collect/ledger/export")
    def export(request: Request, client: may, month: str = "") -> Response:
        first, order = month_of(month, desk.casework.today()), order_of(request.cookies.get(COOKIE, ""))
        with desk.database.write() as connection:
            who = Who(client.name, client.role, desk.casework.now())
            audit.note(connection, who, "export", f"ledger/{first:%Y-%m}", community=client.scope, purpose="ledger")
        heads = [desk.say(request, f"collect.column.{name}") for name in order]
        rows = [_texts(desk, request, one, order) for one in _lines(desk, client, first)]
        book = writing.pages([(desk.say(request, "collect.ledger.sheet", month=f"{first:%Y-%m}"), [heads, *rows])])
        named = {"Content-Disposition": f'attachment; filename="ledger-{first:%Y-%m}.xlsx"'}
        return Response(book, media_type=writing.EXCEL, headers=named)

    return router


def _lines(desk: Desk, client: ApiClient, month: date) -> list[Line]:
    who = "" if client.role == "reviewer" else client.name
    with desk.database.read() as connection:
        return lines(connection, desk.master, client.scope, month, who=who)


def _texts(desk: Desk, request: Request, one: Line, order: tuple[str, ...]) -> list[str]:
    """A line in the language of the request."""
    say = desk.say
    values = {
        "at": f"{one.at:%Y-%m-%d %H:%M}",
        "what": say(request, f"collect.event.{'visit' if one.what in ('met', 'not_met') else one.what}"),
        "building": one.building,
        "unit": one.unit,
        "room": one.room,
        "name": one.name,
        "kind": say(request, f"case.kind.{one.kind}"),
        "source": say(request, f"case.source.{one.source}"),
        "result": _result(desk, request, one),
        "came": "、".join(say(request, f"collect.role.{role}") for role in one.roles),
        "notice": say(request, "collect.notice_left") if one.notice else "",
        "appointment": f"{one.appointment:%Y-%m-%d %H:%M}" if one.appointment else "",
        "state": say(request, f"case.state.{one.state}"),
        "due": one.due.isoformat() if one.due else "",
        "case": str(one.case),
        "who": one.who,
    }
    return [values[name] for name in order]


def _result(desk: Desk, request: Request, one: Line) -> str:
    if one.what == "met":
        return desk.say(request, "collect.met")
    return desk.say(request, "collect.not_met", n=one.attempt or 1) if one.what == "not_met" else ""
