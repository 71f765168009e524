"""What a guard looks up and hands on: search over today's passes, the hand-over of the shift, the report of a day."""

import logging
import queue
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.station.commands import BY_COMMAND
from gateway.station.console.attends import key_of
from gateway.station.console.feed import GateFeed
from gateway.station.console.report import Figures, figures
from gateway.station.console.view import ConsoleDesk, Health, Shown, Visitor
from gateway.station.door import Happening
from gateway.station.shifts import Handover
from gateway.web.page import lang_of
from gateway.wire import SwipeRecord
from rules.model import CIVIL, CredentialKind, Direction, Reason, Verdict

log = logging.getLogger(__name__)

FOUND = 100
"""Passes on a page of the search."""
DAYS = 3
"""Days of which a report is offered: as long as the station keeps what the centre has, unless it is told otherwise."""
SHIFTS = 14
LONGEST_SHIFT = timedelta(days=3)
LONGEST_NAME = 20
LONGEST_NOTE = 500
BY_HAND = "by_hand"
_VISITORS = {visitor.value: visitor for visitor in Visitor}


def make_papers(desk: ConsoleDesk, gate: GateFeed) -> APIRouter:
    """The router."""
    router, papers = APIRouter(), Papers(desk, gate)
    _search(router, papers)
    _shift(router, papers)
    _day(router, papers)
    return router


@dataclass(frozen=True, slots=True)
class Papers:
    """What the pages have in common."""

    desk: ConsoleDesk
    gate: GateFeed

    def page(self, request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        after = self.gate.feed.last_id
        recent = self.desk.recent(1)
        shown: dict[str, Any] = {
            "state": self.desk.state(),
            "rows": recent,
            "after": after,
            "now": self.gate.now(),
            "key_of": key_of,
        }
        shown |= {"has_pin": self.desk.lock.has_pin}
        return self.gate.pages.html(request, template, status=status, **shown, **values)

    def figures(self, since: datetime, until: datetime) -> tuple[Figures, bool]:
        """The figures of a stretch of time, and whether all of it could be read."""
        try:
            with closing(self.desk.records(_ms(since), _ms(until))) as found:
                return figures(found), True
        except sqlite3.Error:
            return Figures(), False

    def today(self) -> date:
        return self.gate.now().astimezone(CIVIL).date()


def _search(router: APIRouter, papers: Papers) -> None:
    @router.get("/gate/search")
    def search(
        request: Request,
        q: Annotated[str, Query(max_length=60)] = "",
        portal: Annotated[str, Query(max_length=64)] = "",
        verdict: Annotated[str, Query(max_length=16)] = "",
    ) -> HTMLResponse:
        """Today's passes that have all the words of `q` in what the page says of them."""
        words, lang = q.casefold().split(), lang_of(request)
        names = {view.id: view.name for view in papers.desk.state().portals}
        found: list[tuple[Shown, str]] = []
        readable = True
        try:
            with closing(papers.desk.records(_ms(_start(papers.today())), _ms(papers.gate.now()) + 1)) as records:
                for record in records:
                    if _fits(record, portal, verdict) and (shown := _shown(record, names)) is not None:
                        said = _said(papers, lang, shown, record.dwelling or "")
                        if all(word in said for word in words):
                            found.append((shown, record.dwelling or ""))
                    if len(found) > FOUND:
                        break
        except sqlite3.Error:
            readable = False
        asked = {"q": q, "portal": portal, "verdict": verdict}
        return papers.page(
            request, "gate/search.html", found=found[:FOUND], more=len(found) > FOUND, readable=readable, asked=asked
        )


def _shift_page(papers: Papers, request: Request, status: int = 200, **over: Any) -> HTMLResponse:
    since, until = _began(papers), papers.gate.now()
    sums, readable = papers.figures(since, until)
    values: dict[str, Any] = {"since": since, "sums": sums.flat(), "readable": readable, "errors": {}}
    values |= {"typed": {"by": "", "to": "", "note": ""}, "past": _past(papers.desk)}
    values |= {"troubles": _troubles(papers.desk), "waiting": len(papers.gate.waiting())}
    return papers.page(request, "gate/shift.html", status=status, **(values | over))


def _shift(router: APIRouter, papers: Papers) -> None:
    desk = papers.desk

    @router.get("/gate/shift")
    def shift(request: Request) -> HTMLResponse:
        return _shift_page(papers, request)

    @router.post("/gate/shift")
    def hand_over(
        request: Request,
        by: Annotated[str, Form(max_length=LONGEST_NAME)] = "",
        to: Annotated[str, Form(max_length=LONGEST_NAME)] = "",
        note: Annotated[str, Form(max_length=LONGEST_NOTE)] = "",
    ) -> Response:
        typed = {"by": by.strip(), "to": to.strip(), "note": note.strip()}
        missing = [name for name in ("by", "to") if not typed[name]]
        if missing:
            says = papers.gate.pages.texts.get(lang_of(request), "paper.name_needed")
            return _shift_page(papers, request, 422, typed=typed, errors=dict.fromkeys(missing, says))
        since, now = _began(papers), papers.gate.now()
        sums, _ = papers.figures(since, now)
        said = (typed["by"], typed["to"], typed["note"])
        handover = Handover(_ms(now), _ms(since), *said, sums.flat(), _troubles(desk))
        try:
            number = _kept(desk, handover)
        except (sqlite3.Error, OSError):
            says = papers.gate.pages.texts.get(lang_of(request), "paper.not_kept")
            return _shift_page(papers, request, 503, typed=typed, errors={"note": says})
        return RedirectResponse(f"/gate/shift/{number}", 303)

    @router.get("/gate/shift/{number}")
    def handover(request: Request, number: int) -> HTMLResponse:
        try:
            found = desk.shifts.found(number)
        except (sqlite3.Error, OSError):
            raise HTTPException(503) from None
        if found is None:
            raise HTTPException(404)
        return papers.page(request, "gate/handover.html", one=found)


def _kept(desk: ConsoleDesk, handover: Handover) -> int:
    """Keep a hand-over here and pass it on to the centre; its number. Raises as `Shifts`."""
    number = desk.shifts.add(handover)
    try:
        desk.acts.hand_over(handover.since, handover.by, handover.to, handover.note)
    except (queue.Full, LookupError):
        log.warning("hand-over %d is kept here and was not passed on to the centre", number)
    return number


def _day(router: APIRouter, papers: Papers) -> None:
    @router.get("/gate/day")
    def day(request: Request, on: date | None = None) -> HTMLResponse:
        today = papers.today()
        chosen = on or today
        if not today - timedelta(days=DAYS) < chosen <= today:
            raise HTTPException(404)
        since, until = _start(chosen), _start(chosen + timedelta(days=1))
        sums, readable = papers.figures(since, until)
        doors: dict[tuple[str, Happening], int] = {}
        try:
            doors = papers.desk.door_counts(_ms(since), _ms(until))
        except (sqlite3.Error, OSError):
            readable = False
        shifts = [one for one in _past(papers.desk) if _ms(since) <= one.at < _ms(until)]
        days = [today - timedelta(days=n) for n in range(DAYS)]
        return papers.page(
            request,
            "gate/day.html",
            on=chosen,
            days=days,
            sums=sums,
            doors=doors,
            readable=readable,
            shifts=shifts,
            visitors=tuple(Visitor),
        )


def _began(papers: Papers) -> datetime:
    """When the shift began: at the last hand-over, else with the day; three days ago at most."""
    past, now = _past(papers.desk), papers.gate.now()
    began = datetime.fromtimestamp(past[0].at / 1000, CIVIL) if past else _start(papers.today())
    return max(began, now - LONGEST_SHIFT)


def _past(desk: ConsoleDesk) -> list[Handover]:
    try:
        return desk.shifts.recent(SHIFTS)
    except (sqlite3.Error, OSError):
        return []


def _troubles(desk: ConsoleDesk) -> list[str]:
    """The devices that are not well, by the names that people at the gate know."""
    return [one.name or one.id for one in desk.state().devices if one.health is not Health.OK]


def _fits(record: SwipeRecord, portal: str, verdict: str) -> bool:
    if not record.passed or (portal and record.portal != portal):
        return False
    if verdict == BY_HAND:
        return record.by_hand is not None
    return not verdict or (record.verdict == verdict and record.by_hand is None)


def _shown(record: SwipeRecord, names: dict[str, str]) -> Shown | None:
    """A record as the page shows it; None of one whose words this version does not know."""
    try:
        return Shown(
            epoch="found",
            seq=record.seq,
            at=datetime.fromtimestamp(record.at / 1000, CIVIL),
            portal=record.portal,
            portal_name=names.get(record.portal, record.portal),
            reader=record.reader,
            direction=Direction(record.direction),
            kind=CredentialKind(record.kind) if record.kind else None,
            verdict=Verdict(record.verdict),
            reasons=tuple(Reason(reason) for reason in record.reasons),
            recorded=record.recorded,
            answered=_VISITORS.get(record.by_hand or ""),
            by_command=record.by_hand == BY_COMMAND,
        )
    except ValueError:
        return None


def _said(papers: Papers, lang: str, shown: Shown, dwelling: str) -> str:
    """All words of a row, to be searched."""
    who = () if shown.answered is None else (f"visitor.{shown.answered.value}",)
    keys = (
        f"verdict.{shown.verdict.value}",
        f"why.{shown.reasons[0].value}",
        f"direction.{shown.direction.value}",
        *who,
    )
    kind = () if shown.kind is None else (f"kind.{shown.kind.value}",)
    words = [papers.gate.pages.texts.get(lang, key) for key in (*keys, *kind)]
    return " ".join((f"{shown.at:%H:%M}", shown.portal_name, dwelling, *words)).casefold()


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), CIVIL)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
