"""What the pages of a police station share: whose station it is, its frame, and a slip as it is shown there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request

from gateway.centre.pages.sheet import Sheet
from gateway.centre.particulars import Particulars, of
from gateway.centre.slip_words import SlipWords
from gateway.keys import Master
from gateway.routes import Routes
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import slips, streams
from gateway.store.queries.history import By
from gateway.web.frame import Frame, Tab
from gateway.web.page import Pages, lang_of
from rules.identity import mask, mask_name
from rules.policy import Policy
from rules.roles import Role

Lines = list[tuple[str, str]]
PARTS: Mapping[str, tuple[str, ...]] = {
    "what": ("name", "document", "document_number", "rule", "source"),
    "where": ("compound", "dwelling"),
    "since": ("since", "sent", "sent_by"),
    "done": ("visits", "notice", "repeats"),
    "sure": ("match", "presence", "as_of", "versions"),
}
"""What a slip says, part by part, by the names of its lines."""
SURE = frozenset({"document", "chip"})
"""Ways of knowing somebody by which it is certain who was at the gate."""


@dataclass(frozen=True, slots=True)
class SlipShown:
    """A slip on a page. Without `full` the name and number are masked, and the room is not there."""

    row: Any
    compound: str
    name: str
    building: str
    days: int
    """Since it was sent."""
    visits: int
    sure: bool
    match: str
    stale: bool
    """The register was older than the policy takes it for current."""
    full: bool
    parts: Mapping[str, Lines]


@dataclass(frozen=True, slots=True)
class Office:
    """The desk of every police station; each request is about the station of whoever asks."""

    database: Database
    master: Master
    now: Callable[[], int]
    banner: str
    pages: Pages
    routes: Routes
    policy: Callable[[], Policy]

    @property
    def today(self) -> date:
        return By("", self.now()).today

    def sheet(self, client: ApiClient) -> Sheet:
        """Shows pages in the frame of the client's station."""
        return Sheet(self.pages, "police", lambda _: self.frame(client))

    def frame(self, client: ApiClient) -> Frame:
        station = station_of(client)
        title = self.routes.of(station).title or station
        if client.role == Role.DUTY:
            return Frame(title, "police.duty", (Tab("/police", "police.inbox"),), banner=self.banner)
        with self.database.read() as connection:
            waiting = sum(slips.counts(connection, station).values())
        tabs = (
            Tab("/police", "police.inbox", waiting),
            Tab("/police/slips", "police.all"),
            Tab("/police/lists", "police.lists"),
            Tab("/police/receipts", "police.receipts"),
            Tab("/police/deliveries", "police.deliveries"),
        )
        return Frame(title, "police.title", tabs, banner=self.banner)

    def shown(self, connection: Connection, request: Request, row: Any, *, full: bool = False) -> SlipShown:
        """A slip by its row."""
        community = streams.community(connection, row.community)
        said = of(connection, self.master, row, "" if community is None else community.name)
        today = self.today
        oldest = today - timedelta(days=self.policy().register_max_age_days)
        match = str(said.grounds.get("match", "unknown"))
        words = SlipWords(self.pages.texts, lang_of(request))
        seen = said if full else masked(said)
        sent = By("", row.sent).today
        return SlipShown(
            row=row,
            compound=said.compound,
            name=seen.name,
            building=seen.building,
            days=(today - sent).days,
            visits=said.visits,
            sure=match in SURE,
            match=match,
            stale=said.register_as_of is None or said.register_as_of < oldest,
            full=full,
            parts={part: words.some(seen, names) for part, names in PARTS.items()},
        )


def station_of(client: ApiClient) -> str:
    """The police station of whoever asks; LookupError for somebody of none."""
    if not client.scope:
        raise LookupError("whoever has no police station has no inbox")
    return client.scope


def masked(said: Particulars) -> Particulars:
    """The same without what is shown only where that is noted."""
    place = f"{said.building}***" if said.dwelling else ""
    return replace(said, name=mask_name(said.name), number=mask(said.number), dwelling=place)
