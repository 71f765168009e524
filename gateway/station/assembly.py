"""A roster put together from the parts in which it travels, and believed only when it is whole, signed and newer."""

from collections.abc import Collection
from dataclasses import dataclass

from gateway import points
from gateway.bundle import Roster, unpack
from gateway.keys import Enrolled, NotAuthentic
from gateway.points import Point
from gateway.wire import RosterPart, TokenKey

_AT_ONCE = 2
"""How many rosters are put together at a time: the newest, and one that a slower hand still sends."""


class Assembly:
    """Holds parts until a roster is whole; at most two rosters' worth, the oldest version goes first."""

    def __init__(self) -> None:
        self._parts: dict[tuple[int, int], dict[int, RosterPart]] = {}

    def add(self, part: RosterPart) -> tuple[bytes, list[TokenKey]] | None:
        """Take a part; the whole bundle and its keys when this was the last one missing."""
        if part.part > part.parts:
            return None
        key = part.version, part.parts
        self._parts.setdefault(key, {})[part.part] = part
        while len(self._parts) > _AT_ONCE:
            del self._parts[min(self._parts)]
        found = self._parts.get(key, {})
        if len(found) < part.parts:
            return None
        del self._parts[key]
        return b"".join(found[i].data for i in range(1, part.parts + 1)), found[1].keys


@dataclass(frozen=True, slots=True)
class Whole:
    """A roster that came, its bundle as it was signed, and the token keys that came with it."""

    roster: Roster
    data: bytes
    keys: tuple[TokenKey, ...]


class Incoming:
    """Rosters as they come; `version` is of the one in use, 0 for none."""

    def __init__(self, enrolled: Enrolled, roster: Roster | None, keys: Collection[int] = ()) -> None:
        """`keys` are the numbers of the token keys that the station has from elsewhere."""
        self._public, self._community = enrolled.roster_public, enrolled.community
        self._keys = keys or (enrolled.token_key_id,)
        self._issued = roster.header.issued if roster is not None else -1
        self._assembly = Assembly()
        self.version = roster.header.version if roster is not None else 0

    def add(self, part: RosterPart) -> Whole | None:
        """Take a part; the roster, its bundle and keys, when this makes a newer one whole.

        Raises:
            NotAuthentic: the centre did not sign it for this community, or not after the one in use, or its tokens are
                made by a key that did not come with it.
        """
        found = self._assembly.add(part) if part.version != self.version else None
        if found is None:
            return None
        data, keys = found
        points.reached(Point.ROSTER_CAME)
        roster = unpack(data, self._public, self._community)
        if roster.header.version != part.version or roster.header.issued <= self._issued:
            raise NotAuthentic("a roster that was not issued after ours")
        if roster.header.token_key_id not in {*self._keys, *(key.number for key in keys)}:
            raise NotAuthentic("a roster by a token key that is not ours")
        self.version, self._issued = roster.header.version, roster.header.issued
        return Whole(roster, data, tuple(keys))
