"""A simulated device behind a serial server: bytes as they are, over TCP, for one client at a time."""

import select
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from simulators.line import STEP_S, Device


class TcpLine:
    """A line to a device on the loopback. `url` is what a driver opens; port 0 takes a free one."""

    def __init__(self, device: Device, port: int = 0, host: str = "127.0.0.1") -> None:
        self.device = device
        self._server = socket.create_server((host, port))
        self._server.setblocking(False)
        self._client: socket.socket | None = None
        self._stop = threading.Event()
        self._cut = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tcp-line")

    @property
    def url(self) -> str:
        host, port = self._server.getsockname()[:2]
        return f"socket://{host}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._server.close()

    def cut(self) -> None:
        """Hang up on whoever is there, and on whoever comes."""
        self._cut.set()

    def restore(self) -> None:
        """Take calls again."""
        self._cut.clear()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._turn()
        self._hang_up()

    def _turn(self) -> None:
        with suppress(BlockingIOError):
            line, _ = self._server.accept()
            line.setblocking(False)
            self._hang_up()
            self._client = line
        if self._cut.is_set():
            self._hang_up()
        data = self._read()
        now = time.monotonic()
        self.device.receive(data, now)
        said = self.device.to_send(now)
        if said and self._client is not None:
            with suppress(OSError):
                self._client.sendall(said)
        if not data:
            waiting = [one for one in (self._server, self._client) if one is not None]
            select.select(waiting, [], [], STEP_S)

    def _read(self) -> bytes:
        if self._client is None:
            return b""
        try:
            data = self._client.recv(4096)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._hang_up()
        return data

    def _hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
