"""Ports for servers that tests start: below those that the system gives to clients, so that none is taken meanwhile."""

import contextlib
import random
import socket

_LOWEST, _HIGHEST = 10_000, 32_000
_random = random.SystemRandom()
_given: set[int] = set()


def free_port(row: int = 1) -> int:
    """The first of `row` ports one after the other that are free; none is given twice by this process."""
    while True:
        ports = range(first := _random.randint(_LOWEST, _HIGHEST), first + row)
        if not _given.isdisjoint(ports):
            continue
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in ports:
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            _given.update(ports)
            return first
