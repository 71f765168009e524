import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import OutputState
from drivers.relay import AGAIN_S, LcusRelay, LcusSettings, frame

ON, OFF = bytes.fromhex("A00101A2"), bytes.fromhex("A00100A1")


def started(settings: LcusSettings | None = None) -> LcusRelay:
    relay = LcusRelay(settings or LcusSettings())
    relay.to_send(0.0)
    relay.to_send(AGAIN_S)
    relay.receive(b"", AGAIN_S)
    return relay


def test_the_published_frames() -> None:
    assert (frame(1, on=True), frame(1, on=False)) == (ON, OFF)
    assert frame(255, on=True) == bytes([0xA0, 0xFF, 1, 0xA0])


def test_it_starts_by_switching_off() -> None:
    relay = LcusRelay(LcusSettings())
    assert relay.to_send(0.0) == OFF
    assert relay.receive(b"", 0.0) == [OutputState(1, on=False, confirmed=False)]
    assert relay.to_send(0.01) == b""


def test_off_is_said_once_more_and_not_reported_again() -> None:
    relay = LcusRelay(LcusSettings())
    relay.to_send(0.0)
    relay.receive(b"", 0.0)
    assert relay.to_send(AGAIN_S) == OFF
    assert relay.receive(b"", AGAIN_S) == []
    assert relay.to_send(AGAIN_S + 5) == b""


def test_a_pulse_ends_when_its_time_is_over() -> None:
    relay = started()
    relay.open(2.0, 10.0)
    assert relay.to_send(10.0) == ON
    assert relay.receive(b"", 10.0) == [OutputState(1, on=True, confirmed=False)]
    assert relay.to_send(11.99) == b""
    assert relay.to_send(12.0) == OFF
    assert relay.receive(b"", 12.0) == [OutputState(1, on=False, confirmed=False)]


def test_opening_again_extends_and_never_shortens() -> None:
    relay = started()
    relay.open(3.0, 10.0)
    relay.to_send(10.0)
    relay.open(1.0, 11.0)
    assert relay.to_send(12.5) == b""
    relay.open(3.0, 12.5)
    assert relay.to_send(15.4) == b""
    assert relay.to_send(15.5) == OFF


def test_an_echo_means_nothing() -> None:
    relay = started()
    assert relay.receive(ON + OFF, 10.0) == []


@pytest.mark.parametrize("seconds", [-5.0, 0.0, 1e9, math.inf, math.nan])
def test_no_wish_can_hold_a_gate_open_for_longer_than_the_settings_allow(seconds: float) -> None:
    relay = started(LcusSettings(longest_s=5.0))
    relay.open(seconds, 10.0)
    assert relay.to_send(10.0) == ON
    assert relay.to_send(15.0) == OFF


@given(wishes=st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), max_size=20))
def test_whatever_is_asked_the_contact_opens_in_the_end(wishes: list[tuple[float, float]]) -> None:
    relay, now, sent = started(), 10.0, b""
    for pause, seconds in wishes:
        now += pause
        relay.open(seconds, now)
        sent += relay.to_send(now)
    sent += relay.to_send(now + 10.0)
    assert sent.count(ON) == sent.count(OFF)
    assert sent == b"" or sent.endswith(OFF)


@pytest.mark.parametrize(("channel", "longest"), [(0, 1.0), (256, 1.0), (1, 0.0), (1, 1e6)])
def test_settings_that_cannot_be_are_refused(channel: int, longest: float) -> None:
    with pytest.raises(ValueError, match="must be between"):
        LcusSettings(channel, longest)


def test_the_last_words_of_a_closed_contact_open_it() -> None:
    relay = started()
    assert relay.last_words() == b""
    relay.open(2.0, 10.0)
    relay.to_send(10.0)
    assert relay.last_words() == OFF
