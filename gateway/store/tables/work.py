"""Tables of the work: cases with their events and visits, slips to the police, and what waits to be delivered."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from gateway.store.tables.schema import metadata, number

cases = Table(
    "cases",
    metadata,
    Column("id", number, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("source", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("person", ForeignKey("persons.id")),
    Column("token", LargeBinary(16)),
    Column("dwelling", ForeignKey("dwellings.id")),
    Column("opened_on", Date, nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("due", Date),
    Column("because", JSON, nullable=False),
    Column("policy", BigInteger, nullable=False),
    Column("collector", String(64)),
    Column("paused", Boolean, nullable=False, server_default=text("false")),
    Column("reminded_on", Date),
    Column("level", String(20)),
    Column("closed", BigInteger, index=True),
    Column("how", String(40)),
    Column("appointment", BigInteger),
    Column("objection", String(24)),
    Column("merged_into", ForeignKey("cases.id")),
)
"""`collector` is who it is assigned to; `paused` while a resident's `objection` waits for a reviewer."""

Index(
    "uq_cases_open_person",
    cases.c.community,
    cases.c.person,
    unique=True,
    sqlite_where=text("is_open = 1 AND person IS NOT NULL"),
    postgresql_where=text("is_open AND person IS NOT NULL"),
)

Index(
    "uq_cases_open_token",
    cases.c.community,
    cases.c.token,
    unique=True,
    sqlite_where=text("is_open = 1 AND token IS NOT NULL"),
    postgresql_where=text("is_open AND token IS NOT NULL"),
)

Index("ix_cases_person", cases.c.person)

Index("ix_cases_community_id", cases.c.community, cases.c.id)

Index("ix_cases_token", cases.c.token)

Index(
    "ix_cases_open",
    cases.c.community,
    cases.c.id,
    sqlite_where=text("is_open = 1"),
    postgresql_where=text("is_open"),
)

Index(
    "ix_cases_collector",
    cases.c.collector,
    sqlite_where=text("is_open = 1"),
    postgresql_where=text("is_open"),
)

Index(
    "ix_cases_dwelling",
    cases.c.dwelling,
    sqlite_where=text("is_open = 1"),
    postgresql_where=text("is_open"),
)

case_events = Table(
    "case_events",
    metadata,
    Column("id", number, primary_key=True),
    Column("case", ForeignKey("cases.id"), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("act", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("note", String(500), nullable=False, server_default=""),
)

visits = Table(
    "visits",
    metadata,
    Column("id", number, primary_key=True),
    Column("case", ForeignKey("cases.id"), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("met", Boolean, nullable=False),
    Column("notice_left", Boolean, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("attempt", Integer),
    Column("appointment", BigInteger),
    Column("roles", String(40), nullable=False, server_default="worker"),
    Column("came", LargeBinary),
)
"""`attempt`: how many times nobody was met by then. `roles` of whoever came, sorted, with commas between them; `came`:
their names, encrypted.
"""

deputies = Table(
    "deputies",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("worker", String(64), nullable=False, index=True),
    Column("deputy", String(64), nullable=False, index=True),
    Column("since", Date, nullable=False),
    Column("until", Date, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(64), nullable=False),
)
"""Who does whose cases in a community (A/B 角), from `since` through `until`."""

sent_forms = Table(
    "sent_forms",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("key", String(40), primary_key=True),
    Column("said", LargeBinary(16), nullable=False),
    Column("to", String(200), nullable=False),
    Column("at", BigInteger, nullable=False, index=True),
)
"""Forms that were taken: a keyed hash of what each said, and where its sender was led."""

draws = Table(
    "draws",
    metadata,
    Column("id", number, primary_key=True),
    Column("month", Date, nullable=False, unique=True),
    Column("seed", String(64), nullable=False),
    Column("population", Integer, nullable=False),
    Column("cases", JSON, nullable=False),
    Column("drawn", BigInteger, nullable=False),
)
"""Which dismissals of a month are checked again: drawn by `seed` from all `cases`, so that it can be done again."""

blind_checks = Table(
    "blind_checks",
    metadata,
    Column("id", number, primary_key=True),
    Column("draw", ForeignKey("draws.id"), nullable=False),
    Column("case", ForeignKey("cases.id"), nullable=False, index=True),
    Column("checker", String(64)),
    Column("checked", BigInteger),
    Column("upheld", Boolean, index=True),
    Column("note", String(500), nullable=False, server_default=""),
    UniqueConstraint("draw", "case"),
)
"""A dismissal looked at again by somebody who had no hand in it; `upheld` None until then."""

alerts = Table(
    "alerts",
    metadata,
    Column("id", number, primary_key=True),
    Column("slip", String(20), nullable=False, unique=True),
    Column("revision", Integer, nullable=False),
    Column("case", ForeignKey("cases.id"), nullable=False),
    Column("community", String(40), nullable=False),
    Column("police_station", String(40), nullable=False),
    Column("state", String(20), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("rule", String(32), nullable=False),
    Column("since", Date, nullable=False),
    Column("proposed", BigInteger, nullable=False),
    Column("level", String(20)),
    Column("sent", BigInteger),
    Column("sent_by", String(64)),
    Column("answered", BigInteger),
    Column("answer", String(20)),
    Column("answered_by", String(64)),
    Column("receipt", String(64)),
    Column("note", String(500), nullable=False, server_default=""),
    Column("grounds", JSON),
    Column("sending", Integer, nullable=False, server_default="0"),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("repeated", BigInteger),
)
"""`grounds`: what it rested on when it was proposed (`centre.grounds`). `sending`: how many times it was sent.
`repeats`: visits since it was proposed that changed nothing, the last of them known at `repeated`.
"""

Index(
    "uq_alerts_open_case",
    alerts.c.case,
    unique=True,
    sqlite_where=text("is_open = 1"),
    postgresql_where=text("is_open"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", number, primary_key=True),
    Column("topic", String(200), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("slip", String(20)),
    Column("created", BigInteger, nullable=False),
    Column("delivered", BigInteger, index=True),
)
