"""What Mosquitto 2 says, line by line, as it said it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.brokerlog import MOST, BrokerLog, Refusal

JOINED = b"1795599379: New client connected from 127.0.0.1:58743 as yuan-1-ab (p5, c1, k60, u'yuan-1').\n"
DENIED = b"1795599379: Denied PUBLISH from yuan-1-ab (d0, q1, r0, m2, 'xq/v1/s/0/yuan/yuan-2/swipe', ... (17 bytes))\n"
NOT_THEIRS = "the broker refused it: not a topic of this account's"


def told(*lines: bytes) -> list[tuple[Refusal, int]]:
    log = BrokerLog()
    for line in lines:
        log.heard(line)
    return log.take()


def test_a_denied_message_is_the_accounts_that_sent_it() -> None:
    assert told(JOINED, DENIED) == [(Refusal("yuan-1", "xq/v1/s/0/yuan/yuan-2/swipe", NOT_THEIRS, 17), 1)]


def test_the_same_again_is_counted_and_taken_once() -> None:
    log = BrokerLog()
    for line in (JOINED, DENIED, DENIED, DENIED):
        log.heard(line)
    assert [count for _, count in log.take()] == [3]
    assert log.take() == []


@pytest.mark.parametrize(
    ("line", "account", "reason"),
    [
        (b"Client yuan-1-ab disconnected due to oversize packet.", "yuan-1", "larger than it takes"),
        (b"Client <unknown> disconnected, not authorised.", "", "no such account"),
        (b"OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed", "", "certificate verify failed"),
        (b"OpenSSL Error[0]: error:0A0000C7:SSL routines::peer did not return a certificate", "", "did not return"),
    ],
)
def test_who_is_refused_is_told(line: bytes, account: str, reason: str) -> None:
    ((refusal, count),) = told(JOINED, b"1795599380: " + line + b"\n")
    assert (refusal.account, count) == (account, 1)
    assert reason in refusal.reason


@pytest.mark.parametrize(
    "line",
    [
        b"Client yuan-1-ab closed its connection.",
        b"Client yuan-1-ab disconnected.",
        b"OpenSSL Error[0]: error:0A000126:SSL routines::unexpected eof while reading",
        b"Received PUBLISH from yuan-1-ab (d0, q1, r0, m2, 'Denied PUBLISH from x', ... (1 bytes))",
        b"\txq/v1/s/1/yuan/yuan-2/ack (QoS 1)",
        b"New connection from 127.0.0.1:37651 on port 47271.",
        b"",
    ],
)
def test_what_is_ordinary_is_no_refusal(line: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert told(JOINED, b"1795599380: " + line + b"\n") == []
    assert caplog.text == ""


def test_what_nobody_foresaw_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert told(b"1795599380: Error: Unable to open log file.\n") == []
    assert "Unable to open log file" in caplog.text


def test_a_client_that_left_is_forgotten_with_its_account() -> None:
    ((refusal, _),) = told(JOINED, b"1: Client yuan-1-ab closed its connection.\n", DENIED)
    assert refusal.account == ""


def test_a_flood_of_different_refusals_is_bounded() -> None:
    flood = [DENIED.replace(b"yuan-2", f"yuan-{i}".encode()) for i in range(3 * MOST)]
    assert len(told(JOINED, *flood)) == MOST


@given(st.binary(max_size=300))
def test_no_line_is_too_strange(line: bytes) -> None:
    for refusal, _ in told(line, JOINED.replace(b"yuan-1-ab", line), DENIED.replace(b"yuan-1-ab", line)):
        assert (refusal.topic + refusal.account + refusal.reason).isprintable()
