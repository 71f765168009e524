"""What the committee sees: figures of now or of a frozen month, without any that would give a single person away."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from gateway.centre.api.indicators import FigureView, figure_view
from gateway.centre.indicators import Figure, Indicators, assembled, silent_since
from gateway.centre.lists.forms import Kind
from gateway.centre.month_ends import Correction, MonthEnd, MonthEnds, compared, end_of
from gateway.centre.suppression import OF_PEOPLE, for_committee, together
from gateway.store.database import Database
from gateway.store.queries import figures, lists
from gateway.store.queries.history import By
from rules.indicators import RANKED_FROM, SMALLEST_SHOWN, Indicator, Unknown

WEEKS = 26
"""How far back a trend goes."""
COMPARED = (
    Indicator.REGISTRATION,
    Indicator.ON_TIME,
    Indicator.DISMISSED,
    Indicator.REGISTRATION_SAMPLED,
    Indicator.ACCURACY,
    Indicator.DEVICES_ONLINE,
)
"""In which communities stand beside each other."""
SUPPLIED: Mapping[Indicator, Kind] = {
    Indicator.OUTFLOW: Kind.OUT_MOVERS,
    Indicator.INFLOW: Kind.PUSHES,
    Indicator.INFLOW_LIVING: Kind.PUSHES,
    Indicator.INFLOW_GONE: Kind.PUSHES,
    Indicator.HUKOU_CHECKED: Kind.HUKOU,
    Indicator.CANCELLED: Kind.HUKOU,
    Indicator.PLATES: Kind.DWELLINGS,
}
"""导入指标: what the gates cannot count, by the list that it is counted from."""


@dataclass(frozen=True, slots=True)
class Supply:
    """The newest list of a kind: the day on which it was taken, and in how many communities one was."""

    day: date
    communities: int


@dataclass(frozen=True, slots=True)
class Row:
    """A community beside the others. `why` says why it has no rank: a code, "" where it has one."""

    id: str
    name: str
    gated: bool
    rank: int | None
    why: str
    misses: int | None
    silent: int | None
    """When its gates were heard last (ms), where they are silent."""
    of: Mapping[str, FigureView]


@dataclass(frozen=True, slots=True)
class Mended:
    """What has been corrected of a frozen figure; None where it would tell of fewer than five people."""

    community: str
    indicator: Indicator
    before: FigureView | None
    after: FigureView | None


@dataclass(frozen=True, slots=True)
class Shown:
    """All figures of a day. `month` is the frozen one, or None for what was counted last."""

    day: date | None
    month: MonthEnd | None
    of: Mapping[str, FigureView]
    """Of all communities together, by indicator."""
    rows: tuple[Row, ...]
    mended: tuple[Mended, ...] = ()


@dataclass(frozen=True, slots=True)
class _Counted:
    """What a month-end holds of one figure, as the table of figures has it."""

    community: str
    name: str
    numerator: int
    denominator: int
    pending: int
    unknown: str | None
    counted: int


@dataclass(frozen=True, slots=True)
class _Place:
    targets: Mapping[str, float] | None
    register_as_of: date | None = None


class Desk:
    """Answers for the pages of the committee."""

    def __init__(
        self, database: Database, indicators: Indicators, month_ends: MonthEnds, now: Callable[[], int]
    ) -> None:
        self.database = database
        self.now = now
        self._indicators = indicators
        self._month_ends = month_ends

    @property
    def today(self) -> date:
        return By("", self.now()).today

    def months(self) -> list[str]:
        """The frozen months, newest first."""
        with self.database.read() as connection:
            return [f"{row.month:%Y-%m}" for row in figures.month_ends(connection)]

    def shown(self, month: str = "") -> Shown:
        """The figures that were counted last, or those of a frozen month.

        Raises:
            LookupError: the month was not frozen.
        """
        if month:
            return self._frozen(_first(month))
        found = self._indicators.figures(None)
        return self._put(found, None)

    def suppliers(self) -> dict[str, Supply]:
        """Of each imported indicator, when its list was taken last."""
        with self.database.read() as connection:
            taken = lists.newest_taken(connection)
        return {
            indicator.value: Supply(By("", taken[kind.value][0]).today, taken[kind.value][1])
            for indicator, kind in SUPPLIED.items()
            if kind.value in taken
        }

    def trend(self, indicator: Indicator) -> list[FigureView]:
        """The district's figure on the newest day and on each seventh before it, oldest first."""
        names = together(indicator)
        with self.database.read() as connection:
            newest = figures.newest_day(connection)
            if newest is None:
                return []
            known = set(figures.days(connection, indicator, newest - timedelta(weeks=WEEKS)))
        days = [newest - timedelta(weeks=week) for week in range(WEEKS, -1, -1)]
        points = []
        for day in (one for one in days if one in known):
            found = for_committee(self._indicators.figures(None, day=day, only=names))
            points += [figure_view(one) for one in found if one.indicator is indicator and not one.community]
        return points

    def _frozen(self, month: date) -> Shown:
        end = self._month_ends.show(month)
        if not end.authentic:
            return Shown(end_of(month), end, {}, ())
        with self.database.read() as connection:
            places: dict[str, Any] = {row.id: _Place(row.targets) for row in figures.communities(connection)}
        places = {name: _Place(None) for name in end.figures} | places
        counted = [
            _Counted(community, name, numerator, denominator, pending, unknown, end.frozen)
            for community, own in end.figures.items()
            for name, (numerator, denominator, pending, unknown) in own.items()
        ]
        day = end_of(month)
        found = assembled(counted, places, day)
        changed = {(one.community, one.indicator.value): one.now for one in end.corrections}
        after = assembled([_corrected(one, changed) for one in counted], places, day)
        shown = self._put(found, end)
        return replace(shown, mended=_mended(end.corrections, for_committee(found), for_committee(after)))

    def _put(self, found: Sequence[Figure], month: MonthEnd | None) -> Shown:
        with self.database.read() as connection:
            places = {row.id: row for row in figures.communities(connection)}
            silent = silent_since(connection, self.now()) if month is None else {}
        seen = for_committee(found)
        views: dict[str, dict[str, FigureView]] = {}
        for one in seen:
            own = views.setdefault(one.community, {})
            if not one.community or one.indicator in COMPARED:
                own[one.indicator.value] = figure_view(one)
        hidden = {one.community for one in seen if one.hidden and one.indicator is Indicator.REGISTRATION}
        exact = {one.community: one.rate for one in found if one.indicator is Indicator.REGISTRATION}
        ranked, short, mend = compared(_said(found))
        order = {name: rank for rank, name in enumerate((one for one in ranked if one not in hidden), 1)}
        rows = []
        for name in (one for one in views if one):
            place, rate = places.get(name), exact.get(name)
            shown = name not in hidden and rate is not None and rate.value is not None
            why = _why(name, hidden, rate, short, mend) if name not in order else ""
            rows.append(
                Row(
                    id=name,
                    name=place.name if place is not None else name,
                    gated=place is None or bool(place.gated),
                    rank=order.get(name),
                    why=why,
                    misses=rate.denominator - rate.numerator if shown and rate is not None else None,
                    silent=silent.get(name),
                    of=views[name],
                )
            )
        day = found[0].day if found else None
        return Shown(day, month, views.get("", {}), tuple(rows))


def by_rate(rows: Sequence[Row]) -> list[Row]:
    """Ranked ones first, best first; the others by name."""
    return sorted(rows, key=lambda row: (row.rank is None, row.rank or 0, row.name))


def by_misses(rows: Sequence[Row]) -> list[Row]:
    """Where most people are still to be registered first; where that is not shown, last."""
    return sorted(rows, key=lambda row: (row.misses is None, -(row.misses or 0), row.name))


def _why(name: str, hidden: set[str], own: Any, short: Sequence[str], mend: Sequence[str]) -> str:
    if name in hidden:
        return "hidden"
    if own is None or own.value is None:
        return "unknown"
    if own.denominator < RANKED_FROM:
        return "small"
    if name in mend:
        return "mend"
    return "short" if name in short else "unknown"


def _said(found: Sequence[Figure]) -> dict[str, dict[str, list[Any]]]:
    """Figures in the form of a month-end."""
    said: dict[str, dict[str, list[Any]]] = {}
    for one in found:
        if one.community:
            rate = one.rate
            unknown = rate.unknown if rate.unknown is not Unknown.NOBODY else None
            values = [rate.numerator, rate.denominator, rate.pending, unknown]
            said.setdefault(one.community, {})[one.indicator.value] = values
    return said


def _corrected(one: _Counted, changed: Mapping[tuple[str, str], tuple[int, int]]) -> _Counted:
    now = changed.get((one.community, one.name))
    return one if now is None else replace(one, numerator=now[0], denominator=now[1])


def _mended(corrections: Sequence[Correction], before: Sequence[Figure], after: Sequence[Figure]) -> tuple[Mended, ...]:
    """Corrections as they may be seen: none that tells of fewer than five people."""
    olds, news = ({(one.community, one.indicator): one for one in found} for found in (before, after))
    mended = []
    for one in corrections:
        key = (one.community, one.indicator)
        old, new = olds.get(key), news.get(key)
        steps = [abs(now - then) for now, then in zip(one.now, one.frozen, strict=True)]
        few = one.indicator in OF_PEOPLE and any(0 < step < SMALLEST_SHOWN for step in steps)
        if few or old is None or new is None or old.hidden or new.hidden:
            mended.append(Mended(one.community, one.indicator, None, None))
        else:
            mended.append(Mended(one.community, one.indicator, figure_view(old), figure_view(new)))
    return tuple(mended)


def _first(month: str) -> date:
    try:
        return date.fromisoformat(f"{month}-01")
    except ValueError:
        raise LookupError("there is no such month") from None
