"""One door as its contacts tell it: who may open it now, and when it was forced or is held. No clock, no I/O.

    shut ──opens──▶ open ──too long──▶ held ──shuts──▶ shut        opened after a pulse, by the button, or in a fire
      └───opens, and nothing allowed it──▶ forced ──shuts──▶ shut

A contact is read a moment after it moved, and the button's perhaps after the door's: so nothing is called forced before
`SETTLE_S` are over. What happened while the board was away is not known and nobody is blamed for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

GRACE_S = 2.0
"""After a pulse, a push or a fire alarm ended: somebody opened at the last moment, and the board was asked later."""
SETTLE_S = 1.0
"""An opening may still be explained by a button that was read this much later."""


class Contact(StrEnum):
    """What a contact of an input board tells."""

    DOOR = "door"
    EXIT_BUTTON = "exit_button"
    FIRE = "fire"


class DoorState(StrEnum):
    """How a door stands, as far as is known."""

    UNKNOWN = "unknown"
    SHUT = "shut"
    OPEN = "open"
    HELD = "held"
    FORCED = "forced"


class Happening(StrEnum):
    """What is recorded of a door."""

    FORCED = "door_forced"
    HELD = "door_held"
    SHUT = "door_shut"
    """Shut again after it was forced or held."""
    EXIT_BUTTON = "exit_button"
    FIRE = "fire"
    FIRE_OVER = "fire_over"


@dataclass(frozen=True, slots=True)
class DoorEvent:
    """Something that happened at a portal's door, `at` milliseconds of the epoch. It names nobody."""

    at: int
    portal: str
    what: Happening

    @property
    def when(self) -> datetime:
        """The moment, in UTC."""
        return datetime.fromtimestamp(self.at / 1000, UTC)


@dataclass(frozen=True, slots=True)
class DoorView:
    """A portal's door now."""

    portal: str
    state: DoorState
    fire: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """`held_after_s`: an open door is held so long after whatever let it open. `exit_s`: what a push allows."""

    held_after_s: float
    exit_s: float


class Door:
    """Fed by one thread, in order; `now` is monotonic seconds. Each call returns what happened, oldest first."""

    def __init__(self, rules: Rules, contacts: Iterable[Contact]) -> None:
        self._rules = rules
        self._unread = set(contacts)
        self._state = DoorState.SHUT
        self._fire = False
        self._pushed = False
        self._until = float("-inf")
        self._opened = 0.0
        self._suspect: float | None = None

    @property
    def state(self) -> DoorState:
        """How the door stands."""
        return DoorState.UNKNOWN if Contact.DOOR in self._unread else self._state

    @property
    def fire(self) -> bool:
        """Whether the fire contact says so."""
        return self._fire

    def permit(self, until: float) -> None:
        """The opener is closed until then: whoever opens the door may."""
        self._until = max(self._until, until)
        self._explain()

    def contact(self, which: Contact, active: bool, now: float) -> list[Happening]:
        """A contact was read: the door is open, the button pushed, the fire alarm on; or not."""
        found = self.tick(now)
        match which:
            case Contact.DOOR:
                found += self._opens(now) if active else self._shuts()
            case Contact.EXIT_BUTTON:
                found += self._push(now, active)
            case Contact.FIRE:
                found += self._alarm(now, active)
        self._unread.discard(which)
        return found

    def blind(self, which: Contact) -> None:
        """The board that reads this contact is away. A fire stays one until it is known to be over."""
        self._unread.add(which)
        if which is Contact.EXIT_BUTTON:
            self._pushed = False

    def tick(self, now: float) -> list[Happening]:
        """Time has passed."""
        if self._suspect is not None and now >= self._suspect:
            self._suspect = None
            if self._state is DoorState.SHUT:  # opened and shut again meanwhile
                return [Happening.FORCED, Happening.SHUT]
            self._state = DoorState.FORCED
            return [Happening.FORCED]
        if self._held_at is not None and now >= self._held_at:
            self._state = DoorState.HELD
            return [Happening.HELD]
        return []

    @property
    def due(self) -> float | None:
        """When `tick` will have something to say if nothing else happens; None for never."""
        return self._suspect if self._suspect is not None else self._held_at

    @property
    def _held_at(self) -> float | None:
        if self._state is not DoorState.OPEN or Contact.DOOR in self._unread or self._excused:
            return None
        return max(self._opened, self._until) + self._rules.held_after_s

    @property
    def _excused(self) -> bool:
        """Whether the door may stand open as long as this lasts, or it is not yet known that it may not."""
        return self._fire or self._pushed or self._suspect is not None

    def _opens(self, now: float) -> list[Happening]:
        if self._state is DoorState.SHUT:
            self._state, self._opened = DoorState.OPEN, now
            if not self._unread and not self._excused and now > self._until + GRACE_S:
                self._suspect = now + SETTLE_S
        return []

    def _shuts(self) -> list[Happening]:
        was, self._state = self._state, DoorState.SHUT
        return [Happening.SHUT] if was in (DoorState.HELD, DoorState.FORCED) else []

    def _push(self, now: float, pushed: bool) -> list[Happening]:
        was, self._pushed = self._pushed, pushed
        if was or pushed:
            self.permit(now + self._rules.exit_s)
        return [Happening.EXIT_BUTTON] if pushed and not was else []

    def _alarm(self, now: float, on: bool) -> list[Happening]:
        was, self._fire = self._fire, on
        if on:
            self._explain()
        if was and not on:
            self.permit(now)
        return [] if was == on else [Happening.FIRE if on else Happening.FIRE_OVER]

    def _explain(self) -> None:
        self._suspect = None
