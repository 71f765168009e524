"""What the centre offers to people without an account, put together: declarations, one's own data, and their pages."""

from collections.abc import Callable

from fastapi import APIRouter

from gateway.centre.api.access import Access
from gateway.centre.api.decided import make_decided
from gateway.centre.api.declared import Public, make_declared, make_own
from gateway.centre.casework import Casework
from gateway.centre.declarations import Declarations
from gateway.centre.own_data import OwnData
from gateway.centre.own_pages import OwnPages, make_data_pages, make_declare_pages
from gateway.centre.slips import Slips
from gateway.keys import Master
from gateway.store.database import Database
from gateway.web.page import Pages


def public_routers(
    database: Database,
    master: Master,
    access: Access,
    casework: Casework,
    slips: Slips,
    pages: Pages,
    official_url: str,
    changed: Callable[[], None],
) -> list[APIRouter]:
    """The routers. `official_url` is the police's own channel, shown first where there is one."""
    declarations, own_data = Declarations(master, casework, slips), OwnData(master, slips)
    public = Public(database, own_data, casework.now)
    own = OwnPages(public, declarations, pages, official_url)
    return [
        make_declared(public, declarations),
        make_own(public),
        make_decided(database, access, casework.now, declarations, own_data, changed),
        make_declare_pages(own),
        make_data_pages(own),
    ]
