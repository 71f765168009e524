"""The page of the communities: what the configuration says of each, what is known of it, and its portals."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.centre.api.access import Access
from gateway.centre.pages.sheet import Sheet
from gateway.store.database import Database
from gateway.store.queries import places


def make_communities_pages(database: Database, access: Access, sheet: Sheet) -> APIRouter:
    """The page as a router."""
    router = APIRouter(dependencies=[Depends(access.page_of_all("administrator"))])

    @router.get("/admin/communities")
    def communities(request: Request) -> HTMLResponse:
        with database.read() as connection:
            rows = places.communities(connection)
        return sheet(request, "communities", "admin.communities", rows=rows)

    return router
