"""What a month without the centre costs the spool, on disk and in time: python -m tests.bench.spool."""

import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from gateway.station import backlog
from gateway.station.cover import Cover
from gateway.station.spool import Spool
from gateway.station.spool_file import damage
from gateway.wire import SwipeRecord

A_MONTH = 30 * 40_000
_AT_ONCE = 500


def month(swipes: int = A_MONTH) -> dict[str, float]:
    """MiB on disk for so many swipes, one in twenty sealed; then milliseconds of what a station does with them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spool.sqlite3"
        with closing(Spool(path)) as spool:
            for first in range(1, swipes + 1, _AT_ONCE):
                spool.record([(_swipe(n), False) for n in range(first, min(first + _AT_ONCE, swipes + 1))])
        found = {"mib": sum(one.stat().st_size for one in Path(folder).iterdir()) / 2**20}
        found["open_ms"] = _ms(lambda: Spool(path).close())
        with closing(Spool(path)) as spool, closing(spool.reader()) as reader:
            old = reader.epochs()[0]
            half = Cover(swipes // 2, ((swipes // 2 + 100, swipes - 100),))
            found["look_through_ms"] = _ms(lambda: damage(spool._open()))
            found["count_at_start_ms"] = _ms(reader.unsettled)
            found["epochs_ms"] = _ms(reader.epochs)
            found["count_of_an_ack_ms"] = _ms(lambda: reader.count(old, (1, 250)))
            found["oldest_ms"] = _ms(lambda: backlog.oldest(reader, lambda _e: Cover(), lambda _e, _s: False))
            found["oldest_beyond_a_hole_ms"] = _ms(
                lambda: backlog.oldest(reader, lambda _e: half, lambda _e, _s: False)
            )
            found["commit_ms"] = _ms(lambda: spool.record([(_swipe(1), False)]))
            found["make_room_ms"] = _ms(spool.make_room)
        return found


def _swipe(seq: int) -> SwipeRecord:
    sealed = secrets.token_bytes(150) if seq % 20 == 0 else None
    leaves = seq % 2 == 0
    return SwipeRecord(
        seq=seq,
        at=1_764_000_000_000 + seq * 2000,
        mono=100_000_000 + seq * 2000,
        portal="east-gate",
        reader="east-in-1",
        direction="out" if leaves else "in",
        verdict="attend" if sealed else "grant",
        reasons=["exit" if leaves else "enrolled"],
        kind="citizen-id",
        token=secrets.token_bytes(16),
        key=1,
        flags=["unregistered"] if seq % 10 == 0 else [],
        roster=1_764_000_000,
        policy=3,
        sealed=sealed,
    )


def _ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    for name, value in month(int(sys.argv[1]) if len(sys.argv) > 1 else A_MONTH).items():
        print(f"{name:26} {value:10.2f}")
