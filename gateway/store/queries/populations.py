"""Whom or what each indicator counts on a day, and who of them is good: one statement each, for figure and list alike.

Every statement has the columns `community`, `item` (a row's number), `good` and `pending`; what is pending is not in
the denominator. What is counted of a day is what had happened by its end. What each counts and why is
docs/indicators.md.
"""

import time as clock
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, literal, or_, select

from gateway.store import tables as t
from rules.cases import CaseState
from rules.indicators import Indicator
from rules.model import CIVIL, CaseKind, CredentialKind

ANSWER_DAYS = 7
"""The police's time for feedback about a slip."""
_DAY_MS = 86_400_000
_POLICE = ("import", "answer")
_OLD, _LATER, _EVENT = t.residents.alias("older"), t.inflow_pushes.alias("later"), t.case_events.alias("event")
_ALL_THREE = ("worker", "cadre", "volunteer")
_FEEDBACK = ("police_handled", "police_returned", "police_wrong")
"""An acknowledgement (签收) is none."""
Population = Callable[[date], Select[Any]]


def _living(day: date) -> ColumnElement[bool]:
    """Who lives in a community on a day; somebody of whom two say so counts where it was confirmed last."""
    r, other = t.residents.c, _OLD.c
    theirs, ours = (func.coalesce(one.confirmed_on, date(1900, 1, 1)) for one in (other, r))
    later = or_(theirs > ours, and_(theirs == ours, other.id > r.id))
    twice = exists().where(other.person == r.person, other.id != r.id, _on(other, day), later)
    return and_(_on(r, day), ~twice)


def _on(row: Any, day: date) -> ColumnElement[bool]:
    return and_(or_(row.since.is_(None), row.since <= day), or_(row.until.is_(None), row.until >= day))


def _confirmed(day: date) -> ColumnElement[bool]:
    r = t.residents.c
    return and_(r.confirmed_on.is_not(None), r.confirmed_on <= day)


def _linked() -> ColumnElement[bool]:
    d = t.dwellings.c
    return exists().where(d.id == t.residents.c.dwelling, d.address.is_not(None))


def registered(day: date) -> ColumnElement[bool]:
    """Whether a resident is registered here on a day by the police, with all that makes a record 有效."""
    r, g = t.residents.c, t.registrations.c
    employed = or_(r.employment != "unknown", g.employment != "unknown")
    reviewed = or_(and_(r.reviewed_on.is_not(None), r.reviewed_on <= day), g.source == "import")
    here = and_(g.person == r.person, g.community == r.community)
    nameless = exists().where(t.persons.c.id == r.person, t.persons.c.kind == CredentialKind.NO_NUMBER)
    return and_(exists().where(here, _on(g, day), g.source.in_(_POLICE), employed, reviewed), _linked(), ~nameless)


def _registration(day: date) -> Select[Any]:
    r = t.residents.c
    good = and_(_confirmed(day), registered(day))
    return select(r.community, r.id.label("item"), _flag(good), _flag(~_confirmed(day), "pending")).where(_living(day))


def _central(day: date) -> Select[Any]:
    central = select(t.communities.c.id).where(t.communities.c.central)
    return _registration(day).where(t.residents.c.community.in_(central))


def _linked_to_address(day: date) -> Select[Any]:
    r = t.residents.c
    return _select(r, _linked()).where(_living(day), _confirmed(day))


def _outflow(day: date) -> Select[Any]:
    o = t.out_movers.c
    known = and_(o.address.is_not(None), o.phone.is_not(None), o.checked_on.is_not(None), o.checked_on <= day)
    return _select(o, known).where(o.base_date == _newest(t.out_movers, day))


def _inflow(day: date) -> Select[Any]:
    return _pushed(day, or_(_lives(day), _gone(day)))


def _inflow_living(day: date) -> Select[Any]:
    return _pushed(day, _lives(day))


def _inflow_gone(day: date) -> Select[Any]:
    return _pushed(day, _gone(day))


def _lives(day: date) -> ColumnElement[bool]:
    """Pushed, found to live here, and registered; also whoever was only found later to have left."""
    p, g = t.inflow_pushes.c, t.registrations.c
    there = exists().where(g.person == p.person, g.community == p.community, _on(g, day))
    left_later = and_(p.outcome == "left", p.reviewed_on > day)
    return and_(or_(p.outcome == "living", left_later), p.outcome_on <= day, there)


def _gone(day: date) -> ColumnElement[bool]:
    p = t.inflow_pushes.c
    return and_(p.outcome.in_(("not_found", "left")), p.reviewed_by.is_not(None), p.reviewed_on <= day)


def _pushed(day: date, good: ColumnElement[bool]) -> Select[Any]:
    """Pushes received by a day, each person once: where they were pushed to last."""
    p, other = t.inflow_pushes.c, _LATER.c
    later = or_(other.received_on > p.received_on, and_(other.received_on == p.received_on, other.id > p.id))
    again = exists().where(other.person == p.person, other.id != p.id, other.received_on <= day, later)
    return _select(p, good).where(p.received_on <= day, ~again)


def _hukou_checked(day: date) -> Select[Any]:
    h = t.hukou_records.c
    checked = and_(h.status != "unchecked", h.checked_on.is_not(None), h.checked_on <= day)
    done = and_(checked, h.reviewed_by.is_not(None), h.reviewed_on <= day)
    return _select(h, done).where(h.base_date == _newest(t.hukou_records, day))


def _cancelled(day: date) -> Select[Any]:
    h = t.hukou_records.c
    done = and_(h.cancelled_receipt.is_not(None), h.cancelled_on <= day)
    found = and_(h.to_cancel, or_(h.checked_on.is_(None), h.checked_on <= day))
    return _select(h, done).where(found, h.base_date == _newest(t.hukou_records, day))


def _plates(_day: date) -> Select[Any]:
    a = t.addresses.c
    return _select(a, a.plate == "in_place").where(a.plate_required)


def _gates_installed(_day: date) -> Select[Any]:
    return _of_communities(_has_station())


def _gates_online(day: date) -> Select[Any]:
    s = t.stations.c
    since = min(midnight(day, 1), int(clock.time() * 1000)) - _DAY_MS
    return _of_communities(exists().where(s.community == t.communities.c.id, s.heard_at >= since))


def _gates_in_use(day: date) -> Select[Any]:
    c, d = t.communities.c, t.traffic_days.c
    week = and_(d.day >= day - timedelta(days=7), d.day < day, d.granted + d.attended > 0)
    used = select(func.count()).where(d.community == c.id, week).scalar_subquery()
    return _of_communities(used == 7)


def _staffing(_day: date) -> Select[Any]:
    return _of_communities(t.communities.c.staff >= 1, every=True)


def _together(day: date) -> Select[Any]:
    v, c = t.visits.c, t.cases.c
    all_there = and_(*(v.roles.contains(role) for role in _ALL_THREE))
    reviewed = exists().where(*_happened(c.id, ("review",), midnight(day, 1)), _EVENT.c.at >= v.at)
    query = select(c.community, v.id.label("item"), _flag(all_there), _flag(false(), "pending"))
    return query.join_from(t.visits, t.cases, c.id == v["case"]).where(v.met, reviewed)


def _on_time(day: date) -> Select[Any]:
    c = t.cases.c
    ended = c.state.in_((CaseState.REGISTERED, CaseState.DISMISSED))
    days = [day.replace(day=n) for n in range(1, day.day + 1)]
    in_time = and_(ended, or_(*(and_(c.due == one, c.closed < midnight(one, 1)) for one in days)))
    return _select(c, in_time).where(_asked(), c.due >= days[0], c.due <= day)


def _dismissed(day: date) -> Select[Any]:
    c = t.cases.c
    ended = c.state.in_((CaseState.REGISTERED, CaseState.DISMISSED))
    within = and_(c.closed >= midnight(day.replace(day=1)), c.closed < midnight(day, 1))
    return _select(c, c.state == CaseState.DISMISSED).where(_asked(), ended, within)


def _answered(day: date) -> Select[Any]:
    """Slips whose newest sending that is due by a day was answered by then, whatever came of them afterwards."""
    a, e = t.alerts.c, t.case_events.alias("sending").c
    due = midnight(day, 1 - ANSWER_DAYS)
    sent = select(func.max(e.at)).where(e["case"] == a["case"], e.act == "send_slip", e.note == a.slip, e.at < due)
    newest = sent.correlate(t.alerts).scalar_subquery()  # also where it stands within another subquery
    fed_back = exists().where(*_happened(a["case"], _FEEDBACK, midnight(day, 1)), _EVENT.c.at >= newest)
    return _select(a, fed_back).where(newest.is_not(None))


def _happened(case_id: ColumnElement[int], acts: Sequence[str], before: int) -> tuple[ColumnElement[bool], ...]:
    """One of these acts on a case, before an instant."""
    e = _EVENT.c
    return e["case"] == case_id, e.act.in_(acts), e.at < before


def _asked() -> ColumnElement[bool]:
    return t.cases.c.kind != CaseKind.GATE_QUERY


def _has_station() -> ColumnElement[bool]:
    s = t.stations.c
    return exists().where(s.community == t.communities.c.id, s.revoked_at.is_(None))


def _of_communities(good: ColumnElement[bool], *, every: bool = False) -> Select[Any]:
    c = t.communities.c
    query = select(c.id.label("community"), literal(0).label("item"), _flag(good), _flag(false(), "pending"))
    return query if every else query.where(c.gated)


def _select(table: Any, good: ColumnElement[bool]) -> Select[Any]:
    return select(table.community, table.id.label("item"), _flag(good), _flag(false(), "pending"))


def _flag(holds: ColumnElement[bool], name: str = "good") -> Any:
    return case((holds, literal(1)), else_=literal(0)).label(name)


def _newest(table: Any, day: date) -> Any:
    """The newest base date of a community's list that is not after a day."""
    other = table.alias("newest").c
    return (
        select(func.max(other.base_date))
        .where(other.community == table.c.community, other.base_date <= day)
        .correlate(table)
        .scalar_subquery()
    )


def midnight(day: date, days: int = 0) -> int:
    """The instant (ms) at which a civil day begins in Asia/Shanghai, or one so many days later."""
    return int(datetime.combine(day + timedelta(days=days), time(0), CIVIL).timestamp() * 1000)


POPULATIONS: Mapping[Indicator, Population] = {
    Indicator.REGISTRATION: _registration,
    Indicator.REGISTRATION_CENTRAL: _central,
    Indicator.OUTFLOW: _outflow,
    Indicator.INFLOW: _inflow,
    Indicator.INFLOW_LIVING: _inflow_living,
    Indicator.INFLOW_GONE: _inflow_gone,
    Indicator.HUKOU_CHECKED: _hukou_checked,
    Indicator.CANCELLED: _cancelled,
    Indicator.PLATES: _plates,
    Indicator.GATES_INSTALLED: _gates_installed,
    Indicator.GATES_ONLINE: _gates_online,
    Indicator.GATES_IN_USE: _gates_in_use,
    Indicator.STAFFING: _staffing,
    Indicator.TOGETHER: _together,
    Indicator.ON_TIME: _on_time,
    Indicator.DISMISSED: _dismissed,
    Indicator.ANSWERED: _answered,
    Indicator.LINKED: _linked_to_address,
}
"""Those that count rows. Samples, devices and the use of cards are counted by `figures`."""
