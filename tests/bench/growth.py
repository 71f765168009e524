"""Lists, figures and pages over a large register on PostgreSQL: `python -m tests.bench.growth [PEOPLE] [SWIPES]`.

The rows are made by the database itself; there are 200 names, so that lists can open them.
"""

import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from gateway.centre.accounts.pages import HOME
from gateway.store.database import Database
from rules.roles import Role
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.crawl import pages_of
from tests.gateway.centre.office import MASTER, POLICE, TODAY, YUAN
from tests.gateway.store.databases import Postgres

A_COMMUNITY = 2_500
ROUNDS = 40
CASES = 50_000


def fill(database: Database, people: int, swipes: int) -> None:
    """So many people in communities of 2,500, each living somewhere and enrolled; 97 in 100 are registered."""
    names = [MASTER.hide("persons.name", f"测试{chr(0x4E00 + i)}") for i in range(200)]
    number = MASTER.hide("persons.number", "51009919000101001X")
    because = {"on": [], "evenings": 0, "days_needed": 3, "evenings_needed": 2, "window_days": 14, "grace_days": 7}
    because |= {"unregistered_since": "2026-10-01", "register_as_of": "2026-11-22", "policy_version": 1}
    values = {
        "because": json.dumps(because),
        "names": names,
        "number": number,
        "n": people,
        "size": A_COMMUNITY,
        "today": TODAY,
        "swipes": swipes,
    }
    with database.write() as connection:
        for statement in FILL:
            begun = time.monotonic()
            connection.execute(text(statement), values)
            print(f"{time.monotonic() - begun:6.1f} s  {statement.split('(')[0].strip()}", flush=True)
    with database.write() as connection:
        connection.execute(text("ANALYZE"))


_PLACE = f"CASE WHEN i <= :size THEN '{YUAN}' ELSE 'yuan-' || ((i - 1) / :size) END"
FILL = (
    "INSERT INTO communities (id, name, street, police_station, portals, register_as_of) SELECT 'yuan-' || g, 'y',"
    " 'street-' || (g / 16),"
    " 'jiangwan', '[]', :today FROM generate_series(1, :n / :size) g",
    "INSERT INTO persons (id, lookup, kind, number, name) SELECT i, decode(md5(i::text), 'hex'), 'citizen-id', :number,"
    " (CAST(:names AS bytea[]))[1 + i % 200] FROM generate_series(1, :n) i",
    f"INSERT INTO addresses (id, community, building, unit, room, elements, plate) SELECT i, {_PLACE}, (i % 9) ||"
    " '栋', '1单元', i || '室', '{}', 'in_place' FROM generate_series(1, :n) i WHERE i % 3 = 0",
    f"INSERT INTO dwellings (id, community, building, unit, room, address) SELECT i, {_PLACE}, (i % 9) ||"
    " '栋', '1单元', i || '室', i FROM generate_series(1, :n) i WHERE i % 3 = 0",
    f"INSERT INTO residents (community, person, dwelling, category, since, source, confirmed_on, employment) SELECT"
    f" {_PLACE}, i, (i + 2) / 3 * 3, 'floating', :today - 60, 'property', :today - 60, 'none'"
    " FROM generate_series(1, :n - 3) i",
    f"INSERT INTO enrolments (community, person, dwelling, category, role, since) SELECT {_PLACE}, i, (i + 2) / 3 * 3,"
    " 'floating', 0, :today - 60 FROM generate_series(1, :n - 3) i",
    f"INSERT INTO credentials (community, person, kind, token, token_key) SELECT {_PLACE}, i, 'citizen-id',"
    " decode(md5('t' || i), 'hex'), 1 FROM generate_series(1, :n) i",
    f"INSERT INTO registrations (person, community, since, as_of, source) SELECT i, {_PLACE}, :today - 50, :today,"
    " 'import' FROM generate_series(1, :n) i WHERE i % 100 < 97",
    f"INSERT INTO cases (revision, community, kind, source, state, is_open, person, dwelling, opened_on, opened,"
    f" closed, due, because, policy) SELECT 1, {_PLACE}, 'collection', 'property',"
    " CASE WHEN i % 20 = 0 THEN 'open' ELSE 'registered' END, i % 20 = 0, i, (i + 2) / 3 * 3, :today - 20,"
    " 1795000000000 -"
    " (20 + i % 365)::bigint * 86400000, CASE WHEN i % 20 > 0 THEN 1795000000000 - (i % 365)::bigint * 86400000 END,"
    " :today - 6, CAST(:because AS json), 1"
    " FROM generate_series(1, :n - 3) i",
    'INSERT INTO case_events ("case", at, actor, act, state, note)'
    " SELECT id, 1795000000000 - (id % 365)::bigint * 86400000, 'worker-' || (id % 5), 'collect', 'collected', ''"
    " FROM cases",
    'INSERT INTO alerts (slip, revision, "case", community, police_station, state, is_open, rule, since, proposed,'
    " sent, sending) SELECT '20261101-' || id, 1, id, community, 'jiangwan', 'sent', true, 'overdue', :today - 20, 0,"
    " 1793500000000, 1 FROM cases WHERE id % 100 = 0",
    'INSERT INTO case_events ("case", at, actor, act, state, note)'
    " SELECT \"case\", sent, 'reviewer', 'send_slip', 'filed', slip FROM alerts",
    f"INSERT INTO inflow_pushes (community, person, received_on, outcome, outcome_on, reviewed_on, reviewed_by) SELECT"
    f" {_PLACE}, i, :today - 20, 'living', :today - 9, :today - 9, 'a' FROM generate_series(1, :n) i WHERE i % 10 = 0",
    f"INSERT INTO hukou_records (community, person, base_date, status, checked_on, reviewed_by, reviewed_on) SELECT"
    f" {_PLACE}, i, :today - 20, 'present', :today - 9, 'a', :today - 9 FROM generate_series(1, :n) i WHERE i % 3 = 0",
    f"INSERT INTO swipes (community, station, epoch, seq, at, received, portal, reader, direction, kind, token,"
    f" verdict, reasons, flags, roster, policy, recorded, unattended) SELECT CASE WHEN i % :n < :size THEN '{YUAN}'"
    " ELSE 'yuan-' || ((i % :n) / :size) END, 'test-yuan-1', '00000000000000a1', i,"
    " 1795000000000 - (i % 2592000)::bigint * 1000,"
    " 1795000000000, 'east', 'east-in', 'in', 'citizen-id', decode(md5('t' || (i % :n)), 'hex'), 'grant', 'enrolled',"
    " '', 1, 1, true, false FROM generate_series(1, :swipes) i",
)
HERE = f"/api/v1/communities/{YUAN}"
ASKED = (
    ("property-here", f"{HERE}/residents?limit=50"),
    ("property-here", f"{HERE}/residents?limit=50&after=1500"),
    ("property-here", f"{HERE}/residents?name=%E6%B5%8B"),
    ("reviewer-here", f"{HERE}/residents/1/history"),
    ("property-here", f"{HERE}/residents/1/cards"),
    ("reviewer-here", f"{HERE}/twins"),
    ("reviewer-here", f"{HERE}/names"),
    ("reviewer-here", "/api/v1/cases?limit=50"),
    ("reviewer-here", "/api/v1/cases?limit=50&only_open=false"),
    ("reviewer-here", "/api/v1/cases/20/events"),
    ("worker-here", "/api/v1/worklists/tonight"),
    ("reviewer-here", "/api/v1/worklists/review"),
    ("property-here", "/api/v1/worklists/gate"),
    ("reviewer-here", "/api/v1/blind-checks"),
    ("street-here", f"{HERE}/doubts"),
    ("reviewer-here", "/api/v1/alerts?limit=50"),
    ("police-here", "/api/v1/alerts?limit=50"),
    ("police-here", "/api/v1/police/jiangwan"),
    ("police-here", "/api/v1/police/jiangwan/lists"),
    ("police-here", "/api/v1/police/jiangwan/deliveries"),
    ("reviewer-here", "/api/v1/indicators"),
    ("administrator-everywhere", "/api/v1/indicators?indicator=registration"),
    ("administrator-everywhere", "/api/v1/indicators/registration/trend"),
    ("administrator-everywhere", "/api/v1/indicators/time-to-register"),
    ("reviewer-here", f"{HERE}/indicators/registration/list?limit=100"),
    ("reviewer-here", f"{HERE}/indicators/linked/list?limit=100"),
    ("reviewer-here", f"{HERE}/indicators/inflow/list?limit=100"),
    ("reviewer-here", f"{HERE}/indicators/answered/list?limit=100"),
    ("administrator-everywhere", "/api/v1/month-ends"),
    ("administrator-everywhere", "/api/v1/policies"),
    ("property-here", f"{HERE}/visitors"),
    ("property-here", f"{HERE}/leases/ending"),
    ("property-here", f"{HERE}/questions"),
    ("property-here", f"{HERE}/gate-acts"),
    ("reviewer-here", f"{HERE}/lists"),
    ("reviewer-here", f"{HERE}/declarations"),
    ("reviewer-here", f"{HERE}/requests"),
    ("reviewer-here", f"{HERE}/field-audits"),
    ("administrator-everywhere", "/api/v1/cases?limit=50"),
    ("administrator-everywhere", "/api/v1/alerts?limit=50"),
    ("administrator-everywhere", "/admin"),
    ("administrator-everywhere", "/admin/cases"),
    ("administrator-everywhere", "/admin/alerts"),
    ("administrator-everywhere", "/admin/communities"),
    ("administrator-everywhere", "/admin/rules"),
    ("property-here", "/gate/people"),
    ("property-here", "/gate/people/residents"),
    (None, "/me"),
    (None, "/landlord"),
)


PAGES = (
    (Role.PROPERTY, YUAN),
    (Role.WORKER, YUAN),
    (Role.REVIEWER, YUAN),
    (Role.STREET, "street-3"),
    (Role.COMMITTEE, ""),
    (Role.POLICE, POLICE),
    (Role.ADMINISTRATOR, ""),
)
"""Who asks for every page that the links of theirs lead to, and where they belong."""


def ask(centre: Centre) -> None:
    print(f"{'p50 ms':>8} {'p95 ms':>8}  what")
    for client, path in ASKED:
        timed(path, lambda path=path, client=client: centre.ask("GET", path, client).status)
    for role, scope in PAGES:
        visitor = centre.signed_in(role, scope)
        for path in pages_of(visitor, HOME[role]):
            timed(f"{path} as {role.value}", lambda path=path, visitor=visitor: visitor.get(path).status)


def timed(what: str, once: Callable[[], int]) -> None:
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        status = once()
        taken.append((time.perf_counter() - begun) * 1000)
        if status not in (200, 303):
            print(f"{status}  {what}", flush=True)
            break
    print(f"{statistics.median(taken):8.1f} {sorted(taken)[int(len(taken) * 0.95)]:8.1f}  {what}", flush=True)


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    swipes = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
    server = Postgres()
    try:
        url = server.empty()
        with tempfile.TemporaryDirectory(prefix="growth-") as name:
            with running(Path(name), database=url):
                pass
            database = Database(url)
            fill(database, people, swipes)
            database.close()
            begun = time.monotonic()
            with running(Path(name), database=url) as centre:
                print(f"started after {time.monotonic() - begun:.1f} s")
                begun = time.monotonic()
                centre.process._indicators._tally()
                centre.process._indicators.count(TODAY)
                print(f"every indicator of the district counted in {time.monotonic() - begun:.1f} s")
                gc.collect()
                gc.freeze()  # as the program does when it has started
                ask(centre)
    finally:
        server.close()


if __name__ == "__main__":
    main()
