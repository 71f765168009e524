"""Indicators over the API: each with numerator, denominator, as-of and target, the list behind, trend, month-ends."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from gateway.centre.api.access import Access, Problems, within
from gateway.centre.api.register import Community
from gateway.centre.indicators import Figure, Indicators
from gateway.centre.month_ends import MonthEnds
from gateway.centre.recent import Recent
from gateway.centre.suppression import for_committee
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import behind, figures
from rules.identity import mask_name
from rules.indicators import AT_MOST, NINE_TENTHS, ONE_HALF, Indicator, over, percent, quantile

Month = Annotated[str, Path(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]
_FIGURES = ("committee", "street", "reviewer", "administrator")
HIDDEN = "<5"
TIMES_S = 60.0
"""登记用时 is a trend over months: it is found again after so long."""
Day = Annotated[date | None, Query(ge=date(2000, 1, 1), le=date(2100, 1, 1))]


class FigureView(BaseModel):
    """One figure. `value` is in per cent, rounded down; None, with a reason in `unknown`, where there is none.

    For the committee `numerator`, `denominator` and `value` are "<5" where they would give single people away.
    """

    indicator: Indicator
    community: str
    value: str | None
    numerator: int | str
    denominator: int | str
    unknown: str | None
    target: float | None
    short: int | None
    """还差 N: how many more the target needs; or, where less is better, how many too many."""
    pending: int
    low: float | None
    interval: tuple[float, float] | None
    day: date
    counted: datetime
    register_as_of: date | None


class ItemView(BaseModel):
    """What is counted and not good, without full names and numbers."""

    item: int
    name: str | None = None
    building: str | None = None
    unit: str | None = None
    room: str | None = None
    case: int | None = None
    slip: str | None = None


class PointView(BaseModel):
    day: date
    numerator: int
    denominator: int


class TimesView(BaseModel):
    """Days from the opening of a case to the registration, of cases opened in the last days; the open ones apart."""

    median: int | None
    p90: int | None
    registered: int
    still_open: int


class CorrectionView(BaseModel):
    community: str
    indicator: Indicator
    frozen: tuple[int, int]
    now: tuple[int, int]


class MonthEndView(BaseModel):
    """A frozen month: numerator, denominator, pending and reason of each figure; what has been corrected since."""

    month: str
    frozen: datetime
    frozen_by: str
    authentic: bool
    figures: dict[str, dict[str, Any]]
    corrections: list[CorrectionView]
    ranked: list[str]
    """Who may be compared, best first: 200 people or more, and nothing of the following."""
    data_short: list[str]
    to_mend: list[str]


def make_indicators(
    database: Database, master: Master, access: Access, indicators: Indicators, today: Callable[[], date]
) -> APIRouter:
    """The router of figures and the lists behind them."""

    def times_found(asked: tuple[date, int]) -> tuple[dict[int, int], int]:
        day, days = asked
        with database.read() as connection:
            return figures.times_to_register(connection, day - timedelta(days=days), day)

    times_of = Recent(times_found, TIMES_S)
    router = APIRouter(prefix="/api/v1", route_class=Problems, tags=["indicators"])

    @router.get("/indicators")
    def listed(
        client: Annotated[ApiClient, Depends(access.allow(*_FIGURES))],
        day: Day = None,
        indicator: Indicator | None = None,
    ) -> list[FigureView]:
        """The newest figures, or those of a day: of the district ("") first, then of each community in scope."""
        committee = client.role == "committee"
        only = None if committee or indicator is None else [indicator]  # what is hidden of one hangs on the others
        found = indicators.figures(client.reach or None, day=day, only=only)
        shown = for_committee(found) if committee else found
        return [figure_view(one) for one in shown if indicator in (None, one.indicator)]

    @router.get("/indicators/{indicator}/trend")
    def trend(
        indicator: Indicator,
        client: Annotated[ApiClient, Depends(access.allow("street", "administrator"))],
        days: Annotated[int, Query(ge=1, le=400)] = 90,
    ) -> list[PointView]:
        """Sums over the district by day."""
        within(client, "")
        with database.read() as connection:
            rows = figures.trend(connection, indicator, today() - timedelta(days=days))
        return [PointView(day=row[0], numerator=row[1], denominator=row[2]) for row in rows]

    @router.get("/indicators/time-to-register")
    def times(
        client: Annotated[ApiClient, Depends(access.allow("street", "reviewer", "administrator"))],
        days: Annotated[int, Query(ge=1, le=400)] = 90,
    ) -> TimesView:
        """登记用时, over the district; a trend, no target."""
        within(client, "")
        done, waiting = times_of((today(), days))
        return TimesView(
            median=quantile(done, ONE_HALF),
            p90=quantile(done, NINE_TENTHS),
            registered=sum(done.values()),
            still_open=waiting,
        )

    @router.get("/communities/{community}/indicators/{indicator}/list")
    def items(
        community: Community,
        indicator: Indicator,
        client: Annotated[ApiClient, Depends(access.allow("reviewer", "street"))],
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
        day: Day = None,
    ) -> list[ItemView]:
        """What is counted and not good, as of a day (today): masked names, places, cases or slips."""
        within(client, community)
        with database.read() as connection:
            found = figures.behind(connection, indicator, day or today(), community, limit, after)
            rows = behind.described(connection, indicator, found)
        return [_item(master, row, client.role) for row in rows]

    return router


def make_month_ends(access: Access, month_ends: MonthEnds, database: Database) -> APIRouter:
    """The router of frozen months."""
    router = APIRouter(prefix="/api/v1/month-ends", route_class=Problems, tags=["indicators"])
    may = access.allow("committee", "street", "administrator")

    @router.get("")
    def frozen(client: Annotated[ApiClient, Depends(may)]) -> list[str]:
        """The months that are frozen, newest first."""
        within(client, "")
        with database.read() as connection:
            return [f"{row.month:%Y-%m}" for row in figures.month_ends(connection)]

    @router.get("/{month}")
    def one(
        month: Month, client: Annotated[ApiClient, Depends(access.allow("street", "administrator"))]
    ) -> MonthEndView:
        """A frozen month, reckoned again by what is known now: each difference is a correction."""
        within(client, "")
        found = month_ends.show(_month(month))
        return MonthEndView(
            month=month,
            frozen=datetime.fromtimestamp(found.frozen / 1000, UTC),
            frozen_by=found.frozen_by,
            authentic=found.authentic,
            figures={name: dict(own) for name, own in found.figures.items()},
            corrections=[
                CorrectionView(community=c.community, indicator=c.indicator, frozen=c.frozen, now=c.now)
                for c in found.corrections
            ],
            ranked=list(found.ranked),
            data_short=list(found.data_short),
            to_mend=list(found.to_mend),
        )

    @router.post("/{month}", status_code=201)
    def freeze(month: Month, client: Annotated[ApiClient, Depends(access.allow("administrator"))]) -> dict[str, str]:
        """Freeze a month that is over, once; it is done by itself when the next one begins."""
        within(client, "")
        month_ends.freeze(_month(month), client.name)
        return {"month": month}

    return router


def _month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def figure_view(one: Figure) -> FigureView:
    """A figure as it may be shown, in words and numbers."""
    rate = one.rate
    most = AT_MOST.get(one.indicator)
    value = None if rate.value is None else percent(rate.numerator, rate.denominator)
    short = rate.short if most is None or rate.value is None else over(rate.numerator, rate.denominator, most)
    return FigureView(
        indicator=one.indicator,
        community=one.community,
        value=HIDDEN if one.hidden and value is not None else value,
        numerator=HIDDEN if one.hidden else rate.numerator,
        denominator=HIDDEN if one.hidden else rate.denominator,
        unknown=None if rate.unknown is None else rate.unknown.value,
        target=rate.target if most is None else float(most),
        short=None if one.hidden else short,
        pending=0 if one.hidden else rate.pending,
        low=None if one.hidden else rate.low,
        interval=None if one.hidden else rate.interval,
        day=one.day,
        counted=datetime.fromtimestamp(one.counted / 1000, UTC),
        register_as_of=one.register_as_of,
    )


def _item(master: Master, row: Any, role: str) -> ItemView:
    said = dict(row._asdict())
    hidden = said.pop("protected", False) and role != "reviewer"
    name = said.pop("name", None)
    if name is not None:
        said["name"] = None if hidden else mask_name(master.show("persons.name", name))
    if hidden:
        said |= {"building": None, "unit": None, "room": None}
    return ItemView.model_validate(said)
