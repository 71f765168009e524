"""TLS to a real Mosquitto: whose word counts, and by which clock."""

import contextlib
import dataclasses
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway import broker as brokers
from gateway import wire
from gateway.broker import Secured
from gateway.bus import Account
from gateway.keys.certificates import Authority, Identity, Issued
from gateway.tls import Security
from gateway.trusted import TrustedTime
from gateway.wire import StationTopics
from tests.brokers import ACCOUNTS, Broker, client
from tests.ports import free_port
from tests.waiting import until

pytestmark = pytest.mark.real("mosquitto")

NOW = datetime.now(UTC)
AUTHORITY, ALIEN = Authority(b"a" * 32), Authority(b"b" * 32)


@dataclasses.dataclass
class Site:
    """A broker with a TLS listener, as the program sets it up."""

    folder: Path
    server: Identity
    revoked: list[str] = dataclasses.field(default_factory=list)
    number: int = 1
    port: int = dataclasses.field(default_factory=free_port)
    hang_up: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.folder.mkdir()
        (self.folder / "root").write_text(AUTHORITY.root(NOW))

    def secured(self) -> Secured:
        listed = AUTHORITY.revoked(self.revoked, NOW, self.number)
        return Secured("127.0.0.1", self.port, AUTHORITY.root(NOW), self.server.pem, listed)

    def account(self, name: str, identity: Identity | None, **more: object) -> Account:
        file = None
        if identity is not None:
            file = self.folder / f"identity-{name}"
            file.write_text(identity.pem)
        security = Security(self.folder / "root", file, lambda: NOW)
        security = dataclasses.replace(security, **more)  # type: ignore[arg-type]
        return Account(f"mqtts://127.0.0.1:{self.port}", f"{name}-x", security=security)


@contextlib.contextmanager
def site(folder: Path, server: Identity | None = None) -> Iterator[Site]:
    one = Site(folder, server or AUTHORITY.server(["127.0.0.1"], NOW))
    broker = Broker(folder / "broker")
    (folder / "broker").mkdir()
    broker.start(one.secured())
    one.hang_up = broker.hang_up
    try:
        yield one
    finally:
        broker.kill()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("tls") / "site") as one:
        yield one


def given(name: str, *, authority: Authority = AUTHORITY, when: datetime = NOW) -> Identity:
    return authority.client(name, when)[0]


def comes_in(account: Account) -> bool:
    """Whether the broker lets somebody in: a connection, or a reason why there is none."""
    with client(account) as one:
        until(lambda: one.bus.connected or one.bus._told_down, what="an answer")
        return one.bus.connected


def test_a_station_comes_in_by_its_certificate_over_tls_1_3(here: Site) -> None:
    with client(here.account("yuan-1", given("yuan-1"))) as one:
        until(lambda: one.bus.connected)
        plug = one.bus._current[1].socket()
        assert plug is not None
        assert plug.version() == "TLSv1.3"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "identity",
    [
        None,
        given("yuan-1", authority=ALIEN),
        given("yuan-1", when=NOW - timedelta(days=800)),
        given("yuan-1", when=NOW + timedelta(days=30)),
    ],
    ids=["none", "of another centre", "ended", "not begun"],
)
def test_nobody_comes_in_by_another_certificate(here: Site, identity: Identity | None) -> None:
    assert not comes_in(here.account("yuan-1", identity))


def test_an_authority_may_be_given_without_a_file(here: Site) -> None:
    assert comes_in(here.account("yuan-1", given("yuan-1"), authority=AUTHORITY.root(NOW)))
    assert not comes_in(here.account("yuan-1", given("yuan-1"), authority=ALIEN.root(NOW)))


def test_a_broker_that_is_somebody_else_is_not_spoken_to(here: Site, tmp_path: Path) -> None:
    (tmp_path / "alien").write_text(ALIEN.root(NOW))
    assert not comes_in(here.account("yuan-1", given("yuan-1"), authority=tmp_path / "alien"))
    other_name = Account(
        f"mqtts://localhost:{here.port}", "x", security=here.account("yuan-1", given("yuan-1")).security
    )
    assert not comes_in(other_name), "the certificate names 127.0.0.1 alone"


def test_by_a_clock_of_1970_a_station_comes_in(here: Site, tmp_path: Path) -> None:
    trusted = TrustedTime(tmp_path / "time", wall=lambda: 0.0)
    assert comes_in(here.account("yuan-1", given("yuan-1"), now=trusted.now))


def test_a_time_is_kept_only_once_certificates_were_good_at_it(here: Site, tmp_path: Path) -> None:
    """A clock 50 years ahead comes in nowhere and leaves nothing; one that is right leaves the time."""
    for wall, comes in ((datetime.now(UTC).timestamp() + 50 * 365 * 86400, False), (NOW.timestamp(), True)):
        trusted = TrustedTime(tmp_path / "time", wall=lambda wall=wall: wall)
        account = here.account("yuan-1", given("yuan-1"), now=trusted.now)
        assert (
            comes_in(
                dataclasses.replace(account, security=dataclasses.replace(account.security, good=trusted.connected))
            )
            == comes
        )
        trusted.save()
        assert (tmp_path / "time").exists() == comes


def test_the_machines_clock_is_not_asked(tmp_path: Path) -> None:
    """A certificate that by the machine's clock has not begun is good at the time that is trusted."""
    later = NOW + timedelta(days=400)
    with site(tmp_path / "site", AUTHORITY.server(["127.0.0.1"], later)) as one:
        assert not comes_in(one.account("yuan-1", given("yuan-1")))
        assert comes_in(one.account("yuan-1", given("yuan-1"), now=lambda: later))


@pytest.mark.parametrize("ago", [731, 3000])
def test_by_a_clock_of_1970_a_broker_whose_certificate_ended_is_still_refused(tmp_path: Path, ago: int) -> None:
    with site(tmp_path / "site", AUTHORITY.server(["127.0.0.1"], NOW - timedelta(days=ago))) as old:
        trusted = TrustedTime(tmp_path / "time", wall=lambda: 0.0)
        with client(old.account("yuan-1", given("yuan-1"), now=trusted.now)) as one:
            until(lambda: one.bus._told_down)
            assert not one.bus.connected


def test_a_password_is_sent_to_nobody_whose_certificate_ended(tmp_path: Path) -> None:
    """The dates are looked at before the first byte of MQTT."""
    (tmp_path / "server").write_text(AUTHORITY.server(["127.0.0.1"], NOW - timedelta(days=800)).pem)
    (tmp_path / "root").write_text(AUTHORITY.root(NOW))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server")
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                plug, _ = listener.accept()
                with context.wrap_socket(plug, server_side=True) as wrapped:
                    got.append(wrapped.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        security = Security(tmp_path / "root", None, lambda: NOW)
        url = f"mqtts://127.0.0.1:{listener.getsockname()[1]}"
        with client(Account(url, "x", "yuan-1", "secret-word", security)) as one:
            until(lambda: one.bus._told_down)
        thread.join(5)
    assert b"".join(got) == b""


def test_who_is_revoked_comes_in_no_more(tmp_path: Path) -> None:
    with site(tmp_path / "site") as one:
        mine, issued = AUTHORITY.client("yuan-1", NOW)
        assert comes_in(one.account("yuan-1", mine))
        one.revoked, one.number = [issued.serial], 2
        brokers.write_secured(tmp_path / "site" / "broker", one.secured())
        one.hang_up()
        until(lambda: not comes_in(one.account("yuan-1", mine)), what="the list of revoked certificates in use")
        assert comes_in(one.account("yuan-2", given("yuan-2")))


EVERY = sorted({*wire.BY_STATION, *wire.TO_STATION})
TOPICS = [
    *(StationTopics(s.community, s.name)(leaf) for s in ACCOUNTS.stations for leaf in EVERY),
    StationTopics("other", "yuan-1")("swipe"),
    StationTopics("yuan", "yuan-1")("swipe/more"),
    wire.CENTRE_STATUS,
    wire.alert_topic("jiangwan", "1"),
    wire.answer_topic("jiangwan"),
]


@pytest.mark.parametrize("station", ACCOUNTS.stations, ids=lambda one: one.name)
def test_every_station_on_every_topic_is_allowed_or_refused_exactly(
    here: Site, station: brokers.StationAccount
) -> None:
    mine = StationTopics(station.community, station.name)
    with client(here.account("centre", given("centre")), ["xq/v1/#"]) as centre:
        until(lambda: centre.bus.connected)
        with client(here.account(station.name, given(station.name)), ["#"]) as one:
            until(lambda: one.bus.connected)
            ids = {topic: one.bus.publish(topic, topic.encode()) for topic in TOPICS}
            last = one.bus.publish(mine("swipe"), b"last")
            until(lambda: last in one.published)
            written = {topic for topic, number in ids.items() if number in one.published}
            assert written == {mine(leaf) for leaf in wire.BY_STATION}
            heard = set()
            while (message := centre.messages.get(timeout=5)).payload != b"last":
                heard.add(message.topic)
            assert heard == written
            for topic in TOPICS:
                centre.bus.publish(topic, b"down")
            centre.bus.publish(mine("ack"), b"last")
            reached = set()
            while (message := one.messages.get(timeout=5)).payload != b"last":
                reached.add(message.topic)
            assert reached == {*(mine(leaf) for leaf in wire.TO_STATION), wire.CENTRE_STATUS}


def test_a_serial_is_of_one_certificate() -> None:
    made: list[Issued] = [AUTHORITY.client("yuan-1", NOW)[1] for _ in range(20)]
    assert len({one.serial for one in made}) == 20
