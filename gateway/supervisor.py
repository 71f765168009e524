"""Children under supervision: started in order, restarted when they end, and dead as soon as their parent is."""

import ctypes
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

STOP_S = (1.8, 0.8)
"""Whoever has not ended so long after SIGTERM is killed: all but the first child, then the first; 3 s for all."""
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
STEADY_S = 30.0
"""A child that ran for so long is started again at once."""
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(slots=True)
class Child:
    """A program to keep running. `ready` is asked until it says yes before the next child is started."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool] = lambda: True
    environment: Mapping[str, str] = field(default_factory=dict)
    said: Callable[[bytes], None] | None = None
    """Told every line that the program says on stderr, on a thread of its own; without it they go where ours go."""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    started: float = 0.0
    tries: int = 0
    due: float = 0.0


class Supervisor:
    """Keeps children. `run` blocks until `stop`, in the main thread: all children die with that."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = list(children)

    def run(
        self, stop: threading.Event, *, ready_within: float = 20.0, tend: Callable[[], None] = lambda: None
    ) -> None:
        """`tend` is called in every turn, ten times a second, and must return at once."""
        try:
            for child in self._children:
                self._start(child)
                self._await_ready(child, stop, ready_within)
            while not stop.wait(0.1):
                for child in self._children:
                    self._keep(child)
                tend()
        finally:
            self._stop_all()

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a child, if it runs."""
        for child in self._children:
            if child.name == name and child.process is not None and child.process.poll() is None:
                child.process.send_signal(number)

    def restart(self, name: str) -> None:
        """Have a child end and start again at once: whoever is connected to it comes back."""
        for child in self._children:
            if child.name == name and child.process is not None and child.process.poll() is None:
                log.info("%s is started again", name)
                child.process.terminate()
                _end(child.process, STOP_S[0])
                self._start(child)

    def _start(self, child: Child) -> None:
        parent = os.getpid()
        child.process = subprocess.Popen(
            child.command,
            preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509 - one system call, no lock
            stdin=subprocess.DEVNULL,
            env={**os.environ, **child.environment},
            stderr=None if child.said is None else subprocess.PIPE,
            start_new_session=True,
        )
        if child.said is not None:
            threading.Thread(target=_listen, args=(child.process, child.said), name=child.name, daemon=True).start()
        child.started = time.monotonic()

    def _await_ready(self, child: Child, stop: threading.Event, within: float) -> None:
        deadline = time.monotonic() + within
        while not child.ready() and not stop.is_set() and time.monotonic() < deadline:
            if child.process is not None and child.process.poll() is not None:
                return
            stop.wait(0.02)

    def _keep(self, child: Child) -> None:
        if child.process is None or child.process.poll() is None:
            return
        now = time.monotonic()
        if not child.due:
            if now - child.started > STEADY_S:
                child.tries = 0
            wait = BACKOFF_S[min(child.tries, len(BACKOFF_S) - 1)]
            log.error("%s ended with %s; starting it again in %.1f s", child.name, child.process.returncode, wait)
            child.tries += 1
            child.due = now + wait
        elif now >= child.due:
            child.due = 0.0
            try:
                self._start(child)
            except OSError as error:
                log.error("%s cannot be started: %s", child.name, error)  # noqa: TRY400 - the reason is all that helps

    def _stop_all(self) -> None:
        """All but the first end together, then the first: so a station can still say goodbye to the broker."""
        for children, within in zip((self._children[1:], self._children[:1]), STOP_S, strict=True):
            running = [c.process for c in children if c.process is not None and c.process.poll() is None]
            for process in running:
                process.terminate()
            deadline = time.monotonic() + within
            for process in running:
                _end(process, max(deadline - time.monotonic(), 0.0))


def _end(process: subprocess.Popen[bytes], within: float) -> None:
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        log.warning("process %d did not end by itself and was killed", process.pid)
        process.kill()
        process.wait()


def _listen(process: subprocess.Popen[bytes], said: Callable[[bytes], None]) -> None:
    """Read what a child says until it ends; a child whose words nobody reads would stand still."""
    if process.stderr is None:
        return
    with process.stderr:
        for line in process.stderr:
            try:
                said(line)
            except Exception:  # whatever becomes of one line, the next must be read
                log.exception("a line of a child could not be taken")


def _die_with(parent: int) -> None:
    """In the child: be killed when the parent's main thread ends, also when that has happened already."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
