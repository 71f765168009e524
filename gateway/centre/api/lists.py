"""Lists over the API: a template, a file that is checked, what is wrong with it in words, taken when told; exports."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from sqlalchemy import Connection, Row
from starlette.responses import Response

from gateway.centre.api.access import Access, Problems, by_of, within
from gateway.centre.api.described import BINARY
from gateway.centre.api.register import Community
from gateway.centre.lists import writing
from gateway.centre.lists.forms import FORMS, Kind
from gateway.centre.lists.given import Given
from gateway.centre.lists.runs import Runs
from gateway.centre.lists.sheet import MOST_BYTES
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import history, lists
from gateway.web.texts import Texts

Number = Annotated[int, Path(ge=1, le=2**53)]
Lang = Literal["zh", "en"]
_MAY: dict[str, frozenset[Kind]] = {
    "property": frozenset({Kind.DWELLINGS, Kind.VISITORS}),
    "reviewer": frozenset(Kind) - {Kind.VISITORS, Kind.REGISTRATIONS},
    "administrator": frozenset(Kind) - {Kind.VISITORS},
}
"""Which lists each role may put in and take out: the property has nothing to do with registration."""
_FORMATS = {"xlsx": (writing.excel, writing.EXCEL), "csv": (writing.separated, writing.CSV)}


class ListView(BaseModel):
    """How far a list is. `state`: waiting, checking, checked, taking, taken, refused (`problem` says why)."""

    id: int
    kind: str
    state: str
    problem: str
    started: datetime
    finished: datetime | None
    as_of: date | None
    rows: int
    good: int
    fresh: int
    changed: int
    bad: int
    dropped: list[str]
    dropped_because: str
    unknown: list[str]


class RowView(BaseModel):
    """What is to be said of a row: in words, with the code behind them."""

    id: int
    row: int
    column: str
    code: str
    said: str


def make_files(database: Database, master: Master, access: Access, now: Callable[[], int]) -> APIRouter:
    """The router of what is given out: templates and exports."""
    router = APIRouter(prefix="/api/v1/communities/{community}/lists", route_class=Problems, tags=["lists"])
    given, desk = Given(master), access.allow(*_MAY)

    @router.get("/{kind}/template", response_class=Response, responses={200: {"content": {writing.EXCEL: BINARY}}})
    def template(community: Community, kind: Kind, client: Annotated[ApiClient, Depends(desk)]) -> Response:
        """An Excel file to fill in."""
        _may(client, community, kind)
        return _file(writing.template(FORMS[kind]), writing.EXCEL, f"{FORMS[kind].title}.xlsx")

    @router.get(
        "/{kind}/export",
        response_class=Response,
        responses={200: {"content": {media: BINARY for _, media in _FORMATS.values()}}},
    )
    def export(
        community: Community,
        kind: Kind,
        client: Annotated[ApiClient, Depends(desk)],
        purpose: Annotated[str, Query(min_length=2, max_length=200)],
        form: Annotated[Literal["xlsx", "csv"], Query(alias="format")] = "xlsx",
    ) -> Response:
        """What the register holds of a list, with full numbers: `purpose` is noted with who took it."""
        _may(client, community, kind)
        write, media = _FORMATS[form]
        with database.write() as connection:
            by = by_of(client, now(), purpose)
            history.note(connection, by, "lists", [(0, community, {"export": [None, kind.value]})])
        with database.read() as connection:
            data = write(FORMS[kind], given.rows(connection, community, kind))
        return _file(data, media, f"{FORMS[kind].title}.{form}")

    return router


def make_lists(database: Database, access: Access, now: Callable[[], int], runs: Runs, texts: Texts) -> APIRouter:
    """The router of lists that come in."""
    router = APIRouter(prefix="/api/v1/communities/{community}/lists", route_class=Problems, tags=["lists"])
    desk = access.allow(*_MAY)

    @router.post(
        "/{kind}",
        status_code=202,
        openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": BINARY}}},
    )
    async def receive(
        community: Community,
        kind: Kind,
        request: Request,
        client: Annotated[ApiClient, Depends(desk)],
        as_of: date | None = None,
        complete: bool = False,
    ) -> dict[str, int]:
        """A list, as the body of the request (Excel or CSV, 32 MB at most); it is checked, and nothing is changed."""
        _may(client, community, kind)
        if kind is Kind.REGISTRATIONS and as_of is None:
            raise HTTPException(422, "of a list of registrations the day up to which it is known has to be said")
        if as_of is not None and as_of > by_of(client, now()).today:
            raise HTTPException(422, "a list cannot be known up to a day that has not come")
        data = await _body(request)
        by = by_of(client, now())
        number = await run_in_threadpool(
            runs.receive, by, community, kind, data, as_of=as_of, complete=complete and kind is Kind.REGISTRATIONS
        )
        return {"id": number}

    @router.get("")
    def listed(
        community: Community,
        client: Annotated[ApiClient, Depends(desk)],
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        lang: Lang = "zh",
    ) -> list[ListView]:
        """The lists that came, newest first."""
        within(client, community)
        with database.read() as connection:
            rows = lists.of(connection, community, limit)
        return [list_view(texts, lang, row) for row in rows if Kind(row.kind) in _MAY[client.role]]

    @router.get("/{number}")
    def one(
        community: Community,
        number: Number,
        client: Annotated[ApiClient, Depends(desk)],
        lang: Lang = "zh",
    ) -> ListView:
        """How far a list is."""
        with database.read() as connection:
            return list_view(texts, lang, _found(connection, client, community, number))

    @router.get("/{number}/rows")
    def rows(
        community: Community,
        number: Number,
        client: Annotated[ApiClient, Depends(desk)],
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
        lang: Lang = "zh",
    ) -> list[RowView]:
        """What is wrong in which row and column, and what a row would change; never what stands there."""
        with database.read() as connection:
            _found(connection, client, community, number)
            noted = lists.rows(connection, number, limit, after)
        return [
            RowView(id=row.id, row=row.row, column=row.column, code=row.code, said=said(texts, lang, row))
            for row in noted
        ]

    @router.post("/{number}/take", status_code=202)
    def take(community: Community, number: Number, client: Annotated[ApiClient, Depends(desk)]) -> dict[str, int]:
        """Have the good rows of a checked list taken."""
        with database.read() as connection:
            _found(connection, client, community, number)
        runs.take(number, by_of(client, now()))
        return {"id": number}

    return router


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MOST_BYTES:
            raise HTTPException(413, "a list has 32 MB at most")
    if not data:
        raise HTTPException(422, "there is no list in the request")
    return bytes(data)


def _may(client: ApiClient, community: str, kind: Kind) -> None:
    within(client, community)
    if kind not in _MAY[client.role]:
        raise HTTPException(403, f"this list is not for the role {client.role}")


def _found(connection: Connection, client: ApiClient, community: str, number: int) -> Row[Any]:
    row = lists.one(connection, number)
    if row is None or row.community != community:
        raise LookupError("there is no such list")
    _may(client, community, Kind(row.kind))
    return row


def list_view(texts: Texts, lang: str, row: Row[Any]) -> ListView:
    """How far a list is, in words."""
    return ListView(
        id=row.id,
        kind=row.kind,
        state=row.state,
        problem=texts.word(lang, "lists.file", row.problem) if row.problem else "",
        started=datetime.fromtimestamp(row.started / 1000, UTC),
        finished=None if row.finished is None else datetime.fromtimestamp(row.finished / 1000, UTC),
        as_of=row.as_of,
        rows=row.rows,
        good=row.good,
        fresh=row.fresh,
        changed=row.changed,
        bad=row.bad,
        dropped=row.dropped,
        dropped_because=texts.get(lang, "lists.dropped") if row.dropped else "",
        unknown=row.unknown or [],
    )


def said(texts: Texts, lang: str, row: Row[Any]) -> str:
    """What is to be said of a row of a list, in words."""
    if row.code == "changes":
        fields = sorted({texts.word(lang, "lists.field", name.partition(".")[2]) for name in row.fields})
        return texts.get(lang, "lists.row.changes", fields="、".join(fields) if lang == "zh" else ", ".join(fields))
    if row.code == "code":
        return texts.get(lang, "lists.row.code", code=row.fields[0])
    return texts.word(lang, "lists.row", row.code)


def _file(data: bytes, media: str, name: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "Cache-Control": "no-store"}
    return Response(data, media_type=media, headers=headers)
