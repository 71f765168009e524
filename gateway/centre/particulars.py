"""What a slip says to whoever may read it: who and where, how that is known, by which versions, and what was done."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection

from gateway.keys import Master
from gateway.store.queries import casefile, people
from rules.judge import DUSK, NOON, SATURDAY
from rules.model import CIVIL, CredentialKind

PARTS = ("morning", "afternoon", "evening")
"""The times of day of a visit."""


@dataclass(frozen=True, slots=True)
class Particulars:
    """Nothing that is not needed to act on it: no day of any pass, no phone, no history of the case.

    A protected person has neither name, number nor dwelling here: the community is asked for them.
    """

    slip: str
    state: str
    sending: int
    repeats: int
    community: str
    compound: str
    name: str = field(repr=False)
    document: str
    number: str = field(repr=False)
    dwelling: str = field(repr=False)
    building: str = field(repr=False)
    """The dwelling without its room."""
    protected: bool
    rule: str
    since: date
    """The day from which the case counts."""
    source: str
    grounds: Mapping[str, Any]
    """As `grounds.stated` kept it; empty on a slip of an older version of the program."""
    visits: int
    times: Mapping[str, int]
    """How many of the visits fell into which time of day."""
    weekend: int
    met: int
    notice_left: bool
    last_visit: date | None
    sent: datetime | None
    sent_by: str | None

    @property
    def register_as_of(self) -> date | None:
        said = self.grounds.get("register_as_of")
        return date.fromisoformat(said) if said else None


def of(connection: Connection, master: Master, row: Any, compound: str) -> Particulars:
    """The particulars of a slip by its row.

    Raises:
        LookupError: its case is gone.
    """
    case = casefile.case(connection, row.case)
    if case is None or case.person is None:
        raise LookupError("there is no such case")
    person = people.person(connection, case.person)
    shown, numbered = not person.protected, person.kind != CredentialKind.NO_NUMBER
    place = people.dwelling(connection, case.dwelling) if shown and case.dwelling is not None else ("", "", "")
    visits = casefile.visits(connection, case.id)
    at = [datetime.fromtimestamp(visit.at / 1000, UTC).astimezone(CIVIL) for visit in visits]
    times = Counter(PARTS[(one.hour >= NOON) + (one.hour >= DUSK)] for one in at)
    return Particulars(
        slip=row.slip,
        state=row.state,
        sending=row.sending,
        repeats=row.repeats,
        community=row.community,
        compound=compound,
        name=master.show("persons.name", person.name) if shown else "",
        document=person.kind if shown else "",
        number=master.show("persons.number", person.number) if shown and numbered else "",
        dwelling="".join(place),
        building="".join(place[:2]),
        protected=person.protected,
        rule=row.rule,
        since=row.since,
        source=case.source,
        grounds=row.grounds or {},
        visits=len(visits),
        times={part: times[part] for part in PARTS},
        weekend=sum(one.weekday() >= SATURDAY for one in at),
        met=sum(visit.met for visit in visits),
        notice_left=any(visit.notice_left for visit in visits),
        last_visit=max((one.date() for one in at), default=None),
        sent=datetime.fromtimestamp(row.sent / 1000, UTC) if row.sent else None,
        sent_by=row.sent_by,
    )
