"""The tables of the centre. Numbers, names and phones are ciphertext (`keys.Master.hide`); look-ups go by keyed index.

Instants are milliseconds, UTC; days are ISO dates of Asia/Shanghai.
"""

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
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_id = BigInteger().with_variant(Integer, "sqlite")

settings = Table(
    "settings",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

communities = Table(
    "communities",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("street", String(80), nullable=False),
    Column("police_station", String(40), nullable=False),
    Column("portals", JSON, nullable=False),
    Column("register_as_of", Date),
    Column("roster_version", BigInteger, nullable=False, server_default="0"),
    Column("roster_stale", Boolean, nullable=False, server_default=text("true")),
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
    Column("id", _id, primary_key=True),
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
    Column("offset", BigInteger, nullable=False),
    Column("noted", BigInteger, nullable=False),
)

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
    Column("id", _id, primary_key=True),
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
    Column("id", _id, primary_key=True),
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
Index("ix_swipes_received", swipes.c.received)

lost = Table(
    "lost",
    metadata,
    Column("id", _id, primary_key=True),
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
    Column("id", _id, primary_key=True),
    Column("received", BigInteger, nullable=False),
    Column("topic", String(200), nullable=False),
    Column("station", String(40)),
    Column("reason", String(200), nullable=False),
    Column("size", BigInteger, nullable=False),
)

persons = Table(
    "persons",
    metadata,
    Column("id", _id, primary_key=True),
    Column("lookup", LargeBinary(16), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("number", LargeBinary, nullable=False),
    Column("name", LargeBinary, nullable=False),
    Column("protected", Boolean, nullable=False, server_default=text("false")),
)

dwellings = Table(
    "dwellings",
    metadata,
    Column("id", _id, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("building", String(20), nullable=False),
    Column("unit", String(20), nullable=False),
    Column("room", String(20), nullable=False),
    UniqueConstraint("community", "building", "unit", "room"),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("id", _id, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False),
    Column("dwelling", ForeignKey("dwellings.id")),
    Column("category", String(16), nullable=False),
    Column("role", Integer, nullable=False),
    Column("since", Date, nullable=False),
    Column("until", Date),
    Column("portals", JSON),
    Column("schedule", String(40)),
    UniqueConstraint("community", "person"),
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", _id, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("token", LargeBinary(16), nullable=False),
    Column("token_key", Integer, nullable=False),
    Column("lost", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("community", "token"),
)
Index("ix_credentials_person_community", credentials.c.person, credentials.c.community)

registrations = Table(
    "registrations",
    metadata,
    Column("id", _id, primary_key=True),
    Column("person", ForeignKey("persons.id"), nullable=False),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("since", Date, nullable=False),
    Column("until", Date),
    Column("as_of", Date, nullable=False),
    Column("source", String(16), nullable=False),
    Column("receipt", String(64)),
    UniqueConstraint("person", "community", "since"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", _id, primary_key=True),
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
    Column("closed", BigInteger),
    Column("how", String(40)),
)
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
Index("ix_cases_token", cases.c.token)

case_events = Table(
    "case_events",
    metadata,
    Column("id", _id, primary_key=True),
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
    Column("id", _id, primary_key=True),
    Column("case", ForeignKey("cases.id"), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("met", Boolean, nullable=False),
    Column("notice_left", Boolean, nullable=False),
    Column("actor", String(64), nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", _id, primary_key=True),
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
    Column("sent", BigInteger),
    Column("sent_by", String(64)),
    Column("answered", BigInteger),
    Column("answer", String(20)),
    Column("answered_by", String(64)),
    Column("receipt", String(64)),
    Column("note", String(500), nullable=False, server_default=""),
)
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
    Column("id", _id, primary_key=True),
    Column("topic", String(200), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("slip", String(20)),
    Column("created", BigInteger, nullable=False),
    Column("delivered", BigInteger, index=True),
)
