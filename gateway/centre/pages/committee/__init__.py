"""The pages of the committee: aggregates alone, with denominator, as-of and definition behind each figure."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.requests import Request

from gateway.centre.api.access import Access
from gateway.centre.indicators import Indicators
from gateway.centre.month_ends import MonthEnds
from gateway.centre.pages.committee.desk import Desk
from gateway.centre.pages.committee.filing import make_filing
from gateway.centre.pages.committee.routes import make_overview
from gateway.centre.pages.sheet import Sheet
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.web.frame import Frame, Tab
from gateway.web.page import Pages, lang_of

TABS = (
    Tab("/committee", "committee.overview"),
    Tab("/committee/communities", "committee.communities"),
    Tab("/committee/trend", "committee.trend"),
    Tab("/committee/months", "committee.months"),
)


def make_committee(
    database: Database,
    access: Access,
    indicators: Indicators,
    month_ends: MonthEnds,
    now: Callable[[], int],
    settings: Settings,
    pages: Pages,
) -> list[APIRouter]:
    """The pages as routers."""

    def frame(request: Request) -> Frame:
        district = settings.centre.district or pages.texts.get(lang_of(request), "site.name")
        return Frame(district, "committee.title", TABS, banner=settings.banner)

    sheet = Sheet(pages, "committee", frame)
    desk = Desk(database, indicators, month_ends, now)
    return [make_overview(desk, access, sheet), make_filing(desk, access, sheet, settings.centre.district)]
