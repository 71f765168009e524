"""The pages of a police station: its inbox, one slip and its answer, lists, receipts, and how slips reach it."""

from collections.abc import Callable

from fastapi import APIRouter
from sqlalchemy import Connection

from gateway.centre.api.access import Access
from gateway.centre.lists.runs import Runs
from gateway.centre.pages.police.answering import make_answering
from gateway.centre.pages.police.files import make_files
from gateway.centre.pages.police.hook import make_hook
from gateway.centre.pages.police.inbox import make_inbox
from gateway.centre.pages.police.office import Office
from gateway.centre.pages.police.receipts import make_receipts
from gateway.centre.sending import Sending
from gateway.keys import Master
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.web.page import Pages
from gateway.wire import Answer
from rules.policy import Policy


def make_police_pages(
    database: Database,
    master: Master,
    access: Access,
    now: Callable[[], int],
    settings: Settings,
    pages: Pages,
    sending: Sending,
    runs: Runs,
    policy: Callable[[], Policy],
    take_answer: Callable[[Connection, Answer, str], None],
    changed: Callable[[], None],
) -> list[APIRouter]:
    """The pages as routers."""
    office = Office(database, master, now, settings.banner, pages, sending.routes, policy)
    return [
        make_inbox(office, access),
        make_answering(office, access, sending.checklists, take_answer, changed),
        make_files(office, access, sending.checklists),
        make_receipts(office, access, runs),
        make_hook(office, access, settings.centre),
    ]
