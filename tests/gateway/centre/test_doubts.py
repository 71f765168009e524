"""What the street looks at again: one phone of five people, ten records in ten minutes, records without a visit."""

from datetime import date
from typing import Any

from gateway.centre.living import Left, Residency
from gateway.store import tables as t
from gateway.store.queries import casefile, doubts
from tests.gateway.centre.office import BY, MASTER, OTHER, TODAY, YUAN, Office, entry, moment, number

NEVER = 0


def found(office: Office, what: Any, *since: int, community: str = YUAN) -> list[Any]:
    with office.database.read() as connection:
        return list(what(connection, community, *since, 10))


def test_one_phone_of_five_people_is_looked_at_and_of_four_it_is_not(office: Office) -> None:
    shared, own = "13900000001", "13900000002"
    people = [entry(number(i), room=f"{i}室", phone=shared if i <= 5 else own) for i in range(1, 10)]
    office.enrol(*people)
    office.enrol(entry(number(20), phone=own), community=OTHER)
    (row,) = found(office, doubts.phones)
    assert (MASTER.show("persons.phone", row.phone), row.people) == (shared, 5)
    assert found(office, doubts.phones, community=OTHER) == []
    with office.database.write() as connection:
        Residency(MASTER).moved_out(connection, BY, YUAN, 1, TODAY, Left.DECLARED)
    assert found(office, doubts.phones) == [], "four are left"


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
    (row,) = found(office, doubts.in_haste, NEVER)
    assert (row.actor, row.times, row.last) == ("worker-1", 1, moment(20) + 10 * minute)
    assert found(office, doubts.in_haste, moment(20) + 1) == [], "the first of them is too long ago"
    assert found(office, doubts.in_haste, NEVER, community=OTHER) == []


def test_what_was_collected_where_nobody_had_been_is_looked_at(office: Office) -> None:
    visited, same_door, unvisited, late, declared = cases(office, 5)
    (desk,) = cases_of_a_desk(office)
    c, v = t.cases, t.visits
    with office.database.write() as connection:
        home = connection.execute(c.select().where(c.c.id == visited)).one().dwelling
        connection.execute(c.update().where(c.c.id == same_door).values(dwelling=home))
        for case, at in ((visited, moment(19)), (late, moment(21))):
            connection.execute(v.insert().values(case=case, at=at, met=True, notice_left=False, actor="worker-1"))
    for case in (visited, same_door, unvisited, late, desk):
        collected(office, case, moment(20))
    collected(office, declared, moment(20), who="declaration R2")
    rows = found(office, doubts.without_visit, NEVER)
    assert [(row.case, row.actor, row.at) for row in rows] == [
        (one, "worker-1", moment(20)) for one in (late, unvisited)
    ]
    assert found(office, doubts.without_visit, moment(20) + 1) == []


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
