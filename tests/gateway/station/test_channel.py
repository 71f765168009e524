"""Station and centre over a line that loses, repeats, delays and mixes up: in the end all is stored once, or lost.

Spool, uplink, intake and database are the real ones; between them is a line in memory that does its worst.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway import wire
from gateway.bus import Message
from gateway.centre.acks import Acks
from gateway.keys import Enrolled
from gateway.ranges import size
from gateway.station.recorder import Settled
from gateway.station.spool import Spool
from gateway.station.uplink import Uplink
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.wire import Status
from tests.gateway.centre.office import MASTER, STATION, YUAN, Office
from tests.gateway.station.spools import forget, swipe
from tests.gateway.store.databases import copied


@dataclass
class Line:
    """What a `Bus` is to an uplink: what is published waits here until the test hands it on, or loses it."""

    connection: int = 1
    up: list[Message] = field(default_factory=list)
    down: list[Message] = field(default_factory=list)

    @property
    def connected(self) -> bool:
        return self.connection > 0

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int | None:  # noqa: ARG002 - as a bus
        if not self.connection:
            return None
        self.up.append(Message(topic, payload, False, lambda: None))
        return 1


def enrolled() -> Enrolled:
    return Enrolled(
        station=STATION,
        community=YUAN,
        generation=1,
        secret=MASTER.station(STATION, 1).secret,
        token_key=MASTER.token_key(YUAN),
        token_key_id=1,
        roster_public=MASTER.roster_public(),
        identity_public=MASTER.identity_public(),
        broker_url="mqtt://127.0.0.1:1",
    )


class Channel(RuleBasedStateMachine):
    """Steps of a station, of the line and of the centre in any order."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="xq-channel-")
        folder = Path(self.folder.name)
        self.path = folder / "spool"
        self.database = Database(copied(self.template, folder))
        self.office = Office(self.database)
        self.centre_epoch = "00000000000000cc"
        self.line = Line()
        self.now = 1000.0
        self.recorded: set[tuple[str, int]] = set()
        self.given_up: set[tuple[str, int]] = set()
        self.backup: bytes | None = None

    @initialize()
    def begin(self) -> None:
        self._acks()
        self._start()

    def _acks(self) -> None:
        send: Callable[[str, str, str, bytes], None] = lambda _c, _s, leaf, plain: self._send_down(leaf, plain)  # noqa: E731
        self.office.acks = Acks(self.centre_epoch, lambda _c: 0, send, clock=lambda: self.now)
        self.office.intake._acks = self.office.acks

    def _send_down(self, leaf: str, plain: bytes) -> None:
        topic = wire.StationTopics(YUAN, STATION)(leaf)
        self.line.down.append(Message(topic, MASTER.station(STATION, 1).down().wrap(topic, plain), False, lambda: None))

    def _start(self) -> None:
        self.office.moment += timedelta(seconds=1)  # a box does not start again in no time
        self.spool = Spool(self.path)
        self.reader = self.spool.reader()
        self.seq = 0
        self.settled: list[Settled] = []
        self.uplink = Uplink(
            enrolled(),
            self.reader,
            self.spool.epoch,
            roster=None,
            unreadable=lambda _found: None,
            use_roster=lambda _came: None,
            settled=self.settled.append,
            status=lambda beat, depth: Status("online", self.spool.epoch, beat, 0, spool_depth=depth),
            clock=lambda: self.now,
        )
        self.uplink._bus = self.line  # type: ignore[assignment]
        self.uplink.up()
        self._turn()

    def _turn(self) -> None:
        """What the uplink's thread does once: all that waits for it, and then what is due."""
        self.uplink._load()
        while not self.uplink._inbox.empty():
            self.uplink._take(self.uplink._inbox.get_nowait())
        self.uplink._tick()
        if self.settled:
            self.spool.cover(self.settled[-1].centre_epoch, self.settled[-1].covers)
            self.settled.clear()

    @rule(count=st.integers(1, 4), heard=st.booleans())
    def people_pass(self, count: int, heard: bool) -> None:
        """A commit; the process may end before the uplink hears of it."""
        fresh = [swipe(self.seq + n) for n in range(1, count + 1)]
        self.spool.record([(one, False) for one in fresh])
        self.recorded |= {(self.spool.epoch, one.seq) for one in fresh}
        self.seq += count
        if heard:
            self.uplink.fresh(fresh)
            self._turn()

    @rule(count=st.integers(1, 3))
    def some_are_dropped(self, count: int) -> None:
        """Numbers that were given and never written."""
        self.spool.declare_lost(self.seq + 1, self.seq + count, "spool_full")
        self.given_up |= {(self.spool.epoch, self.seq + n) for n in range(1, count + 1)}
        self.seq += count
        self.uplink.lost()
        self._turn()

    @rule(at=st.integers(0, 50), keep=st.booleans())
    def a_message_arrives(self, at: int, keep: bool) -> None:
        """Any of those under way; kept, it arrives once more later."""
        if self.line.up:
            at %= len(self.line.up)
            message = self.line.up[at] if keep else self.line.up.pop(at)
            assert self.office.settle(message)

    @rule(at=st.integers(0, 50), many=st.integers(1, 5))
    def several_arrive_together(self, at: int, many: int) -> None:
        at %= max(len(self.line.up), 1)
        found, self.line.up[at : at + many] = self.line.up[at : at + many], []
        if found:
            assert self.office.settle(*reversed(found))

    @rule(at=st.integers(0, 50))
    def a_message_is_lost(self, at: int) -> None:
        if self.line.up:
            self.line.up.pop(at % len(self.line.up))

    @rule(seconds=st.floats(0.2, 15))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.office.acks.send()
        self._turn()

    @rule(at=st.integers(0, 50), fate=st.sampled_from(("arrives", "arrives twice", "is lost")))
    def an_answer(self, at: int, fate: str) -> None:
        if self.line.down:
            message = self.line.down.pop(at % len(self.line.down))
            for _ in range({"arrives": 1, "arrives twice": 2, "is lost": 0}[fate]):
                self.uplink.message(message)
            self._turn()

    @rule()
    def the_line_breaks_and_comes_back(self) -> None:
        self.line.up.clear()
        self.line.down.clear()
        self.line.connection += 1
        self.uplink.up()
        self._turn()

    @rule()
    def the_station_starts_again(self) -> None:
        self.reader.close()
        self.spool.close()
        self.line.connection += 1
        # A hello is the first word of a connection: that of a process that has ended is there before its successor's,
        # or never. One that came after it would look like a box put back from an image.
        self.line.up = [message for message in self.line.up if not message.topic.endswith("/hello")]
        self._start()

    @precondition(lambda self: self.backup is None)
    @rule()
    def settled_swipes_are_forgotten(self) -> None:
        """Their days are over. A backup from before would be older than `keep_acknowledged` allows."""
        forget(self.spool)

    @rule()
    def a_backup_is_made(self) -> None:
        self.backup = Path(self.database.url.removeprefix("sqlite:///")).with_suffix(".copy").name.encode()
        with self.database.write() as connection:
            target = Path(self.folder.name) / self.backup.decode()
            target.unlink(missing_ok=True)
        with self.database.read() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql(f"VACUUM INTO '{target}'")

    @precondition(lambda self: self.backup is not None)
    @rule()
    def the_centre_is_restored(self) -> None:
        """From a backup; it has a new epoch, by which stations know that it knows less. Its queue died with it."""
        assert self.backup is not None
        self.database.close()
        number = int(self.centre_epoch, 16) + 1
        self.centre_epoch = f"{number:016x}"
        source = f"sqlite:///{Path(self.folder.name) / self.backup.decode()}"
        restored = Path(
            copied(Path(source.removeprefix("sqlite:///")), Path(self.folder.name)).removeprefix("sqlite:///")
        )
        self.database = Database(f"sqlite:///{restored}")
        moment, self.office = self.office.moment, Office(self.database)
        self.office.moment = moment
        self._acks()
        self.the_line_breaks_and_comes_back()

    @invariant()
    def nothing_is_stored_twice_or_made_up(self) -> None:
        stored = [(row.epoch, row.seq) for row in self.office.rows(t.swipes)]
        assert len(stored) == len(set(stored))
        assert set(stored) <= self.recorded
        lost = {(row.epoch, n) for row in self.office.rows(t.lost) for n in range(row.first, row.last + 1)}
        assert lost <= self.given_up
        assert size((row.first, row.last) for row in self.office.rows(t.lost)) == len(lost), "declared once"

    def teardown(self) -> None:
        """Once the line is good, everything comes, is acknowledged, and no more is sent."""
        self.the_line_breaks_and_comes_back()
        for _ in range(60):
            while self.line.up:
                assert self.office.settle(self.line.up.pop(0))
            self.now += 1.0
            self.office.acks.send()
            while self.line.down:
                self.uplink.message(self.line.down.pop(0))
            self._turn()
        stored = {(row.epoch, row.seq) for row in self.office.rows(t.swipes)}
        lost = {(row.epoch, n) for row in self.office.rows(t.lost) for n in range(row.first, row.last + 1)}
        assert stored == self.recorded
        assert lost == self.given_up
        assert self.uplink.depth == self.reader.unsettled() == 0
        assert not [m for m in self.line.up if not m.topic.endswith("/status")]
        assert not [row for row in self.office.rows(t.streams) if row.missing_since is not None]
        assert self.office.rows(t.troubles) == [] or self.backup is not None
        self.reader.close()
        self.spool.close()
        self.database.close()
        self.folder.cleanup()


@pytest.mark.timeout(300)
def test_over_any_line_every_swipe_is_stored_once_or_declared_lost(template: Path) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        type("Run", (Channel,), {"template": template}),
        settings=settings(
            max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_a_station_that_starts_again_twice_without_a_swipe_is_no_restored_image(template: Path) -> None:
    channel = type("Run", (Channel,), {"template": template})()
    channel.begin()
    channel.a_message_is_lost(at=0)
    channel.some_are_dropped(count=1)
    channel.the_station_starts_again()
    channel.the_line_breaks_and_comes_back()
    channel.the_station_starts_again()
    channel.people_pass(count=1, heard=True)
    channel.several_arrive_together(at=3, many=4)
    channel.a_message_arrives(at=0, keep=False)
    channel.teardown()


@pytest.mark.parametrize("restarts", [2, 3, 5])
def test_a_station_that_has_forgotten_all_and_starts_again_is_no_restored_image(template: Path, restarts: int) -> None:
    channel = type("Run", (Channel,), {"template": template})()
    channel.begin()
    channel.people_pass(count=2, heard=True)
    for _ in range(3):
        while channel.line.up:
            channel.a_message_arrives(at=0, keep=False)
        channel.time_passes(1.0)
        while channel.line.down:
            channel.an_answer(at=0, fate="arrives")
    for _ in range(restarts):
        channel.the_station_starts_again()
        channel.settled_swipes_are_forgotten()
        while channel.line.up:
            channel.a_message_arrives(at=0, keep=False)
    assert channel.reader.epochs()[-1].first == 0
    assert channel.office.rows(t.troubles) == []
    channel.teardown()


def test_a_station_that_started_again_and_again_in_a_week_without_a_line_is_no_restored_image(template: Path) -> None:
    channel = type("Run", (Channel,), {"template": template})()
    channel.begin()
    channel.people_pass(count=3, heard=True)
    while channel.line.up:
        channel.a_message_arrives(at=0, keep=False)
    channel.time_passes(1.0)
    while channel.line.down:
        channel.an_answer(at=0, fate="arrives")
    for _ in range(3):
        channel.the_station_starts_again()
        channel.settled_swipes_are_forgotten()
        channel.people_pass(count=2, heard=True)
        channel.line.up.clear()
    assert channel.reader.epochs()[0].first == 0, "of what was settled the name alone is left"
    channel.teardown()
