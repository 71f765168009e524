"""A network path carries bytes in order, resets what it cuts, and loses nothing that it held back."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from simulators.network import NetworkPath


@contextlib.contextmanager
def _joined() -> Iterator[tuple[NetworkPath, socket.socket, socket.socket]]:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        path = stack.enter_context(NetworkPath(server.getsockname()[1]))
        near = stack.enter_context(socket.create_connection(("127.0.0.1", path.near), timeout=5))
        far, _ = server.accept()
        far.settimeout(5)
        yield path, near, stack.enter_context(far)


def test_bytes_pass_both_ways() -> None:
    with _joined() as (_, near, far):
        near.sendall(b"up")
        far.sendall(b"down")
        assert far.recv(10) == b"up"
        assert near.recv(10) == b"down"


def test_a_silent_direction_holds_back_and_loses_nothing() -> None:
    with _joined() as (path, near, far):
        path.silence(up=True, down=False)
        near.sendall(b"held ")
        far.sendall(b"down")
        assert near.recv(10) == b"down"
        far.setblocking(False)
        with pytest.raises(BlockingIOError):
            far.recv(10)
        far.settimeout(5)
        path.restore()
        near.sendall(b"back")
        said = b""
        while len(said) < 9:
            said += far.recv(10)
        assert said == b"held back"


def test_a_cut_resets_who_is_there_and_who_comes() -> None:
    with _joined() as (path, near, far):
        path.cut()
        with pytest.raises(ConnectionResetError):
            near.recv(10)
        with pytest.raises(ConnectionResetError), socket.create_connection(("127.0.0.1", path.near), timeout=5) as new:
            new.recv(10)
        assert far.fileno() != -1


def test_one_end_that_closes_closes_the_other() -> None:
    with _joined() as (_, near, far):
        near.sendall(b"last")
        near.close()
        assert far.recv(10) == b"last"
        assert far.recv(10) == b""
