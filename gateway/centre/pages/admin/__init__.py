"""The pages of administration: accounts, the record of acts, lawful requests, deliveries to the police, communities."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter

from gateway.centre.accounts.book import Accounts
from gateway.centre.api.access import Access
from gateway.centre.commands import Commands
from gateway.centre.pages.admin.accounts import make_accounts_pages
from gateway.centre.pages.admin.audit import make_audit_pages
from gateway.centre.pages.admin.communities import make_communities_pages
from gateway.centre.pages.admin.deliveries import make_deliveries_pages
from gateway.centre.pages.admin.keys import make_keys_pages
from gateway.centre.pages.admin.lawful import make_lawful_pages
from gateway.centre.pages.admin.orders import make_orders
from gateway.centre.pages.admin.retention import make_retention_pages
from gateway.centre.pages.sheet import Sheet
from gateway.keys import Master
from gateway.routes import Routes
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.web.admin_frame import admin_frame
from gateway.web.page import Pages
from rules.policy import Policy


@dataclass(frozen=True, slots=True)
class Changed:
    """What is called after commits that changed the register, or what else the pages show."""

    register: Callable[[], None]
    work: Callable[[], None]


def make_admin(
    database: Database,
    master: Master,
    book: Accounts,
    access: Access,
    now: Callable[[], int],
    settings: Settings,
    pages: Pages,
    policy: Callable[[], Policy],
    commands: Commands,
    changed: Changed,
) -> list[APIRouter]:
    """The pages as routers."""
    district, banner = settings.centre.district, settings.banner
    sheet = Sheet(pages, "admin", lambda request: admin_frame(request, district, banner))
    routes = Routes(settings.police)
    return [
        make_accounts_pages(database, book, access, now, sheet),
        make_audit_pages(database, master.lists_public(), access, sheet),
        make_retention_pages(database, access, policy, sheet),
        make_lawful_pages(database, master, access, now, policy, sheet),
        make_communities_pages(database, access, sheet),
        make_deliveries_pages(database, access, routes, settings.centre.base_url, now, sheet),
        make_keys_pages(database, master, access, settings, now, changed.register, sheet),
        make_orders(commands, access, changed.work),
    ]
