"""Lawful requests over the API (依法调取): entered by one administrator, released by another, read by the auditor."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from gateway.centre import lawful
from gateway.centre.api.access import Access, Problems, anyone, of_district
from gateway.centre.api.described import BINARY
from gateway.centre.api.police import download
from gateway.centre.audit import Who
from gateway.centre.lawful import Asked
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import lawful as rows
from rules.policy import Policy

DAY_MS = 86_400_000
RELEASING = ("administrator", "security")
Number = Annotated[int, Path(ge=1, le=2**53)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=64)]
Portal = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
MEDIA = "application/octet-stream"


class AskedBody(BaseModel):
    """What stands on the authority's paper. No field is for a person: a request is about gates and hours."""

    model_config = ConfigDict(extra="forbid")
    document: Line
    authority: Line
    community: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    portals: Annotated[list[Portal], Field(min_length=1, max_length=20)]
    since: AwareDatetime
    until: AwareDatetime
    tell: bool = True
    """Whether those who passed may see that it was released; false where the paper forbids it."""


class RefusedBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    why: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)]


class RequestView(BaseModel):
    id: int
    document: str
    authority: str
    community: str
    portals: list[str]
    since: int
    until: int
    tell: bool
    asked_by: str
    asked: int
    state: Literal["waiting", "released", "refused"]
    decided_by: str | None
    decided: int | None
    why: str
    rows: int | None
    digest: str | None
    kept: bool
    """Whether the sealed file is still kept."""


class ReleasedView(BaseModel):
    """`passphrase` opens the file; it is said here once, and kept nowhere."""

    passphrase: str
    rows: int


class YearView(BaseModel):
    """How many requests were released this year."""

    year: int
    released: int


def make_lawful(
    database: Database, master: Master, access: Access, now: Callable[[], int], policy: Callable[[], Policy]
) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1/lawful", route_class=Problems, tags=["lawful requests"])
    releasing, reading = access.allow(*RELEASING), access.allow(*RELEASING, "auditor")
    May = Annotated[ApiClient, Depends(releasing)]  # noqa: N806

    def who(client: ApiClient) -> Who:
        of_district(client)
        return Who(client.name, client.role, now())

    @router.get("")
    def listed(
        client: Annotated[ApiClient, Depends(reading)], limit: Annotated[int, Query(ge=1, le=200)] = 50
    ) -> list[RequestView]:
        """The requests, newest first."""
        of_district(client)
        with database.read() as connection:
            return [RequestView(**row._asdict()) for row in rows.newest(connection, limit)]

    @router.get("/yearly", dependencies=[Depends(anyone)])
    def yearly() -> YearView:
        """How many requests were released this year: published to everybody."""
        with database.read() as connection:
            year, released = lawful.of_year(connection, now())
        return YearView(year=year, released=released)

    @router.post("", status_code=201)
    def ask(body: AskedBody, client: May) -> dict[str, int]:
        """Enter a request as it stands on the authority's paper; another person releases it."""
        by, kept = who(client), policy().retention.passes_days * DAY_MS
        with database.write() as connection:
            return {"id": lawful.ask(connection, by, asked_of(body), kept)}

    @router.post("/{number}/release")
    def release(number: Number, client: May) -> ReleasedView:
        """Release what is asked for, sealed by words that are said here once."""
        by = who(client)
        with database.write() as connection:
            done = lawful.release(connection, master, by, number)
        return ReleasedView(passphrase=done.passphrase, rows=done.rows)

    @router.post("/{number}/refuse", status_code=204)
    def refuse(number: Number, body: RefusedBody, client: May) -> None:
        """Refuse a request, with the reason."""
        by = who(client)
        with database.write() as connection:
            lawful.refuse(connection, by, number, body.why)

    @router.get("/{number}/file", response_class=Response, responses={200: {"content": {MEDIA: BINARY}}})
    def file(number: Number, client: May) -> Response:
        """The sealed file; `gateway keys open` opens it with the words."""
        by = who(client)
        with database.write() as connection:
            return download(lawful.take(connection, by, number), MEDIA, f"lawful-{number}.sealed")

    return router


def asked_of(body: AskedBody) -> Asked:
    """A request as it is to be kept."""
    since, until = (int(one.timestamp() * 1000) for one in (body.since, body.until))
    return Asked(body.document, body.authority, body.community, tuple(body.portals), since, until, body.tell)
