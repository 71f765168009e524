"""The report of a month-end in words: title, period, figures, communities, corrections, definitions, signatures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.centre.api.indicators import FigureView
from gateway.centre.month_ends import end_of
from gateway.centre.pages.committee.desk import SUPPLIED, Row, Shown, Supply, by_rate
from gateway.web.page import instant
from gateway.web.texts import Texts
from rules.indicators import Indicator

COLUMNS = (Indicator.REGISTRATION, Indicator.ON_TIME, Indicator.DISMISSED, Indicator.ACCURACY)
"""What the table of communities has of each."""
SIGNED = ("made", "checked", "issued")
Lines = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the report; `widths` says how the columns share the paper."""

    title: str
    heads: Sequence[str]
    rows: Lines
    widths: Sequence[float]


@dataclass(frozen=True, slots=True)
class Report:
    """A report that can be filed: the same in Excel and on paper."""

    lang: str
    title: str
    facts: Lines
    tables: Sequence[Table]
    notes: Sequence[str]
    signed: Sequence[str]
    signed_on: str

    def pages(self) -> list[tuple[str, Lines]]:
        """The pages of a book: the cover with its signatures, then each table."""
        signatures = [[name, "", self.signed_on, ""] for name in self.signed]
        cover = [[self.title], *self.facts, [""], *([note] for note in self.notes), [""], *signatures]
        return [(self.title[:31], cover), *((one.title[:31], [one.heads, *one.rows]) for one in self.tables)]


def report(
    texts: Texts, lang: str, district: str, month: str, shown: Shown, suppliers: Mapping[str, Supply], now: int
) -> Report:
    """The report of a frozen month. Raises LookupError where it is not frozen."""
    if shown.month is None:
        raise LookupError("this month is not frozen")
    words = _Words(texts, lang, suppliers)
    end = shown.month
    day = end_of(end.month)
    facts = [
        [words("place"), district],
        [words("period"), f"{end.month:%Y-%m-%d} – {day:%Y-%m-%d}"],
        [words("frozen"), words("frozen_said", at=instant(end.frozen), who=words.maker(end.frozen_by))],
        [words("signature"), words("holds" if end.authentic else "broken_badge")],
        [words("made_at"), instant(now)],
    ]
    tables = [words.figures(shown), words.communities(shown.rows), words.corrections(shown), words.definitions()]
    notes = [words(name) for name in ("note_small", "note_down", "note_confirm", "note_ranked")]
    title = words("report", district=district, month=month)
    return Report(lang, title, facts, tables, notes, [words(f"signed_{one}") for one in SIGNED], words("signed_on"))


class _Words:
    def __init__(self, texts: Texts, lang: str, suppliers: Mapping[str, Supply]) -> None:
        self._texts = texts
        self._lang = lang
        self._suppliers = suppliers

    def __call__(self, key: str, **figures: object) -> str:
        return self._texts.get(self._lang, f"committee.{key}", **figures)

    def maker(self, who: str) -> str:
        return self("by_itself") if who == "system" else who

    def figures(self, shown: Shown) -> Table:
        heads = [self(key) for key in ("indicator", "value", "good", "of", "target", "short_head", "source")]
        rows = []
        for one in Indicator:
            view = shown.of.get(one.value)
            if view is not None:
                target = f"{view.target:.0%}" if view.target is not None else ""
                counts = [str(view.numerator), str(view.denominator)] if view.unknown is None else ["", ""]
                rows.append([self.title(one), self.value(view), *counts, target, self.short(view), self.source(one)])
        return Table(self("figures"), heads, rows, (2.4, 1, 0.8, 0.8, 0.7, 0.9, 2.2))

    def communities(self, found: Sequence[Row]) -> Table:
        heads = [self("rank"), self("community"), *map(self.title, COLUMNS), self("misses"), self("remark")]
        rows = []
        for row in by_rate(found):
            cells = [self.value(row.of.get(one.value)) for one in COLUMNS]
            missed = "" if row.misses is None else str(row.misses)
            remark = [self("no_gate")] if not row.gated else []
            remark += [self(f"why.{row.why}")] if row.why else []
            rows.append([str(row.rank or ""), row.name, *cells, missed, "；".join(remark)])
        return Table(self("communities"), heads, rows, (0.5, 1.2, 1.3, 1, 0.9, 1, 1, 1.1))

    def corrections(self, shown: Shown) -> Table:
        names = {row.id: row.name for row in shown.rows}
        heads = [self(key) for key in ("community", "indicator", "before", "after")]
        rows = []
        for one in shown.mended:
            pair = [self.counted(one.before), self.counted(one.after)]
            said = [self("few"), self("few")] if one.before is None or one.after is None else pair
            rows.append([names.get(one.community, one.community), self.title(one.indicator), *said])
        return Table(self("corrections"), heads, rows or [[self("no_corrections"), "", "", ""]], (1, 1.8, 1.4, 1.4))

    def definitions(self) -> Table:
        heads = [self(key) for key in ("indicator", "good", "of", "basis")]
        parts = ("title", "good", "of", "basis")
        rows = [[self._texts.get(self._lang, f"indicator.{part}.{one.value}") for part in parts] for one in Indicator]
        return Table(self("definitions"), heads, rows, (1.2, 1.6, 1.6, 1.3))

    def title(self, one: Indicator) -> str:
        return self._texts.get(self._lang, f"indicator.title.{one.value}")

    def value(self, view: FigureView | None) -> str:
        """A rate, or why there is none."""
        if view is None:
            return "–"
        if view.unknown is not None or view.value is None:
            return self(f"unknown.{view.unknown}")
        if view.indicator is Indicator.CLEARING:
            return self("met" if view.short == 0 else "not_met")
        return view.value if view.value == view.numerator else f"{view.value}%"

    def counted(self, view: FigureView | None) -> str:
        return "" if view is None else f"{self.value(view)} ({view.numerator} / {view.denominator})"

    def short(self, view: FigureView) -> str:
        return "" if not view.short else self("short_n" if view.indicator not in _LESS else "over_n", n=view.short)

    def source(self, one: Indicator) -> str:
        """Who supplied the list of an imported figure and when, or that it is counted here."""
        if one not in SUPPLIED:
            return self("derived" if one is Indicator.CLEARING else "counted_here")
        name = self(f"supplier.{SUPPLIED[one].value}")
        supply = self._suppliers.get(one.value)
        return self("imported_never", name=name) if supply is None else self("imported", name=name, day=supply.day)


_LESS = frozenset({Indicator.NOT_DEREGISTERED})
