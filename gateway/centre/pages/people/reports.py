"""The property's own reports, each to print: the day at the gates, visitors, devices, cards, and two templates."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection, Row
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.centre.desk import freshness
from gateway.centre.gate_acts import Handover, handover
from gateway.centre.pages.people.frame import Desk, day_of, room_of
from gateway.settings import ApiClient
from gateway.store.queries import desk as desk_rows
from gateway.store.queries import gate_acts, streams
from gateway.web.centre_view import Freshness

SHIFTS = 100
"""Hand-overs on the page: a month of three a day."""
KEPT_DAYS = 30
"""Passes are kept so long; of an older day there is nothing to report."""
PAPERS = ("confidentiality", "processing")
"""Templates: 保密承诺书 and 委托处理协议."""
Day = Annotated[date | None, Query()]


def make_reports(desk: Desk) -> APIRouter:
    """The pages as a router."""
    router = APIRouter()
    _of_a_day(router, desk)
    _of_the_desk(router, desk)
    _of_shifts(router, desk)
    return router


def _of_a_day(router: APIRouter, desk: Desk) -> None:
    property_ = Annotated[ApiClient, Depends(desk.allowed)]

    @router.get("/gate/people/reports")
    def reports(request: Request, client: property_) -> HTMLResponse:  # noqa: ARG001 - it says who may
        return desk.sheet(request, "reports", "people.reports", today=desk.today(), papers=PAPERS)

    @router.get("/gate/people/reports/day")
    def day(request: Request, client: property_, on: Day = None) -> HTMLResponse:
        shown = min(max(on or desk.today(), desk.today() - timedelta(days=KEPT_DAYS)), desk.today())
        with desk.database.read() as connection:
            rows = desk_rows.passes_between(connection, client.scope, *day_of(shown))
        oldest = desk.today() - timedelta(days=KEPT_DAYS)
        hands = _by_hand(rows)
        portals = _by_portal(rows)
        return desk.sheet(
            request, "day", "people.day", rows=portals, hands=hands, on=shown, oldest=oldest, today=desk.today()
        )

    @router.get("/gate/people/reports/visitors")
    def visitors(request: Request, client: property_, since: Day = None, upto: Day = None) -> HTMLResponse:
        first, last = _period(desk, since, upto)
        with desk.database.read() as connection:
            begins, ends = day_of(first, (last - first).days + 1)
            rows = desk_rows.visits_between(connection, client.scope, begins, ends)
        return desk.sheet(request, "visits", "people.visits", rows=rows, since=first, upto=last, today=desk.today())


def _of_the_desk(router: APIRouter, desk: Desk) -> None:
    property_ = Annotated[ApiClient, Depends(desk.allowed)]

    @router.get("/gate/people/reports/cards")
    def cards(request: Request, client: property_, since: Day = None, upto: Day = None) -> HTMLResponse:
        first, last = _period(desk, since, upto)
        with desk.database.read() as connection:
            rows = desk_rows.cards_between(connection, client.scope, first, last)
        shown = [act for row in rows for act in _acts(row, first, last)]
        shown.sort(key=lambda one: one[0])
        return desk.sheet(request, "cards", "people.cards", rows=shown, since=first, upto=last, today=desk.today())

    @router.get("/gate/people/reports/devices")
    def devices(request: Request, client: property_) -> HTMLResponse:
        with desk.database.read() as connection:
            rows = _faults(connection, client.scope, desk.now())
        return desk.sheet(request, "devices", "people.devices", rows=rows, at=_moment(desk.now()))

    @router.get("/gate/people/reports/papers/{paper}")
    def paper(request: Request, paper: str, client: property_) -> HTMLResponse:  # noqa: ARG001 - it says who may
        if paper not in PAPERS:
            raise LookupError("there is no such template")
        return desk.sheet(request, "paper", f"people.paper.{paper}", paper=paper)


def _of_shifts(router: APIRouter, desk: Desk) -> None:
    property_ = Annotated[ApiClient, Depends(desk.allowed)]

    def page(request: Request, client: ApiClient, shown: int = 0, said: Handover | None = None) -> HTMLResponse:
        with desk.database.read() as connection:
            rows = gate_acts.listed(connection, client.scope, state="", kind="handover", limit=SHIFTS, before=None)
        return desk.sheet(request, "shifts", "people.shifts", rows=rows, shown=shown, said=said)

    @router.get("/gate/people/reports/shifts")
    def shifts(request: Request, client: property_) -> HTMLResponse:
        return page(request, client)

    @router.post("/gate/people/reports/shifts/{number}")
    def read(request: Request, number: int, client: property_) -> HTMLResponse:
        with desk.database.write() as connection:
            said = handover(connection, desk.master, desk.who(client), client.scope, number)
        return page(request, client, number, said)


def _period(desk: Desk, since: date | None, upto: date | None) -> tuple[date, date]:
    """The days asked for, at most a year of them; this month where nothing is asked."""
    last = min(upto or desk.today(), desk.today())
    first = min(since or last.replace(day=1), last)
    return max(first, last - timedelta(days=366)), last


def _by_portal(rows: Sequence[Row[Any]]) -> list[tuple[str, Counter[str]]]:
    found: dict[str, Counter[str]] = {}
    for row in rows:
        counts = found.setdefault(row.portal, Counter())
        counts[row.direction] += row.times
        counts["hand" if row.by_hand else row.verdict] += row.times
    return sorted(found.items())


def _by_hand(rows: Sequence[Row[Any]]) -> list[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for row in rows:
        if row.by_hand:
            counts[row.by_hand] += row.times
    return counts.most_common()


def _acts(row: Row[Any], first: date, last: date) -> list[tuple[date, str, str, str]]:
    """What was done with a card in those days: day, act, kind and room."""
    found = []
    if row.issued_on is not None and first <= row.issued_on <= last:
        found.append((row.issued_on, "replaced" if row.replaces else "issued", row.kind, room_of(row)))
    if row.returned_on is not None and first <= row.returned_on <= last:
        found.append((row.returned_on, "returned", row.kind, room_of(row)))
    return found


def _faults(connection: Connection, community: str, now: int) -> list[tuple[str, str, str, datetime | None]]:
    """What is not well: station, device ("" for the station), ok's opposite as a code, when it was heard last."""
    found = []
    for row in streams.stations(connection):
        if row.community != community or row.revoked_at is not None:
            continue
        heard = _moment(row.heard_at) if row.heard_at is not None else None
        if freshness(row, now / 1000) is Freshness.UNKNOWN:
            found.append((row.name, "", "silent", heard))
            continue
        devices = [one for one in (row.status or {}).get("devices", []) if not one["up"] or one.get("trouble")]
        found += [(row.name, one["id"], one.get("trouble") or "down", heard) for one in devices]
    return found


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
