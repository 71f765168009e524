"""Serves an application until told to stop; streams that are open do not hold it up."""

import contextlib
import socket
import threading
from collections.abc import Callable, Generator, Iterable

import uvicorn
from fastapi import FastAPI

BACKLOG = 128
GRACE_S = 1
"""Seconds that requests under way have to end after a stop. Streams are ended by their feeds before that."""
CONNECTIONS = 1000
"""Beyond so many connections the answer is 503: two for each of the watchers that a feed allows."""


class _Uvicorn(uvicorn.Server):
    """uvicorn without signal handlers of its own; it looks at `stop` ten times a second."""

    def __init__(self, config: uvicorn.Config, stop: threading.Event, closing: Iterable[Callable[[], None]]) -> None:
        super().__init__(config)
        self._told = stop
        self._closing = tuple(closing)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        if self._told.is_set():
            for close in self._closing:
                close()
            return True
        return await super().on_tick(counter)


class Server:
    """One application on one address. Bound when made, so that a port in use is known before anything runs.

    `run` blocks in the calling thread, which may be any; whatever stands in `app.state.closing` is called at a stop.

    Raises:
        OSError: the address cannot be had.
    """

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=BACKLOG)
        # Of a socket made like this asyncio does not turn Nagle's algorithm off: each answer would wait 40 ms.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        """The port in use, also when 0 was asked for."""
        self._app = app
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set; returns within about a second of that."""
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=GRACE_S,
        )
        try:
            _Uvicorn(config, stop, getattr(self._app.state, "closing", ())).run(sockets=[self._socket])
        finally:
            self._socket.close()

    def start(self) -> None:
        """Serve in a thread of its own, until `close`."""
        self._thread = threading.Thread(target=self.run, args=(self._stop,), name="web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop what `start` began and wait for its end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._socket.close()


def serve(app: FastAPI, host: str, port: int, stop: threading.Event) -> None:
    """Serve `app` in this thread until `stop` is set."""
    Server(app, host, port).run(stop)
