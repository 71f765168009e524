"""What a guard may do at the console: each act is done at once, and becomes a record of the stream of swipes."""

import time
from collections.abc import Callable, Collection

from gateway.station.console.view import Visitor
from gateway.station.crowds import Crowds
from gateway.station.deeds import MOST_HOLD_S, ByHand, Deed
from gateway.station.held import Held
from rules.model import GatePolicy

PATIENCE_S = 1.0


class Hands:
    """From any thread. Every act raises LookupError for a portal that is not here, queue.Full while too much waits."""

    def __init__(
        self,
        portals: Collection[str],
        put: Callable[[ByHand | Deed, float], None],
        held: Held,
        crowds: Crowds,
        changed: Callable[[], None],
        policy: Callable[[], GatePolicy] = GatePolicy,
    ) -> None:
        self._portals = portals
        self._put = put
        self._held = held
        self._crowds = crowds
        self._changed = changed
        self._policy = policy

    def open(self, portal: str, whom: Visitor, dwelling: str) -> None:
        """Open for somebody."""
        self._here(portal)
        self._put(ByHand(portal, whom.value, dwelling, time.monotonic()), PATIENCE_S)

    def enter_visitor(self, portal: str, dwelling: str, name: str) -> None:
        """Open for a visitor, and enter them in the visitors' book: whom they visit, how they are called."""
        self._here(portal)
        now = time.monotonic()
        self._put(ByHand(portal, Visitor.VISITOR.value, dwelling, now, name=name, noted=True), PATIENCE_S)

    def hold(self, portal: str, seconds: int) -> int:
        """Hold a portal open from now on, as long as the policy has it at most. Returns when it ends (ms, UTC)."""
        self._here(portal)
        length = min(seconds, 60 * self._policy().hold_open_minutes, MOST_HOLD_S)
        self._put(Deed("hold_open", portal, time.monotonic(), length), PATIENCE_S)
        until = self._held.start(portal, length)
        self._crowds.settle(portal)
        self._changed()
        return until

    def end_hold(self, portal: str) -> None:
        """End a hold-open period early; nothing where none runs."""
        self._here(portal)
        if self._held.end(portal):
            self._put(Deed("hold_end", portal, time.monotonic()), PATIENCE_S)
        self._changed()

    def wants_no_hold(self, portal: str) -> None:
        """The guard wants no hold-open period where one is suggested."""
        self._here(portal)
        self._crowds.settle(portal)
        self._changed()

    def report_lost(self, dwelling: str, name: str) -> None:
        """Report a card lost: in whose dwelling, and whose it is."""
        portal = next(iter(self._portals), None)
        if portal is None:
            raise LookupError("this station has no portal")
        self._put(Deed("lost_card", portal, time.monotonic(), dwelling=dwelling, name=name), PATIENCE_S)

    def hand_over(self, since: int, by: str, to: str, note: str) -> None:
        """Tell the centre of a hand-over that is kept here: since when (ms, UTC), by whom, to whom, and what."""
        portal = next(iter(self._portals), None)
        if portal is None:
            raise LookupError("this station has no portal")
        said: dict[str, str | int] = {"since": since, "by": by, "to": to, "note": note}
        self._put(Deed("handover", portal, time.monotonic(), said=said), PATIENCE_S)

    def _here(self, portal: str) -> None:
        if portal not in self._portals:
            raise LookupError(f"there is no portal {portal!r}")
