"""Pages: what Lighthouse says of how soon the first page of each user stands, on a desk and on a phone.

Lighthouse slows the network and the processor down as it does for every site (a phone: a quarter of the processor's
speed, 1.6 Mbit/s), so a score here may be held beside another site's. Needs `scripts/setup test lighthouse`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from tests.bench.harness import Candidate, Results, Section, Summary
from tests.lighthouse.run import Asked, scores, town

FIRST = ("/gate as guard", "/collect/tonight as worker", "/committee as committee", "/me as nobody")
PHONE = frozenset({"/collect/tonight as worker", "/me as nobody"})


def one(asked: Asked, desktop: bool) -> dict[str, float]:
    found, _ = scores(asked, desktop=desktop)
    return {name: float(score) for name, score in found.items()}


@contextmanager
def opened(_quick: bool) -> Iterator[Mapping[str, Candidate]]:
    with town(every=False) as asked:
        yield {name: partial(one, asked[name], name not in PHONE) for name in FIRST}


def sum_up(results: Results) -> Summary:
    least = min(figures["performance"].median for figures in results.values())
    return Summary(absolute={"lighthouse_performance_least": least})


SECTION = Section("pages", "Lighthouse on the first page of four users, two of them on a phone", opened, sum_up)
