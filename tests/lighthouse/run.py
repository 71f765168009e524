"""Lighthouse on pages of a running centre and booth: `python -m tests.lighthouse.run [--every]`.

Prints each page's scores; the last line is one JSON object. Exit status 1 where accessibility or best practices are
under 100. Without `--every` the first page of each role; with it, every page that anybody's links lead to.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from gateway.centre.accounts.pages import HOME
from gateway.station.console.routes import make_app
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.doubles import Booth
from tests.browser.serving import served
from tests.browsing import Visitor
from tests.gateway.centre import decisions, district
from tests.gateway.centre.centres import running
from tests.gateway.centre.crawl import pages_of
from tests.gateway.centre.station_desk import sent_slips
from tests.gateway.centre.test_crawl import SCOPES

HERE = Path(__file__).parent
CLI = HERE / "node_modules" / "lighthouse" / "cli" / "index.js"
HELD_TO = ("accessibility", "best-practices")
"""Categories that must be 100."""
TRIES = 3
"""A browser on a busy machine now and then records nothing; Lighthouse says so and asks to be run again."""
CATEGORIES = (*HELD_TO, "performance")


@dataclass(frozen=True, slots=True)
class Asked:
    """A page, and the cookies and browser that it is asked with."""

    url: str
    cookies: str = ""
    agent: str = ""


def scores(asked: Asked, *, desktop: bool = True) -> tuple[dict[str, int], list[str]]:
    """Each category's score (0 to 100), and the audits of the categories held to 100 that are not.

    Raises:
        RuntimeError: Lighthouse could not look at the page.
    """
    with tempfile.TemporaryDirectory(prefix="lighthouse-") as name:
        headers = Path(name) / "headers.json"
        said = {"Cookie": asked.cookies, "User-Agent": asked.agent} if asked.cookies else {}
        headers.write_text(json.dumps(said))
        command = [_node(), str(CLI), asked.url, "--quiet", "--output=json", "--output-path=stdout"]
        command += [f"--only-categories={','.join(CATEGORIES)}", f"--extra-headers={headers}"]
        command += [f"--chrome-flags=--headless=new {' '.join(FLAGS)} --user-data-dir={name}/chromium"]
        command += ["--preset=desktop"] if desktop else []
        command += [f"--emulatedUserAgent={asked.agent}"] if asked.agent else []
        env = {**os.environ, "CHROME_PATH": str(CHROMIUM)}
        for _ in range(TRIES):
            done = subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=300)
            if not done.returncode:
                break
    if done.returncode:
        raise RuntimeError(f"{asked.url}: {done.stderr.strip()[-500:]}")
    report = json.loads(done.stdout)
    if report.get("runtimeError") or report["finalDisplayedUrl"] != asked.url:
        raise RuntimeError(f"{asked.url}: {report.get('runtimeError') or report['finalDisplayedUrl']}")
    found = {one: round((report["categories"][one]["score"] or 0) * 100) for one in CATEGORIES}
    return found, [audit for one in HELD_TO for audit in _short(report, one)]


def _short(report: dict[str, Any], category: str) -> list[str]:
    references = report["categories"][category]["auditRefs"]
    audits = [report["audits"][one["id"]] for one in references if one["weight"] > 0]
    return [one["id"] for one in audits if one["score"] is not None and one["score"] < 1]


def _node() -> str:
    own = HERE.parents[1] / ".venv" / "node" / "bin" / "node"
    return shutil.which("node") or str(own)


@contextlib.contextmanager
def town(*, every: bool) -> Iterator[dict[str, Asked]]:
    """A centre with people, cases and slips, and a booth; what to ask of them, by the page and whose it is."""
    booth = Booth()
    booth.busy_morning()
    with tempfile.TemporaryDirectory(prefix="lighthouse-") as name, running(Path(name)) as centre:
        sent_slips(centre)
        district.fill(centre)
        decisions.fill(centre)
        with served(make_app(booth.desk, booth.gate, registry=CollectorRegistry())) as site:
            asked = {"/gate as guard": Asked(f"{site.url}/gate")}
            asked |= {f"{path} as nobody": Asked(centre.url + path) for path in ("/sign-in", "/me", "/landlord")}
            for role, scope in SCOPES.items():
                visitor = centre.signed_in(role, scope)
                shown = pages_of(visitor, HOME[role])
                paths = [path for path, one in shown.items() if one.status == 200]
                asked |= {f"{path} as {role.value}": _as(visitor, path) for path in (paths if every else paths[:1])}
            yield asked


def _as(visitor: Visitor, path: str) -> Asked:
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    return Asked(visitor.site + path, cookies, visitor.agent)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", action="store_true")
    options = parser.parse_args()
    found: dict[str, dict[str, int]] = {}
    under: dict[str, list[str]] = {}
    with town(every=options.every) as asked:
        for name, one in asked.items():
            found[name], short = scores(one)
            print(" ".join(f"{found[name][category]:4}" for category in CATEGORIES), name, *short, flush=True)
            if any(found[name][category] < 100 for category in HELD_TO):
                under[name] = short
    least = {one: min(mine[one] for mine in found.values()) for one in CATEGORIES}
    print(json.dumps({"pages": len(found), "least": least, "under": under}))
    return 1 if under else 0


if __name__ == "__main__":
    sys.exit(main())
