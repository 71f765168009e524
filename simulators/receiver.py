"""The other end of a webhook: an HTTP server that keeps what it is sent, and answers badly when it is told to.

with Receiver() as one:
    one.then(Say(503, {"Retry-After": "120"}), Hang())
"""

import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

MOST_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Say:
    """A status, with headers and a body."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Interim:
    """Heads that come before the answer proper (1xx), each by itself, then a status."""

    before: tuple[int, ...]
    status: int = 204


@dataclass(frozen=True, slots=True)
class Hang:
    """Not a word, until the receiver ends."""


@dataclass(frozen=True, slots=True)
class Drip:
    """An answer that never ends: a byte so often, the head never complete."""

    every_s: float = 0.05


@dataclass(frozen=True, slots=True)
class Flood:
    """A head that never ends, as fast as it can be taken."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is cut off."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """An answer that is not HTTP."""


@dataclass(frozen=True, slots=True)
class Cut:
    """An answer that breaks off within its head."""


Answer = Say | Interim | Cut | Hang | Drip | Flood | Reset | Garbage


class Receiver:
    """A server on loopback. Answers 204 unless `then` has said what comes first; `heard` is called for each request."""

    def __init__(self, *, context: ssl.SSLContext | None = None, heard: Callable[[Sent], None] | None = None) -> None:
        self.requests: list[Sent] = []
        self._answers: deque[Answer] = deque()
        self._heard = heard
        self._ended = threading.Event()
        self._server = _Server(self._handler())
        self._scheme = "http" if context is None else "https"
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="receiver")

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}/slips"

    def then(self, *answers: Answer) -> None:
        """Answer the next requests so, one after the other."""
        self._answers.extend(answers)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = min(int(self.headers.get("Content-Length", 0)), MOST_BODY)
                headers = {name.lower(): value for name, value in self.headers.items()}
                sent = Sent(self.path, headers, self.rfile.read(length))
                receiver.requests.append(sent)
                if receiver._heard is not None:
                    receiver._heard(sent)
                receiver._answer(self)

            def log_message(self, *_: Any) -> None:
                return

        return Handler

    def _answer(self, to: BaseHTTPRequestHandler) -> None:
        to.close_connection = True
        answer = self._answers.popleft() if self._answers else Say()
        match answer:
            case Say(status, headers, body):
                to.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    to.send_header(name, value)
                to.end_headers()
                to.wfile.write(body)
            case Interim(before, status):
                for one in before:
                    to.wfile.write(f"HTTP/1.1 {one} Wait\r\nLink: </a>\r\n\r\n".encode())
                to.wfile.write(f"HTTP/1.1 {status} Done\r\nContent-Length: 0\r\n\r\n".encode())
            case Reset():
                to.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                to.connection.close()
            case Cut():
                to.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
            case Garbage():
                to.wfile.write(b"SSH-2.0-somebody\r\n\r\n")
            case _:
                self._go_on(to, answer)

    def _go_on(self, to: BaseHTTPRequestHandler, answer: Hang | Drip | Flood) -> None:
        """What has no end."""
        match answer:
            case Hang():
                self._ended.wait()
            case Drip(every_s):
                self._pour(to, b"H", every_s)
            case Flood():
                to.wfile.write(b"HTTP/1.1 200 OK\r\n")
                self._pour(to, b"X-More: " + b"x" * 1000 + b"\r\n", 0)

    def _pour(self, to: BaseHTTPRequestHandler, piece: bytes, every_s: float) -> None:
        try:
            while not self._ended.wait(every_s):
                to.wfile.write(piece)
        except OSError:
            return


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    def handle_error(self, *_: Any) -> None:
        """A client that has gone is what some of the answers lead to."""
