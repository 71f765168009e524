"""What `gateway rules replay` costs: `python -m tests.bench.replaying [postgres]`, a million swipes of 20,000 people.

One card in a hundred is nobody's; one person in five is not registered. The policy that is tried asks for fewer days,
pauses after three tries, keeps an area from being entered twice and has two rows of a site.
"""

import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from gateway.centre.replay import Replay
from gateway.store import tables as t
from gateway.store.database import Database
from rules.conditions import Clause, Condition, Then
from rules.model import GatePolicy, Passback
from rules.policy import Collection
from tests.gateway.centre.office import (
    EPOCH,
    MASTER,
    NOW,
    POLICY,
    STATION,
    TODAY,
    YUAN,
    Office,
    entry,
    number,
    registration,
    token,
)
from tests.gateway.store.databases import Postgres

PEOPLE, SWIPES, DAYS = 20_000, 1_000_000, 30
AT_ONCE = 10_000
TRIED = replace(
    POLICY,
    version=2,
    collection=Collection(days_distinct=2, evenings=1, grace_days=3),
    gate=GatePolicy(
        version=2,
        attempts=3,
        passback=(Passback(("east", "west"), "court", 3600),),
        conditions=(
            Condition("night", Then.ATTEND, (Clause("time", inside=True, values=("00:00-05:00",)),)),
            Condition("line", Then.SAY, (Clause("weekday", inside=True, values=("sat", "sun")),), "请走西门"),
        ),
    ),
)


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
        fill(Office(database), PEOPLE, SWIPES)
        with database.write() as connection:
            connection.exec_driver_sql("ANALYZE")  # what every server does by itself after a while
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(3):
            cpu = time.process_time()
            done = Replay(database, MASTER, POLICY, TRIED, days=DAYS, now=NOW.timestamp).run()
            busy = time.process_time() - cpu
            print(
                f"{done.swipes} swipes, {done.cards} cards, {done.people} people: {done.took_s:.1f} s, {busy:.1f} CPU"
            )
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"memory at its highest {after // 1024} MiB, {before // 1024} of it before")
        for change in (*done.gate, *done.cases):
            print(f"  {change.before} -> {change.after}: {change.swipes} swipes, {change.concerned}")


def fill(office: Office, people: int, swipes: int) -> None:
    """Enrol people, register four in five, and store swipes of the last days, in the order in which they were made."""
    numbers = [number(i % 999 + 1, date(1950 + i // 999, 1, 1)) for i in range(people)]
    for start in range(0, people, 1_000):
        part = numbers[start : start + 1_000]
        rows = [entry(one, room=f"{start + i}室", since=TODAY - timedelta(days=i % 40)) for i, one in enumerate(part)]
        office.enrol(*rows)
        known = [one for i, one in enumerate(part) if i % 5]
        office.import_register(*[registration(one) for one in known], complete=False)
    with office.database.write() as connection:
        connection.execute(t.communities.update().values(register_as_of=TODAY))
    cards = [token(one) for one in numbers] + [token(number(i + 1, date(1940, 1, 1))) for i in range(people // 100)]
    made = _swipes(cards, people, swipes)
    while chunk := list(islice(made, AT_ONCE)):
        with office.database.write() as connection:
            connection.execute(t.swipes.insert(), chunk)


def _swipes(cards: list[bytes], known: int, count: int) -> Iterator[dict[str, Any]]:
    chance = Random(7)
    now = int(NOW.timestamp() * 1000)
    step = DAYS * 86_400_000 // count
    for seq in range(1, count + 1):
        card = chance.randrange(len(cards))
        stranger = card >= known
        leaving = chance.random() < 0.5
        yield {
            "community": YUAN,
            "station": STATION,
            "epoch": EPOCH,
            "seq": seq,
            "at": now - (count - seq) * step,
            "received": now,
            "portal": chance.choice(("east", "west")),
            "reader": "r",
            "direction": "out" if leaving else "in",
            "kind": "citizen-id",
            "token": cards[card],
            "verdict": "attend" if stranger and not leaving else "grant",
            "reasons": "exit" if leaving else "unknown_credential" if stranger else "enrolled",
            "flags": "" if stranger or card % 5 else "unregistered",
            "roster": 1,
            "policy": 1,
            "recorded": True,
            "unattended": False,
        }


if __name__ == "__main__":
    main()
