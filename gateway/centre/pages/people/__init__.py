"""The pages of a property's desk: what is to be done today, residents and their cards, visitors, lists, reports."""

from collections.abc import Callable

from fastapi import APIRouter

from gateway.centre.api.access import Access
from gateway.centre.casework import Casework
from gateway.centre.imports import Imports
from gateway.centre.lists.runs import Runs
from gateway.centre.pages.people.enrol import make_enrol
from gateway.centre.pages.people.frame import Desk, people_frame
from gateway.centre.pages.people.from_gate import make_from_gate
from gateway.centre.pages.people.lists import make_lists_pages
from gateway.centre.pages.people.reports import make_reports
from gateway.centre.pages.people.residents import make_residents_pages
from gateway.centre.pages.people.sign import make_sign
from gateway.centre.pages.people.today import make_today
from gateway.centre.pages.people.visitors import make_visitors_pages
from gateway.centre.pages.sheet import Sheet
from gateway.centre.register import Register
from gateway.keys import Master
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.web.page import Pages


def make_people(
    database: Database,
    master: Master,
    access: Access,
    casework: Casework,
    register: Register,
    runs: Runs,
    settings: Settings,
    pages: Pages,
    changed: Callable[[], None],
) -> list[APIRouter]:
    """The pages as routers. `changed` is called after commits that changed the register."""
    names = {one.id: one.name for one in settings.communities}
    sheet = Sheet(pages, "people", lambda request: people_frame(request, names, settings.banner))
    desk = Desk(database, master, access.page("property"), casework.now, sheet, changed)
    return [
        make_today(desk),
        make_residents_pages(desk),
        make_enrol(desk, Imports(database, register, casework)),
        make_visitors_pages(desk),
        make_from_gate(desk),
        make_lists_pages(desk, runs),
        make_reports(desk),
        make_sign(desk, casework.policy, settings.centre.base_url),
    ]
