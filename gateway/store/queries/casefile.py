"""Cases, their events and visits, and the slips about them. Every change is compare-and-set on `revision`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.store import tables as t
from gateway.store.queries.history import By


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a case is about: a person of the register, or a token that is nobody's."""

    community: str
    person: int | None
    token: bytes | None


def case(connection: Connection, number: int) -> Row[Any] | None:
    return connection.execute(select(t.cases).where(t.cases.c.id == number)).one_or_none()


def open_case(connection: Connection, values: dict[str, Any]) -> int | None:
    """Create a case; None when another one about the same subject was opened meanwhile."""
    try:
        with connection.begin_nested():
            done = connection.execute(insert(t.cases).values(revision=1, **values))
    except IntegrityError:
        return None
    key = done.inserted_primary_key
    return int(key[0]) if key is not None else None


def person(connection: Connection, number: int) -> Row[Any]:
    """The whole row of a person."""
    return connection.execute(select(t.persons).where(t.persons.c.id == number)).one()


def is_protected(connection: Connection, person: int) -> bool:
    return bool(connection.execute(select(t.persons.c.protected).where(t.persons.c.id == person)).scalar())


def kept_record(connection: Connection, person: int) -> int:
    """The record of a person: their own, or the one that it was made one with."""
    p = t.persons.c
    return int(connection.execute(select(func.coalesce(p.merged_into, p.id)).where(p.id == person)).scalar_one())


def has_open_case(connection: Connection, row: Row[Any]) -> bool:
    """Whether a case about the same subject as this one is open."""
    c = t.cases.c
    who = c.person == row.person if row.person is not None else c.token == row.token
    return connection.execute(select(c.id).where(c.community == row.community, c.is_open, who)).first() is not None


def change_case(connection: Connection, number: int, revision: int, values: dict[str, Any]) -> bool:
    """Change a case that still has this revision; False when somebody was first."""
    done = connection.execute(
        update(t.cases)
        .where(t.cases.c.id == number, t.cases.c.revision == revision)
        .values(revision=revision + 1, **values)
    )
    return done.rowcount == 1


def take_back(connection: Connection, number: int, revision: int) -> bool:
    """Delete a case that still has this revision, with its events; False when somebody was first."""
    c = t.cases.c
    still = select(c.id).where(c.id == number, c.revision == revision).with_for_update()
    if connection.execute(still).first() is None:
        return False
    connection.execute(delete(t.case_events).where(t.case_events.c.case == number))
    connection.execute(delete(t.cases).where(c.id == number))
    return True


def add_event(
    connection: Connection, number: int, *, at: int, actor: str, act: str, state: str, note: str = ""
) -> None:
    row = {"case": number, "at": at, "actor": actor, "act": act, "state": state, "note": note}
    connection.execute(insert(t.case_events).values(**row))


def tell_once(connection: Connection, number: int, by: By, source: str, state: str) -> None:
    """Note that another source says the same of a case, once a source."""
    e = t.case_events.c
    said = (e.case == number, e.act.in_(("open", "tell")), e.note == source)
    if connection.execute(select(e.id).where(*said).limit(1)).first() is None:
        add_event(connection, number, at=by.at, actor=by.actor, act="tell", state=state, note=source)


def events(connection: Connection, number: int) -> Sequence[Row[Any]]:
    e = t.case_events.c
    return connection.execute(select(t.case_events).where(e.case == number).order_by(e.id)).all()


def add_visit(connection: Connection, values: dict[str, Any]) -> None:
    connection.execute(insert(t.visits).values(**values))


def move_visits(connection: Connection, case_id: int, to: int) -> None:
    """Give the visits of one case to another."""
    connection.execute(update(t.visits).where(t.visits.c.case == case_id).values(case=to))


def visits(connection: Connection, number: int) -> Sequence[Row[Any]]:
    return connection.execute(select(t.visits).where(t.visits.c.case == number).order_by(t.visits.c.at)).all()


def open_cases(connection: Connection) -> Sequence[Any]:
    """Community, person and token of every open case."""
    c = t.cases.c
    return connection.execute(select(c.community, c.person, c.token).where(c.is_open)).all()


def add_alert(connection: Connection, values: dict[str, Any]) -> bool:
    """Create a slip; False when the case has an open one already."""
    try:
        with connection.begin_nested():
            connection.execute(insert(t.alerts).values(revision=1, **values))
    except IntegrityError:
        return False
    return True


def alert(connection: Connection, slip: str) -> Row[Any] | None:
    return connection.execute(select(t.alerts).where(t.alerts.c.slip == slip)).one_or_none()


def open_alert_of(connection: Connection, case_id: int) -> Row[Any] | None:
    a = t.alerts.c
    return connection.execute(select(t.alerts).where(a.case == case_id, a.is_open)).one_or_none()


def raise_alert(connection: Connection, case_id: int, level: str) -> str | None:
    """Have a slip that is proposed decided upon at that level. Its number, or None where it is already, or decided."""
    a = t.alerts.c
    waits = (a.case == case_id, a.is_open, a.state == "proposed", a.level.is_distinct_from(level))
    slip = connection.execute(select(a.slip, a.revision).where(*waits)).one_or_none()
    if slip is None or not change_alert(connection, slip.slip, slip.revision, {"level": level}):
        return None
    return str(slip.slip)


def change_alert(connection: Connection, slip: str, revision: int, values: dict[str, Any]) -> bool:
    """Change a slip that still has this revision; False when somebody was first."""
    a = t.alerts.c
    done = connection.execute(
        update(t.alerts).where(a.slip == slip, a.revision == revision).values(revision=revision + 1, **values)
    )
    return done.rowcount == 1


def sent_alerts(connection: Connection) -> Sequence[Row[Any]]:
    """Slips that the police have before them."""
    a = t.alerts.c
    return connection.execute(select(t.alerts).where(a.is_open, a.state.in_(("sent", "acknowledged")))).all()


def cleared_alerts(connection: Connection, since: int) -> Sequence[Row[Any]]:
    """Slips that the police had, and that were closed with their case since then."""
    a, c = t.alerts.c, t.cases.c
    return connection.execute(
        select(t.alerts).join(t.cases, c.id == a.case).where(~a.is_open, a.sent.is_not(None), c.closed >= since)
    ).all()


def count_open(connection: Connection) -> dict[str, int]:
    """Open cases and slips, and the quarantined messages."""
    counts = {
        "cases_open": select(func.count()).select_from(t.cases).where(t.cases.c.is_open),
        "alerts_open": select(func.count()).select_from(t.alerts).where(t.alerts.c.is_open),
        "quarantined": select(func.count()).select_from(t.quarantine),
    }
    return {name: connection.execute(query).scalar_one() for name, query in counts.items()}


def count_closed(connection: Connection) -> tuple[int, int]:
    """Cases and slips that are not open any more."""
    counts = (select(func.count()).select_from(table).where(~table.c.is_open) for table in (t.cases, t.alerts))
    cases, alerts = (int(connection.execute(query).scalar_one()) for query in counts)
    return cases, alerts


def list_cases(
    connection: Connection,
    limit: int,
    before: int | None,
    *,
    communities: Collection[str] = (),
    only_open: bool = False,
    protected: bool = False,
) -> Sequence[Any]:
    """Cases newest first, with the dwelling's parts and the state of the open slip; `protected`: also such records."""
    c = t.cases.c
    query = (
        select(
            t.cases,
            t.communities.c.name.label("community_name"),
            t.dwellings.c.building,
            t.dwellings.c.unit,
            t.dwellings.c.room,
            t.alerts.c.state.label("slip_state"),
            t.alerts.c.slip,
        )
        .join(t.communities, t.communities.c.id == c.community)
        .outerjoin(t.dwellings, t.dwellings.c.id == c.dwelling)
        .outerjoin(t.alerts, (t.alerts.c.case == c.id) & t.alerts.c.is_open)
        .order_by(c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(c.id < before)
    if communities:
        query = query.where(c.community.in_(communities))
    if only_open:
        query = query.where(c.is_open)
    if not protected:
        p = t.persons.c
        query = query.outerjoin(t.persons, p.id == c.person).where(p.id.is_(None) | ~p.protected)
    return connection.execute(query).all()


def list_alerts(
    connection: Connection,
    limit: int,
    before: int | None,
    *,
    police_station: str = "",
    communities: Collection[str] = (),
    sent: bool,
) -> Sequence[Any]:
    """Slips newest first, of one police station or of communities where given; `sent`: only those that were sent."""
    a = t.alerts.c
    query = (
        select(t.alerts, t.communities.c.name.label("community_name"))
        .join(t.communities, t.communities.c.id == a.community)
        .order_by(a.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(a.id < before)
    if police_station:
        query = query.where(a.police_station == police_station)
    if communities:
        query = query.where(a.community.in_(communities))
    if sent:
        query = query.where(a.sent.is_not(None))
    return connection.execute(query).all()


def quarantined_by_station(connection: Connection) -> dict[str, int]:
    q = t.quarantine.c
    rows = connection.execute(select(q.station, func.count()).where(q.station.is_not(None)).group_by(q.station))
    return {row.station: row[1] for row in rows}
