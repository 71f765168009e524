"""What there is to do, as lists for whoever does it: tonight from building to building, what waits for a reviewer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection

from gateway.centre.persons import called
from gateway.keys import Master
from gateway.store.queries import worklists
from rules.identity import mask_name

MOST = 500


@dataclass(frozen=True, slots=True)
class Home:
    """A case by where and who: the dwelling in full, the name masked, no number. `dwelling` is its number."""

    id: int
    kind: str
    community: str
    dwelling: int | None
    building: str | None
    unit: str | None
    room: str | None
    name: str

    @property
    def place(self) -> str:
        """The dwelling as one says it."""
        return " ".join(part for part in (self.building, self.unit, self.room) if part)


@dataclass(frozen=True, slots=True)
class Tonight(Home):
    """A case that can be visited tonight (今晚可跑). `missed`: how often nobody was met (走访未遇)."""

    revision: int
    source: str
    state: str
    collector: str
    due: date | None
    overdue: bool
    missed: int
    last_visit: datetime | None
    notice_left: bool
    appointment: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting(Home):
    """A case that waits for a reviewer: to be assigned, reviewed, filed or confirmed, or for an `objection`."""

    revision: int
    source: str
    state: str
    collector: str | None
    due: date | None
    overdue: bool
    objection: str | None


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose list it is, on which day; `community` "" is all; `protected`: also of protected records."""

    who: str
    today: date
    community: str
    protected: bool = field(default=False)


def tonight(connection: Connection, master: Master, whose: Whose, limit: int = MOST) -> list[Tonight]:
    """Somebody's cases and those of whoever's deputy they are today, by building, unit and room."""
    rows = worklists.to_visit(connection, whose.who, whose.today, whose.community, limit, protected=whose.protected)
    visits = worklists.visited(connection, [row.id for row in rows])
    found = [
        Tonight(
            **home(master, row),
            revision=row.revision,
            source=row.source,
            state=row.state,
            collector=row.collector,
            due=row.due,
            overdue=row.due is not None and row.due < whose.today,
            missed=visits[row.id].missed if row.id in visits else 0,
            last_visit=moment(visits[row.id].last) if row.id in visits else None,
            notice_left=bool(row.id in visits and visits[row.id].notice_left),
            appointment=moment(row.appointment),
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: [natural(part) for part in (one.building, one.unit, one.room)])


def to_review(connection: Connection, master: Master, community: str, today: date, limit: int = MOST) -> list[Waiting]:
    """What waits for a reviewer: objections first, then by the day on which it is due."""
    return [waiting(master, row) for row in worklists.to_review(connection, community, today, limit)]


def filed(connection: Connection, master: Master, community: str, today: date, limit: int = MOST) -> list[Waiting]:
    """What waits for a receipt of the police (待回执)."""
    return [waiting(master, row) for row in worklists.filed(connection, community, today, limit)]


def waiting(master: Master, row: Any) -> Waiting:
    """A row of `to_review`, as it is shown."""
    return Waiting(
        **home(master, row),
        revision=row.revision,
        source=row.source,
        state=row.state,
        collector=row.collector,
        due=row.due,
        overdue=bool(row.overdue),
        objection=row.objection if row.paused else None,
    )


def home(master: Master, row: Any) -> dict[str, Any]:
    """The fields of `Home` of a row with the encrypted name."""
    name = mask_name(called(master, row)) if row.name is not None else ""
    parts = {part: getattr(row, part) for part in ("id", "kind", "community", "dwelling", "building", "unit", "room")}
    return parts | {"name": name}


def by_building(found: Sequence[Tonight]) -> list[tuple[str, list[list[Tonight]]]]:
    """A sorted list under its buildings, those of one door together."""
    groups: dict[str, dict[tuple[str | None, str | None, int], list[Tonight]]] = {}
    for one in found:
        door = (one.unit, one.room, 0 if one.room else one.id)
        groups.setdefault(one.building or "", {}).setdefault(door, []).append(one)
    return [(building, list(doors.values())) for building, doors in groups.items()]


def natural(text: str | None) -> list[tuple[int, str]]:
    """A key by which 3栋 stands before 12栋."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"([0-9]+)", text or "") if part]


def moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
