"""What the gate console sends to open pages: a new verdict as one row and one large panel, and the status strip."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from gateway.station.console.attends import Attends, Key, key_of
from gateway.station.console.view import CLOCKS, TROUBLES, Health, HeldView, PortalView, Shown, StationState, Visitor
from gateway.station.door import DoorEvent, DoorState, Happening
from gateway.web.feed import Feed
from gateway.web.page import Pages
from rules.model import CredentialKind, Direction, Reason, Verdict

SHOWN = "shown"
STATE = "state"
DOORS = "doors"
NOTICES = "notices"
HOLDS = (30, 60, 120)
"""Minutes for which a portal is held open by one touch."""
SENTENCES = tuple(
    f"gate.{key}"
    for key in (
        *("opened", "visitor_entered", "visitor_needs_dwelling", "held", "hold_ended", "no_hold"),
        *("lost_reported", "lost_needs_both", "too_busy"),
    )
)
"""What an act is answered by."""
DOOR_ROWS = 6
"""Door events on the page."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class GateFeed:
    """The station calls `shown` and `state`, from any thread; neither blocks nor renders in that thread.

    Raises:
        TextsIncomplete: a word that the console may have to say has no text.
    """

    def __init__(self, pages: Pages, *, now: Callable[[], datetime] = utc_now) -> None:
        pages.texts.need(_words())
        self.pages = pages
        self.feed = Feed()
        self.now = now
        self._attends = Attends()
        self._lock = threading.Lock()
        self._noticed: tuple[tuple[HeldView, ...], tuple[PortalView, ...]] = ((), ())

    def shown(self, shown: Shown) -> None:
        """A verdict was given: its row, the large panel, and the attend card that it opens or answers."""
        with self._lock:
            answered = self._attends.add(shown)
        self.feed.publish(SHOWN, lambda lang: self._row(lang, shown, answered))

    def state(self, state: StationState) -> None:
        """The state of the station changed."""
        self.feed.publish(STATE, lambda lang: self.strip(lang, state), keep=False)

    def notices(self, state: StationState) -> None:
        """Periods that run and are suggested; sent only when they change: there are buttons in it."""
        now = (state.held, state.suggested)
        if now != self._noticed:
            self._noticed = now
            self.feed.publish(
                NOTICES, lambda lang: self.pages.render(lang, "gate/notices.html", state=state, holds=HOLDS)
            )

    def doors(self, newest_first: Sequence[DoorEvent], names: Mapping[str, str]) -> None:
        """Something happened at a door; `names` are the portals' by their ids."""
        self.feed.publish(DOORS, lambda lang: self.door_rows(lang, newest_first, names), keep=False)

    def door_rows(self, lang: str, newest_first: Sequence[DoorEvent], names: Mapping[str, str]) -> str:
        """The latest door events in a language."""
        return self.pages.render(lang, "gate/doors.html", events=newest_first[:DOOR_ROWS], names=names)

    def seed(self, newest_first: Iterable[Shown]) -> None:
        """Take in verdicts given before."""
        with self._lock:
            self._attends.seed(newest_first)

    def waiting(self) -> list[Shown]:
        """The attends that wait for the guard, oldest first."""
        with self._lock:
            return self._attends.waiting(self.now())

    def pressed(self, portal: str, key: Key, open_it: Callable[[], None]) -> None:
        """Open by hand for the attend `key`, so that the grant that follows answers this one and no other."""
        with self._lock:
            self._attends.press(portal, key)
        try:
            open_it()
        except BaseException:
            with self._lock:
                self._attends.release(portal, key)
            raise

    def strip(self, lang: str, state: StationState) -> str:
        """The status strip in a language."""
        return self.pages.render(lang, "gate/strip.html", state=state, now=self.now())

    def _row(self, lang: str, shown: Shown, answered: Key | None) -> str:
        return self.pages.render(
            lang,
            "gate/shown.html",
            shown=shown,
            key_of=key_of,
            answered=answered,
            now=self.now(),
            visitors=tuple(Visitor),
        )


def _words() -> Iterable[str]:
    for prefix, codes in (
        ("verdict", Verdict),
        ("why", Reason),
        ("direction", Direction),
        ("kind", CredentialKind),
        ("visitor", Visitor),
        ("health", Health),
        ("door", DoorState),
        ("happening", Happening),
    ):
        yield from (f"{prefix}.{code.value}" for code in codes)
    yield from SENTENCES
    yield from (f"lock.{key}" for key in ("wrong", "old_wrong", "digits", "too_often", "not_kept"))
    yield from (f"clock.{state}" for state in CLOCKS)
    yield from (f"station_trouble.{code}" for code in TROUBLES)
