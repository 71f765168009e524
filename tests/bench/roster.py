"""How long a station takes for the roster of a large compound: python -m tests.bench.roster."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from gateway.bundle import pack, unpack
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


if __name__ == "__main__":
    print(unpack_ms())
