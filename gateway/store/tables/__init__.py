"""The tables of the centre. Numbers, names and phones are ciphertext (`keys.Master.hide`); look-ups go by keyed index.

Instants are milliseconds, UTC; days are ISO dates of Asia/Shanghai.
"""

from gateway.store.tables.lists import hukou_records, inflow_pushes, out_movers
from gateway.store.tables.register import (
    addresses,
    communities,
    credentials,
    dwellings,
    enrolments,
    history,
    households,
    import_rows,
    imports,
    leases,
    merges,
    persons,
    registrations,
    residents,
    visitors,
)
from gateway.store.tables.rulebook import policies, questions
from gateway.store.tables.schema import metadata
from gateway.store.tables.traffic import (
    MARKED,
    certificates,
    clocks,
    commands,
    lost,
    quarantine,
    settings,
    stations,
    streams,
    swipes,
    troubles,
)
from gateway.store.tables.work import alerts, blind_checks, case_events, cases, deputies, draws, outbox, visits

__all__ = [
    "MARKED",
    "addresses",
    "alerts",
    "blind_checks",
    "case_events",
    "cases",
    "certificates",
    "clocks",
    "commands",
    "communities",
    "credentials",
    "deputies",
    "draws",
    "dwellings",
    "enrolments",
    "history",
    "households",
    "hukou_records",
    "import_rows",
    "imports",
    "inflow_pushes",
    "leases",
    "lost",
    "merges",
    "metadata",
    "out_movers",
    "outbox",
    "persons",
    "policies",
    "quarantine",
    "questions",
    "registrations",
    "residents",
    "settings",
    "stations",
    "streams",
    "swipes",
    "troubles",
    "visitors",
    "visits",
]
