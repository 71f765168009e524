"""How all of `make bench` measures: candidates in turn, several rounds, medians and spread, ratios of one same run.

A section is a module beside this one with a `SECTION`. Its `open(quick)` is a context that sets up and gives candidates
by name; each is a callable that measures for one round and returns figures by name. The reference stands among them, so
that whatever the machine does meanwhile happens to both. `sum_up` makes ratios and absolute figures of all rounds.
"""

import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROUNDS, QUICK_ROUNDS = 5, 2
LATEST = Path(__file__).parents[2] / "bench" / "latest.json"

Candidate = Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over all rounds."""

    median: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.median:,.3g} ({self.low:,.3g} - {self.high:,.3g})"


Results = Mapping[str, Mapping[str, Spread]]
"""Spreads by candidate and figure."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a section says: `ratios` against a reference of the same run, `absolute` figures of this machine."""

    ratios: Mapping[str, float] = field(default_factory=dict)
    absolute: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the bench. `about` says in a line what is measured against what."""

    name: str
    about: str
    open: Callable[[bool], AbstractContextManager[Mapping[str, Candidate]]]
    sum_up: Callable[[Results], Summary]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all are not above."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, round(share * (len(ranked) - 1)))]


def measure(section: Section, *, quick: bool) -> Results:
    """Run every candidate once a round; who begins moves on by one each time."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    found: dict[str, dict[str, list[float]]] = {}
    with section.open(quick) as candidates:
        names = list(candidates)
        for turn in range(rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                for figure, value in candidates[name]().items():
                    found.setdefault(name, {}).setdefault(figure, []).append(value)
            print(f"  {section.name}: round {turn + 1} of {rounds}", file=sys.stderr, flush=True)
    return {name: {figure: spread(values) for figure, values in found[name].items()} for name in names}


def spread(values: Sequence[float]) -> Spread:
    """Median and extremes."""
    return Spread(statistics.median(values), min(values), max(values), len(values))


def machine() -> dict[str, object]:
    """What it ran on, without a name."""
    return {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load": round(os.getloadavg()[0], 2),
    }


def run(sections: Sequence[Section], *, quick: bool, latest: Path = LATEST) -> None:
    """Measure the sections, print a table, and write `latest`; what it held of other sections stays in it."""
    before = json.loads(latest.read_text("utf-8")) if latest.exists() else {}
    whole: dict[str, dict[str, object]] = {
        part: dict(before.get(part, {})) for part in ("sections", "ratios", "absolute")
    }
    for section in sections:
        print(f"\n{section.name}: {section.about}", flush=True)
        results = measure(section, quick=quick)
        summary = section.sum_up(results)
        for line in table(results, summary):
            print(line, flush=True)
        whole["sections"][section.name] = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "quick": quick,
            "machine": machine(),
            "candidates": {name: {f: asdict(one) for f, one in figures.items()} for name, figures in results.items()},
        }
        whole["ratios"].update(summary.ratios)
        whole["absolute"].update(summary.absolute)
    latest.parent.mkdir(exist_ok=True)
    latest.write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n", "utf-8")


def table(results: Results, summary: Summary) -> list[str]:
    """The lines of a section: each figure of each candidate as median (least - most), then what follows from them."""
    rows = [(name, figure, str(one)) for name, figures in results.items() for figure, one in figures.items()]
    wide = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    lines = [f"  {name.ljust(wide[0])}  {figure.ljust(wide[1])}  {text}" for name, figure, text in rows]
    lines += [f"  = {name}: {value:.3g}" for name, value in {**summary.ratios, **summary.absolute}.items()]
    return lines
