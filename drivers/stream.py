"""The loop around a sans-IO protocol, and the only door to pyserial.

One thread calls `run`; it waits on the line's descriptor and on a wake-up pipe, so no verdict waits for a tick. What a
device is told (`signal`, `identify`, `open`) may be said from any thread and is done only if the link is up at that
moment: nothing is kept for a link that comes back later. A protocol that has a method `last_words() -> bytes` is asked
for them when the loop is stopped, so that an output can switch off. One that has an attribute `baud` is followed when
it changes it, unless the configuration says the speed: so a protocol can look for the speed of its device.
"""

import io
import os
import select
import socket
import termios
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event
from typing import Any, Protocol, cast

import serial
from serial.tools.list_ports import comports

from drivers.api import (
    TICK_S,
    Emit,
    LinkLost,
    Online,
    OutputProtocol,
    ReaderProtocol,
    StreamDriver,
    Verdict,
)
from drivers.lines import Port, resolve

CHUNK = 4096
WRITE_S = 2.0
"""A device that takes no bytes for so long is gone; an old command must not open a gate later."""
LAST_WORDS_S = 0.5
"""How long the end waits for a device to take its last words."""
ORDERS = 64
"""Orders that may wait for the loop; it takes them at each turn, so more means that it hangs."""
SHORT_READ_S = 0.02
"""How long a line without a descriptor is read at a time."""

KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3_000),
)
"""A far end that went without a word is noticed after about three seconds, whether or not anything is said to it."""


class _Identify:
    """The order to show which device it is."""


_IDENTIFY = _Identify()
_Order = Verdict | float | _Identify


class Transport(Protocol):
    def write(self, data: bytes) -> int:
        """Write what goes without waiting; return how much that was."""

    def read(self, seconds: float, *, to_write: bool) -> bytes:
        """Wait for bytes, a wake-up, or room `to_write`; b"" when no bytes came."""


def local_ports() -> list[Port]:
    """Return the serial ports that this machine has now."""
    return list(comports())


class StreamLink:
    """A driver on a line: opens the port, runs the protocol, hands its events on.

    `url` is of `drivers.lines`. `clock` is monotonic seconds. `ports` are the serial ports that the machine has now.
    """

    def __init__(
        self,
        driver: StreamDriver,
        url: str,
        settings: Any,
        baud: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        ports: Callable[[], Iterable[Port]] = local_ports,
    ) -> None:
        self._driver = driver
        self._url = url
        self._settings = settings
        self._baud = baud or driver.baud
        self._searching = baud is None
        self._clock = clock
        self._ports = ports
        self._lock = threading.Lock()
        self._orders: deque[_Order] = deque()
        self._wake: int | None = None
        self._identifies = False

    def signal(self, verdict: Verdict) -> bool:
        """Tell the person the verdict, where the device can. False when the link is down: nobody is told."""
        return self._order(verdict)

    def open(self, seconds: float) -> bool:
        """Ask an output to close its contact for so long. False when the link is down: nothing will open."""
        return self._order(float(seconds))

    def identify(self) -> bool:
        """Have the device blink or beep, so that one finds it. False when the link is down, or it cannot."""
        return self._identifies and self._order(_IDENTIFY)

    def _order(self, order: _Order) -> bool:
        with self._lock:
            if self._wake is None or len(self._orders) >= ORDERS:
                return False
            self._orders.append(order)
            with suppress(BlockingIOError):  # a full pipe wakes the loop just as well
                os.write(self._wake, b"!")
            return True

    def run(self, emit: Emit, stop: Event) -> None:
        """Open the port and run the protocol until `stop` is set. What `emit` raises goes through.

        Raises:
            LinkLost: the port cannot be opened, or is gone. Another call may find it again.
            ValueError: the URL is of no kind that can be opened.
        """
        port = self._open_port()
        pulled, pushed = os.pipe()
        try:
            os.set_blocking(pulled, False)
            os.set_blocking(pushed, False)
            protocol = self._driver.make(self._settings)
            with self._lock:
                self._orders.clear()
                self._wake = pushed
                self._identifies = hasattr(protocol, "identify")
            transport = _transport(port, pulled)
            if self._driver.listens_only:
                emit(Online())  # an open line is all that can be known of a device that says nothing unasked
            self._loop(protocol, transport, self._follower(protocol, port), emit, stop)
            _part(protocol, transport)
        except BaseException:
            with suppress(OSError, termios.error):
                port.reset_output_buffer()
            raise
        finally:
            with self._lock:
                self._wake = None
            os.close(pulled)
            os.close(pushed)
            _close(port)

    def _open_port(self) -> Any:
        return open_port(self._url, self._baud, self._ports())

    def _follower(self, protocol: ReaderProtocol | OutputProtocol, port: Any) -> Callable[[], None]:
        """What sets the line to the speed that the protocol wants, where it is the protocol's to choose."""

        def follow() -> None:
            if (wanted := getattr(protocol, "baud", port.baudrate)) != port.baudrate:
                with _lost("set the speed of"):
                    port.baudrate = wanted
                    port.reset_input_buffer()

        return follow if self._searching and hasattr(protocol, "baud") else lambda: None

    def _loop(
        self,
        protocol: ReaderProtocol | OutputProtocol,
        transport: Transport,
        follow: Callable[[], None],
        emit: Emit,
        stop: Event,
    ) -> None:
        pending, since = b"", 0.0
        while not stop.is_set():
            if self._orders:
                self._hand_over(protocol)
            now = self._clock()
            if not pending and (pending := protocol.to_send(now)):
                since = now
            follow()  # after it was asked: what it says is meant at the speed that it wants now
            if pending and (written := transport.write(pending)):
                pending, since = pending[written:], now
            if pending and now - since > WRITE_S:
                raise LinkLost("the device takes no bytes")
            data = transport.read(TICK_S, to_write=bool(pending))
            for event in protocol.receive(data, self._clock()):
                emit(event)

    def _hand_over(self, protocol: ReaderProtocol | OutputProtocol) -> None:
        while True:
            with self._lock:
                if not self._orders:
                    return
                order = self._orders.popleft()
            if isinstance(order, Verdict):
                cast(ReaderProtocol, protocol).signal(order)
            elif isinstance(order, _Identify):
                cast(Any, protocol).identify()
            else:
                cast(OutputProtocol, protocol).open(order, self._clock())


def open_port(url: str, baud: int, ports: Iterable[Port]) -> Any:
    """Open a line for ourselves alone; what it gives is pyserial's.

    Raises:
        LinkLost: it cannot be opened now.
        ValueError: the URL is of no kind that can be opened.
    """
    try:
        port = serial.serial_for_url(resolve(url, ports), baudrate=baud, timeout=0, exclusive=True)
    except (OSError, termios.error) as error:
        raise LinkLost(f"cannot open: {error}") from error
    connection = getattr(port, "_socket", None)
    if connection is not None:
        for level, option, value in KEEPALIVE:
            connection.setsockopt(level, option, value)
    return port


@contextmanager
def opened(url: str, baud: int, wake: int) -> Iterator[Transport]:
    """A line for a library that makes its own frames. Bytes on the descriptor `wake` end a wait for the line.

    Raises:
        LinkLost: it cannot be opened, or is gone.
        ValueError: the URL is of no kind that can be opened.
    """
    port = open_port(url, baud, local_ports())
    try:
        yield _transport(port, wake)
    finally:
        _close(port)


@contextmanager
def _lost(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, termios.error, ValueError) as error:
        raise LinkLost(f"cannot {what} the line: {error}") from error


def _close(port: Any) -> None:
    """Close a port for good: pyserial forgets the socket of a URL open when the far end went first."""
    connection = getattr(port, "_socket", None)
    with suppress(OSError, termios.error):
        port.close()
    if connection is not None:
        connection.close()


def _part(protocol: ReaderProtocol | OutputProtocol, transport: Transport) -> None:
    """Say a protocol's last words, if it has any and the device takes them in time."""
    words: bytes = getattr(protocol, "last_words", bytes)()
    end = time.monotonic() + LAST_WORDS_S
    while words and time.monotonic() < end:
        words = words[transport.write(words) :]
        if words:
            transport.read(TICK_S, to_write=True)


def _transport(port: Any, wake: int) -> Transport:
    try:
        return _Descriptor(port.fileno(), wake)
    except (io.UnsupportedOperation, AttributeError):
        return _ShortReads(port, wake)


class _Descriptor:
    """A line with a descriptor: waits on it and on the wake-up pipe, never blocks on either."""

    def __init__(self, line: int, wake: int) -> None:
        self._line = line
        self._wake = wake
        self._poll = select.poll()
        self._poll.register(line, select.POLLIN)
        self._poll.register(wake, select.POLLIN)
        self._for_room = False

    def write(self, data: bytes) -> int:
        try:
            return os.write(self._line, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise LinkLost(f"cannot write: {error}") from error

    def read(self, seconds: float, *, to_write: bool) -> bytes:
        if to_write is not self._for_room:
            self._for_room = to_write
            self._poll.modify(self._line, select.POLLIN | (select.POLLOUT if to_write else 0))
        ready = dict(self._poll.poll(seconds * 1000))
        if self._wake in ready:
            _drain(self._wake)
        if not ready.get(self._line, 0) & ~select.POLLOUT:
            return b""
        try:
            data = os.read(self._line, CHUNK)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise LinkLost(f"cannot read: {error}") from error
        if not data:  # a line that hung up says so by being ready and empty, for ever
            raise LinkLost("the line hung up")
        return data


class _ShortReads:
    """A line without a descriptor (RFC 2217): read briefly, again and again; orders wait that long at most."""

    def __init__(self, port: Any, wake: int) -> None:
        self._port = port
        self._wake = wake
        port.timeout = SHORT_READ_S

    def write(self, data: bytes) -> int:
        try:
            self._port.write(data)
        except OSError as error:
            raise LinkLost(f"cannot write: {error}") from error
        return len(data)

    def read(self, seconds: float, *, to_write: bool) -> bytes:  # noqa: ARG002 - it never waits that long
        _drain(self._wake)
        try:
            data: bytes = self._port.read(max(1, min(CHUNK, self._port.in_waiting)))
        except OSError as error:
            raise LinkLost(f"cannot read: {error}") from error
        return data


def _drain(wake: int) -> None:
    with suppress(BlockingIOError):
        os.read(wake, CHUNK)
