"""The page of the retention: how long what is kept, and what each run deleted."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.centre.api.access import Access, of_district
from gateway.centre.pages.sheet import Sheet
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import retention
from rules.policy import Policy

ROWS = 60


def make_retention_pages(database: Database, access: Access, policy: Callable[[], Policy], sheet: Sheet) -> APIRouter:
    """The page as a router."""
    allowed_in = access.page("administrator", "auditor")

    def of_all(client: Annotated[ApiClient, Depends(allowed_in)]) -> None:
        of_district(client)

    router = APIRouter(dependencies=[Depends(of_all)])

    @router.get("/admin/retention")
    def runs(request: Request) -> HTMLResponse:
        with database.read() as connection:
            rows = retention.runs(connection, ROWS)
        return sheet(request, "retention", "admin.retention", rows=rows, periods=asdict(policy().retention))

    return router
