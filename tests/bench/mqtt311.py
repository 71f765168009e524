"""The least of MQTT 3.1.1 on a socket, QoS 1 only: a load that costs little beside what it measures.

Formats: OASIS MQTT 3.1.1, sections 2 and 3. No keep-alive, no reconnection; what comes is answered.
"""

import socket
import struct
from collections.abc import Iterator

_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _SUBSCRIBE, _SUBACK = 1, 2, 3, 4, 8, 9
_CHUNK = 1 << 18


def publication(topic: str, payload: bytes, packet_id: int) -> bytes:
    """A PUBLISH of QoS 1 (3.3)."""
    return _packet(_PUBLISH, 2, _text(topic) + struct.pack(">H", packet_id) + payload)


def _packet(kind: int, flags: int, body: bytes) -> bytes:
    length, rest = bytearray(), len(body)
    while True:
        rest, digit = divmod(rest, 128)
        length.append(digit | (128 if rest else 0))
        if not rest:
            return bytes((kind << 4 | flags,)) + bytes(length) + body


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


class Client:
    """A connection that subscribes to `topics`."""

    def __init__(self, port: int, name: str, topics: list[str], account: tuple[str, str] | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._left = b""
        flags = 0x02 | (0xC0 if account else 0)
        body = _text("MQTT") + bytes((4, flags)) + struct.pack(">H", 0) + _text(name)
        body += b"".join(_text(word) for word in account or ())
        self._ask(_packet(_CONNECT, 0, body), _CONNACK)
        for n, topic in enumerate(topics, 1):
            self._ask(_packet(_SUBSCRIBE, 2, struct.pack(">H", n) + _text(topic) + b"\x01"), _SUBACK)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def received(self) -> list[tuple[str, bytes]]:
        """Topic and payload of what has come, acknowledged; blocks until anything has."""
        found, acks = [], []
        for kind, body in self._packets(self.socket.recv(_CHUNK)):
            if kind >> 4 != _PUBLISH:
                continue
            end = 2 + int.from_bytes(body[:2])
            topic, at = body[2:end].decode(), end
            if kind & 6:
                acks.append(_packet(_PUBACK, 0, body[end : end + 2]))
                at += 2
            found.append((topic, body[at:]))
        if acks:
            self.send(b"".join(acks))
        return found

    def _ask(self, packet: bytes, answer: int) -> None:
        self.send(packet)
        while True:
            for kind, body in self._packets(self.socket.recv(_CHUNK)):
                if kind >> 4 == answer:
                    if body[-1] >= 0x80 or (answer == _CONNACK and body[1]):
                        raise ConnectionError("the broker refuses")
                    return

    def _packets(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        if not data:
            raise ConnectionError("the broker has closed the connection")
        data = self._left + data
        at = 0
        while (found := _length(data, at + 1)) is not None:
            length, begins = found
            if len(data) < begins + length:
                break
            yield data[at], data[begins : begins + length]
            at = begins + length
        self._left = data[at:]


def _length(data: bytes, at: int) -> tuple[int, int] | None:
    """A remaining length (2.2.3) and where the body begins; None while it is not there."""
    length = 0
    for n in range(4):
        if at + n >= len(data):
            return None
        length |= (data[at + n] & 127) << 7 * n
        if data[at + n] < 128:
            return length, at + n + 1
    raise ConnectionError("a length of more than four bytes")
