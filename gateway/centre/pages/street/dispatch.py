"""The street's first page: what is overdue or has nobody, who is sent there, and slips that it decides."""

from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre import oversight
from gateway.centre.api.access import Access, within
from gateway.centre.api.cases import deed_of, judge_again, seen
from gateway.centre.deskwork import act_on
from gateway.centre.oversight import WHICH
from gateway.centre.pages.street.desk import Desk
from gateway.centre.pages.typed import Typed, typed, whole
from gateway.centre.slips import Stale
from gateway.settings import ApiClient
from gateway.store.queries import accounts, casefile
from gateway.store.queries import oversight as rows
from rules.cases import CaseAct, NotPossible
from rules.identity import mask_name

DONE = ("sent_to", "slip_sent", "slip_withdrawn")
Form = Annotated[Typed, Depends(typed)]


def make_dispatch(desk: Desk, access: Access) -> APIRouter:
    """The pages as a router."""
    router = APIRouter()
    may = Annotated[ApiClient, Depends(access.page("street"))]

    @router.get("/street")
    def first(request: Request, client: may, which: str = "") -> HTMLResponse:
        return shown(desk, request, client, which)

    @router.post("/street/dispatch")
    def dispatch(request: Request, client: may, form: Form) -> Response:
        which, to, place = form.text("which", 12), form.text("to", 64), form.text("community", 40)
        within(client, place)
        with desk.database.read() as connection:
            known = {name for name, _, _ in accounts.workers(connection, [place])}
        chosen = [(whole(one.partition(":")[0]), whole(one.partition(":")[2])) for one in form.all("case")]
        if to not in known or not chosen:
            errors = {"to": desk.say(request, "street.choose" if to not in known else "street.choose_cases")}
            ticked = {number for number, _ in chosen}
            return shown(desk, request, client, which, status=422, errors=errors, wrong=place, ticked=ticked, to=to)
        lost = {number for number, revision in chosen if not _sent(desk, client, place, number, revision, to)}
        desk.changed()
        if lost:
            done = len(chosen) - len(lost)
            return shown(
                desk, request, client, which, status=409, why_not=(done, len(lost)), wrong=place, ticked=lost, to=to
            )
        return RedirectResponse(f"/street?which={which if which in WHICH else ''}&done=sent_to", 303)

    _slips(router, desk, may)
    return router


def _sent(desk: Desk, client: ApiClient, place: str, case: int, revision: int, to: str) -> bool:
    """Give a case to a grid worker; whether it was as it had been shown."""
    deed = deed_of(client, desk.casework, CaseAct.ASSIGN, revision, to=to)
    try:
        with desk.database.write() as connection:
            if seen(connection, client, case).community != place:
                return False
            act_on(connection, case, deed, desk.slips)
            judge_again(connection, desk.casework, case)
    except (Stale, NotPossible, LookupError):
        return False
    return True


def _slips(router: APIRouter, desk: Desk, may: Any) -> None:
    @router.post("/street/slips/{slip}")
    def decide(request: Request, slip: str, client: may, form: Form) -> Response:
        what, why = form.text("do"), form.text("why")
        if what not in ("send", "withdraw") or (what == "withdraw" and not why):
            errors = {f"why-{slip}": desk.say(request, "street.reason")}
            return shown(desk, request, client, "", status=422, errors=errors)
        try:
            with desk.database.write() as connection:
                _decide(connection, desk, client, slip, form.number("revision"), "" if what == "send" else why)
        except (Stale, NotPossible):
            return shown(desk, request, client, "", status=409, why_not=(0, 1))
        desk.changed()
        return RedirectResponse(f"/street?done={'slip_sent' if what == 'send' else 'slip_withdrawn'}", 303)


def _decide(connection: Connection, desk: Desk, client: ApiClient, slip: str, revision: int, why: str) -> None:
    row = casefile.alert(connection, slip)
    if row is None:
        raise LookupError("there is no such slip")
    seen(connection, client, row.case)
    if row.level != "street":
        raise NotPossible("the community decides it")
    now = desk.casework.now()
    if why:
        desk.slips.withdraw(connection, slip, revision, actor=client.name, why=why, now=now)
    else:
        desk.slips.send(connection, slip, revision, actor=client.name, now=now)


def shown(
    desk: Desk,
    request: Request,
    client: ApiClient,
    which: str,
    *,
    status: int = 200,
    errors: dict[str, str] | None = None,
    why_not: tuple[int, int] | None = None,
    wrong: str = "",
    ticked: set[int] | None = None,
    to: str = "",
) -> HTMLResponse:
    """The page; with what was wrong and what was chosen, where something was."""
    which, today = which if which in WHICH else "", desk.casework.today()
    with desk.database.read() as connection:
        places = desk.places(connection, client)
        counts = rows.counts(connection, list(places), today)
        jobs = oversight.jobs(connection, desk.master, list(places), today, which)
        workers = accounts.workers(connection, list(places))
        slips = [
            (row, mask_name(desk.master.show("persons.name", row.name)) if row.name is not None else "")
            for row in rows.slips(connection, list(places))
        ]
    done = request.query_params.get("done", "")
    groups = [(place, list(same)) for place, same in groupby(jobs, key=lambda one: one.community)]
    return desk.page(
        request,
        client,
        "dispatch",
        "street.dispatch",
        status=status,
        places=places,
        counts=counts,
        sums={name: sum(getattr(row, name) for row in counts.values()) for name in ("open", *WHICH)},
        which=which,
        groups=groups,
        workers={place: [(name, said) for name, said, where in workers if where == place] for place in places},
        slips=slips,
        done=done if done in DONE else "",
        why_not=why_not,
        wrong=wrong,
        ticked=ticked or set(),
        to=to,
        **({"errors": errors} if errors else {}),
    )
