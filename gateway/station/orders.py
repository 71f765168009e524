"""What a device behind a library is told, on a thread of its own: one that hangs or fails holds nobody."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

MOST = 16
ANSWER_S = 0.2
"""An order that was not begun within so long is dropped: no gate opens later, and no lamp is lit for somebody else."""


@dataclass(slots=True)
class _Order:
    act: Callable[[], object]
    given: float = field(default_factory=time.monotonic)
    over: threading.Event = field(default_factory=threading.Event)
    done: bool = False


class Orders:
    """The thread begins with the first order and ends by `end`. Every method may be called from any thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: queue.Queue[_Order | None] = queue.Queue(MOST)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def tell(self, act: Callable[[], object]) -> None:
        """Have something done soon, or not at all. Returns at once."""
        self._give(_Order(act))

    def ask(self, act: Callable[[], object]) -> bool:
        """Have something done; True when it was, within `ANSWER_S`, and did not say False."""
        order = _Order(act)
        return self._give(order) and order.over.wait(ANSWER_S) and order.done

    def end(self) -> None:
        """Let the thread end; one that hangs is left behind."""
        with self._lock:
            if self._thread is not None:
                try:
                    self._waiting.put_nowait(None)
                except queue.Full:
                    return
                self._thread = None

    def _give(self, order: _Order) -> bool:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"orders {self._name}", daemon=True)
                self._thread.start()
            try:
                self._waiting.put_nowait(order)
            except queue.Full:
                return False
            return True

    def _run(self) -> None:
        while (order := self._waiting.get()) is not None:
            if time.monotonic() - order.given < ANSWER_S:
                try:
                    order.done = order.act() is not False
                except (Exception, SystemExit):
                    log.exception("%s cannot be told what it should do", self._name)
            order.over.set()
