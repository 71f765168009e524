"""One door: nobody who may open it is blamed, and nothing that nobody allowed goes unsaid."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.station.door import GRACE_S, SETTLE_S, Contact, Door, DoorState, Happening, Rules

HELD_AFTER, EXIT = 30.0, 5.0
ALL = tuple(Contact)
Step = tuple[float, str, bool]
"""At, what, and its value: a contact by name, `permit` for 5 s from then, or `blind`."""
ALARMS = (Happening.FORCED, Happening.HELD)


def a_door(contacts: Iterable[Contact] = ALL) -> Door:
    """A shut door whose contacts have all been read."""
    door = Door(Rules(HELD_AFTER, EXIT), contacts)
    for which in contacts:
        door.contact(which, active=False, now=0.0)
    return door


def play(door: Door, steps: Sequence[Step], until: float, extra: float | None = None) -> list[tuple[float, Happening]]:
    """What happens, with ticks only when they are due, or every `extra` seconds besides."""
    found: list[tuple[float, Happening]] = []

    def pass_time(begin: float, end: float) -> None:
        at = begin
        while extra is not None and (at := at + extra) < end:
            late(at)
            found.extend([(at, what) for what in door.tick(at)])
        late(end)

    def late(end: float) -> None:
        while (due := door.due) is not None and due <= end:
            found.extend([(due, what) for what in door.tick(due)])

    before = 0.0
    for at, what, value in steps:
        pass_time(before, at)
        before = at
        if what == "permit":
            door.permit(at + 5.0)
        elif what == "blind":
            door.blind(Contact.DOOR)
        else:
            found += [(at, one) for one in door.contact(Contact(what), value, at)]
    pass_time(before, until)
    return found


def names(found: Iterable[tuple[float, Happening]]) -> list[Happening]:
    return [what for _, what in found]


def test_a_door_opened_in_its_pulse_and_shut_says_nothing() -> None:
    assert play(a_door(), [(10, "permit", True), (12, "door", True), (20, "door", False)], 100) == []


def test_a_door_that_nothing_allowed_to_open_is_forced_and_then_shut() -> None:
    found = play(a_door(), [(10, "door", True), (40, "door", False)], 100)
    assert found == [(10 + SETTLE_S, Happening.FORCED), (40, Happening.SHUT)]


def test_a_forced_door_that_is_shut_at_once_is_still_said() -> None:
    assert names(play(a_door(), [(10, "door", True), (10.2, "door", False)], 100)) == [Happening.FORCED, Happening.SHUT]


def test_a_button_that_is_read_after_the_door_explains_it() -> None:
    found = play(a_door(), [(10, "door", True), (10.3, "exit_button", True), (10.6, "exit_button", False)], 20)
    assert names(found) == [Happening.EXIT_BUTTON]


@pytest.mark.parametrize(("after", "forced"), [(5.0 + GRACE_S, False), (5.0 + GRACE_S + 0.01, True)])
def test_the_pulse_and_a_moment_more_is_when_a_door_may_be_opened(after: float, forced: bool) -> None:
    found = play(a_door(), [(10, "permit", True), (10 + after, "door", True)], 20)
    assert (Happening.FORCED in names(found)) is forced


def test_a_door_is_held_when_its_time_after_the_pulse_is_over_and_said_once() -> None:
    found = play(a_door(), [(10, "permit", True), (11, "door", True), (300, "door", False)], 400)
    assert found == [(15 + HELD_AFTER, Happening.HELD), (300, Happening.SHUT)]


def test_whoever_passes_an_open_door_renews_its_time() -> None:
    found = play(a_door(), [(10, "permit", True), (11, "door", True), (40, "permit", True)], 100)
    assert found == [(45 + HELD_AFTER, Happening.HELD)]


def test_in_a_fire_doors_may_stand_open_and_are_held_only_after_it() -> None:
    steps: list[Step] = [(10, "fire", True), (11, "door", True), (500, "fire", False)]
    assert play(a_door(), steps, 600) == [
        (10, Happening.FIRE),
        (500, Happening.FIRE_OVER),
        (500 + HELD_AFTER, Happening.HELD),
    ]


def test_what_happened_while_the_board_was_away_is_not_called_forced() -> None:
    door = a_door()
    door.blind(Contact.DOOR)
    assert door.state is DoorState.UNKNOWN
    assert play(door, [(10, "door", True)], 20) == []
    assert door.state is DoorState.OPEN


def test_a_door_whose_button_cannot_be_read_is_not_called_forced() -> None:
    door = a_door()
    door.blind(Contact.EXIT_BUTTON)
    assert play(door, [(10, "door", True)], 20) == []


def test_a_door_found_open_at_the_start_is_held_in_time_and_not_forced() -> None:
    door = Door(Rules(HELD_AFTER, EXIT), [Contact.DOOR])
    assert play(door, [(1, "door", True)], 100) == [(1 + HELD_AFTER, Happening.HELD)]


def test_the_first_reading_of_a_button_at_rest_allows_nothing() -> None:
    door = Door(Rules(HELD_AFTER, EXIT), [Contact.DOOR, Contact.EXIT_BUTTON])
    steps: list[Step] = [(1, "door", False), (1, "exit_button", False), (3, "door", True)]
    assert names(play(door, steps, 10)) == [Happening.FORCED]


@st.composite
def scripts(draw: st.DrawFn) -> list[Step]:
    gaps = draw(st.lists(st.floats(0.0, 40.0), max_size=25))
    at, steps = 1.0, []
    for gap in gaps:
        at += gap
        kind = draw(st.sampled_from(["door", "door", "door", "exit_button", "fire", "permit", "blind"]))
        steps.append((at, kind, draw(st.booleans())))
    return steps


@given(steps=scripts())
def test_how_often_time_is_told_changes_nothing(steps: list[Step]) -> None:
    assert names(play(a_door(), steps, 2000.0)) == names(play(a_door(), steps, 2000.0, extra=0.7))


@given(steps=scripts())
def test_an_alarm_is_said_once_until_the_door_is_shut(steps: list[Step]) -> None:
    alarm: Happening | None = None
    for what in names(play(a_door(), steps, 2000.0)):
        if what in ALARMS:
            assert alarm is None
            alarm = what
        elif what is Happening.SHUT:
            assert alarm is not None
            alarm = None


@given(steps=scripts())
def test_a_door_that_is_only_opened_when_it_may_be_is_never_forced(steps: list[Step]) -> None:
    allowed: list[Step] = []
    for at, what, value in steps:
        if what == "door" and value:
            allowed.append((at, "permit", True))
        allowed.append((at, what, value))
    assert Happening.FORCED not in names(play(a_door(), allowed, 2000.0))


@given(gaps=st.lists(st.tuples(st.floats(SETTLE_S + 0.01, 100.0), st.floats(SETTLE_S + 0.01, 100.0)), max_size=10))
def test_every_opening_that_nothing_allows_is_forced_once(gaps: list[tuple[float, float]]) -> None:
    at, steps = 1.0, list[Step]()
    for shut, opened in gaps:
        steps += [(at := at + shut, "door", True), (at := at + opened, "door", False)]
    assert names(play(a_door(), steps, at + 1)) == [Happening.FORCED, Happening.SHUT] * len(gaps)


@given(steps=scripts())
def test_the_button_and_the_fire_are_said_when_they_begin(steps: list[Step]) -> None:
    said = names(play(a_door(), steps, 2000.0))
    for contact, begun in (("exit_button", Happening.EXIT_BUTTON), ("fire", Happening.FIRE)):
        values = [False, *(value for _, what, value in steps if what == contact)]
        rises = sum(not before and after for before, after in pairwise(values))
        assert said.count(begun) == rises
