"""The frame of the desk's pages, and what all of them work on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.centre.audit import Who
from gateway.centre.pages.sheet import Sheet
from gateway.centre.persons import called
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries.history import By
from gateway.web.frame import Frame, Tab
from rules.identity import mask_name
from rules.model import CIVIL

TABS = (
    Tab("/gate/people", "people.today"),
    Tab("/gate/people/residents", "people.residents"),
    Tab("/gate/people/enrol", "people.enrol"),
    Tab("/gate/people/visitors", "people.visitors"),
    Tab("/gate/people/from-gate", "people.from_gate"),
    Tab("/gate/people/lists", "people.lists"),
    Tab("/gate/people/reports", "people.reports"),
)


def people_frame(request: Request, names: Mapping[str, str], banner: str) -> Frame:
    """The frame for whoever is signed in: the name of their compound."""
    signed = getattr(request.state, "signed", None)
    place = names.get(signed.scope, signed.scope) if signed is not None else ""
    return Frame(place, "people.title", TABS, banner=banner)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages work on. `allowed` is the dependency that lets a property in."""

    database: Database
    master: Master
    allowed: Callable[..., ApiClient]
    now: Callable[[], int]
    sheet: Sheet
    changed: Callable[[], None]

    def by(self, client: ApiClient) -> By:
        return By(client.name, self.now())

    def who(self, client: ApiClient) -> Who:
        return Who(client.name, client.role, self.now())

    def today(self) -> date:
        return datetime.fromtimestamp(self.now() / 1000, UTC).astimezone(CIVIL).date()

    def named(self, row: Any) -> str:
        """The masked name of a row with an encrypted `name`."""
        return mask_name(called(self.master, row))

    def done(self, to: str) -> Response:
        """After an act that changed the register."""
        self.changed()
        return RedirectResponse(to, 303)


def room_of(row: Any) -> str:
    """A dwelling as people say it: 3-2-501; "" for none."""
    return "-".join(part for part in (row.building, row.unit, row.room) if part)


def day_of(first: date, days: int = 1) -> tuple[int, int]:
    """The instants (ms, UTC) at which civil days begin and end."""
    begins = datetime.combine(first, time(), CIVIL)
    return int(begins.timestamp() * 1000), int((begins + timedelta(days=days)).timestamp() * 1000)
