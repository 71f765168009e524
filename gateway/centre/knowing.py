"""All that the database knows of subjects, in the words of `rules`: read for many at once, said of each."""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway.keys import Master, NotAuthentic
from gateway.store.queries import known, streams
from gateway.store.queries.casefile import Subject
from rules.acts import Arithmetic
from rules.cases import ALERT_BEGINS, BEGINS, ENDED, CaseState
from rules.identity import birth_of, origin_of
from rules.model import (
    CIVIL,
    Case,
    CaseKind,
    Credential,
    CredentialKind,
    MovedOut,
    MoveOutBy,
    Pass,
    Person,
    Registration,
    Rests,
    Role,
    Source,
    Visit,
)

log = logging.getLogger(__name__)

AT_ONCE = 200
_LEFT = {
    "card_returned": MoveOutBy.CARD_RETURNED,
    "lease_end": MoveOutBy.LEASE_ENDED,
    "landlord": MoveOutBy.LANDLORD,
    "declared": MoveOutBy.DECLARATION,
    "visit": MoveOutBy.VISIT,
    "police": MoveOutBy.POLICE,
}
"""What of `residents.left_why` is a move out of the community."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one subject."""

    person: Person
    passes: frozenset[Pass]
    registrations: tuple[Registration, ...]
    cases: tuple[Case, ...]
    register_as_of: date | None
    dwelling: int | None
    asked: Mapping[str, date] = field(default_factory=dict)
    """What the property is being asked about them, and since when it is so."""


@dataclass(slots=True)
class _Rows:
    """What was read for the subjects of one community, by whom it is about."""

    as_of: date | None
    tokens: dict[Subject, list[bytes]]
    passes: dict[bytes, list[int]] = field(default_factory=lambda: defaultdict(list))
    cases: dict[Subject, list[Any]] = field(default_factory=lambda: defaultdict(list))
    visits: dict[int, list[Visit]] = field(default_factory=lambda: defaultdict(list))
    slips: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    asked: dict[int, dict[str, date]] = field(default_factory=lambda: defaultdict(dict))
    registrations: dict[int, list[Registration]] = field(default_factory=lambda: defaultdict(list))
    people: dict[int, Any] = field(default_factory=dict)
    stays: dict[int, Any] = field(default_factory=dict)
    """The stay of each that goes on, or else the last one that ended."""
    leases: dict[int, Any] = field(default_factory=dict)
    elsewhere: set[int] = field(default_factory=set)


def of(
    connection: Connection, master: Master, subjects: Iterable[Subject], today: date, window: tuple[int, int]
) -> Iterator[tuple[Subject, Known]]:
    """What is known of each subject, once; passes within the `window` (ms) alone.

    It is read for `AT_ONCE` of them together, as of when the first of those is asked for. A person whose row cannot be
    read (another key, damage) is passed over, and that is logged.
    """
    ordered = sorted(dict.fromkeys(subjects), key=lambda s: (s.community, s.person or 0, s.token or b""))
    for community, same in groupby(ordered, key=lambda s: s.community):
        every = list(same)
        for start in range(0, len(every), AT_ONCE):
            part = every[start : start + AT_ONCE]
            rows = _read(connection, community, part, window, today)
            for subject in (one for one in part if one.person is None or one.person in rows.people):
                try:
                    person, dwelling = _person(connection, master, rows, subject, today)
                except NotAuthentic as error:
                    log.error("person %s cannot be judged: %s", subject.person, error)  # noqa: TRY400 - it says all
                    continue
                yield subject, _known(rows, subject, person, dwelling)


def civil(milliseconds: int) -> datetime:
    """An instant as the civil moment in Asia/Shanghai."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(CIVIL)


def _read(
    connection: Connection, community: str, subjects: Sequence[Subject], window: tuple[int, int], today: date
) -> _Rows:
    here = streams.community(connection, community)
    persons = {subject.person: subject for subject in subjects if subject.person is not None}
    numbers = sorted(persons)
    tokens: dict[Subject, list[bytes]] = {one: [one.token] if one.token else [] for one in subjects}
    for row in known.tokens(connection, community, numbers):
        tokens[persons[row.person]].append(row.token)
    owners = {token: subject for subject, own in tokens.items() for token in own}
    rows = _Rows(here.register_as_of if here is not None else None, tokens)
    for row in known.passes(connection, community, list(owners), *window):
        rows.passes[row.token].append(row.at)
    going = []
    for row in known.cases(connection, community, numbers, list(owners)):
        for subject in {persons.get(row.person), owners.get(row.token)}:
            if subject is not None:
                rows.cases[subject].append(row)
        going += [row.id] if CaseState(row.state) not in ENDED else []
    _read_work(connection, rows, going)
    _read_register(connection, rows, community, numbers, today)
    return rows


def _read_register(connection: Connection, rows: _Rows, community: str, numbers: Sequence[int], today: date) -> None:
    """Who these are, how they live there, and what is asked about them."""
    for row in known.questions(connection, community, numbers):
        rows.asked[row.person][row.question] = row.since
    for row in known.registrations(connection, community, numbers):
        rows.registrations[row.person].append(Registration(row.since, row.until, row.as_of))
    rows.people = {row.id: row for row in known.people(connection, community, numbers)}
    for row in known.stays(connection, community, numbers):
        if row.until is None or row.person not in rows.stays or rows.stays[row.person].until is not None:
            rows.stays[row.person] = row
    rows.leases = {row.tenant: row for row in known.leases(connection, community, numbers)}
    rows.elsewhere = known.registered_elsewhere(connection, community, numbers, today)


def _read_work(connection: Connection, rows: _Rows, going: Sequence[int]) -> None:
    """What was done about cases that are open."""
    for row in known.visits(connection, going):
        rows.visits[row.case].append(Visit(civil(row.at), row.met, row.notice_left))
    for row in known.slips(connection, going):
        rows.slips[row.case].append(row)


def _known(rows: _Rows, subject: Subject, person: Person, dwelling: int | None) -> Known:
    seen = {at for token in rows.tokens[subject] for at in rows.passes.get(token, ())}
    return Known(
        person,
        frozenset(Pass(civil(at)) for at in seen),
        tuple(rows.registrations.get(subject.person or 0, ())),
        tuple(_case(rows, row) for row in rows.cases.get(subject, ())),
        rows.as_of,
        dwelling,
        rows.asked.get(subject.person or 0, {}),
    )


def _person(
    connection: Connection, master: Master, rows: _Rows, subject: Subject, today: date
) -> tuple[Person, int | None]:
    if subject.person is None:
        return _stranger(connection, master, subject, today), None
    row, stay = rows.people[subject.person], rows.stays.get(subject.person)
    credential = Credential(CredentialKind(row.kind), master.show("persons.number", row.number))
    living = stay if stay is not None and stay.until is None else None
    dwelling = row.dwelling or (living.dwelling if living is not None else None)
    person = Person(
        known=True,
        dwelling=dwelling is not None,
        role=Role(row.role) if row.role is not None else None,
        birth=birth_of(credential, today),
        enrolled_since=row.since,
        origin=origin_of(credential),
        protected=row.protected,
        registered_elsewhere=subject.person in rows.elsewhere,
        rented=living is not None and "rented" in (living.stay, living.use),
        last_checked=_last_checked(living, rows.registrations.get(subject.person, ()), today),
        lease_until=_undecided(rows.leases.get(subject.person)),
        service_until=row.confirmed_until,
        moved_out=_moved_out(stay),
    )
    return person, dwelling


def _last_checked(stay: Any, registrations: Iterable[Registration], today: date) -> date | None:
    """When it was last made sure how somebody lives: at a desk or on a visit, in a recheck, or by the police."""
    if stay is None:
        return None
    days = [stay.checked_on, stay.confirmed_on, stay.dwelling_checked, *(one.since for one in registrations)]
    return max((day for day in days if day is not None and day <= today), default=None)


def _undecided(lease: Any) -> date | None:
    """The last day of the last lease, unless it is known that the tenant leaves; a renewed one ends later."""
    return None if lease is None or lease.decision == "moving_out" else lease.until


def _moved_out(stay: Any) -> MovedOut | None:
    if stay is None or stay.until is None or stay.left_why not in _LEFT:
        return None
    return MovedOut(stay.until, _LEFT[stay.left_why])


def _stranger(connection: Connection, master: Master, subject: Subject, today: date) -> Person:
    """What the newest seal of an unknown token tells: nothing leaves this call but birth date and document kind."""
    seal = streams.newest_seal(connection, subject.community, subject.token or b"")
    if seal is None:
        return Person(known=False, dwelling=False)
    try:
        said = json.loads(master.unseal(seal.sealed, seal.station, seal.epoch, seal.seq))
        credential = Credential(CredentialKind(said["kind"]), str(said["number"]))
    except (NotAuthentic, ValueError, KeyError, TypeError):
        log.warning("a seal of station %s, epoch %s, seq %d does not open", seal.station, seal.epoch, seal.seq)
        return Person(known=False, dwelling=False)
    birth = birth_of(credential, today)
    return Person(known=False, dwelling=False, birth=birth, origin=origin_of(credential))


def _case(rows: _Rows, row: Any) -> Case:
    going = CaseState(row.state) not in ENDED
    slips = rows.slips.get(row.id, ())
    waiting = [civil(slip.proposed).date() for slip in slips if slip.state == ALERT_BEGINS]
    return Case(
        row.id,
        CaseKind(row.kind),
        row.state,
        row.opened_on,
        row.due,
        tuple(rows.visits.get(row.id, ())),
        alert=bool(slips),  # one slip a case: what was withdrawn stays so
        paused=row.paused,
        reminded=row.reminded_on,
        rests=_rests(row) if going else None,
        slip_waits_since=min(waiting, default=None),
    )


def _rests(row: Any) -> Rests | None:
    """What a case from the gate rests on, while nobody has done anything about it."""
    if row.source != Source.GATE or row.state != BEGINS or row.collector is not None:
        return None
    because = msgspec.convert(row.because, Arithmetic)
    return Rests(because.on, because.evenings, because.policy_version)
