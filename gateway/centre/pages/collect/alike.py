"""Records that may be of one person, on the reviewer's pages: compared, made one, parted again."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.centre import audit
from gateway.centre.api.access import Access
from gateway.centre.api.names import masked
from gateway.centre.audit import Who
from gateway.centre.merging import Merging
from gateway.centre.pages.collect.declared import Number
from gateway.centre.pages.collect.desk import Again, Desk
from gateway.centre.pages.collect.facts import place_of
from gateway.centre.pages.collect.tonight import Form
from gateway.centre.pages.typed import Typed
from gateway.settings import ApiClient
from gateway.store.queries import casefile, homes, merging, names, people
from gateway.store.queries.history import By
from rules.identity import mask, mask_name, mask_phone
from rules.known import covers
from rules.model import CredentialKind, Registration

MOST = 50
WHY = ("phone", "dwelling")
WORDS = tuple(f"alike.why.{one}" for one in WHY)


@dataclass(frozen=True, slots=True)
class Record:
    """What is shown of somebody's record beside another's."""

    id: int
    kind: str
    name: str = field(repr=False)
    number: str = field(repr=False)
    phone: str = field(repr=False)
    home: str
    registered: bool
    cards: int


def make_alike_pages(desk: Desk, access: Access) -> APIRouter:
    """The pages as a router."""
    router = APIRouter(prefix="/collect")
    may = Annotated[ApiClient, Depends(access.page("reviewer"))]
    merging_ = Merging(desk.master)
    _listing(router, desk, merging_, may)
    _pair(router, desk, may)
    _decided(router, desk, merging_, may)
    return router


def _listing(router: APIRouter, desk: Desk, merging_: Merging, may: Any) -> None:
    @router.get("/twins")
    def twins(request: Request, client: may) -> HTMLResponse:
        return _twins(desk, request, client, merging_)

    @router.post("/merges/{number}/undo")
    def undo(request: Request, number: Number, client: may, form: Form) -> Response:
        def does(connection: Connection) -> None:
            merging_.undo_here(connection, By(client.name, desk.casework.now()), client.scope, number)

        done = desk.take(client, form, "/collect/twins?done=parted", does)
        if isinstance(done, Again):
            return _twins(desk, request, client, merging_, again=done)
        desk.register_changed()
        return done


def _twins(
    desk: Desk, request: Request, client: ApiClient, merging_: Merging, *, again: Again | None = None
) -> HTMLResponse:
    with desk.database.read() as connection:
        pairs = merging_.twins(connection, client.scope)
        found = [
            (one, *(_record(desk, connection, client.scope, of) for of in (one.first, one.second)))
            for one in pairs[:MOST]
        ]
        merged = [
            (row, mask_name(desk.master.show("persons.name", people.person(connection, row.kept).name)))
            for row in merging.standing(connection, client.scope, MOST)
        ]
        others = [(row, *masked(desk.master, row)) for row in names.waiting(connection, client.scope, MOST, 0)]
    status = 200 if again is None else again.status
    values = {"found": found, "more": len(pairs) > MOST, "merged": merged, "others": others}
    return desk.page(request, client, "twins", "alike.tab", status=status, **values, **desk.again(request, again, None))


def _compared(
    desk: Desk,
    request: Request,
    client: ApiClient,
    pair: tuple[int, int],
    *,
    again: Again | None = None,
    form: Typed | None = None,
    plain: bool = False,
) -> HTMLResponse:
    with desk.database.read() as connection:
        Merging(desk.master).together(connection, client.scope, *pair)
        records = [_record(desk, connection, client.scope, one, plain=plain) for one in pair]
        gone = any(casefile.person(connection, one).merged_into is not None for one in pair)
    status = 200 if again is None else again.status
    values = {"records": records, "revealed": plain, "gone": gone}
    return desk.page(request, client, "pair", "alike.pair", status=status, **values, **desk.again(request, again, form))


def _pair(router: APIRouter, desk: Desk, may: Any) -> None:
    @router.get("/twins/{first}/{second}")
    def pair(request: Request, first: Number, second: Number, client: may) -> HTMLResponse:
        return _compared(desk, request, client, (first, second))

    @router.post("/twins/{first}/{second}/reveal")
    def reveal(request: Request, first: Number, second: Number, client: may) -> HTMLResponse:
        who = Who(client.name, client.role, desk.casework.now())
        with desk.database.write() as connection:
            Merging(desk.master).together(connection, client.scope, first, second)
            for one in (first, second):
                audit.note(connection, who, "reveal", f"persons/{one}", community=client.scope, purpose="check")
        return _compared(desk, request, client, (first, second), plain=True)


def _decided(router: APIRouter, desk: Desk, merging_: Merging, may: Any) -> None:
    @router.post("/twins/{first}/{second}/apart")
    def apart(request: Request, first: Number, second: Number, client: may, form: Form) -> Response:
        def does(connection: Connection) -> None:
            merging_.together(connection, client.scope, first, second)
            by = By(client.name, desk.casework.now(), community=client.scope)
            merging_.tell_apart(connection, by, first, second)

        done = desk.take(client, form, "/collect/twins?done=apart", does)
        return _compared(desk, request, client, (first, second), again=done) if isinstance(done, Again) else done

    @router.post("/twins/{first}/{second}/merge")
    def merge(request: Request, first: Number, second: Number, client: may, form: Form) -> Response:
        kept, why = form.number("kept"), form.text("why", 200)
        wrong = {} if kept in (first, second) else {"kept": "choose"}
        wrong |= {} if why else {"why": "reason"}
        if wrong:
            return _compared(desk, request, client, (first, second), again=Again(wrong), form=form)

        def does(connection: Connection) -> None:
            merging_.together(connection, client.scope, first, second)
            by = By(client.name, desk.casework.now(), why)
            merging_.merge(connection, by, kept, second if kept == first else first)

        done = desk.take(client, form, "/collect/twins?done=merged", does)
        if isinstance(done, Again):
            return _compared(desk, request, client, (first, second), again=done, form=form)
        desk.register_changed()
        return done


def _record(desk: Desk, connection: Connection, community: str, number: int, *, plain: bool = False) -> Record:
    """A record, masked unless the look was noted."""
    row, show = casefile.person(connection, number), desk.master.show
    stay = homes.stay(connection, community, number)
    nothing = row.kind == CredentialKind.NO_NUMBER
    said = "" if nothing else show("persons.number", row.number)
    phone = "" if row.phone is None else show("persons.phone", row.phone)
    name = show("persons.name", row.name)
    found = people.registrations(connection, number, community)
    return Record(
        number,
        row.kind,
        name if plain else mask_name(name),
        said if plain else mask(said),
        phone if plain else mask_phone(phone),
        "" if stay is None else place_of(connection, stay.dwelling),
        covers([Registration(*one) for one in found], desk.casework.today()),
        len(people.tokens_of(connection, community, number)),
    )
