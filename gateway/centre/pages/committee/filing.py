"""Month-ends to file: each with its corrections on a page, and its report as Excel and PDF."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.centre import audit
from gateway.centre.api.access import Access, of_district
from gateway.centre.api.police import download
from gateway.centre.audit import Who
from gateway.centre.lists import writing
from gateway.centre.pages.committee import report
from gateway.centre.pages.committee.desk import Desk
from gateway.centre.pages.committee.pdf import NoFont, pdf
from gateway.centre.pages.sheet import Sheet
from gateway.settings import ApiClient
from gateway.web.page import lang_of

Month = Annotated[str, Path(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]


def make_filing(desk: Desk, access: Access, sheet: Sheet, district: str) -> APIRouter:
    """The pages as a router."""
    allowed = access.page("committee")

    def committee(client: Annotated[ApiClient, Depends(allowed)]) -> ApiClient:
        return of_district(client)

    router = APIRouter(dependencies=[Depends(committee)])

    def made(request: Request, month: str, client: ApiClient) -> report.Report:
        lang = lang_of(request)
        found = report.report(sheet.pages.texts, lang, district, month, desk.shown(month), desk.suppliers(), desk.now())
        with desk.database.write() as connection:
            audit.note(connection, Who(client.name, client.role, desk.now()), "export", f"month_ends/{month}")
        return found

    @router.get("/committee/months")
    def months(request: Request) -> HTMLResponse:
        return sheet(request, "months", "committee.months", months=desk.months())

    @router.get("/committee/months/{month}")
    def one(request: Request, month: Month) -> HTMLResponse:
        shown = desk.shown(month)
        names = {row.id: row.name for row in shown.rows}
        return sheet(request, "month", "committee.months", shown=shown, month=month, names=names)

    @router.get("/committee/months/{month}/report.xlsx")
    def excel(request: Request, month: Month, client: Annotated[ApiClient, Depends(committee)]) -> Response:
        data = writing.pages(made(request, month, client).pages())
        return download(data, writing.EXCEL, f"month-end-{month}.xlsx")

    @router.get("/committee/months/{month}/report.pdf")
    def paper(request: Request, month: Month, client: Annotated[ApiClient, Depends(committee)]) -> Response:
        try:
            data = pdf(made(request, month, client))
        except NoFont:
            raise HTTPException(503) from None
        return download(data, "application/pdf", f"month-end-{month}.pdf")

    return router
