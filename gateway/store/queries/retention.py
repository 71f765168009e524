"""What is deleted once it has been kept for its time: some rows in each call, so that nobody waits long for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, update

from gateway.store import tables as t


def old_passes(connection: Connection, before: int, after: int, tallied: int, limit: int) -> list[int]:
    """Swipes with ids above `after` that were before that instant (ms) and are counted in `traffic_days`.

    The newest stays until the next one comes: by its number one sees whether the database was put back.
    """
    s = t.swipes.c
    newest = select(func.max(s.id)).scalar_subquery()
    query = select(s.id).where(s.id > after, s.id <= tallied, s.id < newest, *_was(before)).order_by(s.id).limit(limit)
    return list(connection.execute(query).scalars())


def delete_passes(connection: Connection, ids: Sequence[int]) -> None:
    connection.execute(delete(t.swipes).where(t.swipes.c.id.in_(ids)))


def old_seals(connection: Connection, before: int, limit: int) -> list[int]:
    """Swipes before that instant with what a reader sealed about an unknown card."""
    s = t.swipes.c
    return list(connection.execute(select(s.id).where(s.sealed.is_not(None), *_was(before)).limit(limit)).scalars())


def _was(before: int) -> tuple[ColumnElement[bool], ...]:
    """That a swipe was before an instant; what a clock timed that nobody put right yet was when it came, at most."""
    s = t.swipes.c
    return s.at < before, or_(s.clock == "synced", s.said_at.is_not(None), s.received < before)


def drop_seals(connection: Connection, ids: Sequence[int]) -> None:
    connection.execute(update(t.swipes).where(t.swipes.c.id.in_(ids)).values(sealed=None))


def old_visitors(connection: Connection, before: int, limit: int) -> Sequence[Row[int, int]]:
    """Passes of visitors that ended before that instant: their number, and the person that stands for the code."""
    v = t.visitors.c
    return connection.execute(select(v.id, v.person).where(v.until < before).order_by(v.id).limit(limit)).all()


def delete_visitors(connection: Connection, passes: Sequence[int], persons: Sequence[int]) -> None:
    """Delete passes and, where no other pass has them, the codes with all that is noted of them."""
    _forget_history(connection, t.visitors.name, passes)
    connection.execute(delete(t.visitors).where(t.visitors.c.id.in_(passes)))
    left = set(connection.execute(select(t.visitors.c.person).where(t.visitors.c.person.in_(persons))).scalars())
    gone = [one for one in persons if one not in left]
    for table in (t.credentials, t.enrolments):
        rows = list(connection.execute(select(table.c.id).where(table.c.person.in_(gone))).scalars())
        _forget_history(connection, table.name, rows)
        connection.execute(delete(table).where(table.c.id.in_(rows)))
    _forget_history(connection, t.persons.name, gone)
    connection.execute(delete(t.persons).where(t.persons.c.id.in_(gone), t.persons.c.kind == "visitor"))


def old_cases(connection: Connection, before: int, limit: int) -> list[int]:
    """Cases that ended before that instant and still say whom they were about."""
    c = t.cases.c
    named = or_(c.person.is_not(None), c.token.is_not(None), c.dwelling.is_not(None))
    return list(connection.execute(select(c.id).where(~c.is_open, c.closed < before, named).limit(limit)).scalars())


def forget_cases(connection: Connection, ids: Sequence[int]) -> None:
    """Leave of cases and their slips what can be counted: neither who, nor where, nor what somebody wrote of them."""
    connection.execute(update(t.cases).where(t.cases.c.id.in_(ids)).values(person=None, token=None, dwelling=None))
    connection.execute(update(t.case_events).where(t.case_events.c.case.in_(ids)).values(note=""))
    connection.execute(update(t.visits).where(t.visits.c.case.in_(ids)).values(came=None))
    connection.execute(update(t.alerts).where(t.alerts.c.case.in_(ids)).values(note="", receipt=None))


def forget_quarantine(connection: Connection, before: int) -> int:
    """Delete what is known of messages that were set aside before that instant."""
    return connection.execute(delete(t.quarantine).where(t.quarantine.c.received < before)).rowcount


def note_run(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(t.retention_runs).values(**values))


def runs(connection: Connection, limit: int) -> Sequence[Row[Any]]:
    """The last runs, newest first."""
    r = t.retention_runs
    return connection.execute(select(r).order_by(r.c.id.desc()).limit(limit)).all()


def _forget_history(connection: Connection, subject: str, rows: Sequence[int]) -> None:
    h = t.history.c
    connection.execute(delete(t.history).where(h.subject == subject, h.row.in_(rows)))
