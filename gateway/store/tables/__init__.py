"""The tables of the centre. Numbers, names and phones are ciphertext (`keys.Master.hide`); look-ups go by keyed index.

Instants are milliseconds, UTC; days are ISO dates of Asia/Shanghai.
"""

from gateway.store.tables.accounts import accounts, audit, recovery_codes, sign_ins
from gateway.store.tables.declared import codes, declarations, requests
from gateway.store.tables.figures import (
    device_days,
    field_audits,
    field_findings,
    figures,
    month_ends,
    traffic_days,
)
from gateway.store.tables.lists import hukou_records, inflow_pushes, out_movers
from gateway.store.tables.police import police_lists, webhook_endpoints, webhook_events
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
    "accounts",
    "addresses",
    "alerts",
    "audit",
    "blind_checks",
    "case_events",
    "cases",
    "certificates",
    "clocks",
    "codes",
    "commands",
    "communities",
    "credentials",
    "declarations",
    "deputies",
    "device_days",
    "draws",
    "dwellings",
    "enrolments",
    "field_audits",
    "field_findings",
    "figures",
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
    "month_ends",
    "out_movers",
    "outbox",
    "persons",
    "police_lists",
    "policies",
    "quarantine",
    "questions",
    "recovery_codes",
    "registrations",
    "requests",
    "residents",
    "settings",
    "sign_ins",
    "stations",
    "streams",
    "swipes",
    "traffic_days",
    "troubles",
    "visitors",
    "visits",
    "webhook_endpoints",
    "webhook_events",
]
