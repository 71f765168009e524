"""Kill a program at every step of a swipe's life, start it again, and compare what people saw with what is stored.

    python -m tests.chaos.crash [--points NAME,...] [--seeds N] [--first SEED] [--folder FOLDER]

The last line printed is one JSON object. Exit status 1 when a shown verdict was lost or stored twice, or a step was not
reached.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.points import Point
from tests.chaos.site import Site
from tests.chaos.writing import put
from tests.waiting import until

REACHED_WITHIN_S = 30.0
MOST_TIMES = 8
"""A step is let pass up to so often before the program dies at it; the seed says how often."""

HANGS_MS = 600
"""How long a disk hangs: well beyond the 150 ms after which a verdict is shown all the same."""
CENTRES = tuple(Point)[list(Point).index(Point.MESSAGE_CAME) :]


@dataclass
class Tally:
    """What came of all runs. `lost`: shown after it was on disk, and not stored; `lost_unrecorded`: shown before."""

    points: int = 0
    runs: int = 0
    unreached: int = 0
    shown: int = 0
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    shown_unrecorded: int = 0
    lost_unrecorded: int = 0

    def add(self, other: "Tally") -> None:
        """Count what came of another seed."""
        for name in ("runs", "unreached", "shown", "stored", "lost", "doubled", "shown_unrecorded", "lost_unrecorded"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def line(self, now: datetime) -> str:
        """A sentence for a page."""
        return (
            f"Run on {now:%Y-%m-%d}: {self.points} steps, {self.runs:,} kills, {self.shown:,} verdicts shown, "
            f"{self.stored:,} swipes stored. **Lost {self.lost}, doubled {self.doubled}**, steps that were not reached "
            f"{self.unreached}. Shown unrecorded while the disk hung: {self.shown_unrecorded}, lost of them "
            f"{self.lost_unrecorded}."
        )

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.unreached)


Stimulus = Callable[[Site], None]


def _nothing(_site: Site) -> None:
    """People at the gates are all it takes."""


def _broker_comes_back(site: Site) -> None:
    """Whoever was connected comes again: hello, what the police must have, and what was recorded meanwhile."""
    site.kill_broker()
    until(lambda: not site.on_bus(), what="the station notices that the broker is gone")
    site.broker = site.start_broker()


def _register_changes(site: Site) -> None:
    site.change_register()


STIMULI: dict[Point, Stimulus] = {
    Point.HELLO_DUE: _broker_comes_back,
    Point.HELLO_SAID: _broker_comes_back,
    Point.BACKLOG_READ: _broker_comes_back,
    Point.BACKLOG_SENT: _broker_comes_back,
    Point.OUTBOX_READ: _broker_comes_back,
    Point.OUTBOX_SENT: _broker_comes_back,
    Point.OUTBOX_MARKED: _broker_comes_back,
    Point.ROSTER_CAME: _register_changes,
    Point.ROSTER_USED: _register_changes,
    Point.ROSTER_HALF_KEPT: _register_changes,
    Point.ROSTER_NUMBERED: _register_changes,
    Point.ROSTER_SENT: _register_changes,
}
ONCE = frozenset(STIMULI)
"""Steps that one stimulus leads to only once."""
AT_START = frozenset({Point.FORGOTTEN})
"""Steps that are reached when the program starts, and then seldom."""


def crash(site: Site, point: Point) -> bool:
    """Have a program die at a step with people at the gates, and start it again. False when it was not reached."""
    victim = site.centre if point in CENTRES else site.station
    with site.traffic(pause_s=site.chance.uniform(0.0, 0.03)):
        if point in AT_START:
            victim.end()
            victim.start(f"kill:{point}:1")
        else:
            for order in _orders(site, point):
                victim.order(order)
            STIMULI.get(point, _nothing)(site)
        try:
            until(lambda: not victim.alive, REACHED_WITHIN_S)
            reached = True
        except AssertionError:
            reached = False
    victim.end()
    victim.start()
    site.wait_well()
    return reached


def _orders(site: Site, point: Point) -> list[str]:
    """What the victim is told. While the disk hangs a verdict is shown unrecorded: death comes then, or a bit later."""
    if point is Point.SIGNALLED_UNRECORDED:
        hangs = f"stall:{Point.COMMIT_BEGUN}:1:{HANGS_MS}"
        return [hangs, f"kill:{site.chance.choice((point, Point.COMMIT_WRITTEN))}:1"]
    return [f"kill:{point}:{1 if point in ONCE else site.chance.randint(1, MOST_TIMES)}"]


def run(folder: Path, seed: int, chosen: Sequence[Point]) -> Tally:
    """All chosen steps in a random order at one site."""
    tally = Tally(len(chosen))
    folder.mkdir(parents=True)
    with Site(folder, seed=seed) as site:
        site.enrol_visitors()
        site.send_slip()
        order = list(chosen)
        site.chance.shuffle(order)
        for point in order:
            reached = crash(site, point)
            tally.runs += 1
            tally.unreached += not reached
            site.show(lane=site.chance.randrange(len(site.lanes)))
            site.settle()
            lost, doubled = missing(site)
            if lost or doubled or not reached:
                print(
                    f"seed {seed}, {point}: reached {reached}, lost {len(lost)}, doubled {len(doubled)} in {folder}",
                    flush=True,
                )
        count(site, tally)
    return tally


def missing(site: Site) -> tuple[list[str], list[str]]:
    """Codes that were shown and are not stored, and codes that are stored more than once."""
    stored = site.stored()
    lost = [shown.code for shown in site.ledger.shown if site.token(shown.code) not in stored]
    return lost, [code for code in site.ledger.presented if stored.get(site.token(code), 0) > 1]


def count(site: Site, tally: Tally) -> None:
    """Count what came of one site."""
    lost, doubled = missing(site)
    unrecorded = {shown.code for shown in site.ledger.shown if not shown.recorded}
    tally.shown += len(site.ledger.shown)
    tally.stored += sum(site.stored().values())
    tally.doubled += len(doubled)
    tally.shown_unrecorded += len(unrecorded)
    tally.lost_unrecorded += len(unrecorded.intersection(lost))
    tally.lost += len(set(lost) - unrecorded)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--points", default="", help="names of steps, with commas; all by default")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 2), help="seeds at a time")
    parser.add_argument("--folder", type=Path, help="keep what the runs leave in this folder")
    parser.add_argument("--write", type=Path, help="a page with marks for the figures")
    options = parser.parse_args()
    chosen = [Point(name) for name in options.points.split(",") if name] or list(Point)
    tally = Tally(len(chosen))
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        root = options.folder or Path(temporary)
        seeds = range(options.first, options.first + options.seeds)
        with ProcessPoolExecutor(options.jobs) as pool:
            running = {pool.submit(run, root / f"seed-{seed}", seed, chosen): seed for seed in seeds}
            for done in as_completed(running):
                print(f"seed {running[done]}: {json.dumps(asdict(done.result()))}", flush=True)
                tally.add(done.result())
    if options.write is not None:
        put(options.write, "chaos", tally.line(datetime.now(UTC)))
    print(json.dumps(asdict(tally)))
    return 0 if tally.good else 1


if __name__ == "__main__":
    sys.exit(main())
