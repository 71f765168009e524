"""`gateway` under examination: the program itself, which dies or hangs at a step when standard input says so.

    python -m tests.chaos.victim [ORDER...] -- ARGUMENTS OF gateway

An order is `kill:POINT:N` or `stall:POINT:N:MILLISECONDS`: at the N-th time from now on that the step is reached. More
orders may follow on standard input, one a line; each is answered by a line on standard output.
"""

import os
import signal
import sys
import threading
from dataclasses import dataclass, field

from gateway import points
from gateway.points import Point


@dataclass
class Traps:
    """What is to happen at which step. Called by every thread of the program."""

    waiting: dict[Point, tuple[int, float]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, order: str) -> None:
        act, point, times, *more = order.split(":")
        stall_s = float(more[0]) / 1000 if act == "stall" else 0.0
        with self.lock:
            self.waiting[Point(point)] = int(times), stall_s

    def __call__(self, point: Point) -> None:
        if point not in self.waiting:
            return
        with self.lock:
            times, stall_s = self.waiting.get(point, (0, 0.0))
            if times > 1:
                self.waiting[point] = times - 1, stall_s
                return
            self.waiting.pop(point, None)
        if times and not stall_s:
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Event().wait(stall_s)


def main() -> int:
    here = sys.argv.index("--")
    traps = Traps()
    for order in sys.argv[1:here]:
        traps.set(order)
    points.reached = traps
    threading.Thread(target=_listen, args=(traps,), name="orders", daemon=True).start()
    from gateway.__main__ import main as gateway  # the product, once its steps are watched

    return gateway(sys.argv[here + 1 :])


def _listen(traps: Traps) -> None:
    for line in sys.stdin:
        traps.set(line.strip())
        print(line.strip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
