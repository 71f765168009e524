"""All that the centre answers over HTTP, put together: pages and API, each route with who may use it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection

from gateway.centre.accounts.book import Accounts
from gateway.centre.accounts.first import FirstRun
from gateway.centre.accounts.lockout import Lockout
from gateway.centre.accounts.pages import make_sign_in
from gateway.centre.accounts.sessions import Sessions
from gateway.centre.api.access import Access, anyone, undeclared
from gateway.centre.api.accounts import make_accounts
from gateway.centre.api.ages import make_ages
from gateway.centre.api.alerts import make_alerts
from gateway.centre.api.audit import make_audit
from gateway.centre.api.audits import make_audits
from gateway.centre.api.cards import make_cards
from gateway.centre.api.cases import make_cases
from gateway.centre.api.commands import make_commands
from gateway.centre.api.described import describe
from gateway.centre.api.doubts import make_doubts
from gateway.centre.api.gate_acts import make_gate_acts
from gateway.centre.api.household import make_household
from gateway.centre.api.indicators import make_indicators, make_month_ends
from gateway.centre.api.lawful import make_lawful
from gateway.centre.api.leases import make_leases
from gateway.centre.api.lists import make_files, make_lists
from gateway.centre.api.merging import make_merging
from gateway.centre.api.names import make_names
from gateway.centre.api.register import make_register
from gateway.centre.api.residents import make_residents
from gateway.centre.api.stations import make_stations
from gateway.centre.api.visitors import make_visitors
from gateway.centre.api.worklists import make_worklists
from gateway.centre.casework import Casework
from gateway.centre.commands import Commands
from gateway.centre.desk import Desk
from gateway.centre.indicators import Indicators
from gateway.centre.lists.runs import Runs
from gateway.centre.month_ends import MonthEnds
from gateway.centre.pages.admin import Changed, make_admin
from gateway.centre.pages.collect import make_collect
from gateway.centre.pages.collect.desk import Desk as Collecting
from gateway.centre.pages.committee import make_committee
from gateway.centre.pages.people import make_people
from gateway.centre.pages.police import make_police_pages
from gateway.centre.pages.street import make_street
from gateway.centre.pages.street.desk import Desk as Overseeing
from gateway.centre.policies import Policies
from gateway.centre.public import public_routers
from gateway.centre.register import Register
from gateway.centre.rulesdesk import make_rules
from gateway.centre.sending import Sending
from gateway.centre.slips import Slips
from gateway.keys import Master
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.queries import places
from gateway.web.centre_pages import Show, make_centre_pages
from gateway.web.live import Live
from gateway.web.page import Pages, make_pages
from gateway.web.site import make_site, vitals
from gateway.wire import Answer

DESKS = (make_residents, make_cards, make_visitors, make_leases, make_merging, make_names, make_gate_acts)


class Undeclared(Exception):
    """A route says nothing of who may use it; the text lists every such route."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the pages and the API work on."""

    settings: Settings
    database: Database
    master: Master
    casework: Casework
    slips: Slips
    register: Register
    desk: Desk
    indicators: Indicators
    month_ends: MonthEnds
    commands: Commands
    policies: Policies
    runs: Runs
    sending: Sending
    live: Live
    registry: CollectorRegistry
    vital: Callable[[], dict[str, str]]
    """Each part's name -> "ok" or what is wrong."""
    take_answer: Callable[[Connection, Answer, str], None]
    work_changed: Callable[[], None]
    register_changed: Callable[[], None]


def make_surface(parts: Parts) -> FastAPI:
    """The application.

    Raises:
        Undeclared: a route does not say who may use it.
    """
    p, pages = parts, make_pages()
    now, district = p.casework.now, p.settings.profile == "district"
    book = Accounts(p.master, district=district)
    sessions = Sessions(p.database, book, now, secure=p.settings.centre.behind_proxy)
    first = FirstRun(p.database, book, p.settings.data / "first-run", now, district=district)
    access = Access(p.settings.centre.clients, sessions, lambda scope: places.of_street(p.database, scope))
    desk = p.desk.questions(p.vital)
    routers: list[APIRouter] = [
        make_sign_in(
            sessions, Lockout(), pages, first, issuer=p.settings.centre.district or "xiaoqu", district=district
        ),
        _behind(access.page_of_all("administrator"), [make_centre_pages(desk, p.live, pages)]),
        _behind(anyone, [vitals(p.vital, p.registry)]),
        *make_admin(
            p.database,
            p.master,
            book,
            access,
            now,
            p.settings,
            pages,
            p.casework.policy,
            p.commands,
            Changed(p.register_changed, p.work_changed),
        ),
        *make_people(
            p.database, p.master, access, p.casework, p.register, p.runs, p.settings, pages, p.register_changed
        ),
        make_accounts(p.database, book, access, now),
        make_audit(p.database, p.master.lists_public(), access),
        make_lawful(p.database, p.master, access, now, p.casework.policy),
        *_work(p, access),
        *make_collect(_collecting(p, pages), access),
        *make_street(_overseeing(p, pages), access),
        *p.sending.routers(access),
        *make_police_pages(
            p.database,
            p.master,
            access,
            now,
            p.settings,
            pages,
            p.sending,
            p.runs,
            p.policies.current,
            p.take_answer,
            p.work_changed,
        ),
        make_commands(p.database, p.commands, access, p.work_changed, now),
        make_register(p.database, p.register, p.casework, access, p.register_changed),
        *(make(p.database, p.master, access, now, p.register_changed) for make in DESKS),
        make_files(p.database, p.master, access, now),
        make_lists(p.database, access, now, p.runs, pages.texts),
        make_indicators(p.database, p.master, access, p.indicators, p.casework.today),
        make_month_ends(access, p.month_ends, p.database),
        *make_committee(p.database, access, p.indicators, p.month_ends, now, p.settings, pages),
        make_audits(p.database, access, now, p.indicators.changed),
        make_doubts(p.database, p.master, access, now),
        make_ages(p.database, p.master, access, p.casework.today),
        *public_routers(
            p.database,
            p.master,
            access,
            p.casework,
            p.slips,
            pages,
            p.settings.centre.official_url,
            p.register_changed,
        ),
        *make_rules(p.policies, p.master, p.settings, access, Show(desk, pages), p.work_changed),
        make_stations(p.database, access, p.desk.stations, now, p.work_changed),
    ]
    app = make_site(
        pages,
        routers,
        allowed_hosts=p.settings.centre.allowed_hosts,
        closing=(p.live.close,),
        openapi_url="/api/v1/openapi.json",
    )
    if found := undeclared(app):
        raise Undeclared(", ".join(found))
    describe(app)
    return app


def _work(p: Parts, access: Access) -> list[APIRouter]:
    """Cases, the lists of who works on them, and slips."""
    made = [
        make(p.database, p.master, p.casework, p.slips, access, changed)
        for make, changed in (
            (make_cases, p.work_changed),
            (make_worklists, p.work_changed),
            (make_household, p.register_changed),
        )
    ]
    return [
        *made,
        make_alerts(
            p.database,
            p.master,
            p.slips,
            access,
            take_answer=p.take_answer,
            now=p.casework.now,
            changed=p.work_changed,
        ),
    ]


def _collecting(p: Parts, pages: Pages) -> Collecting:
    return Collecting(
        p.database,
        p.master,
        p.casework,
        p.slips,
        pages,
        p.settings.banner,
        p.settings.centre.base_url,
        p.work_changed,
        p.register_changed,
    )


def _overseeing(p: Parts, pages: Pages) -> Overseeing:
    return Overseeing(
        p.database,
        p.master,
        p.casework,
        p.slips,
        p.indicators,
        pages,
        p.settings.banner,
        p.settings.centre.district,
        p.work_changed,
    )


def _behind(dependency: Callable[..., object], routers: Iterable[APIRouter]) -> APIRouter:
    """Routers whose every route has this dependency."""
    outer = APIRouter(dependencies=[Depends(dependency)])
    for router in routers:
        outer.include_router(router)
    return outer
