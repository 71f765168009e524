"""What is known of many people of one community at once: one query for all of them, whatever is asked."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import BindParameter, Connection, Row, Select, and_, bindparam, or_, select

from gateway.store import tables as t

_CHUNK = 500
T = TypeVar("T")

_c, _s, _v, _a, _q = t.cases.c, t.swipes.c, t.visits.c, t.alerts.c, t.questions.c
_e, _r, _p, _k = t.enrolments.c, t.registrations.c, t.persons.c, t.credentials.c
_l, _d, _t = t.residents.c, t.dwellings.c, t.leases.c
_SOME: BindParameter[Any] = bindparam("some", expanding=True)
_TODAY: BindParameter[date] = bindparam("today")
_HERE: BindParameter[str] = bindparam("community")
_TOKENS = select(_k.person, _k.token).where(_k.community == _HERE, _k.person.in_(_SOME))
_CASES = select(t.cases).where(_c.community == _HERE, _c.person.in_(_SOME))
_TOKEN_CASES = select(t.cases).where(_c.community == _HERE, _c.token.in_(_SOME))
_PASSES = select(_s.token, _s.at).where(
    _s.community == _HERE,
    _s.token.in_(_SOME),
    _s.at >= bindparam("since"),
    _s.at < bindparam("until"),
    _s.verdict.in_(("grant", "attend")),
)
_VISITS = select(_v.case, _v.at, _v.met, _v.notice_left).where(_v.case.in_(_SOME)).order_by(_v.at)
_ALERTS = select(_a.case, _a.state, _a.proposed).where(_a.case.in_(_SOME))
_QUESTIONS = select(_q.person, _q.question, _q.since).where(_q.community == _HERE, _q.person.in_(_SOME), _q.is_open)
_REGISTRATIONS = select(_r.person, _r.since, _r.until, _r.as_of).where(_r.community == _HERE, _r.person.in_(_SOME))
_PEOPLE = (
    select(_p.id, _p.kind, _p.number, _p.protected, _e.dwelling, _e.role, _e.since, _e.confirmed_until)
    .outerjoin(t.enrolments, and_(_e.person == _p.id, _e.community == _HERE))
    .where(_p.id.in_(_SOME))
)
_STAYS = (
    select(
        _l.person,
        _l.dwelling,
        _l.stay,
        _l.checked_on,
        _l.confirmed_on,
        _l.until,
        _l.left_why,
        _d.use,
        _d.checked_on.label("dwelling_checked"),
    )
    .outerjoin(t.dwellings, _d.id == _l.dwelling)
    .where(_l.community == _HERE, _l.person.in_(_SOME))
    .order_by(_l.id)
)
_LEASES = (
    select(_t.tenant, _t.until, _t.decision)
    .where(_t.community == _HERE, _t.tenant.in_(_SOME))
    .order_by(_t.since, _t.id)
)
_ELSEWHERE = (
    select(_r.person)
    .distinct()
    .where(_r.person.in_(_SOME), _r.community != _HERE, _r.since <= _TODAY)
    .where(or_(_r.until.is_(None), _r.until >= _TODAY))
)


def tokens(connection: Connection, community: str, persons: Sequence[int]) -> list[Row[Any]]:
    """(person, token) of all credentials that these have or had there."""
    return _all(connection, _TOKENS, persons, community=community)


def cases(connection: Connection, community: str, persons: Sequence[int], tokens_of: Sequence[bytes]) -> list[Row[Any]]:
    """All cases about these persons, or about tokens while they were nobody's; oldest first."""
    found = {row.id: row for row in _all(connection, _CASES, persons, community=community)}
    found |= {row.id: row for row in _all(connection, _TOKEN_CASES, tokens_of, community=community)}
    return [found[number] for number in sorted(found)]


def passes(
    connection: Connection, community: str, tokens_of: Sequence[bytes], since: int, until: int
) -> list[Row[Any]]:
    """(token, instant in ms) in [since, until) at which any of these was granted or attended there."""
    return _all(connection, _PASSES, tokens_of, community=community, since=since, until=until)


def visits(connection: Connection, of_cases: Sequence[int]) -> list[Row[Any]]:
    """The visits of these cases, oldest first."""
    return _all(connection, _VISITS, of_cases)


def slips(connection: Connection, of_cases: Sequence[int]) -> list[Row[Any]]:
    """(case, state, when proposed in ms) of every slip that was ever proposed about these cases."""
    return _all(connection, _ALERTS, of_cases)


def questions(connection: Connection, community: str, persons: Sequence[int]) -> list[Row[Any]]:
    """(person, question, since) of what the property is asked about these."""
    return _all(connection, _QUESTIONS, persons, community=community)


def registrations(connection: Connection, community: str, persons: Sequence[int]) -> list[Row[Any]]:
    """(person, since, until, as of) of the registrations of these there."""
    return _all(connection, _REGISTRATIONS, persons, community=community)


def people(connection: Connection, community: str, persons: Sequence[int]) -> list[Row[Any]]:
    """These persons, each with their enrolment there, if they have one."""
    return _all(connection, _PEOPLE, persons, community=community)


def stays(connection: Connection, community: str, persons: Sequence[int]) -> list[Row[Any]]:
    """Where these live there or lived, with how the dwelling is used; the last one last."""
    return _all(connection, _STAYS, persons, community=community)


def leases(connection: Connection, community: str, persons: Sequence[int]) -> list[Row[Any]]:
    """(tenant, until, decision) of the leases of these there; the last one last."""
    return _all(connection, _LEASES, persons, community=community)


def registered_elsewhere(connection: Connection, community: str, persons: Sequence[int], today: date) -> set[int]:
    """Those of these who are registered in another community on that day."""
    return {row.person for row in _all(connection, _ELSEWHERE, persons, community=community, today=today)}


def _all(connection: Connection, query: Select[Any], some: Sequence[Any], **named: Any) -> list[Row[Any]]:
    """What the query gives for all of `some`; nothing is asked about nobody."""
    return [row for part in _chunks(some) for row in connection.execute(query, named | {"some": part})]


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
