"""Why a case stands, as one sentence with its figures."""

from collections.abc import Mapping
from datetime import date

from gateway.web.centre_view import BECAUSE, CaseRow
from gateway.web.texts import Texts
from rules.acts import Arithmetic
from rules.model import CaseKind, Source

_TOLD = {Source.LANDLORD: "declared", Source.SELF: "declared", Source.POLICE: "notified", Source.VISIT: "visited"}


def because_of(
    kind: CaseKind, opened: date, arithmetic: Arithmetic, source: Source = Source.GATE
) -> tuple[str, Mapping[str, int]]:
    """The code and the figures of a case that was opened on the civil day `opened`."""
    if kind is CaseKind.RECHECK and arithmetic.months is not None:
        return "recheck", {"months": arithmetic.months}
    if kind is CaseKind.DEREGISTRATION:
        return "moved_out", {}
    if arithmetic.days == 0 and arithmetic.unregistered_since is not None:
        return "enrolled", {"days": (opened - arithmetic.unregistered_since).days, "grace": arithmetic.grace_days}
    if arithmetic.days == 0 and arithmetic.evenings == 0:
        return _without_figures(kind, source), {}
    figures = {
        "days": arithmetic.days,
        "evenings": arithmetic.evenings,
        "window": arithmetic.window_days,
        "need": arithmetic.days_needed,
        "need_evenings": arithmetic.evenings_needed,
    }
    return "unknown_credential" if kind is CaseKind.GATE_QUERY else "presence", figures


def _without_figures(kind: CaseKind, source: Source) -> str:
    """Of a question that is erased, and of what people report."""
    return "erased" if kind is CaseKind.GATE_QUERY else _TOLD.get(source, "told")


def sentence(texts: Texts, lang: str, case: CaseRow) -> str:
    """Why a case stands in a language; the bare code when it is not one of ours or a figure is missing."""
    named = BECAUSE.get(case.because)
    if named is None or not all(figure in case.figures for figure in named):
        return case.because
    figures = {figure: case.figures[figure] for figure in named}
    said = texts.get(lang, f"case.because.{case.because}", **figures)
    return f"{said} {texts.get(lang, 'case.elsewhere')}" if case.elsewhere else said
