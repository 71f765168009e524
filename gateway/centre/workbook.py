"""A month's ledger of work (本月台账): a line for each visit and act, names masked, in the columns that are wanted."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection

from gateway.centre.persons import called
from gateway.keys import Master
from gateway.store.queries import workbook
from rules.cases import CaseAct
from rules.identity import mask_name
from rules.model import CIVIL

COLUMNS = (
    "at",
    "what",
    "building",
    "unit",
    "room",
    "name",
    "kind",
    "source",
    "result",
    "came",
    "notice",
    "appointment",
    "state",
    "due",
    "case",
    "who",
)
"""All that a line may say, in the order in which it does unless another one is wanted."""
COLLECTING = (CaseAct.COLLECT, CaseAct.HAND_BACK, CaseAct.OBJECT)
REVIEWING = (CaseAct.REVIEW, CaseAct.RETURN, CaseAct.FILE, CaseAct.CONFIRM, CaseAct.REGISTER, CaseAct.DISMISS)


@dataclass(frozen=True, slots=True)
class Line:
    """One visit or act. Codes have texts of their own; `roles` of whoever came."""

    at: datetime
    what: str
    case: int
    building: str
    unit: str
    room: str
    name: str
    kind: str
    source: str
    state: str
    due: date | None
    who: str
    attempt: int | None = None
    roles: tuple[str, ...] = ()
    notice: bool = False
    appointment: datetime | None = None


def month_of(text: str, today: date) -> date:
    """The first day of a month such as "2026-11"; of this month for anything else."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)
    return first if date(2000, 1, 1) <= first <= today else today.replace(day=1)


def after(month: date) -> date:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def order_of(text: str) -> tuple[str, ...]:
    """Columns by their names with commas between; all of them where none is one of ours."""
    named = [one for one in dict.fromkeys(text.split(",")) if one in COLUMNS]
    return tuple(named) or COLUMNS


def lines(connection: Connection, master: Master, community: str, month: date, *, who: str = "") -> list[Line]:
    """What one account did in a month, or without `who` everybody of a community; also about protected records then."""
    span = _instant(month), _instant(after(month))
    visits = workbook.visits(connection, community, *span, who=who, protected=not who)
    which = [one.value for one in (COLLECTING if who else (*COLLECTING, *REVIEWING))]
    acts = workbook.acts(connection, community, *span, which, who=who, protected=not who)
    found = [
        Line(
            **_of_case(master, row),
            what="met" if row.met else "not_met",
            attempt=row.attempt,
            roles=tuple(row.roles.split(",")),
            notice=row.notice_left,
            appointment=None if row.appointment is None else _moment(row.appointment),
        )
        for row in visits
    ]
    found += [Line(**_of_case(master, row), what=row.act) for row in acts]
    return sorted(found, key=lambda one: one.at)


def _of_case(master: Master, row: Any) -> dict[str, Any]:
    said = {name: getattr(row, name) for name in ("case", "kind", "source", "state", "due")}
    said |= {name: getattr(row, name) or "" for name in ("building", "unit", "room")}
    name = mask_name(called(master, row)) if row.name is not None else ""
    return said | {"at": _moment(row.at), "who": row.actor, "name": name}


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(CIVIL)


def _instant(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=CIVIL).timestamp() * 1000)
