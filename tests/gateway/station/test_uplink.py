"""The uplink on a real broker: hello first, the present at once, the past in order, and nothing believed unproved."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway import wire
from gateway.bundle import unpack
from gateway.keys import Master
from gateway.station.cover import Cover
from gateway.station.losses import MESSAGES
from gateway.station.plausible import BACK, BEYOND, SETTLES_S
from gateway.station.spool import Spool, reach
from gateway.station.spool_file import EpochRow, LostRow, add_epoch, save_lost
from gateway.wire import Ack, Lost, Status, StreamAck
from tests.brokers import Broker, running
from tests.gateway import rosters
from tests.gateway.station.lines import Centre, Line, centre_on, line
from tests.gateway.station.spools import CENTRE, fill, swipe
from tests.waiting import until

pytestmark = pytest.mark.real("mosquitto")

ROSTER = unpack(rosters.bundle(), rosters.MASTER.roster_public(), rosters.COMMUNITY)
"""For a station that does not ask for one."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running(tmp_path_factory.mktemp("broker")) as one:
        yield one


@pytest.fixture
def centre(broker: Broker) -> Iterator[Centre]:
    with centre_on(broker) as one:
        yield one


def backlog(path: Path, count: int, **over: Any) -> str:
    """A spool of an earlier life with so many swipes; its epoch."""
    with closing(Spool(path)) as spool:
        spool.record([(swipe(seq, **over), False) for seq in range(1, count + 1)])
        return spool.epoch


def seqs(message: Any) -> list[int]:
    return [one.seq for one in message.swipes]


def known(one: Line) -> list[Cover]:
    return [settled.covers.get(one.spool.epoch, Cover()) for settled in one.settled]


def test_hello_comes_first_and_says_what_the_spool_holds(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    old = backlog(tmp_path / "spool", 3)
    with line(broker, tmp_path / "spool", start=False) as one:
        one.pass_by(1, 2)
        one.bus.start()
        until(centre.read)
        leaf, hello = centre.heard[0]
        assert leaf == "hello"
        assert (hello.epoch, hello.previous, hello.roster) == (one.spool.epoch, (old, 3), 0)
        assert [(h.epoch, h.first, h.last) for h in hello.spool] == [(old, 1, 3), (one.spool.epoch, 1, 2)]


def test_a_swipe_goes_out_at_once(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        one.pass_by(1)
        assert seqs(centre.next("swipe")) == [1]
        one.pass_by(2, 3)
        assert seqs(centre.next("swipe")) == [2, 3]
        centre.ack((one.spool.epoch, 3))
        until(lambda: known(one) == [Cover(3)])
        assert one.uplink.depth == 0


def test_the_backlog_goes_oldest_first_one_message_at_a_time_and_the_present_past_it(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    first = backlog(tmp_path / "spool", 900)
    second = backlog(tmp_path / "spool", 5)
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        centre.ack()
        message = centre.next("swipes")
        assert (message.epoch, seqs(message)[0]) == (first, 1)
        one.pass_by(1)
        assert seqs(centre.next("swipe")) == [1]
        assert centre.nothing_more("swipes")
        got = seqs(message)
        while got[-1] < 900:
            assert len(wire.encode(message)) <= wire.MAX_BACKLOG
            centre.ack((first, got[-1]))
            message = centre.next("swipes")
            assert message.epoch == first
            got += seqs(message)
        assert got == list(range(1, 901))
        centre.ack((first, 900), (one.spool.epoch, 1))
        message = centre.next("swipes")
        assert (message.epoch, seqs(message)) == (second, [1, 2, 3, 4, 5])
        centre.ack((second, 5))
        until(lambda: one.uplink.depth == 0)
        assert centre.nothing_more("swipe", "swipes")


def test_a_hole_is_filled_though_ranges_beyond_it_are_held(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    """Part of what the centre holds was never in this spool: it was declared lost."""
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        one.record(1, 2, 3, 4)
        one.spool.declare_lost(5, 9, "spool_full")
        centre.ack((one.spool.epoch, 2, [(4, 9)]))
        assert seqs(centre.next("swipes")) == [3]


def test_what_is_not_acknowledged_for_ten_seconds_is_sent_again(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    with line(broker, tmp_path / "spool", roster=ROSTER) as one:
        centre.next("hello")
        one.pass_by(1)
        assert seqs(centre.next("swipe")) == [1]
        one.wait(9.9)
        one.pass_by(2)
        assert seqs(centre.next("swipe")) == [2]
        assert centre.nothing_more("swipes")
        one.wait(0.2)
        assert seqs(centre.next("swipes")) == [1]
        one.wait(10.1)
        assert seqs(centre.next("swipes")) == [1, 2]


def test_an_acknowledgement_goes_backwards_only_under_a_new_centre_epoch(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    with line(broker, tmp_path / "spool", roster=ROSTER) as one:
        centre.next("hello")
        one.pass_by(*range(1, 11))
        centre.next("swipe")
        centre.ack((one.spool.epoch, 6, [(8, 8)]))
        centre.ack((one.spool.epoch, 2, [(4, 5), (10, 10)]))
        until(lambda: len(one.settled) == 2)
        assert known(one)[1] == Cover(6, ((8, 8), (10, 10)))
        centre.epoch = "d" * 16
        centre.ack((one.spool.epoch, 2))
        until(lambda: len(one.settled) == 3)
        assert known(one)[2] == Cover(2)
        assert seqs(centre.next("swipes")) == [3, 4, 5, 6, 8, 10], "7 and 9 are under way"
        one.wait(10.1)
        assert seqs(centre.next("swipes")) == list(range(3, 11))


def test_an_acknowledgement_that_goes_back_under_one_centre_epoch_is_refused_and_seen(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        one.pass_by(*range(1, 11))
        centre.next("swipe")
        centre.ack((one.spool.epoch, 6))
        centre.ack((one.spool.epoch, 5))
        until(lambda: len(one.settled) == 2)
        assert one.refused == [], "they may overtake one another"
        one.wait(SETTLES_S + 1)
        centre.ack((one.spool.epoch, 5))
        until(lambda: one.refused)
        assert one.refused == [("ack", BACK)]
        until(lambda: len(one.settled) == 3)
        assert known(one)[2] == Cover(6)


@pytest.mark.parametrize("said", [(2**40,), (3, [(7, 2**40)]), (0, [(1, 3), (9, 9)])])
def test_what_was_never_recorded_cannot_be_acknowledged(
    broker: Broker, centre: Centre, tmp_path: Path, said: tuple[Any, ...]
) -> None:
    with line(broker, tmp_path / "spool", roster=ROSTER) as one:
        centre.next("hello")
        one.pass_by(1, 2, 3)
        assert seqs(centre.next("swipe")) == [1, 2, 3]
        centre.ack((one.spool.epoch, *said))
        until(lambda: one.refused == [("ack", BEYOND)])
        until(lambda: one.settled)
        assert known(one)[0] == Cover(3)
        one.pass_by(4)
        assert seqs(centre.next("swipe")) == [4]
        one.wait(10.1)
        assert seqs(centre.next("swipes")) == [4], "it is not settled, so it is sent again"


def test_a_restored_centre_is_sent_what_it_does_not_name(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    """The epochs that its acknowledgement leaves out it knows nothing of, whatever the spool has remembered."""
    with closing(Spool(tmp_path / "spool")) as spool:
        fill(spool, 4)
        spool.cover(CENTRE, {spool.epoch: Cover(4)})
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        assert one.uplink.depth == 0
        centre.ack()
        assert centre.nothing_more("swipes")
        centre.epoch = "d" * 16
        centre.ack()
        assert seqs(centre.next("swipes")) == [1, 2, 3, 4]


def forged_key(topic: str, plain: bytes) -> tuple[str, bytes]:
    return topic, Master(bytes(32)).station(rosters.STATION, 1).down().wrap(topic, plain)


def own_key(topic: str, plain: bytes) -> tuple[str, bytes]:
    return topic, rosters.enrolled().keys.up().wrap(topic, plain)


def of_another_topic(topic: str, plain: bytes) -> tuple[str, bytes]:
    return topic, rosters.enrolled().keys.down().wrap(topic.replace("/ack", "/roster"), plain)


def of_another_station(topic: str, plain: bytes) -> tuple[str, bytes]:
    return topic, rosters.enrolled(station="yuan-2").keys.down().wrap(topic, plain)


def plain_text(topic: str, plain: bytes) -> tuple[str, bytes]:
    return topic, plain


def nonsense(topic: str, _plain: bytes) -> tuple[str, bytes]:
    return topic, rosters.enrolled().keys.down().wrap(topic, b'{"centre_epoch": [')


@pytest.mark.parametrize("forge", [forged_key, own_key, of_another_topic, of_another_station, plain_text, nonsense])
def test_an_acknowledgement_that_is_not_the_centres_is_refused(
    broker: Broker, centre: Centre, tmp_path: Path, forge: Any
) -> None:
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        one.pass_by(1, 2)
        centre.next("swipe")
        said = wire.encode(Ack(centre.epoch, 0, [StreamAck(one.spool.epoch, 2)]))
        centre.wire.bus.publish(*forge(centre.topics("ack"), said))
        centre.ack((one.spool.epoch, 1))
        until(lambda: one.settled)
        assert known(one) == [Cover(1)]
        assert [leaf for leaf, _ in one.refused] == ["ack"]


def test_a_roster_comes_in_parts_in_any_order_and_twice(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        data = rosters.bundle(rosters.person(1), version=4)
        centre.roster(data, 4, skip=(1,))
        centre.roster(data, 4, skip=(1,))
        centre.roster(data, 4, skip=(2, 3))
        until(lambda: one.rosters)
        centre.roster(data, 4)
        centre.ack()
        until(lambda: one.settled)
        assert [roster.header.version for roster in one.rosters] == [4]


def test_a_stray_part_of_an_older_roster_does_not_spoil_the_newer(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        new, old = rosters.bundle(rosters.person(1), version=5), rosters.bundle(version=4)
        centre.roster(new, 5, skip=(3,))
        centre.roster(old, 4, skip=(2,))
        centre.roster(new, 5, skip=(1, 2))
        until(lambda: one.rosters)
        assert one.rosters[0].header.version == 5
        centre.roster(old, 4)
        centre.ack()
        until(lambda: one.settled)
        assert len(one.rosters) == 1


def test_a_restored_centres_roster_of_a_lower_version_is_newer_if_issued_later(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        centre.roster(rosters.bundle(version=9, issued=1_000), 9)
        until(lambda: len(one.rosters) == 1)
        centre.roster(rosters.bundle(version=7, issued=2_000), 7)
        until(lambda: len(one.rosters) == 2)
        assert one.rosters[1].header.version == 7


def test_a_forged_roster_is_refused_and_the_true_one_is_taken_after_it(
    broker: Broker, centre: Centre, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        good = rosters.bundle(rosters.person(1), version=2)
        centre.roster(good[:-1] + bytes((good[-1] ^ 1,)), 2)
        until(lambda: one.refused)
        assert one.rosters == []
        centre.roster(good, 2)
        until(lambda: one.rosters)


def test_a_roster_of_which_a_part_is_missing_is_asked_for_again(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        centre.roster(rosters.bundle(version=3), 3, skip=(2,))
        centre.ack(roster=3)
        until(lambda: one.settled)
        assert one.uplink.roster_checked is None
        one.wait(10.1)
        assert centre.next("hello").roster == 0
        centre.roster(rosters.bundle(version=3), 3)
        until(lambda: one.rosters)
        one.wait(10.1)
        assert centre.nothing_more("hello")


def test_a_station_without_a_roster_asks_until_it_has_one(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    """The answer to its first hello was lost, or the centre had no roster yet and says so."""
    with line(broker, tmp_path / "spool") as one:
        assert centre.next("hello").roster == 0
        centre.ack(roster=0)
        until(lambda: one.settled)
        assert one.uplink.roster_checked is None, "no roster is not the newest"
        one.wait(10.1)
        assert centre.next("hello").roster == 0
        one.wait(10.1)
        assert centre.next("hello").roster == 0
        centre.roster(rosters.bundle(version=3), 3)
        until(lambda: one.rosters)
        one.wait(10.1)
        centre.ack(roster=3)
        until(lambda: one.uplink.roster_checked)
        assert centre.nothing_more("hello")


def test_what_was_lost_is_declared_until_it_is_settled(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        for first in range(10, 60, 3):
            one.spool.declare_lost(first, first + 1, "spool_full")
        one.uplink.lost()
        told = centre.next("lost")
        assert told == Lost(one.spool.epoch, [(i, i + 1) for i in range(10, 60, 3)], "spool_full")
        centre.ack((one.spool.epoch, 0, [(13, 59)]))
        until(lambda: one.settled)
        one.wait(10.1)
        assert centre.next("lost") == Lost(one.spool.epoch, [(10, 11)], "spool_full")
        centre.ack((one.spool.epoch, 11))
        until(lambda: len(one.settled) == 2)
        one.wait(10.1)
        one.pass_by(61)
        centre.next("swipe")
        assert centre.nothing_more("lost")


def test_a_centre_that_comes_back_is_greeted_again_and_sent_what_it_missed(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    centre.announce("online", retain=True)
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        until(lambda: one.uplink.centre_said == "online")
        assert centre.nothing_more("hello")
        centre.announce("lost")
        until(lambda: one.uplink.centre_said == "lost")
        one.pass_by(1)
        centre.next("swipe")
        for _ in range(5):
            centre.announce("online")
        until(lambda: one.uplink.centre_said == "online")
        assert centre.nothing_more("hello")
        one.wait(1.1)
        centre.next("hello")
        centre.ack()
        assert seqs(centre.next("swipes")) == [1]
        one.wait(5)
        assert centre.nothing_more("hello")


def test_a_large_commit_goes_in_messages_that_the_broker_takes(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    """Five hundred swipes with seals, after a disk has stalled."""
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        one.uplink.fresh(one.record(*range(1, 501), sealed=b"s" * 1024))
        got: list[int] = []
        while len(got) < 500:
            message = centre.next("swipe")
            assert len(wire.encode(message)) <= wire.MAX_BACKLOG
            got += seqs(message)
        assert got == list(range(1, 501))


def test_the_backlog_waits_for_the_connection_and_comes_after_hello(tmp_path: Path) -> None:
    with running(tmp_path / "broker") as own, line(own, tmp_path / "spool", start=False) as one:
        with centre_on(own) as centre:
            one.bus.start()
            centre.next("hello")
            one.pass_by(1)
            centre.next("swipe")
        own.kill()
        until(lambda: not one.bus.connected)
        one.pass_by(2, 3)
        own.start()
        with centre_on(own) as centre:
            centre.announce("online")
            one.wait(1.1)
            centre.next("hello")
            centre.ack((one.spool.epoch, 1))
            assert seqs(centre.next("swipes")) == [2, 3]


def test_a_spool_that_cannot_be_read_yet_delays_hello_and_ends_nothing(
    broker: Broker, centre: Centre, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "folder").write_text("a file where the folder should be")
    with line(broker, tmp_path / "folder" / "spool") as one:
        until(lambda: one.bus.connected)
        until(lambda: any("cannot be read" in r.message for r in caplog.records))
        assert centre.nothing_more("hello")
        (tmp_path / "folder").unlink()
        one.pass_by(1)
        assert centre.next("hello").epoch == one.spool.epoch
        assert len([r for r in caplog.records if "cannot be read" in r.message]) == 1


def test_the_heartbeat_and_the_last_word_are_the_stations_alone(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    keys, beats = rosters.enrolled().keys.up(), []
    with line(broker, tmp_path / "spool") as one:
        topic, will = one.uplink.will()
        assert wire.decode(keys.unwrap(topic, will), Status).state == "lost"
        for _ in range(3):
            message = centre.wire.messages.get(timeout=5)
            while not message.topic.endswith("/status") or message.retained:
                message = centre.wire.messages.get(timeout=5)
            beats.append(wire.decode(keys.unwrap(message.topic, message.payload), Status))
            one.wait(5.1)
    assert [beat.state for beat in beats] == ["online"] * 3
    assert all(b.heartbeat == a.heartbeat + 1 for a, b in pairwise(beats))
    until(lambda: b"stopped" in b"".join(_statuses(centre)))


def _statuses(centre: Centre) -> list[bytes]:
    keys = rosters.enrolled().keys.up()
    found = []
    while not centre.wire.messages.empty():
        message = centre.wire.messages.get()
        if message.topic.endswith("/status"):
            found.append(keys.unwrap(message.topic, message.payload))
    return found


def test_a_station_of_many_lives_still_fits_its_hello_in_one_message(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    with closing(Spool(tmp_path / "spool")) as spool:
        writer = spool._open()
        writer.execute("BEGIN")
        for no in range(2, 5002):
            add_epoch(writer, EpochRow(no, f"{no:016x}", 0, 1))
            spool._insert(writer, [(no, swipe(1), False)])
        writer.execute("COMMIT")
    with line(broker, tmp_path / "spool"):
        hello = centre.next("hello")
        assert hello.previous == (f"{5001:016x}", 1)
        assert hello.spool[-1].epoch == f"{5001:016x}"
        assert len(wire.encode(hello)) < wire.MAX_BACKLOG


def test_the_row_of_a_roster_reaches_whoever_decides(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        centre.roster(rosters.bundle(replace(rosters.person(7), lost=True), version=1), 1, pieces=1)
        until(lambda: one.rosters)
        assert rosters.found(one.rosters[0], 7).lost


def test_a_record_that_cannot_be_decoded_is_declared_lost_and_what_is_behind_it_comes(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    with closing(Spool(tmp_path / "spool")) as old:
        fill(old, 5)
        old._open().execute("UPDATE swipes SET record = CAST(x'ff' AS BLOB) WHERE seq = 2")
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        centre.ack()
        assert seqs(centre.next("swipes")) == [1, 3, 4, 5]
        until(lambda: one.unreadable == [(old.epoch, 2)])
        one.spool.declare_unreadable(old.epoch, [2])
        one.uplink.lost(1)
        assert centre.next("lost") == Lost(old.epoch, [(2, 2)], "unreadable")
        centre.ack((old.epoch, 5))
        until(lambda: one.uplink.depth == 0)


def test_what_is_still_to_be_sent_is_counted_without_looking_at_all_of_it(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    """An ack costs what it settles: of a month of swipes the others are not counted again."""
    with closing(Spool(tmp_path / "spool")) as old:
        fill(old, 3000)
    with line(broker, tmp_path / "spool", roster=ROSTER) as one:
        centre.next("hello")
        centre.ack((old.epoch, 0))
        until(lambda: one.settled)
        assert one.uplink.depth == 3000
        looked: list[tuple[int, int]] = []
        count = one.reader.count
        one.reader.count = lambda info, span: looked.append(span) or count(info, span)  # type: ignore[method-assign]
        centre.ack((old.epoch, 100, [(2000, 2500)]))
        until(lambda: one.uplink.depth == 3000 - 601)
        centre.ack((old.epoch, 100, [(2000, 2500)]))
        centre.ack((old.epoch, 150, [(2000, 2500)]))
        until(lambda: one.uplink.depth == 3000 - 651)
        assert looked == [(1, 100), (2000, 2500), (101, 150)]


def test_losses_without_number_go_a_few_messages_at_a_time_oldest_first(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    with closing(Spool(tmp_path / "spool")) as old:
        fill(old, 1)
        with old.transaction() as writer:
            for seq in range(2, 40_000, 2):
                save_lost(writer, LostRow(1, seq, seq, "size_limit"))
            reach(writer, old.epoch, 40_000)
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        first = [centre.next("lost") for _ in range(MESSAGES)]
        assert [len(message.ranges) for message in first] == [wire.MAX_LOST] * MESSAGES
        assert [message.ranges[0][0] for message in first] == [2 + 2000 * n for n in range(MESSAGES)]
        assert centre.nothing_more("lost")
        centre.ack((old.epoch, 16_001))
        assert centre.next("lost").ranges[0] == (16_002, 16_002)
        until(lambda: one.settled)


def test_a_message_that_is_refused_is_told(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        centre.roster(rosters.bundle(version=2)[:-1] + b"x", 2)
        until(lambda: one.refused == [("roster", "the signature does not fit")])


def test_what_was_salvaged_meanwhile_is_sent_once_it_is_looked_for(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    with line(broker, tmp_path / "spool") as one:
        centre.next("hello")
        centre.ack()
        until(lambda: one.settled)
        fill(one.spool, 3)
        one.spool.declare_lost(4, 5, "spool_broken")
        one.uplink.look_again()
        assert centre.next("lost").ranges == [(4, 5)]
        assert seqs(centre.next("swipes")) == [1, 2, 3]
        assert one.uplink.depth == 3
