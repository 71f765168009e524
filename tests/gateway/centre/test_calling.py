"""One call of a webhook: against a real server that does what servers do, and never to an inner network unasked."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre import calling
from gateway.centre.calling import Answered, is_public, post
from simulators.receiver import Answer, Cut, Drip, Flood, Garbage, Hang, Interim, Receiver, Reset, Say
from tests.ports import free_port

BODY = b'{"specversion":"1.0"}'


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not answer is given up sooner, so that the test is."""
    monkeypatch.setattr(calling, "WITHIN_S", 0.3)


def call(url: str) -> Answered:
    return post(url, BODY, {"webhook-id": "msg_1"}, allow_internal=True)


def test_what_is_sent_arrives_as_it_is(receiver: Receiver) -> None:
    assert call(f"{receiver.url}?place=1") == Answered(204)
    (sent,) = receiver.requests
    assert (sent.path, sent.body, sent.headers["webhook-id"]) == ("/slips?place=1", BODY, "msg_1")
    assert sent.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (Say(200, body=b"thanks" * 100_000), Answered(200)),
        (Say(503, {"Retry-After": "120"}), Answered(503, "120")),
        (Say(410), Answered(410)),
        (Say(302, {"Location": "http://169.254.169.254/"}), Answered(302)),
        (Interim((100,)), Answered(204)),
        (Interim((103, 100), 503), Answered(503)),
        (Interim((102,) * 2000), Answered(problem="odd")),
        (Interim((), 101), Answered(101)),
        (Reset(), Answered(problem="unreachable")),
        (Garbage(), Answered(problem="odd")),
        (Cut(), Answered(problem="odd")),
        (Flood(), Answered(problem="odd")),
    ],
)
def test_every_answer_is_taken_for_what_it_is(receiver: Receiver, answer: Answer, found: Answered) -> None:
    receiver.then(answer)
    assert call(receiver.url) == found
    assert len(receiver.requests) == 1, "nothing is followed, and nothing is tried again here"


@pytest.mark.parametrize("answer", [Hang(), Drip()])
@pytest.mark.usefixtures("hasty")
def test_who_does_not_come_to_an_end_is_given_up(receiver: Receiver, answer: Answer) -> None:
    receiver.then(answer)
    assert call(receiver.url) == Answered(problem="slow")


@pytest.mark.usefixtures("hasty")
def test_a_handshake_that_never_comes_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert call(f"https://127.0.0.1:{silent.getsockname()[1]}/") == Answered(problem="slow")


@pytest.mark.usefixtures("hasty")
def test_a_resolver_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver is the outside world here."""
    over = threading.Event()

    def silent(*_a: object, **_k: object) -> list[tuple[object, ...]]:
        over.wait(10)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    try:
        assert call("http://police.example/") == Answered(problem="slow")
    finally:
        over.set()


def test_nobody_there_is_said() -> None:
    assert call(f"http://127.0.0.1:{free_port()}/") == Answered(problem="unreachable")
    assert call("http://no-such-name.invalid/") == Answered(problem="unreachable")
    assert call(f"http://{'x' * 70}.invalid/") == Answered(problem="unreachable")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "127.1", "0x7f.0.0.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_an_inner_address_is_not_called_by_whatever_name(receiver: Receiver, host: str) -> None:
    assert post(f"http://{host}:{receiver.port}/", BODY, {}) == Answered(problem="internal")
    assert receiver.requests == []


def test_a_name_that_also_stands_for_an_inner_address_is_not_called(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resolver is the outside world here: what it says of a name is not ours."""
    inner = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))
    outer = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", receiver.port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: [outer, inner])
    assert post(f"http://police.example:{receiver.port}/", BODY, {}) == Answered(problem="internal")
    assert receiver.requests == []


def test_a_name_is_asked_for_once_and_its_answer_is_what_is_called(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def resolver(host: str, *_a: object, **_k: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    assert call(f"http://police.example:{receiver.port}/") == Answered(204)
    assert asked == ["police.example"]
    assert receiver.requests[0].headers["host"] == f"police.example:{receiver.port}"


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.1", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1"),
        *("100.100.100.200", "168.63.129.16", "::ffff:168.63.129.16", "169.254.170.2", "192.0.0.192"),
        *("192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1"),
        *("::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::"),
    ],
)
def test_which_addresses_are_inner(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_which_addresses_are_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_a_wrapped_address_is_inner_where_the_bare_one_is(bare: object) -> None:
    wrapped = int(bare)  # type: ignore[call-overload]
    for outer in (
        f"::ffff:{bare}",
        f"64:ff9b::{wrapped >> 16:x}:{wrapped & 0xFFFF:x}",
        f"2002:{wrapped >> 16:x}:{wrapped & 0xFFFF:x}::",
    ):
        assert is_public(outer) == is_public(str(bare))


def test_a_receiver_shows_who_it_is_or_is_told_nothing(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=police"
    where = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *where], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Receiver(context=context) as receiver:
        assert call(receiver.url) == Answered(problem="tls")
        assert receiver.requests == []
        assert post(receiver.url, BODY, {}, allow_internal=True, ca_file=certificate) == Answered(204)
        assert post(receiver.url.replace("https:", "http:"), BODY, {}, allow_internal=True).status is None
