"""The MQTT connection: the only door to paho.

One thread connects, reads and writes; it hands over by callback and never works. A message to a closed connection is
not queued: whoever sends knows from its own store what is still to be sent. So each connection has a client of its own,
which forgets what the one before had under way. Nagle's algorithm is off: with it, a client that publishes and
subscribes on one connection waits 40 ms for each answer.
"""

import contextlib
import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.tls import Security, context_of

log = logging.getLogger(__name__)

KEEPALIVE_S = 20
UNSUPPORTED = "Unsupported protocol version"
"""Reason code 132 of MQTT 5 (3.2.2.2), and code 1 of 3.1.1, as paho words them."""
RECEIVE_MAXIMUM = 500
"""Messages that the broker may have under way to us before we acknowledge: the back-pressure of the intake."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.4, 10.0
STEADY_S = 5.0
"""A connection that ends sooner is no success: a broker that takes and drops everybody is not hurried."""
PARTING_S = 1.0
"""How long the end waits for the broker to take what was said last."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where a broker is, and as whom to go there. `protocol` is 5, or 4 for MQTT 3.1.1: what is tried first."""

    url: str
    client_id: str
    username: str = ""
    password: str = field(default="", repr=False)
    security: Security = field(default_factory=Security)
    """What an mqtts:// connection is secured by."""
    protocol: int = 5


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we are gone without a word; retained."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A message that came. `settle` sends its PUBACK; call it once, in order of receipt, from any thread."""

    topic: str
    payload: bytes
    retained: bool
    settle: Callable[[], None]


class Bus:
    """A connection that is kept: it reconnects with jitter until `close`.

    `on_message` and `on_up` run on the bus's thread and must return at once.
    """

    def __init__(
        self,
        account: Account,
        topics: Sequence[str],
        *,
        on_message: Callable[[Message], None],
        on_up: Callable[[], None] = lambda: None,
        on_down: Callable[[], None] = lambda: None,
        on_published: Callable[[int], None] = lambda _mid: None,
        will: Will | None = None,
    ) -> None:
        self._account = account
        self._topics = tuple(topics)
        self._on_message = on_message
        self._on_up = on_up
        self._on_down = on_down
        self._on_published = on_published
        self._stop = threading.Event()
        self._up = threading.Event()
        self._will = will
        self._told_down = False
        self._protocol = account.protocol
        self._answered = False
        self._since = 0.0
        self._current = 0, self._make_client(0)
        self._thread = threading.Thread(target=self._run, name=f"bus {account.client_id}", daemon=True)

    @property
    def connected(self) -> bool:
        return self._up.is_set()

    @property
    def connection(self) -> int:
        """The number of the connection that stands, from 1; 0 while none does."""
        return self._current[0] if self._up.is_set() else 0

    @property
    def alive(self) -> bool:
        """Whether the thread that keeps the connection runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int | None:
        """Send with QoS 1; the id under which `on_published` will report it, or None when not connected.

        An id is never used again: what was under way when a connection ended is not reported.
        """
        if not self._up.is_set():
            return None
        connection, client = self._current
        sent = client.publish(topic, payload, qos=1, retain=retain)
        return _id(connection, sent.mid) if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def close(self, last: tuple[str, bytes] | None = None) -> None:
        """Say a last retained word, disconnect and end the thread."""
        if last is not None and self._up.is_set():
            sent = self._current[1].publish(*last, qos=1, retain=True)
            if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                with contextlib.suppress(RuntimeError, ValueError):
                    sent.wait_for_publish(PARTING_S)
        self._stop.set()
        self._current[1].disconnect()
        if self._thread.ident is not None:
            self._thread.join(5)

    def _make_client(self, connection: int) -> Client:
        account, will = self._account, self._will
        protocol = MQTTv5 if self._protocol == 5 else MQTTv311
        clean = None if self._protocol == 5 else True
        client = Client(
            CallbackAPIVersion.VERSION2,
            account.client_id,
            clean_session=clean,
            protocol=protocol,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.max_inflight_messages_set(0)
        if account.username:
            client.username_pw_set(account.username, account.password)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._received
        client.on_publish = lambda _c, _u, mid, code, _p: self._acknowledged(_id(connection, mid), code)
        client.on_subscribe = _subscribed
        client.on_socket_open = _no_delay
        client.on_socket_register_write = _written_by_its_thread
        return client

    def _run(self) -> None:
        tries = 0
        while not self._stop.is_set():
            try:
                connection = self._current[0] + 1
                client = self._make_client(connection)
                try:
                    self._connect(client)
                except BaseException:
                    client._reset_sockets()  # noqa: SLF001 - paho leaves a pair of its own open
                    raise
                self._current = connection, client
                self._answered = False
                self._serve(client)
                self._speak_otherwise()
            except (OSError, ValueError) as error:
                self._say_down(str(error))
            except Exception:
                log.exception("the bus connection failed")
            stood = self._up.is_set() and time.monotonic() - self._since > STEADY_S
            tries = 0 if stood else tries + 1
            if self._up.is_set():
                self._up.clear()
                self._on_down()
            self._stop.wait(pause(tries, random.random()))  # noqa: S311 - jitter, not a secret

    def _speak_otherwise(self) -> None:
        """A broker that took the connection and never answered may speak only the other version of MQTT."""
        if not self._answered and not self._stop.is_set():
            self._protocol = 4 if self._protocol == 5 else 5
            log.info("bus: no answer; trying MQTT %s", "5" if self._protocol == 5 else "3.1.1")

    def _serve(self, client: Client) -> None:
        """Read and write until the connection ends, or `close` has waited long enough for that."""
        parted = None
        while client.loop(timeout=PARTING_S) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            if self._stop.is_set():
                parted = parted or time.monotonic()
                client.disconnect()
                if time.monotonic() - parted > PARTING_S:
                    return

    def _connect(self, client: Client) -> None:
        parts = urlsplit(self._account.url)
        host, port = parts.hostname or "127.0.0.1", parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        if parts.scheme == "mqtts":
            client.tls_set_context(context_of(self._account.security))
        if self._protocol == 5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
            client.connect(host, port, KEEPALIVE_S, clean_start=True, properties=properties)
        else:
            client.connect(host, port, KEEPALIVE_S)

    def _connected(self, client: Client, _user: object, _flags: object, code: object, _properties: object) -> None:
        self._answered = str(code) != UNSUPPORTED
        if getattr(code, "is_failure", False):
            self._say_down(f"refused: {code}")
            return
        if self._topics:
            client.subscribe([(topic, 1) for topic in self._topics])
        if self._told_down:
            log.info("bus: connected again")
        self._told_down = False
        self._since = time.monotonic()
        self._up.set()
        self._on_up()

    def _disconnected(self, _c: Client, _user: object, _flags: object, code: object, _properties: object) -> None:
        if not self._stop.is_set():
            self._say_down(str(code))

    def _received(self, client: Client, _user: object, message: MQTTMessage) -> None:
        mid, qos = message.mid, message.qos
        self._on_message(
            Message(message.topic, bytes(message.payload), message.retain, lambda: _puback(client, mid, qos))
        )

    def _acknowledged(self, published: int, code: object) -> None:
        if getattr(code, "is_failure", False):
            log.error("bus: the broker refused a message: %s", code)
        else:
            self._on_published(published)

    def _say_down(self, why: str) -> None:
        if not self._told_down:
            log.warning("bus: not connected to %s: %s", self._account.url, why)
        self._told_down = True


def pause(tries: int, chance: float) -> float:
    """Seconds to wait before the next try, after so many in vain; `chance` is in [0, 1).

    Anything from nothing to a bound that doubles up to `LONGEST_PAUSE_S`: whoever was cut off together comes back
    spread over the whole of it.
    """
    return chance * min(FIRST_PAUSE_S * 2.0 ** min(tries, 32), LONGEST_PAUSE_S)


def _id(connection: int, mid: int) -> int:
    return connection << 16 | mid


def _subscribed(_client: Client, _user: object, _mid: int, codes: Sequence[object], _properties: object) -> None:
    if any(getattr(code, "is_failure", False) for code in codes):
        log.error("bus: the broker refused a subscription: %s", ", ".join(str(code) for code in codes))


def _written_by_its_thread(_client: Client, _user: object, _sock: object) -> None:
    """Whoever publishes wakes the bus's thread, which alone writes: two at once would mix their packets."""


def _puback(client: Client, mid: int, qos: int) -> None:
    if qos:
        client.ack(mid, qos)


def _no_delay(_client: Client, _user: object, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
