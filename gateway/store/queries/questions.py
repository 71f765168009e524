"""What the property is asked about people: asked once while it stands, answered when it stands no more."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.store import tables as t
from rules.words import Question


def keep(connection: Connection, community: str, person: int, asked: Mapping[str, date], now: int) -> None:
    """Make the open questions about a person those of `asked` (question -> since when); the others are answered."""
    q = t.questions.c
    about = (q.community == community, q.person == person, q.is_open)
    standing = {row.question: row.since for row in connection.execute(select(q.question, q.since).where(*about))}
    gone = [question for question, since in standing.items() if asked.get(question) != since]
    if gone:
        connection.execute(update(t.questions).where(*about, q.question.in_(gone)).values(is_open=False, answered=now))
    for question, since in asked.items():
        if question not in standing or question in gone:
            row = {"community": community, "person": person, "question": question, "since": since}
            _ask(connection, row | {"asked": now, "is_open": True})


def answered(connection: Connection, community: str, person: int, question: Question, now: int) -> None:
    """A question has just been answered. Where it stands all the same, it is asked again with the next judging."""
    q = t.questions.c
    about = (q.community == community, q.person == person, q.question == question, q.is_open)
    connection.execute(update(t.questions).where(*about).values(is_open=False, answered=now))


def _ask(connection: Connection, row: Mapping[str, Any]) -> None:
    try:
        with connection.begin_nested():
            connection.execute(insert(t.questions).values(**row))
    except IntegrityError:
        return  # somebody else asked it meanwhile


def open_ones(connection: Connection, community: str, limit: int, before: int | None) -> Sequence[Row[Any]]:
    """Open questions, newest first, with the dwelling's parts and the lease that has ended; of one community or all.

    None is about a protected record: the property does not see it.
    """
    q, e, d, p = t.questions.c, t.enrolments.c, t.dwellings.c, t.persons.c
    a = t.leases.c
    newest = select(a.id).where(a.community == q.community, a.tenant == q.person, q.question == Question.LEASE_ENDED)
    lease = newest.order_by(a.since.desc(), a.id.desc()).limit(1).scalar_subquery()
    query = (
        select(t.questions, d.building, d.unit, d.room, lease.label("lease"))
        .join(t.persons, p.id == q.person)
        .outerjoin(t.enrolments, (e.community == q.community) & (e.person == q.person))
        .outerjoin(t.dwellings, d.id == e.dwelling)
        .where(q.is_open, ~p.protected)
        .order_by(q.id.desc())
        .limit(limit)
    )
    if community:
        query = query.where(q.community == community)
    if before is not None:
        query = query.where(q.id < before)
    return connection.execute(query).all()
