"""Starting and stopping a server."""

import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from gateway.station.console.routes import make_app
from gateway.web.server import Server
from tests.browser.doubles import Booth
from tests.browser.serving import Site


def test_it_stops_within_a_second_with_streams_open() -> None:
    booth = Booth()
    server = Server(make_app(booth.desk, booth.gate, registry=CollectorRegistry()), "127.0.0.1", 0)
    server.start()
    with Site(server.port).stream("/gate/stream") as one, Site(server.port).stream("/gate/stream") as other:
        assert next(one)["event"] == next(other)["event"] == "state"
        began = time.monotonic()
        server.close()
        assert time.monotonic() - began < 1
        assert list(one) == []


@pytest.fixture
def own_handler() -> Iterator[object]:
    def own(signum: int, frame: object) -> None: ...

    before = {number: signal.signal(number, own) for number in (signal.SIGINT, signal.SIGTERM)}
    yield own
    for number, handler in before.items():
        signal.signal(number, handler)


def test_it_runs_in_the_main_thread_and_leaves_signals_to_the_program(own_handler: object) -> None:
    booth = Booth()
    server = Server(make_app(booth.desk, booth.gate, registry=CollectorRegistry()), "127.0.0.1", 0)
    stop = threading.Event()
    seen: list[object] = []

    def visit() -> None:
        seen.append(Site(server.port).get("/healthz").status)
        seen.extend(signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM))
        stop.set()

    visitor = threading.Thread(target=visit)
    visitor.start()
    server.run(stop)
    visitor.join()
    assert seen == [200, own_handler, own_handler]


def test_a_connection_that_is_kept_does_not_wait_for_acknowledgements() -> None:
    booth = Booth()
    server = Server(make_app(booth.desk, booth.gate, registry=CollectorRegistry()), "127.0.0.1", 0)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5):
        accepted, _ = server._socket.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    server.close()


def test_a_port_in_use_is_known_when_the_server_is_made() -> None:
    booth = Booth()
    app = make_app(booth.desk, booth.gate, registry=CollectorRegistry())
    first = Server(app, "127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        Server(app, "127.0.0.1", first.port)
    first.close()
