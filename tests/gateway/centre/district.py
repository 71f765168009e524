"""A district of several communities for tests of pages: figures of half a year, a month that is frozen, a committee."""

from datetime import date, timedelta

from gateway.store import tables as t
from gateway.store.queries import figures
from rules.indicators import Counts, Indicator, Unknown
from rules.roles import Role
from tests.browsing import Visitor
from tests.gateway.centre.centres import Centre
from tests.gateway.centre.office import OTHER, POLICE, TODAY, YUAN
from tests.gateway.centre.station_desk import account

DAY = TODAY + timedelta(days=1)
"""The newest day of figures: the running centre counts none of it."""
MONTH, LAST = "2026-10", date(2026, 10, 31)
I = Indicator  # noqa: E741
PLACES = {
    YUAN: ("滨河苑", True, 2698, 2781),
    OTHER: ("沿江苑", True, 1960, 1996),
    "wang-jiang": ("望江苑", True, 1204, 1260),
    "dong-men": ("东门社区", False, 3310, 3402),
    "xi-he": ("西河里", True, 187, 190),
    "nan-yuan": ("南苑新村", True, 871, 874),
    "bei-cun": ("北村", False, 640, 690),
    "xin-ju": ("新居苑", True, 0, 0),
}
"""Name, whether it has gates, registered people and people there: one is small, one lacks three, one its list."""


def _of(name: str, gated: bool, good: int, people: int, week: int) -> dict[Indicator, Counts]:
    """What was counted of a place so many weeks ago."""
    if not people:
        return {I.REGISTRATION: Counts(0, 0, unknown=Unknown.NO_LIST), I.LINKED: Counts(0, 0, unknown=Unknown.NO_LIST)}
    late = min(good, week * people // 200)
    found = {
        I.REGISTRATION: Counts(good - late, people, pending=12),
        I.LINKED: Counts(people - people // 20, people),
        I.ON_TIME: Counts(people // 40, people // 36),
        I.DISMISSED: Counts(people // 90, people // 38),
        I.ANSWERED: Counts(6, 12),
        I.TOGETHER: Counts(people // 60, people // 50),
        I.STAFFING: Counts(1, 1),
        I.PLATES: Counts(people // 3, people // 3 + 8),
        I.OUTFLOW: Counts(people // 30, people // 30 + 9),
        I.INFLOW: Counts(people // 12, people // 12 + 6),
        I.INFLOW_LIVING: Counts(people // 15, people // 12 + 6),
        I.INFLOW_GONE: Counts(people // 12 - people // 15, people // 12 + 6),
        I.HUKOU_CHECKED: Counts(people - people // 50, people),
        I.CANCELLED: Counts(0, 0, unknown=Unknown.NO_LIST),
    }
    if name in ("滨河苑", "望江苑"):
        right = 70 if name == "望江苑" else 97
        found |= {I.REGISTRATION_SAMPLED: Counts(118, 123), I.ACCURACY: Counts(right, 100)}
        found |= {I.NOT_DEREGISTERED: Counts(6, 100)}
    else:
        found |= dict.fromkeys((I.REGISTRATION_SAMPLED, I.ACCURACY), Counts(0, 0, unknown=Unknown.NOT_DRAWN))
    if gated:
        silent = Unknown.SILENT if name == "沿江苑" else None
        found |= {I.GATES_INSTALLED: Counts(1, 1), I.GATES_ONLINE: Counts(1, 1, unknown=silent)}
        found |= {I.GATES_IN_USE: Counts(1, 1, unknown=silent), I.CARD_USE: Counts(people // 3, people, unknown=silent)}
        found |= {I.DEVICES_ONLINE: Counts(8200 if name == "沿江苑" else 9900, 10000)}
    return found


def fill(centre: Centre) -> None:
    """Communities and their figures of half a year; the last October is frozen."""
    now = int(centre.clock[0] * 1000)
    days = {DAY - timedelta(weeks=week): week for week in range(20)} | {LAST: 4}
    with centre.database().write() as connection:
        for place, (name, gated, *_) in PLACES.items():
            values = {"name": name, "gated": gated, "street": "江湾街道", "police_station": POLICE, "portals": []}
            if place in (YUAN, OTHER):
                connection.execute(t.communities.update().where(t.communities.c.id == place).values(gated=gated))
            else:
                connection.execute(t.communities.insert().values(id=place, **values))
        for day, week in days.items():
            of = {place: _of(*values, week) for place, values in PLACES.items()}
            for indicator in Indicator:
                counts = {place: found[indicator] for place, found in of.items() if indicator in found}
                figures.keep(connection, day, indicator, counts, now)
        for kind in ("pushes", "dwellings"):
            row = {"community": YUAN, "kind": kind, "actor": "x", "started": now, "finished": now, "state": "taken"}
            connection.execute(t.imports.insert().values(complete=False, dropped=[], digest="", **row))
    freeze = centre.ask("POST", f"/api/v1/month-ends/{MONTH}", "administrator-everywhere")
    if freeze.status not in (201, 409):  # the centre may have been faster
        raise ValueError(f"{freeze.status}: {freeze.text}")


def committee(centre: Centre) -> Visitor:
    """A member of the committee at a browser."""
    return account(centre, "zheng-fa", Role.COMMITTEE, shown="政法委 周")
