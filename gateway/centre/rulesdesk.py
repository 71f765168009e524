"""The rules at the centre, put together: the page, its questions, and the API of versions and questions."""

from collections.abc import Callable

from fastapi import APIRouter, Depends

from gateway.centre.api.access import Access
from gateway.centre.api.policies import make_policies
from gateway.centre.api.questions import make_questions
from gateway.centre.pages.admin.policies import Desk, make_policy_pages
from gateway.centre.pages.sheet import Sheet
from gateway.centre.policies import Policies
from gateway.centre.rulework import Trials, answer, asked, check, listed
from gateway.keys import Master
from gateway.settings import Settings
from gateway.web.admin_frame import admin_frame
from gateway.web.centre_pages import Show
from gateway.web.rules_page import RulesPage, make_rules_page
from gateway.web.rules_view import RulesDesk


def make_rules(
    policies: Policies,
    master: Master,
    settings: Settings,
    access: Access,
    show: Show,
    changed: Callable[[], None],
) -> tuple[APIRouter, ...]:
    """The routers. `changed` is called after a commit."""
    database, book = policies.database, policies.book
    trials = Trials(database, master, policies.current, book.wall)
    desk = RulesDesk(
        versions=lambda: listed(database, book),
        text=lambda: policies.text,
        check=lambda text: check(text, settings),
        explain=lambda values: answer(asked(values), policies.current()),
        replay=trials.begin,
        replayed=trials.state,
    )
    page = RulesPage(desk, show.pages, show)
    asking = APIRouter(dependencies=[Depends(access.page_of_all("administrator", "security"))])
    asking.include_router(make_rules_page(page))
    sheet = Sheet(show.pages, "admin", lambda request: admin_frame(request, settings.centre.district, settings.banner))
    return (
        asking,
        *make_policy_pages(Desk(policies, settings, trials, page, sheet, changed), access),
        make_policies(database, book, access, settings, changed),
        make_questions(database, access),
    )
