"""Turns: in the order of asking, one at a time, whoever gives up in between."""

import contextlib
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.store.turns import Turns
from tests.waiting import until


@settings(max_examples=15, deadline=None)
@given(patient=st.lists(st.booleans(), max_size=6))
def test_who_waits_gets_the_turn_in_the_order_of_asking_though_others_give_up(patient: list[bool]) -> None:
    turns = Turns()
    order: list[int] = []
    inside: list[int] = []

    def ask(number: int, patience_s: float) -> None:
        with contextlib.suppress(TimeoutError), turns.taken(patience_s):
            inside.append(number)
            assert len(inside) == 1
            order.append(number)
            inside.pop()

    threads = []
    waiting = 0
    with turns.taken(1):
        for number, stays in enumerate(patient):
            threads.append(threading.Thread(target=ask, args=(number, 10 if stays else 0)))
            threads[-1].start()
            if stays:
                waiting += 1
                until(lambda: turns.waiting == waiting)  # noqa: B023 - it is over before the next one
            else:
                threads[-1].join()
    for thread in threads:
        thread.join()
    assert order == [number for number, stays in enumerate(patient) if stays]
    assert turns.waiting == 0


def test_a_turn_that_does_not_come_is_a_timeout() -> None:
    turns = Turns()
    with turns.taken(1), pytest.raises(TimeoutError), turns.taken(0.01):
        pass
    with turns.taken(0.01):
        assert turns.waiting == 0
