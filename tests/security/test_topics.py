"""Every account of the broker against every topic there is, both ways, on a real broker.

Which topics are whose is written out here once more: the access list must not be its own witness.
"""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from gateway import wire
from gateway.wire import StationTopics
from tests.brokers import Broker, Client, client, running
from tests.waiting import until

pytestmark = pytest.mark.real("mosquitto")

STATIONS = {"yuan-1": "yuan", "yuan-2": "yuan", "other-1": "other"}
POLICE = ("jiangwan", "hongkou")
UP = ("hello", "swipe", "swipes", "lost", "status", "reply", "renew")
DOWN = ("ack", "roster", "command", "certificate")
CENTRE = "xq/v1/centre/status"


def _of(station: str, leaf: str) -> str:
    return StationTopics(STATIONS[station], station)(leaf)


TOPICS = [
    *(_of(station, leaf) for station in STATIONS for leaf in (*UP, *DOWN)),
    *(f"xq/v1/police/{one}/{leaf}" for one in POLICE for leaf in ("alert/20261123-ABCDEF", "answer")),
    CENTRE,
]
WRITES: dict[str, set[str]] = {one: {_of(one, leaf) for leaf in UP} for one in STATIONS}
WRITES |= {f"police-{one}": {f"xq/v1/police/{one}/answer"} for one in POLICE}
READS: dict[str, set[str]] = {one: {_of(one, leaf) for leaf in DOWN} | {CENTRE} for one in STATIONS}
READS |= {f"police-{one}": {f"xq/v1/police/{one}/alert/20261123-ABCDEF"} for one in POLICE}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running(tmp_path_factory.mktemp("broker")) as one:
        yield one


@contextlib.contextmanager
def connected(broker: Broker, name: str, *filters: str) -> Iterator[Client]:
    with client(broker.account(name, client_id=f"{name}-{len(filters)}"), filters) as one:
        until(lambda: one.bus.connected)
        yield one


def test_the_topics_here_are_all_there_are() -> None:
    assert set(UP) == set(wire.BY_STATION)
    assert set(DOWN) == set(wire.TO_STATION)
    assert {channel.name for channel in wire.CHANNELS} == {*UP, *DOWN, "centre", "alert", "answer"}


@pytest.mark.parametrize("account", WRITES)
def test_an_account_writes_what_is_its_own_and_nothing_else(
    broker: Broker, account: str, record_property: Callable[[str, object], None]
) -> None:
    last = min(WRITES[account])
    order = [*(topic for topic in TOPICS if topic != last), last]
    with connected(broker, "centre", "xq/v1/#") as centre, connected(broker, account) as one:
        sent = [one.bus.publish(topic, b"x") for topic in order]
        until(lambda: sent[-1] in one.published)
        centre.bus.publish("xq/v1/test/end", b"")
        arrived = set(iter(centre.topic, "xq/v1/test/end"))
    record_property("topics_checked", len(order))
    assert arrived == WRITES[account]


@pytest.mark.parametrize("account", READS)
def test_an_account_reads_what_is_its_own_and_nothing_else(
    broker: Broker, account: str, record_property: Callable[[str, object], None]
) -> None:
    last = min(READS[account])
    everything = ["#", "xq/v1/#", "xq/v1/s/+/+/+/+", "xq/v1/police/+/alert/+", *TOPICS]
    found = set()
    with connected(broker, account, *everything) as one, connected(broker, "centre") as centre:
        until(lambda: centre.bus.publish(last, b"first") and not one.messages.empty(), what="the account listens")
        for topic in [*(topic for topic in TOPICS if topic != last), last]:
            centre.bus.publish(topic, b"x")
        while (message := one.messages.get(timeout=10)).payload != b"x" or message.topic != last:
            found.add(message.topic)
        found.add(last)
    record_property("topics_checked", len(TOPICS))
    assert found == READS[account]
