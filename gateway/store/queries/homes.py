"""Households, and what was changed of the people in them by one form."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select

from gateway.store import tables as t
from gateway.store.queries import history
from gateway.store.queries.history import By

_h, _n, _l = t.households.c, t.history.c, t.residents.c


def standing(connection: Connection, by: By, community: str, dwelling: int, head: int) -> int:
    """The household that lives in a dwelling; a new one with that head where there is none."""
    query = select(_h.id).where(_h.dwelling == dwelling, _h.until.is_(None)).order_by(_h.id.desc()).limit(1)
    found = connection.execute(query).scalar()
    if found is not None:
        return int(found)
    values = {"community": community, "dwelling": dwelling, "head": head, "since": by.today}
    number = int(connection.execute(insert(t.households).values(**values).returning(_h.id)).scalar_one())
    history.note(connection, by, t.households.name, [(number, community, history.CREATED)])
    return number


def collected(connection: Connection, case: int) -> Any:
    """Who collected a case last, and when."""
    e = t.case_events.c
    query = select(e.actor, e.at).where(e.case == case, e.act == "collect").order_by(e.id.desc()).limit(1)
    return connection.execute(query).one_or_none()


def stay(connection: Connection, community: str, person: int) -> Row[Any] | None:
    """The newest stay of somebody in a community."""
    query = select(t.residents).where(_l.community == community, _l.person == person)
    return connection.execute(query.order_by(_l.until.is_(None).desc(), _l.id.desc()).limit(1)).one_or_none()


def changed(connection: Connection, person: int, stay_id: int | None, by: Row[Any]) -> Sequence[Any]:
    """What was noted of a person and their stay by one form: subject and changes, oldest first."""
    of_person = (_n.subject == t.persons.name) & (_n.row == person)
    of_stay = (_n.subject == t.residents.name) & (_n.row == (stay_id or 0))
    query = select(_n.subject, _n.changes).where(or_(of_person, of_stay), _n.at == by.at, _n.actor == by.actor)
    return connection.execute(query.order_by(_n.id)).all()
