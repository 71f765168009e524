"""Who stands in for whom (A/B 角), on the pages of the street, the reviewer and the grid worker: named, and ended."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre import deputies
from gateway.centre.api.access import Access, by_of
from gateway.centre.casework import Casework
from gateway.centre.pages.typed import Typed, typed
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import accounts, standins
from rules.cases import NotPossible

WRONG = ("choose", "same", "elsewhere", "days")
DONE = ("appointed", "ended")
WORDS = (*(f"deputies.wrong.{one}" for one in WRONG), *(f"deputies.done.{one}" for one in DONE))
Form = Annotated[Typed, Depends(typed)]


class Desk(Protocol):
    """What the desks of these roles have in common."""

    @property
    def database(self) -> Database: ...
    @property
    def casework(self) -> Casework: ...
    def page(
        self, request: Request, client: ApiClient, template: str, title: str, *, status: int = 200, **values: Any
    ) -> HTMLResponse: ...
    def say(self, request: Request, key: str, **figures: object) -> str: ...


Places = Callable[[Connection, ApiClient], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class StandingIn:
    """Communities and grid workers that somebody may name: "community/account" -> the name that is shown."""

    places: Mapping[str, str]
    workers: Mapping[str, str]
    mine: str = ""
    """Of a grid worker, who names a deputy for themselves alone."""
    rows: list[Any] = field(default_factory=list)


def make_standing_in(desk: Desk, access: Access, roles: tuple[str, ...], address: str, places: Places) -> APIRouter:
    """The page at `address` as a router; `places` are the communities of whoever looks, by their names."""
    router = APIRouter()
    may = Annotated[ApiClient, Depends(access.page(*roles))]
    page = _Page(desk, address, places)

    @router.get(address)
    def listed(request: Request, client: may) -> HTMLResponse:
        return page(request, client)

    @router.post(address)
    def appoint(request: Request, client: may, form: Form) -> Response:
        wrong = page.appointed(client, form)
        if wrong:
            return page(request, client, wrong=wrong, form=form)
        return RedirectResponse(f"{address}?done=appointed", 303)

    @router.post(address + "/{number}/end")
    def end(request: Request, number: int, client: may, form: Form) -> Response:
        if not page.ended(client, number, form.text("community", 40)):
            return page(request, client, gone=True)
        return RedirectResponse(f"{address}?done=ended", 303)

    return router


@dataclass(frozen=True, slots=True)
class _Page:
    desk: Desk
    address: str
    places: Places

    def __call__(
        self,
        request: Request,
        client: ApiClient,
        *,
        wrong: Mapping[str, str] | None = None,
        form: Typed | None = None,
        gone: bool = False,
    ) -> HTMLResponse:
        today, done = self.desk.casework.today(), request.query_params.get("done", "")
        with self.desk.database.read() as connection:
            known = self.known(connection, client)
            own = known.mine.partition("/")[2]
            rows = [row for one in known.places for row in standins.holding(connection, one, today, own, standins.MOST)]
        return self.desk.page(
            request,
            client,
            "deputies",
            "deputies.title",
            status=409 if gone else 422 if wrong else 200,
            known=known,
            rows=sorted(rows, key=lambda row: (row.since, row.id)),
            today=today,
            errors={name: self.desk.say(request, f"deputies.wrong.{code}") for name, code in (wrong or {}).items()},
            typed=form or Typed({}),
            gone=gone,
            done_=done if done in DONE else "",
            address=self.address,
            longest=deputies.LONGEST_DAYS,
        )

    def known(self, connection: Connection, client: ApiClient) -> StandingIn:
        places = dict(self.places(connection, client))
        workers = {
            f"{place}/{name}": shown for name, shown, place in accounts.workers(connection, list(places)) if place
        }
        mine = f"{client.scope}/{client.name}" if client.role == "worker" else ""
        return StandingIn(places, workers | ({mine: workers.get(mine, client.name)} if mine else {}), mine)

    def appointed(self, client: ApiClient, form: Typed) -> dict[str, str]:
        """Name a deputy; or field -> the code of what is wrong with it."""
        worker, deputy = form.text("worker", 120), form.text("deputy", 120)
        since, until = form.day("since"), form.day("until")
        with self.desk.database.write() as connection:
            known = self.known(connection, client)
            worker = known.mine or worker
            wrong = {
                name: "choose" for name, one in (("worker", worker), ("deputy", deputy)) if one not in known.workers
            }
            wrong |= {name: "days" for name, one in (("since", since), ("until", until)) if one is None}
            (place, _, who), (other, _, instead) = worker.partition("/"), deputy.partition("/")
            if not wrong and place != other:
                wrong = {"deputy": "elsewhere"}
            if not wrong and who == instead:
                wrong = {"deputy": "same"}
            if wrong or since is None or until is None:
                return wrong
            try:
                deputies.appoint(connection, by_of(client, self.desk.casework.now()), place, who, instead, since, until)
            except NotPossible:
                return {"until": "days"}
        return {}

    def ended(self, client: ApiClient, number: int, place: str) -> bool:
        """End one before its last day; False where it has ended already, or is none of theirs to end."""
        own = client.name if client.role == "worker" else ""
        with self.desk.database.write() as connection:
            if place not in self.places(connection, client):
                raise LookupError("there is no such deputy")
            try:
                deputies.end(connection, by_of(client, self.desk.casework.now()), place, number, own)
            except LookupError:
                return False
        return True
