"""A dwelling as people write it: 3栋 2单元 501室 is 3, 2, 501, and 3-2-501 in one field."""

import re
import unicodedata
from collections.abc import Iterable

from sqlalchemy import Connection

from gateway.store.queries import people

Place = tuple[str, str, str]
"""Building, unit and room."""
_SAID = re.compile(r"(号楼|单元|栋|幢|座|室|房|号)")


def found(connection: Connection, community: str, building: str, unit: str, room: str) -> tuple[Place, int] | None:
    """The one dwelling of the community that is meant, as the register writes it, with its number; None for none.

    Where `building` and `unit` are blank, `room` may hold all of it.
    """
    places = people.dwellings(connection, community)
    exact = (building.strip(), unit.strip(), room.strip())
    if exact in places:
        return exact, places[exact]
    wanted = _parts(exact)
    if not wanted:
        return None
    meant = [place for place in places if _parts(place) == wanted]
    return (meant[0], places[meant[0]]) if len(meant) == 1 else None


def _parts(place: Iterable[str]) -> tuple[str, ...]:
    """What is left of a place without its words: letters and digits, in order."""
    text = _SAID.sub("-", unicodedata.normalize("NFKC", "-".join(place)).upper())
    return tuple(part for part in re.split(r"[^0-9A-Z\u4e00-\u9fff]+", text) if part)
