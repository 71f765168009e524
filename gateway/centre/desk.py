"""What the centre's pages ask: answers from the database, without names or numbers."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from gateway.centre import ledger
from gateway.centre.policies import PolicyFile
from gateway.store.database import Database
from gateway.store.queries import casefile, streams
from gateway.web.because import because_of
from gateway.web.centre_view import (
    AlertRow,
    CaseRow,
    CentreState,
    Freshness,
    PolicyText,
    ReaderRow,
    StationRow,
)
from rules.acts import Arithmetic
from rules.model import CIVIL, CaseKind

LATE_S = 20
"""A station's heartbeat comes every 5 s; after so long without one it is late, …"""
UNKNOWN_S = 120
"""… and after so long its state is unknown everywhere."""
_STREAMS = 50


class Desk:
    """Answers for the pages. Every call is one short transaction that reads."""

    def __init__(
        self,
        database: Database,
        policies: PolicyFile,
        *,
        district: str,
        banner: str,
        gate_url: str = "",
        connected: Callable[[], bool],
        today: Callable[[], date],
    ) -> None:
        self._database = database
        self._policies = policies
        self._district = district
        self._banner = banner
        self._gate_url = gate_url
        self._connected = connected
        self._today = today

    def state(self) -> CentreState:
        """The overview."""
        today = self._today()
        midnight = datetime(today.year, today.month, today.day, tzinfo=CIVIL)
        with self._database.read() as connection:
            counts = casefile.count(connection)
            recent, total = streams.count_swipes(connection, int(midnight.timestamp() * 1000))
            stations = streams.stations(connection)
            known = [row.register_as_of for row in streams.communities(connection)]
        as_of = min((day for day in known if day is not None), default=None)
        oldest = today - timedelta(days=self._policies.policy.register_max_age_days)
        return CentreState(
            district=self._district,
            banner=self._banner,
            as_of=datetime.now(UTC),
            bus=Freshness.ONLINE if self._connected() else Freshness.UNKNOWN,
            policy_version=self._policies.policy.version,
            register_as_of=as_of,
            register_stale=as_of is None or as_of < oldest,
            stations_online=sum(_freshness(row) is Freshness.ONLINE for row in stations),
            stations_total=len(stations),
            swipes_today=recent,
            swipes_total=total,
            gate_url=self._gate_url,
            **counts,
        )

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
            lost = casefile.lost_by_station(connection)
            aside = casefile.quarantined_by_station(connection)
            found = [
                (row, sum(max(ledger.missing(s), 0) for _, s in streams.streams_of(connection, row.name, _STREAMS)))
                for row in streams.stations(connection)
            ]
        return [
            _station(row, newest[row.community], gaps, lost.get(row.name, 0), aside.get(row.name, 0))
            for row, gaps in found
        ]

    def policy(self) -> PolicyText:
        policy = self._policies.policy
        return PolicyText(policy.version, self._policies.since, policy.author, policy.reason, self._policies.text)

    def _case(self, row: Any) -> CaseRow:
        arithmetic = msgspec.convert(row.because, Arithmetic)
        because, figures = because_of(CaseKind(row.kind), row.opened_on, arithmetic)
        return CaseRow(
            id=row.id,
            revision=row.revision,
            kind=row.kind,
            source=row.source,
            state=row.state,
            community=row.community_name,
            dwelling=f"{row.building}{row.unit}***" if row.room else None,
            opened=row.opened_on,
            due=row.due,
            overdue=row.is_open and row.due is not None and row.due < self._today(),
            because=because,
            figures=figures,
            slip_state=row.slip_state,
        )


def _station(row: Any, community: tuple[str, int], gaps: int, lost: int, aside: int) -> StationRow:
    status = row.status or {}
    fresh = _freshness(row)
    devices = status.get("devices", [])
    up = "ok" if fresh is Freshness.ONLINE else "unknown"
    return StationRow(
        id=row.name,
        community=community[0],
        freshness=fresh,
        heard=_moment(row.heard_at),
        readers=tuple(ReaderRow(d["id"], up if d["up"] else "down") for d in devices),
        spool_depth=status.get("spool_depth"),
        unrecorded=status.get("unrecorded"),
        roster_version=status.get("roster"),
        roster_newest=community[1] or None,
        gaps=gaps,
        lost=lost,
        quarantined=aside,
    )


def _freshness(row: Any) -> Freshness:
    if row.heard_at is None:
        return Freshness.UNKNOWN
    if (row.status or {}).get("state") in {"lost", "stopped"}:
        return Freshness.UNKNOWN
    age = time.time() - row.heard_at / 1000
    return Freshness.ONLINE if age < LATE_S else Freshness.LATE if age < UNKNOWN_S else Freshness.UNKNOWN


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
