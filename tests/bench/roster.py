"""How long a large roster takes a station, and a change takes to its gate: python -m tests.bench.roster."""

import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from gateway.bundle import pack, unpack
from tests.chaos.site import Site
from tests.e2e.rig import get
from tests.gateway import rosters


def unpack_ms(rows: int = 50_000, rounds: int = 15) -> dict[str, float]:
    """Median milliseconds to verify, check and index a signed bundle of so many rows, and its size in MB."""
    person = rosters.person(1)
    people = (replace(person, token=secrets.token_bytes(16)) for _ in range(rows))
    data = pack(rosters.header(), people, rosters.MASTER.sign)
    clock, cpu = zip(*_times(data, rounds), strict=True)
    return {"clock_ms": median(clock), "cpu_ms": median(cpu), "worst_ms": max(clock), "mb": len(data) / 1e6}


def _times(data: bytes, rounds: int) -> Iterator[tuple[float, float]]:
    for _ in range(rounds):
        began, spent = time.perf_counter(), time.thread_time()
        unpack(data, rosters.MASTER.roster_public(), rosters.COMMUNITY)
        yield (time.perf_counter() - began) * 1000, (time.thread_time() - spent) * 1000


def at_the_gate_s(times: int = 10) -> dict[str, float]:
    """Seconds from the answer to an enrolment until the running station decides by it: median and longest."""
    with tempfile.TemporaryDirectory(prefix="roster-") as folder, Site(Path(folder), codes=100) as site:
        site.enrol_visitors()
        taken = []
        for number in range(1, times + 1):
            site.change_register()
            began, rows = time.perf_counter(), str(100 + number)
            while rows not in get(f"{site.gate_url}/gate/status")[1]:
                threading.Event().wait(0.01)
            taken.append(time.perf_counter() - began)
    return {"median_s": median(taken), "longest_s": max(taken)}


if __name__ == "__main__":
    print(unpack_ms(), at_the_gate_s())
