"""The access list against a real broker: each account reads and writes its own topics and no others."""

import contextlib
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import wire
from gateway.broker import Accounts, StationAccount, access_list, prepare, write_accounts
from gateway.bus import Account
from gateway.wire import StationTopics
from tests.brokers import ACCOUNTS, Broker, Client, client, running
from tests.waiting import until

pytestmark = pytest.mark.real("mosquitto")

MINE = StationTopics("yuan", "yuan-1")
END = "xq/v1/test/end"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running(tmp_path_factory.mktemp("broker")) as one:
        yield one


@contextlib.contextmanager
def connected(broker: Broker, name: str, *topics: str) -> Iterator[Client]:
    with client(broker.account(name, client_id=f"{name}-{len(topics)}"), topics) as one:
        until(lambda: one.bus.connected)
        yield one


def arrives(broker: Broker, who: str, topics: list[str]) -> set[str]:
    """Which of the topics the centre hears when this account publishes on them; it may on the last."""
    with connected(broker, "centre", "xq/v1/#") as centre, connected(broker, who) as one:
        last = [one.bus.publish(topic, b"x") for topic in topics][-1]
        until(lambda: last in one.published)
        centre.bus.publish(END, b"")
        return set(iter(centre.topic, END))


def reaches(broker: Broker, who: str, filters: list[str], topics: list[str]) -> set[str]:
    """Which of the topics this account hears, subscribed to these filters, when the centre publishes on them."""
    last = topics[-1]
    with connected(broker, who, *filters) as one, connected(broker, "centre") as centre:
        until(lambda: centre.bus.publish(last, b"first") and not one.messages.empty())
        for topic in topics:
            centre.bus.publish(topic, b"x")
        heard = set()
        while (topic := one.messages.get(timeout=5)).payload != b"x" or topic.topic != last:
            heard.add(topic.topic)
        return heard | {last}


def test_a_station_writes_its_own_topics_alone(broker: Broker) -> None:
    own = [MINE(leaf) for leaf in wire.BY_STATION]
    foreign = [
        StationTopics("yuan", "yuan-2")("swipe"),
        StationTopics("other", "yuan-1")("swipe"),
        StationTopics("other", "other-1")("hello"),
        MINE("ack"),
        MINE("roster"),
        MINE("swipe/more"),
        wire.CENTRE_STATUS,
        wire.alert_topic("jiangwan", "1"),
        wire.answer_topic("jiangwan"),
    ]
    assert arrives(broker, "yuan-1", [*foreign, *own]) == set(own)


def test_a_station_reads_its_own_topics_and_the_centres_word(broker: Broker) -> None:
    own = [MINE("ack"), MINE("roster"), wire.CENTRE_STATUS]
    foreign = [StationTopics("yuan", "yuan-2")("ack"), MINE("swipe"), wire.alert_topic("jiangwan", "1")]
    assert reaches(broker, "yuan-1", ["#", "xq/v1/s/+/+/+/ack", *own], [*foreign, *own]) == set(own)


def test_the_police_read_their_slips_and_write_their_answers_alone(broker: Broker) -> None:
    foreign = [wire.answer_topic("hongkou"), wire.alert_topic("jiangwan", "1"), MINE("swipe"), wire.CENTRE_STATUS]
    own = wire.answer_topic("jiangwan")
    assert arrives(broker, "police-jiangwan", [*foreign, own]) == {own}
    slips = wire.alert_topic("jiangwan", "7")
    others = [wire.alert_topic("hongkou", "7"), MINE("swipe"), MINE("ack"), own]
    assert reaches(broker, "police-jiangwan", ["#", "xq/v1/police/+/alert/+", slips], [*others, slips]) == {slips}


@pytest.mark.parametrize(
    ("name", "word"),
    [("", ""), ("yuan-1", ""), ("yuan-1", "wrong"), ("centre", ACCOUNTS.stations[0].password), ("nobody", "x")],
)
def test_nobody_comes_in_without_their_own_word(broker: Broker, name: str, word: str) -> None:
    with client(Account(broker.url, "stranger", name, word)) as one:
        until(lambda: one.bus._told_down)
        assert not one.bus.connected


def test_accounts_are_taken_anew_while_the_broker_runs(tmp_path: Path) -> None:
    with running(tmp_path, Accounts("c" * 16, (), {})) as broker:
        added = StationAccount("yuan-9", "yuan", "n" * 16)
        write_accounts(tmp_path, Accounts("c" * 16, (added,), {}))
        assert broker.process is not None
        broker.process.send_signal(1)
        with client(Account(broker.url, "n", "yuan-9", "n" * 16)) as one:
            until(lambda: one.bus.connected)


def test_the_brokers_files_are_their_owners_alone_and_hold_no_password_as_it_is(tmp_path: Path) -> None:
    prepare(tmp_path / "broker", 1, ACCOUNTS)
    for path in (tmp_path / "broker").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
        assert not any(word in path.read_text() for word in ACCOUNTS.passwords().values())


@pytest.mark.parametrize(
    ("name", "community"),
    [
        ("centre", "yuan"),
        ("police-jiangwan", "yuan"),
        ("a\nuser centre", "yuan"),
        ("+", "yuan"),
        ("#", "yuan"),
        ("a/b", "yuan"),
        ("yuan-1", "+"),
        ("yuan-1", "yuan\n"),
        ("", "yuan"),
    ],
)
def test_a_name_that_stands_for_more_than_one_station_gets_no_account(name: str, community: str) -> None:
    accounts = Accounts("c", (StationAccount("good", "yuan", "w"), StationAccount(name, community, "word")), {})
    assert [station.name for station in accounts.stations] == ["good"]
    assert accounts.passwords() == {"centre": "c", "good": "w"}
    assert access_list(accounts) == access_list(Accounts("c", accounts.stations, {}))


def test_a_police_station_that_stands_for_more_than_one_gets_no_account() -> None:
    assert Accounts("c", (), {"+": "word", "jiangwan": "w"}).passwords() == {"centre": "c", "police-jiangwan": "w"}


def test_accounts_print_no_password() -> None:
    assert not any(word in repr(ACCOUNTS) for word in ACCOUNTS.passwords().values())
    assert "user yuan-1\n" in access_list(ACCOUNTS)
