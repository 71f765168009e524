"""Tables of what stations send: stations with their clocks and certificates, streams, swipes, and what went wrong."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from gateway.store.tables.schema import metadata, number

settings = Table(
    "settings",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

stations = Table(
    "stations",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("enrolled_at", BigInteger, nullable=False),
    Column("heard_at", BigInteger),
    Column("status", JSON),
    Column("revoked_at", BigInteger),
    Column("commands", BigInteger, nullable=False, server_default="0"),
)

troubles = Table(
    "troubles",
    metadata,
    Column("id", number, primary_key=True),
    Column("station", ForeignKey("stations.name"), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("accepted_by", String(64)),
    Column("accepted_at", BigInteger),
)

clocks = Table(
    "clocks",
    metadata,
    Column("station", ForeignKey("stations.name"), primary_key=True),
    Column("boot", String(16), primary_key=True),
    Column("since", BigInteger, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("until_offset", BigInteger, nullable=False),
    Column("noted", BigInteger, nullable=False),
)
"""A row for each stretch in which a clock was synchronised: from and to when by the machine's monotonic clock (ms), and
what had to be added to that to have the time of day at either end.
"""

certificates = Table(
    "certificates",
    metadata,
    Column("serial", String(40), primary_key=True),
    Column("name", String(60), nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("begins", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False),
    Column("issued", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

commands = Table(
    "commands",
    metadata,
    Column("id", number, primary_key=True),
    Column("station", ForeignKey("stations.name"), nullable=False, index=True),
    Column("community", String(40), nullable=False),
    Column("epoch", String(16), nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("heartbeat", BigInteger, nullable=False),
    Column("act", String(16), nullable=False),
    Column("target", String(64), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("issued", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(40), nullable=False, server_default=""),
    Column("answered", BigInteger),
    Column("seq", BigInteger),
    UniqueConstraint("station", "counter"),
)

streams = Table(
    "streams",
    metadata,
    Column("station", ForeignKey("stations.name"), primary_key=True),
    Column("epoch", String(16), primary_key=True),
    Column("upto", BigInteger, nullable=False),
    Column("ranges", JSON, nullable=False),
    Column("claimed", BigInteger, nullable=False, server_default="0"),
    Column("first_heard", BigInteger, nullable=False),
    Column("missing_since", BigInteger, index=True),
    Column("boot", String(16), nullable=False, server_default=""),
    Column("generation", Integer, nullable=False, server_default="1"),
    Column("greeted", Boolean, nullable=False, server_default=text("true")),
)

swipes = Table(
    "swipes",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", String(40), nullable=False),
    Column("station", String(40), nullable=False),
    Column("epoch", String(16), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("portal", String(64), nullable=False),
    Column("reader", String(64), nullable=False),
    Column("direction", String(3), nullable=False),
    Column("kind", String(32)),
    Column("token", LargeBinary(16)),
    Column("verdict", String(8), nullable=False),
    Column("reasons", String(200), nullable=False),
    Column("flags", String(200), nullable=False),
    Column("roster", BigInteger, nullable=False),
    Column("policy", BigInteger, nullable=False),
    Column("recorded", Boolean, nullable=False),
    Column("unattended", Boolean, nullable=False),
    Column("by_hand", String(32)),
    Column("sealed", LargeBinary),
    Column("mono", BigInteger, nullable=False, server_default="0"),
    Column("clock", String(32), nullable=False, server_default="synced"),
    Column("said_at", BigInteger),
)

Index(
    "ix_swipes_uncorrected",
    swipes.c.station,
    swipes.c.epoch,
    sqlite_where=text("clock <> 'synced' AND said_at IS NULL"),
    postgresql_where=text("clock <> 'synced' AND said_at IS NULL"),
)

MARKED = "(flags <> '' OR reasons IN ('unknown_credential', 'enrolment_expired'))"
"""What a judgement may follow from. A query must have this very text, or it cannot use the index."""

Index(
    "ix_swipes_marked",
    swipes.c.token,
    swipes.c.at,
    sqlite_where=text(MARKED),
    postgresql_where=text(MARKED),
)

Index("ix_swipes_community_token_at", swipes.c.community, swipes.c.token, swipes.c.at)

Index(
    "ix_swipes_sealed",
    swipes.c.at,
    sqlite_where=text("sealed IS NOT NULL"),
    postgresql_where=text("sealed IS NOT NULL"),
)

Index("ix_swipes_received", swipes.c.received)

gate_acts = Table(
    "gate_acts",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("station", String(40), nullable=False),
    Column("epoch", String(16), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("portal", String(64), nullable=False),
    Column("until", BigInteger),
    Column("said", String(40)),
    Column("dwelling", ForeignKey("dwellings.id")),
    Column("name", LargeBinary),
    Column("state", String(8), nullable=False),
    Column("outcome", String(24), nullable=False, server_default=""),
    Column("done_by", String(64)),
    Column("done_at", BigInteger),
    UniqueConstraint("station", "epoch", "seq"),
)
"""What a guard did: hold-open periods, visitors entered, lost cards, hand-overs, and the dwelling of a new resident.

`name` is whose card is lost, or what a hand-over says, encrypted. `said` is the dwelling as the guard wrote it,
`dwelling` the one that it is. `state` is noted, or open until the property has dealt with it, then done.
"""
Index("ix_gate_acts_community_state", gate_acts.c.community, gate_acts.c.state, gate_acts.c.id)
Index("ix_gate_acts_community_kind_at", gate_acts.c.community, gate_acts.c.kind, gate_acts.c.at)

lost = Table(
    "lost",
    metadata,
    Column("id", number, primary_key=True),
    Column("station", String(40), nullable=False),
    Column("epoch", String(16), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("declared", BigInteger, nullable=False),
    Column("accepted_by", String(64)),
    Column("accepted_at", BigInteger),
    UniqueConstraint("station", "epoch", "first"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", number, primary_key=True),
    Column("received", BigInteger, nullable=False),
    Column("topic", String(200), nullable=False),
    Column("station", String(40)),
    Column("reason", String(200), nullable=False),
    Column("size", BigInteger, nullable=False),
)

retention_runs = Table(
    "retention_runs",
    metadata,
    Column("id", number, primary_key=True),
    Column("started", BigInteger, nullable=False),
    Column("finished", BigInteger, nullable=False),
    Column("policy", Integer, nullable=False),
    Column("before", JSON, nullable=False),
    Column("deleted", JSON, nullable=False),
)
"""What each run of the retention deleted: `before` and `deleted` map what it is to an instant and to a count."""
