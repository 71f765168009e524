"""A case as a reviewer sees it: who and where, masked, what the collection changed, what was done, what can be done."""

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.centre import deskwork, differences
from gateway.centre.differences import Difference
from gateway.centre.pages.collect.desk import Again, Desk
from gateway.centre.pages.collect.facts import facts_of, place_of
from gateway.centre.pages.typed import Typed
from gateway.settings import ApiClient
from gateway.store.queries import accounts, casefile
from rules.cases import Actor, CaseAct, CaseState, Dismissal, NotPossible, may_review, possible
from rules.model import CaseKind

ACTS = (
    CaseAct.REVIEW,
    CaseAct.CONFIRM,
    CaseAct.FILE,
    CaseAct.RETURN,
    CaseAct.RESOLVE,
    CaseAct.ASSIGN,
    CaseAct.HAND_BACK,
    CaseAct.DISMISS,
)
"""What a reviewer does here, in the order of the page. What is left out has a form of its own."""


def names_of(connection: Connection, community: str) -> dict[str, str]:
    """Grid workers of a community by their accounts."""
    return {name: shown for name, shown, _ in accounts.workers(connection, [community])}


def shown(
    desk: Desk,
    request: Request,
    client: ApiClient,
    case: int,
    *,
    again: Again | None = None,
    form: Typed | None = None,
    revealed: dict[str, str] | None = None,
    differing: list[Difference] | None = None,
) -> HTMLResponse:
    """The page of a case for its review; with what was wrong and what was typed, where something was."""
    with desk.database.read() as connection:
        row = desk.case(connection, client, case)
        facts = facts_of(desk, request, connection, row, form, again)
        events = casefile.events(connection, case)
        slip = casefile.open_alert_of(connection, case)
        workers = names_of(connection, row.community)
        own = not may_review(client.name, deskwork.collectors(connection, case))
        if differing is None:
            differing = _masked(connection, desk, case)
        homes = _homes(connection, differing)
    can = possible(CaseState(row.state), kind=CaseKind(row.kind), actor=Actor.REVIEWER, paused=row.paused)
    return desk.page(
        request,
        client,
        "review_case",
        facts["place"] or desk.say(request, "collect.no_room"),
        status=200 if again is None else again.status,
        revealed=revealed,
        differing=differing,
        homes=homes,
        events=events,
        slip=slip,
        workers=list(workers.items()),
        own=own,
        can=[one.value for one in ACTS if one in can],
        receipt=CaseState(row.state) is CaseState.FILED and not own,
        today=desk.casework.today(),
        dismissals=[(one.value, desk.say(request, f"collect.dismissal.{one.value}")) for one in Dismissal],
        **facts,
    )


def _masked(connection: Connection, desk: Desk, case: int) -> list[Difference]:
    try:
        return [differences.masked(one) for one in differences.found(connection, desk.master, case)]
    except NotPossible:
        return []


def _homes(connection: Connection, differing: list[Difference]) -> dict[str, str]:
    """Dwellings that the differences name by number, as one says them."""
    numbers = {text for one in differing if one.name == "dwelling" for text in (one.before, one.after) if text}
    return {text: place_of(connection, int(text)) for text in numbers}
