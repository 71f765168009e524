"""Screens: from a swipe on the bus to the count that an open page shows, with one page open and with two hundred.

A centre and a broker in processes of their own; twenty stations send 50 swipes a second. Two pages are in a real
Chromium, where the moment is that at which the document changed; the others are streams that a program holds open as a
browser does (`tests.bench.watching`), of the overview, the cases and the stations.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.bench.harness import Candidate, Results, Section, Summary, percentile
from tests.bench.watching import Seen
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.load.fleet import Fleet
from tests.load.run import District, cpu

PAGES, RATE, STATIONS, RESIDENTS = 200, 50.0, 20, 200
IN_CHROMIUM = 2
ROUND_S, QUICK_ROUND_S, SETTLE_S = 20.0, 8.0, 6.0
TOKEN = "a-token-of-this-measurement"
CLIENT = f"""
[[centre.clients]]
name = "screens"
role = "administrator"
token_sha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"
"""
OBSERVE = """
() => {
  window.seen = [];
  const note = () => {
    const count = document.querySelector("#tiles div:nth-child(2) small");
    const held = count ? Number(count.textContent.replace(/[^0-9]/g, "")) : 0;
    const last = window.seen.at(-1);
    if (held && (!last || last[1] !== held)) { window.seen.push([Date.now() / 1000, held]); }
  };
  new MutationObserver(note).observe(document.body, {childList: true, subtree: true, characterData: true});
}
"""


def delays(sent: list[float], before: int, seen: Seen) -> list[float]:
    """Of each swipe after the first `before`, ms from when it was sent to when a page's count included it."""
    found = []
    shown = before
    for at, held in seen:
        found += [(at - sent[n]) * 1000 for n in range(shown - before, min(held - before, len(sent)))]
        shown = max(shown, held)
    return found


def shown(
    district: District, fleet: Fleet, tabs: list[Page], centre: int, pages: int, seconds: float
) -> dict[str, float]:
    """One round with so many pages open."""
    used = tabs[: min(pages, IN_CHROMIUM)]
    for tab in used:
        tab.goto(f"{district.url}/admin")
        tab.locator("#tiles").wait_for()
        tab.evaluate(OBSERVE)
    others = pages - len(used)
    before = sum(one.seq for one in fleet.stations)
    command = [
        sys.executable,
        "-m",
        "tests.bench.watching",
        district.url,
        TOKEN,
        str(others),
        str(seconds + 2 * SETTLE_S),
    ]
    watcher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    sent = _send(fleet, SETTLE_S, before)
    began, ticks = time.monotonic(), cpu(centre)
    measured = _send(fleet, seconds, before + len(sent))
    took = cpu(centre) - ticks
    elapsed = time.monotonic() - began
    output, _ = watcher.communicate(timeout=seconds + 60)
    if watcher.returncode:
        raise RuntimeError("a page was not open to the end")
    offset = time.monotonic() - time.time()
    lists: list[Seen] = json.loads(output.splitlines()[-1])
    screens: list[Seen] = [[(at + offset, held) for at, held in tab.evaluate("window.seen")] for tab in used]
    for tab in used:
        tab.goto("about:blank")
    base = before + len(sent)
    every = [one for mine in (*lists, *screens) for one in delays(measured, base, _from(mine, base))]
    real = [one for mine in screens for one in delays(measured, base, _from(mine, base))]
    return {
        "p50_ms": percentile(every, 0.5),
        "p95_ms": percentile(every, 0.95),
        "chromium_p95_ms": percentile(real, 0.95),
        "centre_percent": took / elapsed * 100,
        "swipes": float(len(measured)),
    }


def _from(seen: Seen, base: int) -> Seen:
    return [(at, held) for at, held in seen if held > base]


def _send(fleet: Fleet, seconds: float, before: int) -> list[float]:
    """Swipes at the rate for so long; when each was sent."""
    sent: list[float] = []
    until = time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        fleet.step(RATE)
        made = sum(one.seq for one in fleet.stations) - before
        sent += [now] * (made - len(sent))
    return sent


@contextmanager
def opened(quick: bool) -> Iterator[Mapping[str, Candidate]]:
    seconds = QUICK_ROUND_S if quick else ROUND_S
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        district = District(folder, STATIONS, RESIDENTS)
        stack.callback(district.database.close)
        pids = stack.enter_context(district.running(CLIENT))
        fleet = Fleet(district.stations, district.broker_port)
        stack.callback(fleet.close)
        while fleet.connected < STATIONS:
            fleet.step(0)
        browser: Any = stack.enter_context(sync_playwright()).chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        stack.callback(browser.close)
        context = browser.new_context(locale="zh-CN", extra_http_headers={"Authorization": f"Bearer {TOKEN}"})
        tabs = [context.new_page() for _ in range(IN_CHROMIUM)]
        run = partial(shown, district, fleet, tabs, pids["centre"])
        yield {
            "10 pages": partial(run, pages=10, seconds=seconds),
            f"{PAGES} pages": partial(run, pages=PAGES, seconds=seconds),
        }


def sum_up(results: Results) -> Summary:
    many, few = results[f"{PAGES} pages"], results["10 pages"]
    return Summary(
        ratios={"screen_p95_200_vs_10": many["p95_ms"].median / few["p95_ms"].median},
        absolute={"screen_p50_ms": many["p50_ms"].median, "screen_p95_ms": many["p95_ms"].median},
    )


SECTION = Section(
    "screens",
    f"a swipe to the count on an open page at {RATE:.0f} swipes/s: {PAGES} pages open against 10",
    opened,
    sum_up,
)
