"""Waiting for what other threads and processes do: on a condition, with a deadline, never for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

WITHIN_S = 10.0
_LOOK_EVERY_S = 0.005


def until(condition: Callable[[], T], within: float = WITHIN_S, what: str = "the condition") -> T:
    """The first true answer of `condition`; AssertionError when none came in time."""
    deadline = time.monotonic() + within
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {within} s"
        time.sleep(_LOOK_EVERY_S)
    return answer
