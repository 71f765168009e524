"""What a street's pages share: what they work on, the communities of whoever looks, figures as they are written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.centre.casework import Casework
from gateway.centre.indicators import Figure, Indicators
from gateway.centre.slips import Slips
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import streams
from gateway.web.frame import Frame, Tab
from gateway.web.page import Pages, lang_of
from rules.indicators import Indicator, percent

SHOWN = (
    Indicator.REGISTRATION,
    Indicator.ON_TIME,
    Indicator.DISMISSED,
    Indicator.TOGETHER,
    Indicator.ACCURACY,
)
"""The rates that a street looks at: 核销率 stands beside every one."""
TABS = (
    Tab("/street", "street.dispatch"),
    Tab("/street/quality", "street.quality"),
    Tab("/street/deputies", "deputies.title"),
    Tab("/street/report", "street.report"),
)


@dataclass(frozen=True, slots=True)
class Rated:
    """A figure as it is written: "97.01 %" and "2698 / 2781", or why there is none. `bad`: under its target."""

    value: str
    of: str
    unknown: str = ""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages work on. `changed` is called after a commit that changed a case."""

    database: Database
    master: Master
    casework: Casework
    slips: Slips
    indicators: Indicators
    pages: Pages
    banner: str
    district: str
    changed: Callable[[], None]

    def page(
        self, request: Request, client: ApiClient, template: str, title: str, *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        frame = Frame(client.scope or self.district, "street.title", TABS, banner=self.banner)
        said = {"frame": frame, "name": self.say(request, title), "errors": {}, "place": client.scope or self.district}
        return self.pages.html(request, f"street/{template}.html", status=status, **(said | values))

    def say(self, request: Request, key: str, **figures: object) -> str:
        return self.pages.texts.get(lang_of(request), key, **figures)

    def places(self, connection: Connection, client: ApiClient) -> dict[str, str]:
        """The client's communities by their names."""
        every = {row.id: row.name for row in streams.communities(connection)}
        return {one: every[one] for one in every if not client.reach or one in client.reach}

    def rates(self, client: ApiClient) -> dict[str, Mapping[Indicator, Rated]]:
        """Community -> indicator -> figure; "" for all of them together."""
        found: dict[str, dict[Indicator, Rated]] = {}
        for one in self.indicators.figures(client.reach or None):
            if one.indicator in SHOWN:
                found.setdefault(one.community, {})[one.indicator] = rated(one)
        return dict(found)

    def as_of(self, figures: Sequence[Figure]) -> int | None:
        """When the oldest of these figures was counted."""
        return min((one.counted for one in figures), default=None)


def rated(one: Figure) -> Rated:
    rate = one.rate
    if rate.value is None:
        return Rated("", "", "" if rate.unknown is None else rate.unknown.value)
    return Rated(
        f"{percent(rate.numerator, rate.denominator)} %",
        f"{rate.numerator} / {rate.denominator}",
        bad=rate.met is False,
    )
