"""A TCP path between two programs that can be cut, or go silent in one direction or both, as real networks do.

A silent direction holds bytes back and loses none: like a network, it delivers what was sent in order, later or never.
Connections that are made meanwhile are taken and not answered.
"""

import contextlib
import selectors
import socket
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

CHUNK = 65536
MOST_HELD = 1 << 20
"""A sender that is this far ahead of its receiver has to wait."""
STEP_S = 0.02


@dataclass(slots=True, eq=False)
class _Way:
    """One direction of one connection."""

    source: socket.socket
    target: socket.socket
    upwards: bool
    held: bytearray = field(default_factory=bytearray)
    ended: bool = False


class NetworkPath:
    """Forwards loopback connections to `port` on loopback. `url` of the near end is `127.0.0.1:near`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self._ways: list[_Way] = []
        self._silent = {True: False, False: False}
        self._down = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="network path")
        self.near: int = self._server.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._hang_up()
        self._server.close()

    def cut(self) -> None:
        """Reset every connection, and whoever comes."""
        with self._lock:
            self._down = True
            self._hang_up()

    def silence(self, *, up: bool, down: bool) -> None:
        """Let nothing through upwards (towards the port), downwards, or both."""
        with self._lock:
            self._silent = {True: up, False: down}

    def restore(self) -> None:
        """Let everything through again, also what was held back."""
        with self._lock:
            self._down = False
            self._silent = {True: False, False: False}

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                self._accept()
                for way in self._ways:
                    self._carry(way)
                self._ways = [way for way in self._ways if way.source.fileno() != -1]
                sources = [way.source for way in self._ways if self._takes(way)]
            self._wait(sources)

    def _wait(self, sources: list[socket.socket]) -> None:
        with selectors.DefaultSelector() as selector, contextlib.suppress(OSError, ValueError):
            selector.register(self._server, selectors.EVENT_READ)
            for source in sources:
                selector.register(source, selectors.EVENT_READ)
            selector.select(STEP_S)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            near, _ = self._server.accept()
            if self._down:
                _reset(near)
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._port), timeout=1.0)
            except OSError:
                _reset(near)
                return
            for end in (near, far):
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ways += [_Way(near, far, upwards=True), _Way(far, near, upwards=False)]

    def _takes(self, way: _Way) -> bool:
        return not (way.ended or self._silent[way.upwards] or len(way.held) >= MOST_HELD)

    def _carry(self, way: _Way) -> None:
        if self._silent[way.upwards] or way.source.fileno() == -1:
            return
        try:
            with contextlib.suppress(BlockingIOError):
                if self._takes(way):
                    data = way.source.recv(CHUNK)
                    way.held += data
                    way.ended = not data
            with contextlib.suppress(BlockingIOError):
                if way.held:
                    del way.held[: way.target.send(way.held)]
        except OSError:
            way.ended = True
            way.held.clear()
        if way.ended and not way.held:
            way.source.close()
            way.target.close()

    def _hang_up(self) -> None:
        for way in self._ways:
            _reset(way.source)
            _reset(way.target)
        self._ways.clear()


def _reset(end: socket.socket) -> None:
    """Close at once, without a farewell: the other side sees a reset."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    end.close()
