"""A roster put together from the parts in which it travels."""

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
