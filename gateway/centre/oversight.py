"""What a street oversees: who is to be sent where, hints that records may not be what they seem, a week in figures."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from gateway.centre.visiting import TOGETHER
from gateway.centre.worklists import Home, home
from gateway.keys import Master
from gateway.store.queries import accounts, oversight
from rules.identity import mask_name
from rules.model import CIVIL
from rules.quality import ONE_PHONE_FOR, bursts

MOST = 500
LOOKED_AT = 50
LOOK_BACK_MS = 30 * 86_400_000
WHICH = ("unassigned", "late", "raised")


@dataclass(frozen=True, slots=True)
class Job(Home):
    """A case that somebody can be sent to."""

    revision: int
    state: str
    source: str
    collector: str | None
    due: date | None
    late: bool
    raised: bool


@dataclass(frozen=True, slots=True)
class Shared:
    """People with one phone: how many, who (masked) and where. The phone itself is not said."""

    community: str
    people: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Burst:
    """Many records of one account in a short time."""

    community: str
    who: str
    since: datetime
    until: datetime
    records: int


@dataclass(frozen=True, slots=True)
class Unvisited:
    """A record that an account collected although nobody of the dwelling had been met on a visit."""

    community: str
    who: str
    at: datetime
    case: int
    place: str


@dataclass(frozen=True, slots=True)
class Hints:
    """What is worth a look; `unvisited` holds the newest, `unvisited_of` how many a community has."""

    phones: tuple[Shared, ...]
    quick: tuple[Burst, ...]
    unvisited: tuple[Unvisited, ...]
    unvisited_of: Mapping[str, int]

    def of(self, community: str) -> int:
        """How many there are of a community."""
        named = [one.community for one in self.phones] + [one.community for one in self.quick]
        return named.count(community) + self.unvisited_of.get(community, 0)


@dataclass(frozen=True, slots=True)
class Week:
    """A community's week."""

    community: str
    opened: int
    registered: int
    dismissed: int
    standing: int
    late: int
    visits: int
    met: int
    together: int


def jobs(connection: Connection, master: Master, places: Collection[str], today: date, which: str = "") -> list[Job]:
    """Cases that somebody can be sent to, by community and the day on which they are due."""
    return [
        Job(
            **home(master, row),
            revision=row.revision,
            state=row.state,
            source=row.source,
            collector=row.collector,
            due=row.due,
            late=row.due is not None and row.due < today,
            raised=row.level == "street",
        )
        for row in oversight.jobs(connection, places, today, which, MOST)
    ]


def shared_phones(connection: Connection, master: Master, places: Collection[str]) -> tuple[Shared, ...]:
    """Phones that stand for five people or more."""
    rows = oversight.phones(connection, places, ONE_PHONE_FOR)
    found = []
    for (community, _), same in groupby(rows, key=lambda row: (row.community, row.phone_lookup)):
        people = tuple((mask_name(master.show("persons.name", row.name)), _place(row)) for row in same)
        found.append(Shared(community, people))
    return tuple(found)


def hints(connection: Connection, master: Master, places: Collection[str], now: int) -> Hints:
    """Of now and the last 30 days. A desk visits nobody: what it collected is not looked at."""
    desks, since = accounts.with_roles(connection, ("property", "guard")), now - LOOK_BACK_MS
    by_who = groupby(
        oversight.collections(connection, places, since, desks), key=lambda row: (row.community, row.actor)
    )
    quick = tuple(
        Burst(community, who, _moment(first), _moment(last), count)
        for (community, who), rows in by_who
        for first, last, count in bursts([row.at for row in rows])
    )
    counts, newest = oversight.unvisited(connection, places, since, desks, LOOKED_AT)
    alone = tuple(Unvisited(row.community, row.actor, _moment(row.at), row.id, _place(row)) for row in newest)
    return Hints(shared_phones(connection, master, places), quick, alone, counts)


def monday_of(text: str, today: date) -> date:
    """The Monday of a week by one of its days; of this week for anything else, or a day that has not come."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = today
    day = day if date(2000, 1, 1) <= day <= today else today
    return day - timedelta(days=day.weekday())


def week(connection: Connection, places: Sequence[str], monday: date, now: int) -> list[Week]:
    """Each community's week; of the one that is going, up to now."""
    span = _instant(monday), min(_instant(monday + timedelta(days=7)), now + 1)
    work = oversight.opened_and_ended(connection, places, span, _moment(span[1]).date())
    visits = oversight.visited(connection, places, span, TOGETHER)
    found = []
    for place in places:
        done, seen = work.get(place), visits.get(place)
        names = ("opened", "registered", "dismissed", "standing", "late")
        said = {name: int(getattr(done, name)) if done is not None else 0 for name in names}
        said |= {name: int(getattr(seen, name)) if seen is not None else 0 for name in ("visits", "met", "together")}
        found.append(Week(place, **said))
    return found


def total(weeks: Sequence[Week]) -> Week:
    """All communities together."""
    names = ("opened", "registered", "dismissed", "standing", "late", "visits", "met", "together")
    return Week("", **{name: sum(getattr(one, name) for one in weeks) for name in names})


def _place(row: Any) -> str:
    return " ".join(part for part in (row.building, row.unit, row.room) if part)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(CIVIL)


def _instant(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=CIVIL).timestamp() * 1000)
