"""Whoever forges, replays, moves or floods is refused, and somebody can see it: real broker, centre and stations.

Each attacker is given more than an attacker would have: the broker's own account of the centre, or a station's keys.
"""

import contextlib
import json
import queue
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import bundle, wire
from gateway.broker import CENTRE
from gateway.bus import Account, Bus, Message
from gateway.keys import Enrolled, Master
from gateway.keys.certificates import Authority, Identity, request
from gateway.tls import Security
from gateway.wire import StationTopics
from rules.model import GatePolicy
from tests.browsing import Visitor
from tests.e2e.pair import OTHER, YUAN, Box, Office, box, office
from tests.e2e.rig import get, wait_until

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(240), pytest.mark.xdist_group("e2e")]

MINE, THEIRS = StationTopics(YUAN, "yuan-1"), StationTopics(OTHER, "other-1")
NOT_OPENED = "the envelope does not open under this topic"


@dataclass
class Site:
    """A centre with two stations enrolled, of which the first runs."""

    centre: Office
    station: Box
    mine: Enrolled
    theirs: Enrolled
    folder: Path
    administrator: Visitor

    def refused(self, leaf: str) -> float:
        _, text = get(f"{self.station.url}/metrics")
        wanted = f'gateway_bus_refused_total{{on="{leaf}"}} '
        return sum(float(line.removeprefix(wanted)) for line in text.splitlines() if line.startswith(wanted))

    def shown_at_the_gate(self) -> bool:
        return "拒收" in get(f"{self.station.url}/gate/status")[1]

    def shown_at_the_centre(self) -> bool:
        """The station's own count, as its heartbeat tells it and the page shows it."""
        ((text,),) = self.centre.rows("SELECT status FROM stations WHERE name = 'yuan-1'")
        count = json.loads(text)["refused"] if text else 0
        return count > 0 and f'data-label="站端拒收"><div>{count}<' in self.administrator.get("/admin/stations").text

    def page(self) -> str:
        return self.administrator.get("/admin/quarantine").text

    def as_centre(self) -> Account:
        """The centre's own account, on the listener with passwords."""
        word = self.centre.master.broker_password(CENTRE)
        return Account(f"mqtt://127.0.0.1:{self.centre.plain_port}", f"attacker-{secrets.token_hex(3)}", CENTRE, word)

    def as_station(self, enrolled: Enrolled, identity: Identity | None = None) -> Account:
        """A station's own certificate, by the TLS listener."""
        shown = identity or Identity(enrolled.certificate, enrolled.private_key)
        name = secrets.token_hex(3)
        (self.folder / f"root-{name}").write_text(enrolled.authority)
        (self.folder / f"identity-{name}").write_text(shown.pem)
        security = Security(self.folder / f"root-{name}", self.folder / f"identity-{name}")
        return Account(enrolled.broker_url, f"attacker-{name}", security=security)

    def opened(self, code: str) -> bool:
        return self.station.show(code)


@dataclass
class Attacker:
    bus: Bus
    heard: "queue.Queue[Message]"
    published: list[int]

    def overhears(self, topic: str) -> bytes:
        while (message := self.heard.get(timeout=10)).topic != topic:
            pass
        return message.payload


@contextlib.contextmanager
def attacker(account: Account, topics: Sequence[str] = (), *, comes_in: bool = True) -> Iterator[Attacker]:
    heard: queue.Queue[Message] = queue.Queue()
    published: list[int] = []

    def take(message: Message) -> None:
        message.settle()
        heard.put(message)

    bus = Bus(account, topics, on_message=take, on_published=published.append)
    bus.start()
    try:
        if comes_in:
            wait_until(lambda: bus.connected, 10, "the attacker is connected")
        yield Attacker(bus, heard, published)
    finally:
        bus.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("forgery")
    with office(folder / "centre") as centre:
        mine = centre.enrol("yuan-1", folder / "mine")
        theirs = centre.enrol("other-1", folder / "theirs", community=OTHER)
        with box(folder / "station", folder / "mine") as station:
            wait_until(station.connected, 20, "the station is connected")
            centre.let_in("71000001")
            wait_until(lambda: "with 1 rows is in use" in station.log(), 20, "the station has the roster")
            yield Site(centre, station, mine, theirs, folder, centre.signed_in("administrator"))


def grows(read: Callable[[], float], act: Callable[[], object], what: str) -> None:
    """What is counted rises by what is done."""
    before = read()
    act()
    wait_until(lambda: read() > before, 15, what)


def forged_roster(community: str) -> bytes:
    """A bundle that lets in nobody, complete and newer than any, signed by somebody else."""
    header = bundle.Header(2**52, community, 2**52, None, 1, ["gate"], [], GatePolicy(version=1))
    return bundle.pack(header, [], Master(b"f" * 32).sign)


def test_a_forged_roster_is_refused_and_seen(site: Site) -> None:
    topic = MINE("roster")
    part = wire.encode(wire.RosterPart(2**52, 1, 1, forged_roster(YUAN)))
    with attacker(site.as_centre()) as one:
        outsider = b"\x01\x01" + secrets.token_bytes(200)
        insider = site.mine.keys.down().wrap(topic, part)
        for payload in (outsider, insider):
            grows(lambda: site.refused("roster"), lambda p=payload: one.bus.publish(topic, p), "the refusal is counted")
    assert site.opened("71000001"), "the roster that the centre signed is still in use"
    assert site.shown_at_the_gate()
    wait_until(site.shown_at_the_centre, 20, "the centre's page shows what the station refused")


def test_a_replayed_command_opens_nothing_and_is_seen(site: Site) -> None:
    topic = MINE("command")
    with attacker(site.as_centre(), [topic]) as one:
        site.station.shut.wait(5)
        site.station.opened.clear()
        status, given = site.centre.ask("POST", "/stations/yuan-1/commands", {"act": "open", "target": "gate"})
        assert (status, given["actor"], given["role"]) == (202, "property-one", "property")
        captured = one.overhears(topic)
        assert site.station.opened.wait(5)
        wait_until(lambda: command(site, given["id"])["state"] == "done", 10, "the command is answered")
        done = command(site, given["id"])
        wait_until(lambda: "中心远程开门" in get(f"{site.station.url}/gate")[1], 5, "the guard sees who opened")
        epoch, seq = done["swipe"].split("/")
        query = "SELECT verdict, reasons, by_hand, reader FROM swipes WHERE epoch = ? AND seq = ?"
        wait_until(lambda: site.centre.rows(query, epoch, int(seq)) != [], 10, "the opening is stored as a swipe")
        assert site.centre.rows(query, epoch, int(seq)) == [("grant", "manual", "remote", "centre")]
        assert site.station.metric("gateway_swipes_total") == len(site.centre.rows("SELECT 1 FROM swipes"))

        site.station.opened.clear()
        before = site.station.metric("gateway_swipes_total")
        grows(lambda: site.refused("command"), lambda: one.bus.publish(topic, captured), "the replay is counted")
        wait_until(lambda: site.centre.shows("came to it again: not_newer", "yuan-1"), 10, "the centre sees the replay")
        grows(
            lambda: site.refused("command"),
            lambda: one.bus.publish(topic, captured[:-1] + bytes((captured[-1] ^ 1,))),
            "a changed one is counted",
        )
        moved = len(site.centre.reasons("other-1"))
        assert site.station.metric("gateway_swipes_total") == before
        assert not site.station.opened.is_set()
        assert moved == len(site.centre.reasons("other-1"))

        site.station.stop()
        site.station.start()
        wait_until(site.station.connected, 20, "the station is back, in another epoch")
        grows(lambda: site.refused("command"), lambda: one.bus.publish(topic, captured), "an old one is counted")
        wait_until(lambda: site.centre.shows("came to it again: another_epoch", "yuan-1"), 10, "and seen")
        assert not site.station.opened.is_set()
    assert "came to it again" in site.page()


def command(site: Site, number: int) -> dict[str, str]:
    _, listed = site.centre.ask("GET", "/stations/yuan-1/commands")
    (found,) = [one for one in listed if one["id"] == number]
    return dict(found)


def test_a_command_for_another_station_does_not_open_here(site: Site) -> None:
    order = wire.encode(wire.Command("0" * 16, 2**52, 2**52, "open", "gate"))
    stolen = site.theirs.keys.down().wrap(THEIRS("command"), order)
    site.station.opened.clear()
    with attacker(site.as_centre()) as one:
        grows(lambda: site.refused("command"), lambda: one.bus.publish(MINE("command"), stolen), "it is counted")
    assert not site.station.opened.is_set()


def test_a_forged_acknowledgement_settles_nothing_and_is_seen(site: Site) -> None:
    ((epoch,),) = site.centre.rows("SELECT json_extract(status, '$.epoch') FROM stations WHERE name = 'yuan-1'")
    ack = wire.encode(wire.Ack("f" * 16, 1, [wire.StreamAck(epoch, 2**50)]))
    forgeries = [
        Master(b"f" * 32).station("yuan-1", 1).down().wrap(MINE("ack"), ack),
        site.theirs.keys.down().wrap(THEIRS("ack"), ack),
        site.mine.keys.up().wrap(MINE("ack"), ack),
        ack,
        b"",
    ]
    with attacker(site.as_centre()) as one:
        for payload in forgeries:
            grows(lambda: site.refused("ack"), lambda p=payload: one.bus.publish(MINE("ack"), p), "it is counted")
    before = len(site.centre.rows("SELECT 1 FROM swipes"))
    assert site.opened("71000001")
    wait_until(lambda: len(site.centre.rows("SELECT 1 FROM swipes")) == before + 1, 10, "the next swipe is sent")
    wait_until(lambda: site.station.metric("gateway_spool_depth") == 0, 10, "and settled by the centre itself")
    assert site.shown_at_the_gate()


def test_a_swipe_moved_to_another_topic_is_set_aside(site: Site) -> None:
    with attacker(site.as_centre(), [MINE("swipe")]) as one:
        assert site.opened("71000001")
        captured = one.overhears(MINE("swipe"))
        before = len(site.centre.rows("SELECT 1 FROM swipes"))
        for topic, sender in (
            (THEIRS("swipe"), "other-1"),
            (MINE("swipes"), "yuan-1"),
            (MINE("lost"), "yuan-1"),
        ):
            told = len(site.centre.reasons(sender))
            one.bus.publish(topic, captured)
            wait_until(lambda s=sender, n=told: len(site.centre.reasons(s)) > n, 10, "it is set aside")  # type: ignore[misc]
            assert site.centre.reasons(sender)[-1] in {NOT_OPENED, "unknown envelope version or key"}
        elsewhere = StationTopics(OTHER, "yuan-1")("swipe")
        one.bus.publish(elsewhere, captured)
        wait_until(lambda: site.centre.shows("does not match the enrolment", "yuan-1"), 10, "it is set aside")
    assert len(site.centre.rows("SELECT 1 FROM swipes WHERE station = 'other-1'")) == 0
    assert len(site.centre.rows("SELECT 1 FROM swipes")) in {before, before + 1}
    assert NOT_OPENED in site.page()


def test_a_captured_swipe_sent_again_is_stored_once(site: Site) -> None:
    with attacker(site.as_centre(), [MINE("swipe")]) as one:
        before = len(site.centre.rows("SELECT 1 FROM swipes"))
        assert site.opened("71000001")
        captured = one.overhears(MINE("swipe"))
        counted = "gateway_swipes_repeated_total"
        wait_until(lambda: len(site.centre.rows("SELECT 1 FROM swipes")) == before + 1, 10, "it is stored")
        repeated = lambda: sum(  # noqa: E731
            float(line.split()[-1])
            for line in get(f"{site.centre.url}/metrics")[1].splitlines()
            if line.startswith(counted)
        )
        grows(repeated, lambda: one.bus.publish(MINE("swipe"), captured), "it is counted as repeated")
    assert len(site.centre.rows("SELECT 1 FROM swipes")) == before + 1


def test_a_station_cannot_publish_under_anothers_name(site: Site) -> None:
    before = len(site.centre.rows("SELECT 1 FROM swipes"))
    with attacker(site.as_station(site.theirs)) as one:
        forged = site.theirs.keys.up().wrap(MINE("swipe"), b"{}")
        refused = one.bus.publish(MINE("swipe"), forged)
        allowed = one.bus.publish(THEIRS("status"), site.theirs.keys.up().wrap(THEIRS("status"), b"{}"))
        wait_until(lambda: allowed in one.published, 10, "its own topic is its own")
        assert refused not in one.published
    wait_until(lambda: site.centre.shows("not a topic of this account's", "other-1"), 10, "the broker's word is shown")
    assert MINE("swipe") in site.page()
    assert not site.centre.shows("does not open", "yuan-1") or len(site.centre.rows("SELECT 1 FROM swipes")) == before


@pytest.mark.parametrize(
    ("size", "why"),
    [(wire.MAX_PAYLOAD + 1, "bytes are more than"), (wire.MAX_PAYLOAD + 5000, "larger than it takes")],
    ids=["for the centre", "for the broker"],
)
def test_a_payload_that_is_too_large_is_refused(site: Site, size: int, why: str) -> None:
    with attacker(site.as_station(site.theirs)) as one:
        one.bus.publish(THEIRS("swipes"), site.theirs.keys.up().wrap(THEIRS("swipes"), b" " * size))
        wait_until(lambda: site.centre.shows(why, "other-1"), 10, "the refusal is shown")
    assert why in site.page()
    assert site.centre.is_well()


@pytest.mark.parametrize(
    "plain",
    [
        b"[" * 90_000,
        b'{"epoch":"0123456789abcdef","swipes":' + b"[" * 60_000 + b"]" * 60_000 + b"}",
        b'{"a":' * 20_000,
    ],
    ids=["lists", "swipes", "objects"],
)
def test_a_deeply_nested_payload_is_set_aside(site: Site, plain: bytes) -> None:
    told = len(site.centre.reasons("other-1"))
    with attacker(site.as_station(site.theirs)) as one:
        for leaf in ("swipes", "status", "reply", "renew", "hello"):
            one.bus.publish(THEIRS(leaf), site.theirs.keys.up().wrap(THEIRS(leaf), plain))
        wait_until(lambda: len(site.centre.reasons("other-1")) >= told + 5, 10, "all are set aside")
    assert site.centre.is_well()
    assert site.opened("71000001")


def test_an_unknown_version_of_the_envelope_is_set_aside(site: Site) -> None:
    with attacker(site.as_station(site.theirs)) as one:
        sealed = site.theirs.keys.up().wrap(THEIRS("hello"), b"{}")
        one.bus.publish(THEIRS("hello"), b"\x02" + sealed[1:])
        wait_until(lambda: site.centre.shows("unknown envelope version", "other-1"), 10, "it is set aside")


def test_a_wrong_certificate_is_refused_and_seen(site: Site) -> None:
    now = datetime.now(UTC)
    alien, _ = Authority(b"f" * 32).client("yuan-1", now)
    told = len(site.centre.reasons())
    with attacker(site.as_station(site.mine, alien), comes_in=False) as one:
        wait_until(lambda: len(site.centre.reasons()) > told, 15, "the refusal is shown")
        assert not one.bus.connected
    assert site.centre.shows("certificate verify failed")
    assert "certificate verify failed" in site.page()


def test_a_certificate_in_another_name_is_not_given(site: Site) -> None:
    asked = wire.encode(wire.CertificateRequest(request("yuan-1").pem))
    with attacker(site.as_station(site.theirs)) as one:
        one.bus.publish(THEIRS("renew"), site.theirs.keys.up().wrap(THEIRS("renew"), asked))
        wait_until(lambda: site.centre.shows("certificate in another name", "other-1"), 10, "it is refused")
    assert site.centre.rows("SELECT count(*) FROM certificates") == [(2,)]
