"""The registration rate by age (0-15, 16-59, 60+), over the API: counts alone, and no small cell for anybody."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from gateway.centre.api.access import Access, Problems, within
from gateway.centre.api.register import Community
from gateway.keys import Master, NotAuthentic
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import figures
from rules.identity import birth_of
from rules.indicators import suppressed_rate
from rules.known import band_of
from rules.model import AgeBand, Credential, CredentialKind

log = logging.getLogger(__name__)

UNKNOWN = "unknown"
BANDS = (*(band.value for band in AgeBand), UNKNOWN)


class AgeView(BaseModel):
    """Of one age band: how many live here, and how many of them are validly registered; both None where hidden."""

    band: str
    people: int | None
    registered: int | None


def make_ages(database: Database, master: Master, access: Access, today: Callable[[], date]) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1/communities/{community}", route_class=Problems, tags=["indicators"])

    @router.get("/indicators/registration/ages")
    def ages(
        community: Community,
        client: Annotated[ApiClient, Depends(access.allow("reviewer", "street", "committee"))],
    ) -> list[AgeView]:
        """The registration rate of today by age. Bands with few people are hidden, and so that no total tells them."""
        within(client, community)
        day = today()
        people, good = Counter[str](), Counter[str]()
        with database.read() as connection:
            for row in figures.counted_people(connection, community, day):
                band = _band(master, row, day)
                people[band] += 1
                good[band] += row.good
        hidden = hidden_of({band: (good[band], people[band]) for band in BANDS})
        return [
            AgeView(band=band, people=people[band], registered=good[band])
            if band not in hidden
            else AgeView(band=band, people=None, registered=None)
            for band in BANDS
        ]

    return router


def hidden_of(cells: Mapping[str, tuple[int, int]]) -> set[str]:
    """Which bands (good, all) are not shown: those with a cell of 1 to 4, and one more where that is a single one."""
    hidden = {band for band, (good, every) in cells.items() if suppressed_rate(good, every)}
    others = sorted((every, band) for band, (_, every) in cells.items() if every and band not in hidden)
    return hidden | {others[0][1]} if len(hidden) == 1 and others else hidden


def _band(master: Master, row: Any, day: date) -> str:
    try:
        number = master.show("persons.number", row.number)
    except NotAuthentic as error:
        log.error("a person's row cannot be read: %s", error)  # noqa: TRY400 - it says all
        return UNKNOWN
    kind = CredentialKind(row.kind)
    band = band_of(birth_of(Credential(kind, number), day), day)
    return UNKNOWN if band is None else band.value
