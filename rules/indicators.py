"""Rates from counts: value, numerator, denominator, how many are short, an interval for samples, or unknown.

What each counts is `docs/indicators.md`; the notice that the pilot serves names rates and targets without formulas, so
these are a reading of it. Suppression follows the usual rule of official statistics: cells of 1 to 4 are not shown, and
no total may give one of them away.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

SMALLEST_SHOWN = 5
ONE_HALF, NINE_TENTHS = Fraction(1, 2), Fraction(9, 10)
RANKED_FROM = 200
"""Communities with fewer people are not compared with others."""
SURE = 1.959963984540054
"""Standard deviations of the normal distribution within which 95 % lie."""


class Indicator(StrEnum):
    """The indicators, in the order in which they are listed."""

    REGISTRATION = "registration"
    REGISTRATION_CENTRAL = "registration_central"
    REGISTRATION_SAMPLED = "registration_sampled"
    OUTFLOW = "outflow"
    INFLOW = "inflow"
    INFLOW_LIVING = "inflow_living"
    """Of `inflow`: living here and registered."""
    INFLOW_GONE = "inflow_gone"
    """Of `inflow`: not there or gone, reviewed."""
    CLEARING = "clearing"
    """Not counted: how many of `BOTH` meet their targets."""
    HUKOU_CHECKED = "hukou_checked"
    CANCELLED = "cancelled"
    PLATES = "plates"
    GATES_INSTALLED = "gates_installed"
    GATES_ONLINE = "gates_online"
    GATES_IN_USE = "gates_in_use"
    CARD_USE = "card_use"
    STAFFING = "staffing"
    TOGETHER = "together"
    ON_TIME = "on_time"
    DISMISSED = "dismissed"
    ANSWERED = "answered"
    ACCURACY = "accuracy"
    NOT_DEREGISTERED = "not_deregistered"
    LINKED = "linked"
    DEVICES_ONLINE = "devices_online"


TARGETS: Mapping[Indicator, Fraction] = {
    Indicator.REGISTRATION: Fraction(98, 100),
    Indicator.REGISTRATION_CENTRAL: Fraction(99, 100),
    Indicator.REGISTRATION_SAMPLED: Fraction(98, 100),
    Indicator.OUTFLOW: Fraction(98, 100),
    Indicator.INFLOW: Fraction(98, 100),
    Indicator.CLEARING: Fraction(1),
    Indicator.HUKOU_CHECKED: Fraction(98, 100),
    Indicator.CANCELLED: Fraction(1),
    Indicator.PLATES: Fraction(95, 100),
    Indicator.ACCURACY: Fraction(85, 100),
    Indicator.DEVICES_ONLINE: Fraction(95, 100),
}
"""The notice's targets, where a community has none of its own. Of the others none is set."""
AT_MOST: Mapping[Indicator, Fraction] = {Indicator.NOT_DEREGISTERED: Fraction(10, 100)}
"""Indicators of which less is better."""


BOTH = (Indicator.OUTFLOW, Indicator.INFLOW)
"""两个98%: only where both are met is `clearing`."""


class Unknown(StrEnum):
    """Why there is no figure."""

    NO_LIST = "no_list"
    """The list that it is counted from was never imported."""
    NOBODY = "nobody"
    """Nothing is counted: the denominator is 0."""
    SILENT = "silent"
    """The gates have not been heard, so that nothing they would have seen can be counted."""
    NOT_DRAWN = "not_drawn"
    """No sample was drawn."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted. `pending` are those of whom nobody knows yet whether they belong to the denominator."""

    numerator: int
    denominator: int
    pending: int = 0
    unknown: Unknown | None = None

    def __add__(self, other: "Counts") -> "Counts":
        """The counts of both: unknown only where both are, or where nothing is left to count."""
        numerator, denominator = self.numerator + other.numerator, self.denominator + other.denominator
        unknown = self.unknown if self.unknown is not None and other.unknown is not None else None
        return Counts(numerator, denominator, self.pending + other.pending, unknown)


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate as it may be shown. `value` is None where it is unknown; then `unknown` says why.

    `short` is how many more the target needs, None without a target; `low` the rate if all that is pending counted
    against it; `interval` the 95 % interval of a sample.
    """

    numerator: int
    denominator: int
    value: float | None
    unknown: Unknown | None = None
    target: float | None = None
    short: int | None = None
    pending: int = 0
    low: float | None = None
    interval: tuple[float, float] | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none, or no figure."""
        return None if self.short is None or self.value is None else self.short == 0


def rate(counts: Counts, target: Fraction | None = None, *, sampled: bool = False) -> Rate:
    """The rate of what was counted.

    Raises:
        ValueError: more in the numerator than in the denominator, or less than nothing.
    """
    n, d = counts.numerator, counts.denominator
    if not 0 <= n <= d or counts.pending < 0:
        raise ValueError(f"{n} of {d}, {counts.pending} pending, is no count")
    wanted = None if target is None else float(target)
    if counts.unknown is not None or d == 0:
        return Rate(n, d, None, counts.unknown or Unknown.NOBODY, wanted, pending=counts.pending)
    return Rate(
        n,
        d,
        n / d,
        target=wanted,
        short=None if target is None else short_of(n, d, target),
        pending=counts.pending,
        low=n / (d + counts.pending) if counts.pending else None,
        interval=interval(n, d) if sampled else None,
    )


def short_of(numerator: int, denominator: int, target: Fraction) -> int:
    """还差 N 人: how many more of the denominator the target needs; exact, whatever the size."""
    return max(0, math.ceil(target * denominator) - numerator)


def over(numerator: int, denominator: int, most: Fraction) -> int:
    """How many fewer there would have to be, for an indicator of which less is better."""
    return max(0, numerator - math.floor(most * denominator))


def interval(numerator: int, denominator: int) -> tuple[float, float]:
    """The 95 % interval of a rate in a sample (Wilson 1927, score interval); (0, 1) of nothing."""
    if denominator == 0:
        return 0.0, 1.0
    p, z2 = numerator / denominator, SURE * SURE
    middle = (p + z2 / (2 * denominator)) / (1 + z2 / denominator)
    half = SURE / (1 + z2 / denominator) * math.sqrt(p * (1 - p) / denominator + z2 / (4 * denominator**2))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return (0.0 if numerator == 0 else low), (1.0 if numerator == denominator else high)


def percent(numerator: int, denominator: int) -> str:
    """A rate as it is written: two decimals, rounded down, so that none looks met before it is. 2698 of 2781: 97.01."""
    hundredths = numerator * 10_000 // denominator
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def suppressed(cells: Sequence[int | None], *, with_total: bool = True) -> tuple[bool, ...]:
    """Which cells of one row are not shown: those of 1 to 4, and what would give a single one of them away.

    `with_total` says that the sum of the row is shown too. A cell that is None is not shown anyhow.
    """
    hidden = [cell is not None and 0 < cell < SMALLEST_SHOWN for cell in cells]
    if with_total and sum(hidden) == 1 and None not in cells:
        others = sorted((cell, i) for i, cell in enumerate(cells) if cell is not None and not hidden[i] and cell > 0)
        if others:
            hidden[others[0][1]] = True
    return tuple(hidden)


def clearing(both: Sequence[Rate]) -> Rate:
    """How many of the rates of `BOTH` meet their targets; unknown where one of them is."""
    unknown = next((one.unknown for one in both if one.met is None), None)
    return rate(Counts(sum(one.met is True for one in both), len(BOTH), unknown=unknown), TARGETS[Indicator.CLEARING])


def suppressed_rate(numerator: int, denominator: int) -> bool:
    """Whether a rate gives a small cell away: its numerator, what is missing of it, or all of it is 1 to 4."""
    return any(0 < cell < SMALLEST_SHOWN for cell in (numerator, denominator - numerator, denominator))


def ranked(rates: Mapping[str, Rate], data_suffice: Mapping[str, bool]) -> tuple[str, ...]:
    """Who may be compared, best first; equal rates by name. Small ones and those with too little data are left out."""
    able = {
        name: one for name, one in rates.items() if one.denominator >= RANKED_FROM and data_suffice.get(name, False)
    }
    known = [(-one.value, name) for name, one in able.items() if one.value is not None]
    return tuple(name for _, name in sorted(known))


def quantile(counts: Mapping[int, int], share: Fraction) -> int | None:
    """The smallest value that so large a share of all does not exceed, from how often each value is; None of none."""
    wanted, seen = share * sum(counts.values()), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= wanted and seen:
            return value
    return None
