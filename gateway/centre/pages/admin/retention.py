"""The page of the retention: how long what is kept, and what each run deleted."""

from collections.abc import Callable
from dataclasses import asdict

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.centre.api.access import Access
from gateway.centre.pages.sheet import Sheet
from gateway.store.database import Database
from gateway.store.queries import retention
from rules.policy import Policy

ROWS = 60


def make_retention_pages(database: Database, access: Access, policy: Callable[[], Policy], sheet: Sheet) -> APIRouter:
    """The page as a router."""
    router = APIRouter(dependencies=[Depends(access.page_of_all("administrator", "auditor"))])

    @router.get("/admin/retention")
    def runs(request: Request) -> HTMLResponse:
        with database.read() as connection:
            rows = retention.runs(connection, ROWS)
        return sheet(request, "retention", "admin.retention", rows=rows, periods=asdict(policy().retention))

    return router
