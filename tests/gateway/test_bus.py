"""The connection to a real broker: it comes back by itself, and keeps nothing that its owner does not know of."""

import contextlib
import logging
import socket
import threading
import time
from pathlib import Path

import pytest

from gateway import broker as brokers
from gateway.bus import RECEIVE_MAXIMUM, Account, Bus, Message, Will
from tests.brokers import ACCOUNTS, Broker, client, running
from tests.ports import free_port
from tests.waiting import until

mosquitto = pytest.mark.real("mosquitto")
TOPIC = "xq/v1/centre/status"


def up(bus: Bus) -> None:
    until(lambda: bus.connected, what="a connection")


@mosquitto
@pytest.mark.parametrize("protocol", [4, 5])
def test_what_one_publishes_another_hears_and_the_broker_acknowledges(tmp_path: Path, protocol: int) -> None:
    with running(tmp_path) as broker, client(broker.account("centre", protocol), ["xq/v1/#"]) as one:
        up(one.bus)
        sent = one.bus.publish(TOPIC, b"hello")
        message = one.messages.get(timeout=5)
        assert (message.topic, message.payload, message.retained) == (TOPIC, b"hello", False)
        until(lambda: one.published == [sent])


@mosquitto
@pytest.mark.parametrize("protocol", [4, 5])
def test_it_comes_back_when_the_broker_does(tmp_path: Path, protocol: int) -> None:
    with running(tmp_path) as broker, client(broker.account("centre", protocol), ["xq/v1/#"]) as one:
        up(one.bus)
        broker.kill()
        until(lambda: not one.bus.connected)
        assert one.bus.publish(TOPIC, b"into nothing") is None
        broker.start()
        until(lambda: len(one.ups) == 2)
        assert one.bus.publish(TOPIC, b"back") is not None
        assert one.messages.get(timeout=5).payload == b"back"
        assert one.downs == [1]


@mosquitto
def test_nothing_of_the_last_connection_is_sent_on_the_next(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A message that was under way when the broker died is its owner's to send again, after hello."""
    with running(tmp_path) as broker, client(broker.account("centre"), ["xq/v1/#"]) as one:
        up(one.bus)
        assert broker.process is not None
        broker.process.send_signal(19)  # SIGSTOP: it takes the bytes and says nothing
        under_way = [one.bus.publish(TOPIC, b"old") for _ in range(3)]
        assert all(under_way)
        broker.kill()
        until(lambda: not one.bus.connected)
        one.bus.publish(TOPIC, b"into nothing")
        broker.start()
        until(lambda: len(one.ups) == 2)
        fresh = one.bus.publish(TOPIC, b"new")
        assert one.messages.get(timeout=5).payload == b"new"
        until(lambda: one.published == [fresh])
        assert fresh not in under_way
    told = [r.message for r in caplog.records if r.name == "gateway.bus" and r.levelno >= logging.INFO]
    assert len([line for line in told if "not connected" in line]) == 1
    assert len([line for line in told if "connected again" in line]) == 1


@mosquitto
def test_a_wrong_password_is_said_once_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(tmp_path) as broker:
        wrong = Account(broker.url, "x", "yuan-1", "wrong-word")
        tries: list[str] = []
        with client(wrong) as one:
            until(lambda: any("refused" in r.message for r in caplog.records))
            serve = one.bus._connect
            one.bus._connect = lambda c: (tries.append(""), serve(c))[1]  # type: ignore[method-assign]
            until(lambda: len(tries) >= 2)
            assert not one.bus.connected
        assert len([r for r in caplog.records if r.name == "gateway.bus"]) == 1
        assert "wrong-word" not in caplog.text


def test_a_broker_that_is_not_there_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with client(Account(f"mqtt://127.0.0.1:{free_port()}", "x")) as one:
        until(lambda: caplog.records)
        assert one.bus.publish(TOPIC, b"") is None
        assert one.bus.alive
    assert len([r for r in caplog.records if r.name == "gateway.bus"]) == 1


@mosquitto
def test_many_threads_may_publish_at_once_and_no_packet_is_torn(tmp_path: Path) -> None:
    with running(tmp_path) as broker, client(broker.account("centre"), ["xq/v1/#"]) as one:
        up(one.bus)
        body = bytes(range(256)) * 40

        def publish(number: int) -> None:
            for i in range(40):
                one.bus.publish(f"xq/v1/t/{number}/{i}", body)

        threads = [threading.Thread(target=publish, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        got = [one.messages.get(timeout=5) for _ in range(240)]
        for thread in threads:
            thread.join()
        assert {m.payload for m in got} == {body}
        assert len({m.topic for m in got}) == 240
        until(lambda: len(set(one.published)) == 240)
        assert one.ups == [1]


@mosquitto
@pytest.mark.parametrize("protocol", [4, 5])
def test_the_broker_holds_back_what_is_not_settled(tmp_path: Path, protocol: int) -> None:
    with (
        running(tmp_path) as broker,
        client(broker.account("centre", protocol, "sender")) as sender,
        client(broker.account("centre", protocol, "taker"), [TOPIC], settle=False) as taker,
    ):
        up(sender.bus)
        until(lambda: taker.bus.publish(TOPIC, b"first"))
        taken: list[Message] = [taker.messages.get(timeout=5)]
        for _ in range(RECEIVE_MAXIMUM + 99):
            sender.bus.publish(TOPIC, b"")
        taken += [taker.messages.get(timeout=5) for _ in range(RECEIVE_MAXIMUM - 1)]
        until(lambda: len(sender.published) == RECEIVE_MAXIMUM + 99)
        assert taker.messages.empty()
        for message in taken[:100]:
            message.settle()
        for _ in range(100):
            taker.messages.get(timeout=5)


@mosquitto
def test_nagle_is_off_and_an_answer_comes_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as broker, client(broker.account("centre"), ["xq/v1/#"]) as one:
        up(one.bus)
        plug = one.bus._current[1].socket()
        assert isinstance(plug, socket.socket)
        assert plug.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        took = []
        for _ in range(30):
            began = time.monotonic()
            one.bus.publish(TOPIC, b"x")
            one.messages.get(timeout=5)
            took.append(time.monotonic() - began)
        assert sorted(took)[15] < 0.03


@mosquitto
def test_the_will_is_said_for_whoever_dies_and_not_for_whoever_leaves(tmp_path: Path) -> None:
    with running(tmp_path) as broker, client(broker.account("centre", client_id="w"), [TOPIC]) as watcher:
        up(watcher.bus)
        for dies in (False, True):
            bus = Bus(broker.account("centre"), [], on_message=lambda _m: None, will=Will(TOPIC, b"lost"))
            bus.start()
            up(bus)
            if dies:
                plug = bus._current[1].socket()
                assert isinstance(plug, socket.socket)
                plug.shutdown(socket.SHUT_RDWR)
                assert watcher.messages.get(timeout=5).payload == b"lost"
                bus.close()
            else:
                bus.close((TOPIC, b"stopped"))
                assert watcher.messages.get(timeout=5).payload == b"stopped"
                assert not bus.alive
        assert watcher.messages.empty()


@mosquitto
def test_a_refused_message_is_not_reported_as_published(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(tmp_path) as broker, client(broker.account("police-jiangwan")) as police:
        up(police.bus)
        police.bus.publish("xq/v1/police/hongkou/answer", b"for another")
        until(lambda: any("refused a message" in r.message for r in caplog.records))
        allowed = police.bus.publish("xq/v1/police/jiangwan/answer", b"own")
        until(lambda: police.published == [allowed])


def test_closing_never_waits_long_for_a_broker_that_says_nothing() -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as mute:
        bus = Bus(Account(f"mqtt://127.0.0.1:{mute.getsockname()[1]}", "x"), [], on_message=lambda _m: None)
        bus.start()
        with contextlib.closing(mute.accept()[0]):
            began = time.monotonic()
            bus.close((TOPIC, b"stopped"))
            assert time.monotonic() - began < 3.5
            assert not bus.alive


def test_the_broker_that_pip_installs_serves_the_same_accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "MOSQUITTO_PLACES", ())
    monkeypatch.setenv("PATH", "/nowhere")
    broker = Broker(tmp_path, ACCOUNTS)
    broker.start()
    try:
        assert broker.protocol == 4
        with client(broker.account("centre"), ["xq/v1/#"]) as one:
            up(one.bus)
            sent = one.bus.publish(TOPIC, b"hello")
            assert one.messages.get(timeout=5).payload == b"hello"
            until(lambda: one.published == [sent])
        with client(broker.account("centre", 5), ["xq/v1/#"]) as newer:
            up(newer.bus)  # it speaks 3.1.1 alone, and is found to
            newer.bus.publish(TOPIC, b"hello")
            assert newer.messages.get(timeout=5).payload == b"hello"
        with client(Account(broker.url, "y", "centre", "wrong", protocol=4)) as stranger:
            until(lambda: stranger.bus._told_down)
            assert not stranger.bus.connected
    finally:
        broker.kill()
