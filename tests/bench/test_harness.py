"""The harness of `make bench`, over candidates whose figures are known."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.bench.harness import QUICK_ROUNDS, Candidate, Results, Section, Summary, measure, percentile, run, spread


class Counted:
    """A section whose candidates say how often they were called, and in which order."""

    def __init__(self, name: str = "counted") -> None:
        self.order: list[str] = []
        self.section = Section(name, "nothing", self._open, self._sum_up)

    @contextmanager
    def _open(self, _quick: bool) -> Iterator[Mapping[str, Candidate]]:
        def candidate(name: str) -> Candidate:
            return lambda: (self.order.append(name), {"calls": float(self.order.count(name))})[1]

        yield {name: candidate(name) for name in ("a", "b", "c")}

    def _sum_up(self, results: Results) -> Summary:
        name = self.section.name
        ratio = results["a"]["calls"].median / results["b"]["calls"].median
        return Summary({f"{name}_a_vs_b": ratio}, {f"{name}_calls": results["c"]["calls"].high})


def test_candidates_take_turns_and_who_begins_moves_on() -> None:
    counted = Counted()
    results = measure(counted.section, quick=True)
    assert counted.order == ["a", "b", "c", "b", "c", "a"]
    assert results["a"]["calls"] == spread([1.0, 2.0])
    assert results["a"]["calls"].rounds == QUICK_ROUNDS


def test_a_run_writes_ratios_and_keeps_what_other_sections_left(tmp_path: Path) -> None:
    latest = tmp_path / "bench" / "latest.json"
    run([Counted("one").section], quick=True, latest=latest)
    run([Counted("two").section], quick=True, latest=latest)
    found = json.loads(latest.read_text("utf-8"))
    assert found["ratios"] == {"one_a_vs_b": 1.0, "two_a_vs_b": 1.0}
    assert found["absolute"] == {"one_calls": 2.0, "two_calls": 2.0}
    assert set(found["sections"]) == {"one", "two"}
    assert found["sections"]["two"]["candidates"]["c"]["calls"]["median"] == 1.5


def test_spreads_and_percentiles() -> None:
    assert str(spread([3.0, 1.0, 2.0])) == "2 (1 - 3)"
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (51.0, 99.0, 7.0)
