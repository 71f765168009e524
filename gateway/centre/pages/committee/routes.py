"""The committee's pages on the screen: tiles, communities side by side, the trend, and a month that is over."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.centre.api.access import Access, of_district
from gateway.centre.pages.committee.charts import line
from gateway.centre.pages.committee.desk import COMPARED, SUPPLIED, Desk, by_misses, by_rate
from gateway.centre.pages.sheet import Sheet
from gateway.settings import ApiClient
from rules.indicators import RANKED_FROM, Indicator, Unknown

I = Indicator  # noqa: E741 - it stands in tables alone
FIRST = (
    I.GATES_INSTALLED,
    I.GATES_ONLINE,
    I.GATES_IN_USE,
    I.CARD_USE,
    I.ON_TIME,
    I.DISMISSED,
    I.REGISTRATION,
    I.REGISTRATION_CENTRAL,
)
"""The tiles in the order in which they are asked for."""
SAMPLED = (I.REGISTRATION, I.REGISTRATION_SAMPLED, I.ACCURACY, I.NOT_DEREGISTERED)
"""台账口径 and 抽查口径 side by side."""
IMPORTED = (I.OUTFLOW, I.INFLOW, I.INFLOW_LIVING, I.INFLOW_GONE, I.CLEARING, I.HUKOU_CHECKED, I.CANCELLED, I.PLATES)
OTHERS = (I.STAFFING, I.TOGETHER, I.ANSWERED, I.LINKED, I.DEVICES_ONLINE)
WHY = ("hidden", "unknown", "small", "mend", "short")
MONTH = r"^(20\d\d-(0[1-9]|1[0-2]))?$"
Month = Annotated[str, Query(pattern=MONTH)]


def make_overview(desk: Desk, access: Access, sheet: Sheet) -> APIRouter:
    """The pages as a router.

    Raises:
        TextsIncomplete: an indicator or a reason has no text.
    """
    texts = sheet.pages.texts
    texts.need(f"indicator.{part}.{one.value}" for one in I for part in ("title", "good", "of", "basis"))
    texts.need(f"committee.unknown.{one.value}" for one in Unknown)
    texts.need(f"committee.why.{one}" for one in WHY)
    texts.need(f"committee.supplier.{kind.value}" for kind in set(SUPPLIED.values()))
    committee = access.page("committee")

    def district(client: Annotated[ApiClient, Depends(committee)]) -> ApiClient:
        return of_district(client)

    router = APIRouter(dependencies=[Depends(district)])

    @router.get("/committee")
    def overview(request: Request, month: Month = "") -> HTMLResponse:
        groups = {"first": FIRST, "sampled": SAMPLED, "imported": IMPORTED, "others": OTHERS}
        parts: dict[str, Any] = {name: [one.value for one in group] for name, group in groups.items()}
        return sheet(
            request,
            "overview",
            "committee.overview",
            shown=desk.shown(month),
            months=desk.months(),
            month=month,
            suppliers=desk.suppliers(),
            supplied={one.value: kind.value for one, kind in SUPPLIED.items()},
            **parts,
        )

    @router.get("/committee/communities")
    def communities(
        request: Request, month: Month = "", by: Annotated[str, Query(pattern="^(rate|misses)$")] = "rate"
    ) -> HTMLResponse:
        shown = desk.shown(month)
        rows = by_rate(shown.rows) if by == "rate" else by_misses(shown.rows)
        values: dict[str, Any] = {"rows": rows, "by": by, "months": desk.months(), "month": month, "least": RANKED_FROM}
        columns = [one.value for one in COMPARED]
        return sheet(request, "communities", "committee.communities", shown=shown, columns=columns, **values)

    @router.get("/committee/trend")
    def trend(request: Request, indicator: Indicator = I.REGISTRATION) -> HTMLResponse:
        points = desk.trend(indicator)
        target = next((point.target for point in reversed(points) if point.target is not None), None)
        title = sheet.say(request, f"indicator.title.{indicator.value}")
        values = [(point.day, _number(point.value)) for point in points]
        svg = line(values, None if target is None else target * 100, title) if points else ""
        every = [(one.value, sheet.say(request, f"indicator.title.{one.value}")) for one in I if one is not I.CLEARING]
        return sheet(
            request,
            "trend",
            "committee.trend",
            points=points,
            svg=svg,
            title=title,
            target=target,
            indicator=indicator.value,
            every=every,
        )

    return router


def _number(value: str | None) -> float | None:
    """A rate as a number; None where it is hidden or unknown."""
    try:
        return None if value is None else float(value)
    except ValueError:
        return None
