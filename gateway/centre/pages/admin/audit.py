"""The page of the record of acts: who read which personal data, who did what; newest first, and whether it holds."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.centre import audit
from gateway.centre.api.access import Access
from gateway.centre.pages.sheet import Sheet
from gateway.store.database import Database
from gateway.store.queries import audit as acts

ROWS = 50
Word = Annotated[str, Query(max_length=60)]


def make_audit_pages(database: Database, public: bytes, access: Access, sheet: Sheet) -> APIRouter:
    """The pages as a router."""
    router = APIRouter(dependencies=[Depends(access.page_of_all("auditor"))])

    @router.get("/admin/audit")
    def record(
        request: Request,
        actor: Word = "",
        about: Word = "",
        before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    ) -> HTMLResponse:
        with database.read() as connection:
            rows = acts.newest(connection, ROWS + 1, before, actor=actor.strip(), about=about.strip())
        older = rows[ROWS - 1].id if len(rows) > ROWS else None
        return page(request, rows[:ROWS], actor=actor.strip(), about=about.strip(), before=before, older=older)

    @router.get("/admin/audit/verified")
    def verified(request: Request) -> HTMLResponse:
        with database.read() as connection:
            found = audit.verify(connection, public)
            rows = acts.newest(connection, ROWS)
        return page(request, rows, found=found)

    def page(request: Request, rows: Sequence[Row[Any]], **shown: Any) -> HTMLResponse:
        values = {"found": None, "actor": "", "about": "", "before": None, "older": None, "rows": rows} | shown
        return sheet(request, "audit", "admin.audit", **values)

    return router
