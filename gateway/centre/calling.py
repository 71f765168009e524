"""One call of a webhook: to an address that was looked at, within a time, following nothing, reading little."""

import http.client
import io
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CONNECT_S = 5.0
WITHIN_S = 10.0
"""A call is given up after so long in all, the asking for its name too, however slowly the other side speaks."""
MOST_HEAD = 16 * 1024
"""Bytes of an answer that are read: its heads. What follows does not concern us."""
MOST_ADDRESSES = 4
_END = b"\r\n\r\n"
_INTERIM = re.compile(rb"HTTP/1\.\d 1(?!01)\d\d\b")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_OF_CLOUDS = (ipaddress.ip_network("168.63.129.16/32"), ipaddress.ip_network("192.0.0.0/24"))
"""Where clouds tell a machine its own secrets, though the registries call it global."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The status and `Retry-After` of an answer; without one, `problem`: internal, unreachable, tls, slow, odd."""

    status: int | None = None
    retry_after: str | None = None
    problem: str = ""


class _NotAllowed(Exception):
    """The name stands for an address of an inner network."""


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, allow_internal: bool = False, ca_file: Path | None = None
) -> Answered:
    """Send `body` to `url` once. Never raises for what the other side, the name or the network does."""
    ends = time.monotonic() + WITHIN_S
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        line = _connected(host, port, ends, allow_internal=allow_internal)
        if parts.scheme == "https":
            line = _secured(line, host, ca_file)
        with closing(line):
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection = http.client.HTTPConnection(host, port)
            connection.sock = line
            connection.request("POST", target, body, {**headers, "Host": parts.netloc, "Connection": "close"})
            return _answer(line, ends)
    except _NotAllowed:
        return Answered(problem="internal")
    except (ssl.SSLError, ssl.CertificateError):
        return Answered(problem="tls")
    except TimeoutError:
        return Answered(problem="slow")
    except (OSError, UnicodeError):
        return Answered(problem="unreachable")
    except (http.client.HTTPException, ValueError):
        return Answered(problem="odd")


def is_public(address: str) -> bool:
    """Whether an address stands on the internet at large, and so does every address that it wraps."""
    one = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(one, ipaddress.IPv6Address):
        inner = one.ipv4_mapped or one.sixtofour
        if one in _NAT64:
            inner = ipaddress.IPv4Address(int(one) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if one.is_site_local or one.teredo is not None:
            return False
    if any(one in network for network in _OF_CLOUDS):
        return False
    return one.is_global and not (one.is_multicast or one.is_reserved or one.is_unspecified)


def _connected(host: str, port: int, ends: float, *, allow_internal: bool) -> socket.socket:
    """A connection to one of the addresses that the name stands for; they are looked at, and not asked for again."""
    found = list(dict.fromkeys(_resolved(host, port, ends)))
    if not allow_internal and not all(is_public(str(place[0])) for *_, place in found):
        raise _NotAllowed
    failure: OSError = ConnectionError("the name stands for no address")
    for family, kind, protocol, _, place in found[:MOST_ADDRESSES]:
        line = socket.socket(family, kind, protocol)
        try:
            line.settimeout(min(CONNECT_S, _left(ends)))
            line.connect(place)
            line.settimeout(_left(ends))
        except OSError as error:
            line.close()
            failure = error
        else:
            return line
    raise failure


def _resolved(host: str, port: int, ends: float) -> list[Any]:
    """What the resolver says of a name; it knows no end of its own, and so has a thread that can be left."""
    said: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            said.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            said.put(error)

    threading.Thread(target=ask, name=f"resolver of {host}", daemon=True).start()
    try:
        found = said.get(timeout=_left(ends))
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found


def _secured(line: socket.socket, host: str, ca_file: Path | None) -> ssl.SSLSocket:
    try:
        context = ssl.create_default_context(cafile=ca_file)
        return context.wrap_socket(line, server_hostname=host)
    except BaseException:
        line.close()
        raise


def _answer(line: socket.socket, ends: float) -> Answered:
    head, read = b"", 0
    while _END not in head and read < MOST_HEAD:
        line.settimeout(_left(ends))
        data = line.recv(4096)
        if not data:
            break
        head, read = _proper(head + data), read + len(data)
    if _END not in head:
        raise http.client.HTTPException("the head of the answer has no end")
    response = http.client.HTTPResponse(_Head(head))  # type: ignore[arg-type]
    response.begin()
    return Answered(response.status, response.headers.get("Retry-After"))


def _proper(head: bytes) -> bytes:
    """Without what only says that the answer is to come (1xx, but for 101)."""
    while _END in head and _INTERIM.match(head):
        head = head.partition(_END)[2]
    return head


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Head:
    """What was read of an answer, in the place of its socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)
