"""The pages of the residents: search, and one of them with household and cards: lost, returned, replaced, ended."""

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.centre.api.residents import known_here, search
from gateway.centre.cards import STAFF_MONTHS, Cards, Ending
from gateway.centre.living import Left, Residency
from gateway.centre.pages.people.frame import Desk, room_of
from gateway.centre.presented import open_card
from gateway.settings import ApiClient
from gateway.store.queries import cards as card_rows
from gateway.store.queries import people, residents
from rules.cases import NotPossible
from rules.identity import BadNumber, canonical
from rules.model import Credential, CredentialKind, Role

ROWS = 50
Word = Annotated[str, Form(max_length=64)]
Asked = Annotated[str, Query(max_length=60)]
CARD_KINDS = ("wiegand-26", "wiegand-n", "card-uid", "em", "id-chip")


def make_residents_pages(desk: Desk) -> APIRouter:
    """The pages as a router."""
    router = APIRouter()
    _look(router, desk)
    _cards(router, desk, Cards(desk.master))
    _lives(router, desk, Cards(desk.master), Residency(desk.master))
    return router


def _look(router: APIRouter, desk: Desk) -> None:
    property_ = Annotated[ApiClient, Depends(desk.allowed)]

    @router.get("/gate/people/residents")
    def listed(
        request: Request,
        client: property_,
        name: Asked = "",
        building: Asked = "",
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    ) -> HTMLResponse:
        asked = {"name": name.strip(), "building": building.strip()}
        with desk.database.read() as connection:
            if asked["name"]:
                rows = search(connection, desk.master, client.scope, asked["name"], protected=False)
            else:
                rows = list(
                    residents.listed(
                        connection, client.scope, ROWS + 1, after, protected=False, building=asked["building"]
                    )
                )
        shown = [(row, room_of(row), desk.named(row), Role(row.role).name.lower()) for row in rows[:ROWS]]
        older = rows[ROWS - 1].id if len(rows) > ROWS else None
        return desk.sheet(
            request,
            "residents",
            "people.residents",
            rows=shown,
            after=after,
            older=older,
            wanted=asked["name"],
            building=asked["building"],
        )

    @router.get("/gate/people/residents/{person}")
    def one(request: Request, person: int, client: property_) -> HTMLResponse:
        return _person(desk, request, client, person)


def _cards(router: APIRouter, desk: Desk, cards: Cards) -> None:
    property_ = Annotated[ApiClient, Depends(desk.allowed)]

    @router.post("/gate/people/residents/{person}/cards")
    def issue(
        request: Request,
        person: int,
        client: property_,
        kind: Word = "",
        number: Word = "",
        swipe: Annotated[int | None, Form(ge=1, le=2**53)] = None,
        replaces: Annotated[int | None, Form(ge=1, le=2**53)] = None,
    ) -> Response:
        def act(connection: Connection) -> None:
            if swipe is not None:
                shown = open_card(connection, desk.master, desk.who(client), client.scope, swipe)
                credential = Credential(shown.kind, shown.number)
            else:
                chosen = CredentialKind(kind if kind in CARD_KINDS else CARD_KINDS[0])
                credential = Credential(chosen, canonical(chosen, number))
            cards.issue(connection, desk.by(client), client.scope, person, credential, replaces=replaces)

        return _acted(desk, request, client, person, act)

    @router.post("/gate/people/residents/{person}/cards/{card}/{what}")
    def change(request: Request, person: int, card: int, what: str, client: property_) -> Response:
        acts: dict[str, Callable[[Connection], None]] = {
            "lost": lambda c: cards.mark_lost(c, desk.by(client), client.scope, card, lost=True),
            "found": lambda c: cards.mark_lost(c, desk.by(client), client.scope, card, lost=False),
            "return": lambda c: cards.take_back(c, desk.by(client), client.scope, card),
        }
        if what not in acts:
            raise LookupError("there is no such act")

        def act(connection: Connection) -> None:
            row = card_rows.card(connection, client.scope, card)
            if row is None or row.person != person:
                raise LookupError("this card is not theirs")
            acts[what](connection)

        return _acted(desk, request, client, person, act)


def _lives(router: APIRouter, desk: Desk, cards: Cards, residency: Residency) -> None:
    property_ = Annotated[ApiClient, Depends(desk.allowed)]

    @router.post("/gate/people/residents/{person}/end")
    def end(
        request: Request, person: int, client: property_, why: Annotated[Ending, Form()], document: Word = ""
    ) -> Response:
        return _acted(
            desk,
            request,
            client,
            person,
            lambda c: cards.end(c, desk.by(client), client.scope, person, why, document),
        )

    @router.post("/gate/people/residents/{person}/moved-out")
    def moved_out(request: Request, person: int, client: property_, day: Annotated[date, Form()]) -> Response:
        def act(connection: Connection) -> None:
            if not date(2000, 1, 1) <= day <= desk.today():
                raise NotPossible("whoever has moved out has done so by today")
            residency.moved_out(connection, desk.by(client), client.scope, person, day, Left.DECLARED)

        return _acted(desk, request, client, person, act)

    @router.post("/gate/people/residents/{person}/confirm")
    def confirm(request: Request, person: int, client: property_, until: Annotated[date, Form()]) -> Response:
        return _acted(
            desk,
            request,
            client,
            person,
            lambda c: cards.confirm_staff(c, desk.by(client), client.scope, person, until),
        )


def _acted(
    desk: Desk, request: Request, client: ApiClient, person: int, act: Callable[[Connection], object]
) -> Response:
    """Do one act on somebody of this compound whom the property may see; the page with what is wrong, else anew."""
    try:
        with desk.database.write() as connection:
            known_here(connection, client.scope, person, client)
            act(connection)
    except (NotPossible, BadNumber) as error:
        return _person(desk, request, client, person, wrong=str(error))
    return desk.done(f"/gate/people/residents/{person}")


def _person(desk: Desk, request: Request, client: ApiClient, person: int, *, wrong: str = "") -> HTMLResponse:
    place = client.scope
    with desk.database.read() as connection:
        row = known_here(connection, place, person, client)
        cards = card_rows.cards_of(connection, place, person)
        home = people.dwelling_of(connection, place, (row.building, row.unit, row.room)) if row.room else None
        others = residents.household(connection, place, home) if home is not None else []
        shown_since = desk.now()
    household = [(one, desk.named(one)) for one in others if not one.protected]
    return desk.sheet(
        request,
        "person",
        "people.residents",
        status=409 if wrong else 200,
        wrong=wrong,
        row=row,
        who=desk.named(row),
        room=room_of(row),
        role=Role(row.role).name.lower(),
        cards=cards,
        household=household,
        kinds=[(one, desk.sheet.say(request, f"people.card_kind.{one}")) for one in CARD_KINDS],
        endings=[(one.value, desk.sheet.say(request, f"people.ending.{one.value}")) for one in Ending],
        since=shown_since,
        today=desk.today(),
        staff_months=STAFF_MONTHS,
    )
