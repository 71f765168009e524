"""What the street looks at again: one phone of five people, ten records in ten minutes, records without a visit."""

from datetime import date, timedelta
from typing import Any

from gateway.centre.living import Left, Residency
from gateway.centre.oversight import LOOK_BACK_MS, Hints, hints
from gateway.store import tables as t
from gateway.store.queries import casefile
from tests.gateway.centre.office import BY, MASTER, OTHER, TODAY, YUAN, Office, entry, moment, number


def found(office: Office, now: int = moment(20), community: str = YUAN) -> Hints:
    with office.database.read() as connection:
        return hints(connection, MASTER, [community], now)


def test_one_phone_of_five_people_is_looked_at_and_of_four_it_is_not(office: Office) -> None:
    shared, own = "13900000001", "13900000002"
    people = [entry(number(i), room=f"{i}室", phone=shared if i <= 5 else own) for i in range(1, 10)]
    office.enrol(*people)
    office.enrol(entry(number(20), phone=own), community=OTHER)
    (one,) = found(office).phones
    assert len(one.people) == 5
    assert found(office, community=OTHER).phones == ()
    with office.database.write() as connection:
        Residency(MASTER).moved_out(connection, BY, YUAN, 1, TODAY, Left.DECLARED)
    assert found(office).phones == (), "four are left"


def cases(office: Office, count: int, **over: Any) -> list[int]:
    """So many cases, each of a dwelling of its own, assigned to a worker."""
    with office.database.write() as connection:
        home = t.dwellings.insert().returning(t.dwellings.c.id)
        at = {"community": YUAN, "building": "1栋", "unit": ""}
        homes = [connection.execute(home.values(**at, room=f"{i}室")).scalar_one() for i in range(count)]
        case = {"revision": 1, "community": YUAN, "kind": "collection", "source": "visit", "opened": 0, "because": {}}
        case |= {"policy": 1, "opened_on": date(2026, 11, 1), "due": date(2026, 11, 15), "state": "collected"}
        case |= {"is_open": True, "collector": "worker-1"}
        return [
            connection.execute(
                t.cases.insert()
                .values(**(case | {"dwelling": home, "token": bytes([i]) * 16} | over))
                .returning(t.cases.c.id)
            ).scalar_one()
            for i, home in enumerate(homes)
        ]


def collected(office: Office, case: int, at: int, who: str = "worker-1") -> None:
    with office.database.write() as connection:
        casefile.add_event(connection, case, at=at, actor=who, act="collect", state="collected")


def test_more_than_ten_records_in_ten_minutes_are_in_haste(office: Office) -> None:
    every = cases(office, 11)
    minute = 60_000
    for i, case in enumerate(every):
        collected(office, case, moment(20) + i * minute)
        collected(office, case, moment(20) + i * minute - i, who="worker-2" if i < 10 else "declaration R1")
        collected(office, case, moment(20) + i * minute + i * 6_001, who="worker-3")
    (one,) = found(office).quick
    assert (one.who, one.records, one.until - one.since) == ("worker-1", 11, timedelta(minutes=10))
    assert found(office, moment(20) + LOOK_BACK_MS + 1).quick == (), "the first of them is too long ago"
    assert found(office, community=OTHER).quick == ()


def test_what_was_collected_where_nobody_had_been_is_looked_at(office: Office) -> None:
    visited, same_door, unvisited, away, late, declared = cases(office, 6)
    (desk,) = cases_of_a_desk(office)
    c, v = t.cases, t.visits
    with office.database.write() as connection:
        home = connection.execute(c.select().where(c.c.id == visited)).one().dwelling
        connection.execute(c.update().where(c.c.id == same_door).values(dwelling=home))
        for case, at in ((visited, moment(19)), (away, moment(19)), (late, moment(21))):
            met = {"met": case != away, "notice_left": False, "actor": "worker-1"}
            connection.execute(v.insert().values(case=case, at=at, **met))
    for case in (visited, same_door, unvisited, away, late, desk):
        collected(office, case, moment(20))
    collected(office, declared, moment(20), who="declaration R2")
    seen = found(office)
    assert [(one.case, one.who) for one in seen.unvisited] == [(one, "worker-1") for one in (late, away, unvisited)]
    assert (seen.of(YUAN), seen.of(OTHER)) == (3, 0)
    assert found(office, moment(20) + LOOK_BACK_MS + 1).unvisited == ()


def cases_of_a_desk(office: Office) -> list[int]:
    """A case that was never anybody's to visit."""
    with office.database.write() as connection:
        case = {
            "revision": 1,
            "community": YUAN,
            "kind": "collection",
            "source": "property",
            "opened": 0,
            "because": {},
        }
        case |= {"policy": 1, "opened_on": date(2026, 11, 1), "state": "collected", "is_open": True, "token": b"d" * 16}
        return [connection.execute(t.cases.insert().values(**case, due=TODAY).returning(t.cases.c.id)).scalar_one()]
