"""What of the figures the committee does not see: small cells of people, and whatever would give one of them away."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.centre.indicators import Figure
from rules.indicators import SMALLEST_SHOWN, Indicator, Rate, suppressed, suppressed_rate


def for_committee(found: Sequence[Figure]) -> list[Figure]:
    """The figures as whoever may not know single people sees them: small cells hidden, and what would give one away.

    What is counted in gates, plates, minutes or communities is nobody's, and is shown.
    """
    shown: dict[Indicator, list[Figure]] = {indicator: [] for indicator in Indicator}
    for one in found:
        shown[one.indicator].append(one)
    for indicator in OF_PEOPLE:
        shown[indicator] = _hidden(shown[indicator])
    for same in _OF_THE_SAME:
        every = [one for indicator in same for one in shown[indicator]]
        gone = {one.community for one in every if one.hidden and one.community}
        if gone:  # they count the same people: what one hides, another may not tell, nor may their totals
            safe = _widen(every, gone)
            for indicator in same:
                shown[indicator] = [
                    _marked(one, one.hidden or one.community in gone or not (safe or one.community))
                    for one in shown[indicator]
                ]
    return [one for mine in shown.values() for one in mine]


OF_PEOPLE = frozenset(
    {
        Indicator.REGISTRATION,
        Indicator.REGISTRATION_CENTRAL,
        Indicator.REGISTRATION_SAMPLED,
        Indicator.OUTFLOW,
        Indicator.INFLOW,
        Indicator.INFLOW_LIVING,
        Indicator.INFLOW_GONE,
        Indicator.HUKOU_CHECKED,
        Indicator.CANCELLED,
        Indicator.CARD_USE,
        Indicator.ON_TIME,
        Indicator.DISMISSED,
        Indicator.ANSWERED,
        Indicator.LINKED,
        Indicator.TOGETHER,
        Indicator.ACCURACY,
        Indicator.NOT_DEREGISTERED,
    }
)


def _small(one: Figure) -> bool:
    pending = 0 < one.rate.pending < SMALLEST_SHOWN
    return pending or suppressed_rate(one.rate.numerator, one.rate.denominator)


_OF_THE_SAME = (
    (Indicator.REGISTRATION, Indicator.REGISTRATION_CENTRAL, Indicator.LINKED),
    (Indicator.INFLOW, Indicator.INFLOW_LIVING, Indicator.INFLOW_GONE),
)


def _widen(every: Sequence[Figure], gone: set[str]) -> bool:
    """Hide more communities, the smallest first, until no total tells a small cell; False where that cannot be had.

    Totals are over all communities of an indicator, and the difference of two over those that only one of them has.
    """
    counts: dict[Indicator, dict[str, Rate]] = {}
    for one in every:
        if one.community:
            counts.setdefault(one.indicator, {})[one.community] = one.rate
    parts = [(mine, frozenset(mine)) for mine in counts.values()]
    parts += [(mine, frozenset(mine) - frozenset(other)) for mine in counts.values() for other in counts.values()]
    while telling := [part for mine, part in parts if _tells(mine, part & gone)]:
        mine = max(counts.values(), key=len)
        rest = [(mine[name].denominator, name) for name in telling[0] - gone if mine[name].denominator]
        if not rest:
            return False
        gone.add(min(rest)[1])
    return True


def _tells(counts: Mapping[str, Rate], hidden: frozenset[str]) -> bool:
    """Whether what a total leaves for these together gives one of them away."""
    rates = [counts[name] for name in hidden if counts[name].unknown is None]
    sums = [
        sum(cells)
        for cells in zip(*((r.numerator, r.denominator - r.numerator, r.pending) for r in rates), strict=True)
    ]
    return len(rates) == 1 or any(0 < one < SMALLEST_SHOWN for one in sums)


def together(indicator: Indicator) -> frozenset[Indicator]:
    """Indicators that count the same people: what is hidden of one is hidden of all."""
    return frozenset(next((same for same in _OF_THE_SAME if indicator in same), (indicator,)))


def _hidden(found: Sequence[Figure]) -> list[Figure]:
    whole = [one for one in found if not one.community]
    own = [one for one in found if one.community]
    hide = [_small(one) for one in own]
    for cells in (
        [one.rate.numerator for one in own],
        [one.rate.denominator - one.rate.numerator for one in own],
    ):
        hide = [old or new for old, new in zip(hide, suppressed(cells), strict=True)]
    if sum(hide) == 1:  # the others and the total would tell the only one that is hidden
        rest = [(one.rate.denominator, i) for i, one in enumerate(own) if not hide[i] and one.rate.denominator]
        if rest:
            hide[min(rest)[1]] = True
    alone = [_small(one) for one in whole]
    marks = [*alone, *hide]
    return [_marked(one, mark) for one, mark in zip([*whole, *own], marks, strict=True)]


def _marked(one: Figure, hidden: bool) -> Figure:
    return one if one.hidden is hidden else replace(one, hidden=hidden)
