"""How slips reach a police station, over the API: its routes, what its webhook was sent, tests and replay."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel
from sqlalchemy import Connection

from gateway import wire
from gateway.centre.api.access import Access, Problems, by_of
from gateway.centre.api.police import Station, of_all_theirs, of_theirs
from gateway.centre.replaying import replay, send_test
from gateway.routes import Routes
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import checklists, streams, webhooks

Number = Annotated[int, Path(ge=1, le=2**53)]


class WebhookView(BaseModel):
    """`gone`: the endpoint has said 410, and gets nothing until it has taken a test event."""

    host: str
    gone: bool
    waiting: int
    delivered: int
    dead: int


class RoutesView(BaseModel):
    """By which routes slips reach a station, and how each stands. `bus_waiting`: what the broker has not taken yet."""

    police_station: str
    routes: list[str]
    last_list: date | None
    bus_waiting: int
    webhook: WebhookView | None


class DeliveryView(BaseModel):
    """An event for the webhook. `state`: waiting (for its next try at `due`), delivered, or dead: given up."""

    id: int
    message: str
    type: str
    slip: str | None
    state: str
    created: datetime
    tries: int
    tried: datetime | None
    due: datetime | None
    status: int | None
    problem: str


def make_deliveries(
    database: Database, access: Access, routes: Routes, base_url: str, now: Callable[[], int]
) -> APIRouter:
    router = APIRouter(prefix="/api/v1/police/{police}", route_class=Problems, tags=["police"])
    desk = access.allow("police", "administrator")
    _showing(router, database, desk, routes)
    _trying(router, database, desk, routes, base_url, now)
    _acting(router, database, access.allow("administrator"), routes, now)
    return router


def _showing(router: APIRouter, database: Database, desk: Callable[..., ApiClient], routes: Routes) -> None:
    @router.get("/routes")
    def how(police: Station, client: Annotated[ApiClient, Depends(desk)]) -> RoutesView:
        """By which routes slips reach the station, and how each stands."""
        with database.read() as connection:
            of_theirs(connection, client, police)
            return routes_view(connection, routes, police)

    @router.get("/deliveries")
    def deliveries(
        police: Station,
        client: Annotated[ApiClient, Depends(desk)],
        state: Literal["waiting", "delivered", "dead"] | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    ) -> list[DeliveryView]:
        """Events for the station's webhook, newest first."""
        with database.read() as connection:
            of_all_theirs(connection, client, police)
            rows = webhooks.listed(connection, police, limit, before, state)
        return [delivery_view(row) for row in rows]


def _trying(
    router: APIRouter,
    database: Database,
    desk: Callable[..., ApiClient],
    routes: Routes,
    base_url: str,
    now: Callable[[], int],
) -> None:
    @router.post("/deliveries/test", status_code=202)
    def test(police: Station, client: Annotated[ApiClient, Depends(desk)]) -> dict[str, int]:
        """Send a test event: tried once; an endpoint that was gone is taken up again where it takes it."""
        with database.write() as connection:
            of_all_theirs(connection, client, police)
            return {"id": send_test(connection, routes.of(police), base_url, by_of(client, now()))}


def _acting(
    router: APIRouter,
    database: Database,
    administrator: Callable[..., ApiClient],
    routes: Routes,
    now: Callable[[], int],
) -> None:
    @router.post("/deliveries/replay", status_code=202)
    def replay_dead(police: Station, client: Annotated[ApiClient, Depends(administrator)]) -> dict[str, int]:
        """Have all dead events delivered again, each under its id."""
        with database.write() as connection:
            of_all_theirs(connection, client, police)
            return {"events": replay(connection, routes.of(police), None, by_of(client, now()))}

    @router.post("/deliveries/{number}/replay", status_code=202)
    def replay_one(
        police: Station, number: Number, client: Annotated[ApiClient, Depends(administrator)]
    ) -> dict[str, int]:
        """Have one event that does not wait delivered again, under its id."""
        with database.write() as connection:
            of_all_theirs(connection, client, police)
            return {"events": replay(connection, routes.of(police), number, by_of(client, now()))}


def routes_view(connection: Connection, routes: Routes, police: str) -> RoutesView:
    """How slips reach a police station now."""
    last = checklists.last(connection, police)
    return RoutesView(
        police_station=police,
        routes=[route.kind for route in routes.of(police).routes],
        last_list=last.day if last is not None else None,
        bus_waiting=streams.outbox_waiting_under(connection, wire.alert_topic(police, "")),
        webhook=_webhook(connection, routes, police),
    )


def _webhook(connection: Connection, routes: Routes, police: str) -> WebhookView | None:
    route = routes.of(police).webhook
    if route is None:
        return None
    gone = webhooks.gone(connection, police, route.url)
    return WebhookView(host=urlsplit(route.url).netloc, gone=gone, **webhooks.counts(connection, police))


def delivery_view(row: Any) -> DeliveryView:
    """An event as whoever looks after deliveries sees it."""
    return DeliveryView(
        id=row.id,
        message=row.message,
        type=row.kind,
        slip=row.slip,
        state=row.state,
        created=_moment(row.created),
        tries=row.tries,
        tried=None if row.tried is None else _moment(row.tried),
        due=_moment(row.due) if row.state == webhooks.WAITING else None,
        status=row.status,
        problem=row.problem,
    )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
