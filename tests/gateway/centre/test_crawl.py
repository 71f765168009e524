"""Nothing that names somebody stands on any page that anybody comes to by links, and no page leads nowhere."""

from collections.abc import Iterator

import pytest

from gateway.centre.accounts.pages import HOME
from rules.roles import Role
from tests.browsing import Visitor
from tests.gateway.centre import decisions, district
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.crawl import pages_of
from tests.gateway.centre.office import POLICE, YUAN, number
from tests.gateway.centre.station_desk import PEOPLE, done, sent_slips

VISITOR, PHONE = "来客庚", "13900000000"
SCOPES = {
    Role.PROPERTY: YUAN,
    Role.WORKER: YUAN,
    Role.REVIEWER: YUAN,
    Role.STREET: "江湾街道",
    Role.COMMITTEE: "",
    Role.POLICE: POLICE,
    Role.DUTY: POLICE,
    Role.ADMINISTRATOR: "",
    Role.SECURITY: "",
    Role.AUDITOR: "",
}
"""Each role with a page of its own, and where somebody of it belongs."""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A centre with residents, cases, sent slips and a visitor, all of whom have names and numbers."""
    with running(tmp_path_factory.mktemp("town")) as centre:
        sent_slips(centre)
        district.fill(centre)
        decisions.fill(centre)
        host = {"building": PEOPLE[0][1], "unit": PEOPLE[0][2], "room": PEOPLE[0][3]}
        visit = {"since": "2026-11-23T00:00:00Z", "until": "2026-11-24T12:00:00Z", "host": host}
        visit |= {"name": VISITOR, "phone": PHONE}
        done(centre.ask("POST", f"/api/v1/communities/{YUAN}/visitors", "property-here", visit))
        yield centre


@pytest.mark.parametrize("role", SCOPES)
def test_no_page_names_anybody_and_every_link_leads_somewhere(town: Centre, role: Role) -> None:
    visitor = town.signed_in(role, SCOPES[role])
    named = [number(seq) for seq in range(1, len(PEOPLE) + 1)] + [one[0] for one in PEOPLE]
    named += [VISITOR, PHONE, *decisions.NAMED]
    pages = pages_of(visitor, HOME[role])
    assert {path: shown.status for path, shown in pages.items() if shown.status != 200} == {}
    assert len(pages) > 1
    assert [(path, one) for path, shown in pages.items() for one in named if one in shown.text] == []


def test_whoever_has_no_account_comes_to_no_page_that_names_anybody(town: Centre) -> None:
    pages = pages_of(Visitor(town.url), "/sign-in") | pages_of(Visitor(town.url), "/landlord")
    assert {path: shown.status for path, shown in pages.items() if shown.status != 200} == {}
    assert {"/me", "/landlord", "/sign-in"} <= pages.keys()
    assert [path for path, shown in pages.items() for one in PEOPLE if one[0] in shown.text] == []
