"""What is missing of a station's swipes, what it declared lost, what else is wrong with it; until a person accepts it.

Accepting fills nothing in. A swipe that is missing, was given up and comes all the same is stored like any other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from gateway.centre import audit, ledger
from gateway.centre.audit import Who
from gateway.ranges import Range, joined, outside
from gateway.store.queries import gaps, streams
from gateway.web.centre_view import Hole, HoleRow

MOST_ROWS = 200
"""Ranges of one kind that a page shows of a station; the counts are of all."""
GIVEN_UP = "given_up"
"""Reason of a range that never came and that a person gave up."""


class Trouble(StrEnum):
    """What the centre finds wrong with a station as a whole."""

    RESTORED = "restored_from_image"
    """It does not know the epoch in which it last recorded something: its disk is an older one."""
    CLONED = "cloned"
    """Two boxes live under its name."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One entry: missing and lost swipes with their range, a trouble of the whole station without. Times in ms."""

    kind: Hole
    since: int
    epoch: str = ""
    first: int = 0
    last: int = 0
    reason: str = ""
    accepted_by: str | None = None
    accepted_at: int | None = None

    @property
    def count(self) -> int:
        return self.last - self.first + 1 if self.last else 0


@dataclass(frozen=True, slots=True)
class Holes:
    """What nobody has accepted yet of one station."""

    missing: int
    missing_since: int | None
    lost: int
    lost_since: int | None
    troubles: tuple[tuple[Trouble, int], ...]
    """What is wrong with the whole station, and since when."""


WHOLE = Holes(0, None, 0, None, ())


def trouble(connection: Connection, station: str, kind: Trouble, now: int) -> None:
    """Raise a trouble; one that is open stays as it is."""
    if kind.value not in {row.kind for row in gaps.troubles(connection, station, accepted=False)}:
        gaps.add_trouble(connection, station, kind.value, now)


def holes(connection: Connection) -> dict[str, Holes]:
    """The holes of each station that has any."""
    lost: dict[str, tuple[int, int | None]] = {
        row.station: (row.number, row.since) for row in gaps.lost_by_station(connection)
    }
    missing: dict[str, list[Gap]] = {}
    for station, found in _missing(connection, None):
        missing.setdefault(station, []).append(found)
    troubles: dict[str, list[tuple[Trouble, int]]] = {}
    for row in gaps.troubles(connection, None, accepted=False):
        troubles.setdefault(row.station, []).append((Trouble(row.kind), row.since))
    return {
        name: Holes(
            sum(gap.count for gap in missing.get(name, ())),
            min((gap.since for gap in missing.get(name, ())), default=None),
            *lost.get(name, (0, None)),
            tuple(troubles.get(name, ())),
        )
        for name in sorted({*lost, *missing, *troubles})
    }


def listed(connection: Connection, station: str) -> list[Gap]:
    """What is open of a station, then what was accepted, newest first; of each at most `MOST_ROWS`."""
    found = [gap for _, gap in _missing(connection, station)][:MOST_ROWS]
    for accepted in (False, True):
        found += [
            Gap(Hole(row.kind), row.since, accepted_by=row.accepted_by, accepted_at=row.accepted_at)
            for row in gaps.troubles(connection, station, accepted=accepted)[:MOST_ROWS]
        ]
        found += [_lost(row) for row in gaps.lost_rows(connection, station, accepted=accepted, limit=MOST_ROWS)]
    return sorted(found, key=lambda gap: gap.accepted_at is not None)


def summed(connection: Connection, station: str) -> list[HoleRow]:
    """What is open of a station, then what was accepted, newest first: how many, since when, and why."""
    own = holes(connection).get(station, WHOLE)
    found = []
    if own.missing:
        found.append(HoleRow(Hole.MISSING, _moment(own.missing_since or 0), own.missing, ()))
    found += [HoleRow(Hole(kind.value), _moment(since), 0, ()) for kind, since in own.troubles]
    for lost in gaps.lost_groups(connection, station, MOST_ROWS):
        kind = Hole.MISSING if lost.reason == GIVEN_UP else Hole.LOST
        at = None if lost.accepted_at is None else _moment(lost.accepted_at)
        found.append(HoleRow(kind, _moment(lost.since), lost.number, (lost.reason,), lost.accepted_by, at))
    for row in gaps.troubles(connection, station, accepted=True)[:MOST_ROWS]:
        accepted = row.accepted_by, _moment(row.accepted_at)
        found.append(HoleRow(Hole(row.kind), _moment(row.since), 0, (), *accepted))
    still_open = [one for one in found if one.accepted_at is None]
    done = [one for one in found if one.accepted_at is not None]
    return _together(still_open) + sorted(done, key=lambda one: one.accepted_at or one.since, reverse=True)


def _together(found: list[HoleRow]) -> list[HoleRow]:
    """One row for each kind: a person accepts all of it at once."""
    kinds: dict[Hole, list[HoleRow]] = {}
    for one in found:
        kinds.setdefault(one.kind, []).append(one)
    return [
        HoleRow(
            kind,
            min(row.since for row in rows),
            sum(row.count for row in rows),
            tuple(sorted({reason for row in rows for reason in row.reasons})),
        )
        for kind, rows in kinds.items()
    ]


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def accept(connection: Connection, station: str, kind: Hole, who: str, now: int) -> int:
    """Have a person accept all that is open of one kind, which is recorded. Returns how many swipes or troubles it was.

    Raises:
        LookupError: there is no such station.
    """
    if not any(row.name == station for row in streams.stations(connection)):
        raise LookupError("there is no such station")
    audit.note(connection, Who(who, "administrator", now), "gap.accept", f"stations/{station}", purpose=kind.value)
    match kind:
        case Hole.LOST:
            return gaps.accept_lost(connection, station, who, now)
        case Hole.MISSING:
            found = [gap for _, gap in _missing(connection, station)]
            gaps.add_given_up(
                connection,
                [
                    {"station": station, "epoch": gap.epoch, "first": gap.first, "last": gap.last}
                    | {"reason": GIVEN_UP, "declared": gap.since, "accepted_by": who, "accepted_at": now}
                    for gap in found
                ],
            )
            return sum(gap.count for gap in found)
        case Hole.RESTORED | Hole.CLONED:
            return gaps.accept_troubles(connection, station, kind.value, who, now)


def _missing(connection: Connection, station: str | None) -> Iterable[tuple[str, Gap]]:
    """The ranges that are missing and that nobody gave up, by station, those that are missing longest first."""
    given_up: dict[tuple[str, str], list[Range]] = {}
    for row in gaps.given_up(connection, station, GIVEN_UP):
        given_up.setdefault((row.station, row.epoch), []).append((row.first, row.last))
    for name, epoch, stream in gaps.broken_streams(connection, station):
        known = _normal(given_up.get((name, epoch), []))
        for part in outside((1, stream.claimed), ledger.spans(stream)):
            for first, last in outside(part, known):
                yield name, Gap(Hole.MISSING, stream.missing_since or 0, epoch, first, last)


def _normal(ranges: list[Range]) -> list[Range]:
    upto, beyond = joined(0, ranges)
    return [*([(1, upto)] if upto else []), *beyond]


def _lost(row: Any) -> Gap:
    kind = Hole.MISSING if row.reason == GIVEN_UP else Hole.LOST
    return Gap(kind, row.declared, row.epoch, row.first, row.last, row.reason, row.accepted_by, row.accepted_at)
