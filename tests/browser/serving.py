"""A real server on a port of its own, and the few things a test asks of it."""

import contextlib
import http.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import FastAPI

from gateway.web.server import Server

TIMEOUT_S = 10


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str


@dataclass(frozen=True)
class Site:
    """Asks as a browser of this site would, unless told other headers."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body or None, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **{"Accept": "text/html", **headers})

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
        own = {"Origin": self.url, "Content_Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
        return self.ask("POST", path, urlencode(fields), **{**own, **headers})

    @contextlib.contextmanager
    def stream(self, path: str, **headers: str) -> Iterator[Iterator[dict[str, str]]]:
        """The events of a stream as they come, each as its fields; data lines joined."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        try:
            yield _events(response)
        finally:
            response.close()
            connection.close()


def _events(response: http.client.HTTPResponse) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    for raw in response:
        line = raw.decode().rstrip("\n")
        name, _, value = line.partition(": ")
        if name == "data":
            fields["data"] = fields["data"] + "\n" + value if "data" in fields else value
        elif line and not line.startswith(":"):
            fields[name] = value
        elif not line and "event" in fields:
            yield fields
            fields = {}


@contextlib.contextmanager
def served(app: FastAPI) -> Iterator[Site]:
    server = Server(app, "127.0.0.1", 0)
    server.start()
    try:
        yield Site(server.port)
    finally:
        server.close()
