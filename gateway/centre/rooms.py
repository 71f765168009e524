"""A dwelling as people write it: 3栋2单元501室, 3-2-501, or 3-501 where building 3 has one unit only."""

import re
import unicodedata
from collections.abc import Iterable

from sqlalchemy import Connection

from gateway.store.queries import people

Place = tuple[str, str, str]
"""Building, unit and room."""
_SAID = re.compile(r"号楼|单元|栋|幢|座|室|房|号")
_PART = re.compile(r"[0-9]+|[A-Z]+|[\u4e00-\u9fff]+")


def found(connection: Connection, community: str, *said: str) -> tuple[Place, int] | None:
    """The one dwelling of the community that is meant, as the register writes it, with its number.

    `said` is its parts, or all of it in one text. None where none is meant, or several are.
    """
    places = people.dwellings(connection, community)
    exact = [place for place in places if place == tuple(part.strip() for part in said)]
    wanted = _parts(said)
    if len(wanted) < 2 and not exact:
        return None  # a room alone is in every building
    meant = exact or [place for place in places if wanted in (_parts(place), _parts((place[0], place[2])))]
    return (meant[0], places[meant[0]]) if len(meant) == 1 else None


def _parts(said: Iterable[str]) -> list[str]:
    """What is left of a place without its words and without zeros in front, in order."""
    text = _SAID.sub(" ", unicodedata.normalize("NFKC", " ".join(said)).upper())
    return [part.lstrip("0") or "0" for part in _PART.findall(text)]
