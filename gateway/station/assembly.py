"""A roster put together from the parts in which it travels, and believed only when it is whole, signed and newer."""

from gateway import points
from gateway.bundle import Roster, unpack
from gateway.keys import Enrolled, NotAuthentic
from gateway.points import Point
from gateway.wire import RosterPart

_AT_ONCE = 2
"""How many rosters are put together at a time: the newest, and one that a slower hand still sends."""


class Assembly:
    """Holds parts until a roster is whole; at most two rosters' worth, the oldest version goes first."""

    def __init__(self) -> None:
        self._parts: dict[tuple[int, int], dict[int, bytes]] = {}

    def add(self, part: RosterPart) -> bytes | None:
        """Take a part; the whole bundle when this was the last one missing."""
        if part.part > part.parts:
            return None
        key = part.version, part.parts
        self._parts.setdefault(key, {})[part.part] = part.data
        while len(self._parts) > _AT_ONCE:
            del self._parts[min(self._parts)]
        found = self._parts.get(key, {})
        if len(found) < part.parts:
            return None
        del self._parts[key]
        return b"".join(found[i] for i in range(1, part.parts + 1))


class Incoming:
    """Rosters as they come; `version` is of the one in use, 0 for none."""

    def __init__(self, enrolled: Enrolled, roster: Roster | None) -> None:
        self._public, self._community = enrolled.roster_public, enrolled.community
        self._issued = roster.header.issued if roster is not None else -1
        self._assembly = Assembly()
        self.version = roster.header.version if roster is not None else 0

    def add(self, part: RosterPart) -> tuple[Roster, bytes] | None:
        """Take a part; the roster and its bundle, when this makes a newer one whole.

        Raises:
            NotAuthentic: the centre did not sign it for this community, or not after the one in use.
        """
        data = self._assembly.add(part) if part.version != self.version else None
        if data is None:
            return None
        points.reached(Point.ROSTER_CAME)
        roster = unpack(data, self._public, self._community)
        if roster.header.version != part.version or roster.header.issued <= self._issued:
            raise NotAuthentic("a roster that was not issued after ours")
        self.version, self._issued = roster.header.version, roster.header.issued
        return roster, data
