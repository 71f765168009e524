"""The indicators: counted when something may have changed, kept by day, shown with denominator, as-of and reason."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import OperationalError

from gateway.keys import Master, NotAuthentic
from gateway.store.database import Database
from gateway.store.queries import figures, streams
from gateway.store.queries.populations import POPULATIONS
from gateway.web.centre_view import StationRow
from rules.identity import birth_of
from rules.indicators import (
    AT_MOST,
    BOTH,
    TARGETS,
    Counts,
    Indicator,
    Rate,
    Unknown,
    clearing,
    rate,
)
from rules.judge import age_on
from rules.model import Credential, CredentialKind

log = logging.getLogger(__name__)

COUNT_EVERY_S = 10.0
"""What changed is counted again so often at most …"""
_SPARE = 20
"""… and never before so many times as long have passed as counting took."""
MINUTE_S = 60.0
ADULT = 18
SAMPLED = frozenset({Indicator.REGISTRATION_SAMPLED, Indicator.ACCURACY, Indicator.NOT_DEREGISTERED})
_HEARD_MS = 86_400_000
_GATE = frozenset({Indicator.GATES_ONLINE, Indicator.GATES_IN_USE, Indicator.CARD_USE})
"""Figures that nothing can be said of while the gates are silent."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One indicator of one community (or of several together), as it may be shown.

    `counted` is when (ms); `register_as_of` how fresh the register was; `hidden` says that it would give a cell of 1 to
    4 away.
    """

    indicator: Indicator
    community: str
    rate: Rate
    day: date
    counted: int
    register_as_of: date | None
    hidden: bool = False


class Indicators:
    """`turn` is called often, by one thread; the others may be called by any."""

    def __init__(
        self,
        database: Database,
        master: Master,
        today: Callable[[], date],
        now: Callable[[], int],
        stations: Callable[[], Sequence[StationRow]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._master = master
        self._today = today
        self._now = now
        self._stations = stations
        self._clock = clock
        self._stale = True
        self._count_at = 0.0
        self._minute_at = clock() + MINUTE_S
        self._cards_of: date | None = None
        self._day: date | None = None
        """The day that was counted last by this program."""

    def changed(self) -> None:
        """Something that is counted may have changed."""
        self._stale = True

    def turn(self) -> bool:
        """Tally a minute and count what is due; whether anything was counted."""
        try:
            if self._clock() >= self._minute_at:
                self._minute_at = self._clock() + MINUTE_S
                self._tally()
            today = self._today()
            begins = today != self._day
            if begins or (self._stale and self._clock() >= self._count_at):
                self._stale = False
                began = self._clock()
                if begins:
                    self._count_day_before(today)
                self.count(today)
                self._day = today
                took = self._clock() - began
                self._count_at = self._clock() + max(COUNT_EVERY_S, _SPARE * took)
                return True
        except OperationalError as error:
            self._stale = True
            log.warning("figures wait for the database: %s", error.orig)
        return False

    def _count_day_before(self, today: date) -> None:
        """Count yesterday once more when a day begins: what it ended with is what a month-end freezes."""
        with self._database.read() as connection:
            newest = figures.newest_day(connection)
        if newest is not None and newest < today:
            self.count(today - timedelta(days=1))

    def count(self, day: date) -> None:
        """Count every indicator of a day and keep it."""
        with self._database.read() as connection:
            found = self.counts(connection, day)
        with self._database.write() as connection:
            for indicator, counts in found.items():
                figures.keep(connection, day, indicator, counts, self._now())

    def counts(self, connection: Connection, day: date) -> dict[Indicator, dict[str, Counts]]:
        """What each indicator counts on a day as known now, by community."""
        rows = figures.communities(connection)
        names = [row.id for row in rows]
        central = {row.id for row in rows if row.central}
        gated = {row.id for row in rows if row.gated}
        found: dict[Indicator, dict[str, Counts]] = {}
        for indicator in POPULATIONS:
            counts = figures.counted(connection, indicator, day)
            none = figures.without_list(connection, indicator)
            found[indicator] = {name: _counts(counts.get(name), name in none) for name in names}
        found[Indicator.REGISTRATION_CENTRAL] = {
            name: one for name, one in found[Indicator.REGISTRATION_CENTRAL].items() if name in central
        }
        found |= self._sampled(connection, day, names)
        minutes = figures.devices(connection, day)
        found[Indicator.DEVICES_ONLINE] = {name: minutes.get(name, _NOTHING) for name in names if name in gated}
        if self._cards_of != day:
            found[Indicator.CARD_USE] = {name: self._card_use(connection, name, day) for name in sorted(gated)}
            self._cards_of = day
        silent = silent_since(connection, self._now())
        for indicator in _GATE & found.keys():
            found[indicator] = {
                name: replace(one, unknown=Unknown.SILENT) if name in silent else one
                for name, one in found[indicator].items()
                if name in gated
            }
        return found

    def figures(
        self,
        communities: Iterable[str] | None,
        *,
        day: date | None = None,
        only: Collection[Indicator] | None = None,
    ) -> list[Figure]:
        """The figures of a day, or the newest ones: one for each community, and first one for all of them together."""
        named = None if only is None else [*only, *(BOTH if Indicator.CLEARING in only else ())]
        with self._database.read() as connection:
            day = day or figures.newest_day(connection)
            if day is None:
                return []
            wanted = None if communities is None else sorted(communities)
            rows = figures.kept(connection, day, wanted, named)
            places = {row.id: row for row in figures.communities(connection)}
        return [one for one in assembled(rows, places, day) if only is None or one.indicator in only]

    def _tally(self) -> None:
        """Add what the gates did since the last time, and one minute of every reader."""
        with self._database.write() as connection:
            after, upto = int(streams.get_setting(connection, streams.TALLIED) or 0), figures.newest_swipe(connection)
            if upto > after:
                figures.add_traffic(connection, after, upto)
                streams.set_setting(connection, streams.TALLIED, str(upto))
                self._stale = True
            where = {row.name: row.community for row in streams.stations(connection)}
        minutes: dict[str, tuple[int, int]] = {}
        for row in self._stations():
            community = where.get(row.id)
            if community is None:
                continue
            well = sum(reader.health == "ok" for reader in row.readers) if row.freshness.value == "online" else 0
            online, expected = minutes.get(community, (0, 0))
            minutes[community] = (online + well, expected + len(row.readers))
        if minutes:
            with self._database.write() as connection:
                figures.add_minutes(connection, self._today(), minutes)

    def _sampled(self, connection: Connection, day: date, names: Sequence[str]) -> dict[Indicator, dict[str, Counts]]:
        sums = {row[0]: tuple(int(value or 0) for value in row[1:]) for row in figures.samples(connection, day)}
        columns = {
            Indicator.REGISTRATION_SAMPLED: (1, 0),
            Indicator.ACCURACY: (3, 2),
            Indicator.NOT_DEREGISTERED: (4, 2),
        }
        return {
            indicator: {name: Counts(sums[name][n], sums[name][d]) if name in sums else _NOT_DRAWN for name in names}
            for indicator, (n, d) in columns.items()
        }

    def _card_use(self, connection: Connection, community: str, day: date) -> Counts:
        adults = set()
        for row in figures.adults_with_cards(connection, community):
            try:
                number = self._master.show("persons.number", row.number)
            except NotAuthentic as error:
                log.error("a person's row cannot be read: %s", error)  # noqa: TRY400 - it says all
                continue
            birth = birth_of(Credential(CredentialKind(row.kind), number), day)
            if birth is not None and age_on(birth, day) >= ADULT:
                adults.add(row.id)
        used = figures.users_of_documents(connection, community, day)
        return Counts(len(adults & used), len(adults))


_NOTHING = Counts(0, 0, unknown=Unknown.NOBODY)
_NOT_DRAWN = Counts(0, 0, unknown=Unknown.NOT_DRAWN)


def _counts(counts: Counts | None, without_list: bool) -> Counts:
    if without_list:
        return Counts(0, 0, unknown=Unknown.NO_LIST)
    return counts or _NOTHING


def silent_since(connection: Connection, now: int) -> dict[str, int]:
    """Communities none of whose stations was heard within a day -> when one was last (ms; 0: never)."""
    heard: dict[str, int] = {}
    for row in streams.stations(connection):
        heard[row.community] = max(heard.get(row.community, 0), row.heard_at or 0)
    return {name: at for name, at in heard.items() if at < now - _HEARD_MS}


def target_of(indicator: Indicator, own: Mapping[str, float] | None) -> Fraction | None:
    """A community's own target, or the notice's; None where there is none."""
    if own and indicator.value in own:
        return Fraction(str(own[indicator.value]))
    return TARGETS.get(indicator)


def assembled(rows: Sequence[Any], places: Mapping[str, Row[Any]], day: date) -> list[Figure]:
    """Figures from what was counted of a day: of all together first, then of each community. `places` by their ids."""
    by_name: dict[str, list[Any]] = {}
    for row in sorted(rows, key=lambda row: row.community):
        by_name.setdefault(row.name, []).append(row)
    found = {indicator: _figures(indicator, by_name.get(indicator.value, ()), places, day) for indicator in Indicator}
    found[Indicator.CLEARING] = _clearing(found)
    return [one for mine in found.values() for one in mine]


def _figures(indicator: Indicator, mine: Sequence[Any], places: Mapping[str, Row[Any]], day: date) -> list[Figure]:
    if not mine:
        return []
    every = [figures.counts_of(row) for row in mine]
    total = every[0]
    for one in every[1:]:
        total = total + one
    known = [places[row.community].register_as_of for row in mine if places[row.community].register_as_of is not None]
    own = [
        Figure(
            indicator,
            row.community,
            _rate(indicator, counts, places[row.community].targets),
            day,
            row.counted,
            places[row.community].register_as_of,
        )
        for row, counts in zip(mine, every, strict=True)
    ]
    counted = min(row.counted for row in mine)
    whole = Figure(indicator, "", _rate(indicator, total, None), day, counted, min(known, default=None))
    return [whole, *own]


def _clearing(found: Mapping[Indicator, Sequence[Figure]]) -> list[Figure]:
    """Whether both rates of the clearing are met, of each place that has both."""
    one, other = ({figure.community: figure for figure in found[indicator]} for indicator in BOTH)
    return [
        replace(figure, indicator=Indicator.CLEARING, rate=clearing([figure.rate, other[place].rate]))
        for place, figure in one.items()
        if place in other
    ]


def _rate(indicator: Indicator, counts: Counts, own: Mapping[str, float] | None) -> Rate:
    target = None if indicator in AT_MOST else target_of(indicator, own)
    return rate(counts, target, sampled=indicator in SAMPLED)
