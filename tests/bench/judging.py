"""What judging costs: `python -m tests.bench.judging [postgres]` on a fresh database with 4,000 people.

One in five is registered and one in ten has passed three times; then everyone is judged again, 200 in a transaction.
"""

import contextlib
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from gateway.store.database import Database
from gateway.store.queries.casefile import Subject
from tests.gateway.centre.office import TODAY, YUAN, Office, entry, number, registration, tenant
from tests.gateway.store.databases import Postgres

PEOPLE = 4_000
AT_ONCE = 200
ROUNDS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as held:
        url = f"sqlite:///{Path(folder) / 'centre.db'}"
        if sys.argv[1:] == ["postgres"]:
            server = Postgres()
            held.callback(server.close)
            url = server.fresh()
        database = Database(url)
        held.callback(database.close)
        database.migrate()
        office = Office(database)
        subjects = _filled(office)
        office.import_register(complete=True)
        for _ in range(ROUNDS):
            began, cpu = time.perf_counter(), time.process_time()
            for start in range(0, len(subjects), AT_ONCE):
                with database.write() as connection:
                    office.casework.judge(connection, subjects[start : start + AT_ONCE])
            took, busy = time.perf_counter() - began, time.process_time() - cpu
            print(f"{len(subjects)} people: {took / PEOPLE * 1e6:.0f} us each, {busy / PEOPLE * 1e6:.0f} us of it CPU")


def _filled(office: Office) -> list[Subject]:
    people = [number(i % 999 + 1, date(1950 + i // 999, 1, 1)) for i in range(PEOPLE)]
    ids: list[int] = []
    for start in range(0, PEOPLE, 1_000):
        part = people[start : start + 1_000]
        rows = [entry(one, room=f"{start + i}室", since=TODAY - timedelta(days=i % 20)) for i, one in enumerate(part)]
        ids += office.enrol(*rows)
        office.import_register(*[registration(one) for one in part[::5]], complete=False)
    seq = 1
    for one in people[::10]:
        office.take(*tenant(one, first=seq))
        seq += 3
    return [Subject(YUAN, one, None) for one in ids]


if __name__ == "__main__":
    main()
