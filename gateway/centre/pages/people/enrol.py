"""The page that enrols somebody: a card laid on any reader, or its number typed; who they are and where they live."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Query
from pydantic import BaseModel, StringConstraints
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre import rooms
from gateway.centre.imports import Imports
from gateway.centre.pages.people.frame import Desk
from gateway.centre.persons import Persons
from gateway.centre.presented import SHOWN_MS, Presented, open_card
from gateway.centre.register import EnrolmentEntry
from gateway.settings import ApiClient
from gateway.store.queries import desk as desk_rows
from rules.identity import BadNumber, canonical
from rules.model import CredentialKind, Role

SHOWN = 5
"""So many cards are offered at once."""
PERSON_KINDS = ("citizen-id", "pr-2017")
ROLES = ("resident", "guest", "staff")
CATEGORIES = ("unknown", "hukou", "lodging", "floating", "foreign", "hmt", "no_hukou")
_Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Typed(BaseModel):
    """The form as it was filled in."""

    swipe: str = ""
    kind: Literal["citizen-id", "pr-2017"] = "citizen-id"
    number: _Text = ""
    name: _Text = ""
    role: Literal["resident", "guest", "staff"] = "resident"
    category: Literal["unknown", "hukou", "lodging", "floating", "foreign", "hmt", "no_hukou"] = "unknown"
    building: _Short = ""
    unit: _Short = ""
    room: _Short = ""
    since: str = ""
    until: str = ""


def make_enrol(desk: Desk, imports: Imports) -> APIRouter:
    """The page as a router."""
    router = APIRouter()
    property_ = Annotated[ApiClient, Depends(desk.allowed)]

    @router.get("/gate/people/enrol")
    def blank(request: Request, client: property_) -> HTMLResponse:
        return _form(desk, request, client, Typed(since=desk.today().isoformat()), {}, desk.now())

    @router.get("/gate/people/shown")
    def shown(request: Request, client: property_, since: Annotated[int, Query(ge=0, le=2**53)]) -> HTMLResponse:
        """The cards that were shown since the page is there, for the page itself."""
        return desk.sheet.part(request, "shown", cards=_shown(desk, client, since), since=since)

    @router.post("/gate/people/enrol")
    def enrol(
        request: Request,
        client: property_,
        typed: Annotated[Typed, Form()],
        began: Annotated[int, Query(ge=0, le=2**53)] = 0,
    ) -> Response:
        try:
            entry = _entry(desk, client, typed)
            with desk.database.read() as connection:
                building, unit, room = _home(connection, client.scope, typed)
            entry = replace(entry, building=building, unit=unit, room=room)
        except _Wrong as error:
            return _form(desk, request, client, typed, {error.field: error.code}, began)
        taken, bad = imports.enrol(desk.by(client), client.scope, [entry])
        if not taken:
            return _form(desk, request, client, typed, {"number": "not_taken"}, began, detail=bad[0].problem)
        desk.changed()
        with desk.database.read() as connection:
            person = Persons(desk.master).find(connection, entry.kind, canonical(entry.kind, entry.number))
        return RedirectResponse(f"/gate/people/residents/{person}", 303)

    return router


class _Wrong(Exception):
    """What is wrong with a field of the form: its name and a code."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(field, code)
        self.field, self.code = field, code


def _entry(desk: Desk, client: ApiClient, typed: Typed) -> EnrolmentEntry:
    card = _card(desk, client, typed.swipe) if typed.swipe else None
    own = card is not None and card.kind.value in PERSON_KINDS
    kind, number = (card.kind, card.number) if card and own else (CredentialKind(typed.kind), typed.number)
    name = typed.name or (card.name if card and own else "")
    if not name:
        raise _Wrong("name", "needed")
    try:
        number = canonical(kind, number)
    except BadNumber as error:
        raise _Wrong("number", f"number_{error.problem.value}" if number else "needed") from None
    since, until = _day("since", typed.since), _day("until", typed.until) if typed.until else None
    if until is not None and until < since:
        raise _Wrong("until", "ends_before")
    if typed.role == "resident" and not typed.room:
        raise _Wrong("room", "needed")
    return EnrolmentEntry(
        kind,
        number,
        name,
        since,
        category=typed.category,
        role=Role[typed.role.upper()],
        until=until,
        building=typed.building,
        unit=typed.unit,
        room=typed.room,
        cards=((card.kind, card.number),) if card and not own else (),
    )


def _card(desk: Desk, client: ApiClient, swipe: str) -> Presented:
    try:
        with desk.database.write() as connection:
            return open_card(connection, desk.master, desk.who(client), client.scope, int(swipe[:16]))
    except (LookupError, ValueError):
        raise _Wrong("swipe", "not_shown") from None


def _home(connection: Connection, community: str, typed: Typed) -> rooms.Place:
    """The dwelling as the register writes it; blank for none."""
    if not typed.room:
        return ("", "", "")
    meant = rooms.found(connection, community, typed.building, typed.unit, typed.room)
    if meant is None:
        raise _Wrong("room", "unknown_dwelling")
    return meant[0]


def _day(field: str, text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise _Wrong(field, "not_a_date") from None
    if not date(1950, 1, 1) <= found <= date(2100, 1, 1):
        raise _Wrong(field, "impossible_date")
    return found


def _shown(desk: Desk, client: ApiClient, since: int) -> list[Any]:
    with desk.database.read() as connection:
        return list(desk_rows.shown_cards(connection, client.scope, max(since, desk.now() - SHOWN_MS), SHOWN))


def _form(
    desk: Desk,
    request: Request,
    client: ApiClient,
    typed: Typed,
    wrong: dict[str, str],
    began: int,
    *,
    detail: str = "",
) -> HTMLResponse:
    say = desk.sheet.say
    errors = {
        field: say(request, f"people.wrong.{code}" if code == "not_shown" else f"lists.row.{code}")
        for field, code in wrong.items()
    }
    return desk.sheet(
        request,
        "enrol",
        "people.enrol",
        status=422 if wrong else 200,
        typed=typed,
        errors=errors,
        detail=detail,
        since=began or desk.now(),
        cards=_shown(desk, client, began) if began else [],
        kinds=[(one, say(request, f"kind.{one}")) for one in PERSON_KINDS],
        roles=[(one, say(request, f"people.role.{one}")) for one in ROLES],
        categories=[(one, say(request, f"people.category.{one}")) for one in CATEGORIES],
    )
