"""The doors of a station: contacts find theirs, a board that is away blames nobody, openers are held in their hours."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from drivers.api import Input
from gateway.settings import Contact as ContactSetting
from gateway.settings import HoldOpen, Portal
from gateway.station import doors
from gateway.station.door import Contact, DoorEvent, DoorState, Happening
from gateway.station.doors import Doors
from gateway.station.events import DoorLog
from gateway.station.gates import contacts_of, gate_of
from rules.model import CIVIL

MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=CIVIL)


def portal(name: str, **more: object) -> Portal:
    return Portal(id=name, name=name, attended="never", unattended="grant", opener="relay", pulse_seconds=5, **more)  # type: ignore[arg-type]


def contact(channel: int, device: str = "board", normally: str | None = None) -> ContactSetting:
    return ContactSetting(device=device, channel=channel, normally=normally)  # type: ignore[arg-type]


@dataclass
class House:
    """Doors on a clock that is turned by hand."""

    folder: Path
    portals: tuple[Portal, ...]
    now: float = 100.0
    wall: float = MONDAY_NOON.timestamp()
    counts_as: int | None = None
    held: list[tuple[str, float]] = field(default_factory=list)
    by_hand: set[str] = field(default_factory=set)
    events: list[tuple[str, Happening]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.doors = Doors(
            {one.id: gate_of(one) for one in self.portals},
            {one.id: contacts_of(one) for one in self.portals},
            {one.id: one.held_after_seconds for one in self.portals},
            DoorLog(self.folder / "events"),
            hold=self._hold,
            happened=self._happened,
            weekday=lambda moment: self.counts_as if self.counts_as is not None else moment.weekday(),
            held=lambda name: name in self.by_hand,
            look_s=0.001,  # a turn that has nothing to do does not wait: the clock is turned by hand
            clock=lambda: self.now,
            wall=lambda: self.wall,
        )

    def _hold(self, name: str, seconds: float) -> bool:
        self.held.append((name, seconds))
        return True

    def _happened(self, event: DoorEvent) -> None:
        self.events.append((event.portal, event.what))

    def do(self, *acts: Callable[[], None], after: float = 0.0) -> list[tuple[str, Happening]]:
        """Tell it, let so much time pass, and return what happened."""
        self.events.clear()
        for act in acts:
            act()
            self.doors.turn()
        self.now += after
        self.wall += after
        self.doors.turn()
        return self.events.copy()

    def read(self, channel: int, closed: bool, device: str = "board") -> Callable[[], None]:
        return lambda: self.doors.heard(device, Input(channel, closed))

    def states(self) -> dict[str, DoorState]:
        return {view.portal: view.state for view in self.doors.view()}


def test_contacts_find_their_own_door_whatever_state_is_their_rest(tmp_path: Path) -> None:
    east = portal("east", door=contact(0), exit_button=contact(1), fire=contact(2, normally="closed"))
    north = portal("north", door=contact(0, "other", "open"))
    house = House(tmp_path, (east, north))
    rest = [house.read(0, True), house.read(1, False), house.read(2, True), house.read(0, False, "other")]
    assert house.do(*rest) == []
    assert house.states() == {"east": DoorState.SHUT, "north": DoorState.SHUT}
    assert house.do(house.read(0, True, "other"), after=2.0) == [("north", Happening.FORCED)]
    assert house.do(house.read(1, True), house.read(0, False), after=2.0) == [("east", Happening.EXIT_BUTTON)]
    assert house.do(house.read(2, False)) == [("east", Happening.FIRE)]
    assert house.states() == {"east": DoorState.OPEN, "north": DoorState.FORCED}


def test_a_pulse_lets_a_door_open_and_a_board_that_is_away_blames_nobody(tmp_path: Path) -> None:
    house = House(tmp_path, (portal("east", door=contact(0), held_after_seconds=10),))
    house.do(house.read(0, True))
    assert house.do(lambda: house.doors.pulsed("east", 5.0), house.read(0, False), after=4.0) == []
    assert house.do(after=12.0) == [("east", Happening.HELD)]
    assert house.do(house.read(0, True)) == [("east", Happening.SHUT)]
    assert house.do(lambda: house.doors.away("board"), after=60.0) == []
    assert house.states() == {"east": DoorState.UNKNOWN}
    assert house.do(house.read(0, False), after=5.0) == []
    assert house.states() == {"east": DoorState.OPEN}


def test_a_board_that_tells_its_contacts_again_behind_a_fault_is_believed_from_then_on(tmp_path: Path) -> None:
    house = House(tmp_path, (portal("east", door=contact(0), exit_button=contact(1)),))
    rest = [house.read(0, True), house.read(1, False)]
    house.do(*rest)
    assert house.do(lambda: house.doors.away("board"), *rest) == []
    assert house.do(house.read(0, False), after=2.0) == [("east", Happening.FORCED)]


def test_in_hold_open_hours_the_opener_is_held_and_the_door_may_stand_open(tmp_path: Path) -> None:
    hours = (HoldOpen(hours="11:00-12:10"),)
    house = House(tmp_path, (portal("east", hold_open=hours, door=contact(0), held_after_seconds=30), portal("north")))
    house.do(house.read(0, True))
    assert house.held[0] == ("east", doors.HOLD_S)
    happened = []
    for _ in range(660):
        happened += house.do(*([house.read(0, False)] if house.now < 110 else []), after=1.0)
    assert {name for name, _ in house.held} == {"east"}
    assert happened == [("east", Happening.HELD)]
    asked = len(house.held)
    assert asked >= 600 / doors.HOLD_EVERY_S * 0.9
    house.do(after=60.0)
    assert len(house.held) == asked


def test_on_a_day_that_counts_as_a_sunday_the_hours_of_sundays_hold(tmp_path: Path) -> None:
    hours = (HoldOpen(hours="11:00-13:00", weekdays=(0,)),)
    house = House(tmp_path, (portal("east", hold_open=hours, door=contact(0)),), counts_as=6)
    house.do(after=10.0)
    assert house.held == []
    house.counts_as = None
    house.do(after=10.0)
    assert house.held != []


def test_a_thread_that_hangs_holds_nobody_and_takes_no_more_than_its_inbox(tmp_path: Path) -> None:
    house = House(tmp_path, (portal("east", door=contact(0)),))
    for _ in range(doors.INBOX + 50):
        house.doors.heard("board", Input(0, closed=True))
    assert house.doors._inbox.qsize() == doors.INBOX
    for _ in range(doors.INBOX + 1):
        house.doors.turn()
    assert house.states() == {"east": DoorState.SHUT}
    assert Contact.DOOR in contacts_of(house.portals[0])


def test_an_opener_is_held_as_long_as_the_guard_holds_its_portal_open(tmp_path: Path) -> None:
    house = House(tmp_path, (portal("east"), portal("north")))
    house.do()
    assert house.held == []
    house.by_hand.add("north")
    house.do(after=doors.HOLD_EVERY_S)
    assert house.held == [("north", doors.HOLD_S)]
    house.by_hand.clear()
    house.do(after=doors.HOLD_EVERY_S)
    assert house.held == [("north", doors.HOLD_S)]
