"""Do everything that can go wrong to a running site, count what was shown and what is stored, and write the table.

    python -m tests.chaos.reliability [--only TEXT] [--brief] [--write docs/reliability.md]

`--brief` shortens each fault; `--write` puts the table between the marks of that file. Exit status 1 when anything was
lost or stored twice.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.site import Site
from tests.chaos.writing import put

BRIEF = 0.1
SPARE = 400
"""Codes beyond what a fault takes."""
WITHIN_S = 150.0
COLUMNS = "What happened|for|shown|stored|lost|doubled|shown unrecorded|slowest verdict|all in after|what was seen"


@dataclass(frozen=True)
class Row:
    """What came of one fault. `lost` counts every shown verdict that is not stored, recorded or not."""

    fault: str
    seconds: float
    shown: int
    stored: int
    lost: int
    doubled: int
    unrecorded: int
    slowest_ms: float
    caught_up_s: float
    said: str

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled)

    def line(self) -> str:
        cells = (
            self.fault,
            f"{self.seconds:g} s",
            f"{self.shown:,}",
            f"{self.stored:,}",
            self.lost,
            self.doubled,
            self.unrecorded,
            f"{self.slowest_ms:.0f} ms",
            f"{self.caught_up_s:.1f} s",
            self.said,
        )
        return "| " + " | ".join(str(cell) for cell in cells) + " |"


def examine(fault: Fault, folder: Path, *, brief: bool = False) -> Row:
    """Have it happen to a site of its own."""
    share = BRIEF if brief else 1.0
    seconds = fault.seconds * share
    with fault.site(folder, int(fault.codes * share) + SPARE) as site:
        site.enrol_visitors()
        site.show()
        with contextlib.nullcontext() if fault.alone else site.traffic(pause_s=0.1):
            said = fault.happens(site, seconds)
            begun = time.monotonic()
        site.show(within=10)
        site.settle(WITHIN_S)
        caught_up = time.monotonic() - begun
        return _row(site, fault.name, seconds, caught_up, said)


def _row(site: Site, name: str, seconds: float, caught_up: float, said: str) -> Row:
    stored = site.stored()
    shown = site.ledger.shown
    times = [one for lane in site.lanes for one in lane.times]
    return Row(
        name,
        seconds,
        len(shown),
        sum(stored.values()),
        sum(site.token(one.code) not in stored for one in shown),
        site.doubled(),
        sum(not one.recorded for one in shown),
        max(times, default=0.0) * 1000,
        caught_up,
        said,
    )


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    head = COLUMNS.split("|")
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(row.line() for row in rows)])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="the faults whose names have this text")
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="faults-") as root:
        for number, fault in enumerate(FAULTS):
            if options.only in fault.name:
                folder = Path(root) / str(number)
                folder.mkdir()
                rows.append(examine(fault, folder, brief=options.brief))
                print(rows[-1].line(), flush=True)
    if options.write is not None:
        put(options.write, "table", table(rows))
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
