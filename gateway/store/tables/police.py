"""Tables of what goes to the police: the lists that were made for a station, and the events of its webhook."""

from sqlalchemy import JSON, BigInteger, Column, Date, Index, Integer, LargeBinary, String, Table

from gateway.store.tables.schema import metadata, number

police_lists = Table(
    "police_lists",
    metadata,
    Column("police_station", String(40), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("made", BigInteger, nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("rows", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
)
"""核查清单 by the working day that it is for. `rows`: slip, revision and community of each; `digest`: of its page."""

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("id", number, primary_key=True),
    Column("message", String(40), nullable=False, unique=True),
    Column("police_station", String(40), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("slip", String(20)),
    Column("body", LargeBinary, nullable=False),
    Column("state", String(12), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("tried", BigInteger),
    Column("status", Integer),
    Column("problem", String(20), nullable=False, server_default=""),
)
"""State: waiting, delivered, or dead (given up). `message` is the id that the receiver sees, the same at every try;
`status` and `problem` are those of the last one.
"""
Index("ix_webhook_events_due", webhook_events.c.police_station, webhook_events.c.state, webhook_events.c.due)
Index("ix_webhook_events_slip", webhook_events.c.slip, webhook_events.c.id)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("police_station", String(40), primary_key=True),
    Column("url", String(500), nullable=False),
    Column("gone", BigInteger, nullable=False),
)
"""Endpoints that said that they are gone for good (410), and when."""
