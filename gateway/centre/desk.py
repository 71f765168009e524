"""What the centre's pages ask: answers from the database, without names or numbers."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy.exc import DBAPIError

from gateway.centre import gaps
from gateway.centre.commands import state_of
from gateway.centre.gaps import Holes
from gateway.centre.policies import Policies
from gateway.centre.recent import Recent
from gateway.metrics import LATE_S, UNKNOWN_S
from gateway.store.database import Database
from gateway.store.queries import casefile, fleet, streams
from gateway.web.because import because_of
from gateway.web.centre_view import (
    AlertRow,
    AsideRow,
    CaseRow,
    CentreDesk,
    CentreState,
    CommandRow,
    Freshness,
    Hole,
    HoleRow,
    House,
    PolicyText,
    ReaderRow,
    StationRow,
)
from rules.acts import Arithmetic
from rules.cases import CaseState
from rules.model import CIVIL, CaseKind, Source

_COMMANDS = 20

CLOSED_S = 10.0
"""How many cases and slips have ended in all is counted again after so long: there may be a million."""


class Desk:
    """Answers for the pages. Every call is one short transaction that reads."""

    def __init__(
        self,
        database: Database,
        policies: Policies,
        *,
        district: str,
        banner: str,
        gate_url: str = "",
        connected: Callable[[], bool],
        today: Callable[[], date],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._policies = policies
        self._district = district
        self._banner = banner
        self._gate_url = gate_url
        self._connected = connected
        self._today = today
        self._wall = wall
        self._closed = Recent(self._count_closed, CLOSED_S)

    def questions(self, vital: Callable[[], dict[str, str]]) -> CentreDesk:
        """All that the pages may ask; `vital` says of each part of the program whether it is well."""
        return CentreDesk(
            self.house,
            self.state,
            self.cases,
            self.alerts,
            self.stations,
            self.holes,
            self.accept,
            self.commands,
            self.set_aside,
            self.policy,
            vital,
        )

    def house(self) -> House:
        """What stands on every page."""
        return House(self._district, self._banner, self._gate_url, self._policies.policy.version)

    def state(self) -> CentreState:
        """The overview."""
        today = self._today()
        midnight = datetime(today.year, today.month, today.day, tzinfo=CIVIL)
        with self._database.read() as connection:
            counts = casefile.count_open(connection)
            recent, total = streams.count_swipes(connection, int(midnight.timestamp() * 1000))
            stations = streams.stations(connection)
            known = [row.register_as_of for row in streams.communities(connection)]
        cases, alerts = self._closed(None)
        counts |= {"cases_total": counts["cases_open"] + cases, "alerts_total": counts["alerts_open"] + alerts}
        as_of = min((day for day in known if day is not None), default=None)
        oldest = today - timedelta(days=self._policies.policy.register_max_age_days)
        return CentreState(
            as_of=datetime.fromtimestamp(self._wall(), UTC),
            bus=Freshness.ONLINE if self._connected() else Freshness.UNKNOWN,
            register_as_of=as_of,
            register_stale=as_of is None or as_of < oldest,
            stations_online=sum(freshness(row, self._wall()) is Freshness.ONLINE for row in stations),
            stations_total=len(stations),
            swipes_today=recent,
            swipes_total=total,
            **counts,
        )

    def _count_closed(self, _: None) -> tuple[int, int]:
        with self._database.read() as connection:
            return casefile.count_closed(connection)

    def cases(self, limit: int, before: int | None) -> list[CaseRow]:
        with self._database.read() as connection:
            rows = casefile.list_cases(connection, limit, before)
        return [self._case(row) for row in rows]

    def alerts(self, limit: int, before: int | None) -> list[AlertRow]:
        with self._database.read() as connection:
            rows = casefile.list_alerts(connection, limit, before, sent=False)
        return [
            AlertRow(
                row.id,
                row.slip,
                row.revision,
                row.state,
                row.police_station,
                row.community_name,
                row.rule,
                row.since,
                _moment(row.sent),
                _moment(row.answered),
                row.answer,
            )
            for row in rows
        ]

    def stations(self) -> list[StationRow]:
        with self._database.read() as connection:
            newest = {row.id: (row.name, row.roster_version) for row in streams.communities(connection)}
            holes = gaps.holes(connection)
            aside = casefile.quarantined_by_station(connection)
            found = streams.stations(connection)
        now = self._wall()
        return [
            _station(row, now, newest[row.community], holes.get(row.name, gaps.WHOLE), aside.get(row.name, 0))
            for row in found
        ]

    def holes(self, station: str) -> list[HoleRow]:
        with self._database.read() as connection:
            if not any(row.name == station for row in streams.stations(connection)):
                raise LookupError("there is no such station")
            return gaps.summed(connection, station)

    def accept(self, station: str, kind: Hole, who: str) -> None:
        with self._database.write() as connection:
            gaps.accept(connection, station, kind, who, int(self._wall() * 1000))

    def commands(self) -> list[CommandRow]:
        with self._database.read() as connection:
            rows = fleet.commands(connection, None, _COMMANDS)
        now = int(self._wall() * 1000)
        return [
            CommandRow(
                row.id,
                row.station,
                datetime.fromtimestamp(row.issued / 1000, UTC),
                row.act,
                row.target,
                row.actor,
                state_of(row, now),
                row.reason,
            )
            for row in rows
        ]

    def set_aside(self, limit: int, before: int | None) -> list[AsideRow]:
        with self._database.read() as connection:
            rows = fleet.set_aside(connection, limit, before)
        return [
            AsideRow(
                row.id,
                datetime.fromtimestamp(row.received / 1000, UTC),
                row.station,
                row.topic,
                row.reason,
                row.size,
            )
            for row in rows
        ]

    def policy(self) -> PolicyText:
        policy = self._policies.policy
        return PolicyText(policy.version, self._policies.since, policy.author, policy.reason, self._policies.text)

    def _case(self, row: Any) -> CaseRow:
        arithmetic = msgspec.convert(row.because, Arithmetic)
        because, figures = because_of(CaseKind(row.kind), row.opened_on, arithmetic, Source(row.source))
        return CaseRow(
            id=row.id,
            revision=row.revision,
            kind=row.kind,
            source=row.source,
            state=_state_shown(row),
            community=row.community_name,
            dwelling=f"{row.building}{row.unit}***" if row.room else None,
            opened=row.opened_on,
            due=row.due,
            overdue=row.is_open and row.due is not None and row.due < self._today(),
            because=because,
            figures=figures,
            slip_state=row.slip_state,
            elsewhere=arithmetic.registered_elsewhere,
        )


def _state_shown(row: Any) -> str:
    """A deregistration that the police have done is 已注销, not 已登记."""
    done = row.kind == CaseKind.DEREGISTRATION and row.state == CaseState.REGISTERED
    return "deregistered" if done else str(row.state)


def _station(row: Any, now: float, community: tuple[str, int], holes: Holes, aside: int) -> StationRow:
    """A station; of one that is silent nothing that it said is taken for what is so now."""
    fresh = freshness(row, now)
    status = (row.status or {}) if fresh is not Freshness.UNKNOWN else {}
    devices = (row.status or {}).get("devices", [])
    heard = fresh is Freshness.ONLINE
    return StationRow(
        id=row.name,
        community=community[0],
        freshness=fresh,
        heard=_moment(row.heard_at),
        readers=tuple(ReaderRow(d["id"], ("ok" if d["up"] else "down") if heard else "unknown") for d in devices),
        spool_depth=status.get("spool_depth"),
        unrecorded=status.get("unrecorded"),
        roster_version=status.get("roster"),
        roster_newest=community[1] or None,
        gaps=holes.missing,
        gaps_since=_moment(holes.missing_since),
        lost=holes.lost,
        quarantined=aside,
        troubles=(*(kind.value for kind, _ in holes.troubles), *status.get("troubles", ())),
        clock=status.get("clock", ""),
        skew=(status["at"] - row.heard_at) / 1000 if status.get("at") and row.heard_at else None,
        refused=status.get("refused"),
        certificate_until=_day(status.get("certificate_until") or None),
        revoked=row.revoked_at is not None,
    )


def freshness(row: Any, now: float) -> Freshness:
    """Whether what a station said is so now (`now` in seconds): of one that is silent nothing is known."""
    if row.heard_at is None:
        return Freshness.UNKNOWN
    if (row.status or {}).get("state") in {"lost", "stopped"}:
        return Freshness.UNKNOWN
    age = abs(now - row.heard_at / 1000)  # of a clock that was set back, too
    return Freshness.ONLINE if age < LATE_S else Freshness.LATE if age < UNKNOWN_S else Freshness.UNKNOWN


def _day(milliseconds: int | None) -> date | None:
    moment = _moment(milliseconds)
    return moment.astimezone(CIVIL).date() if moment is not None else None


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def holes_of(desk: Desk) -> list[tuple[str, int, int, tuple[str, ...]]]:
    """What is missing of each station, for the metrics; nothing while the database is away: they say that, too."""
    try:
        return [(row.id, row.gaps, row.lost, row.troubles) for row in desk.stations()]
    except DBAPIError:
        return []  # the metrics say of the database that it is away
