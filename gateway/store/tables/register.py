"""Tables of the register: communities, addresses, dwellings, who lives there, who may pass, who is registered."""

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
    false,
    text,
    true,
)

from gateway.store.tables.schema import metadata, number

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
    Column("central", Boolean, nullable=False, server_default=false()),
    Column("gated", Boolean, nullable=False, server_default=true()),
    Column("property_company", String(80), nullable=False, server_default=""),
    Column("staff", Integer, nullable=False, server_default="0"),
    Column("phase", String(16), nullable=False, server_default="collect"),
    Column("base_date", Date),
    Column("targets", JSON),
    Column("token_key", Integer, nullable=False, server_default="1"),
    Column("token_key_oldest", Integer, nullable=False, server_default="1"),
    Column("rotated_at", BigInteger),
)
"""`staff` are people employed for registration alone (专职力量); `targets` maps an indicator to its target.

Tokens are made by key `token_key`; while a rotation lasts, those from `token_key_oldest` on are good, too.
"""

addresses = Table(
    "addresses",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("building", String(20), nullable=False),
    Column("unit", String(20), nullable=False, server_default=""),
    Column("room", String(20), nullable=False, server_default=""),
    Column("code", String(40)),
    Column("elements", JSON, nullable=False),
    Column("plate_required", Boolean, nullable=False, server_default=true()),
    Column("plate", String(10), nullable=False, server_default="unchecked"),
    Column("plate_on", Date),
    UniqueConstraint("community", "building", "unit", "room"),
)
"""Standard addresses (标准地址, GA/T 2000.32): of a building, a unit or a room; each may have its door plate."""

dwellings = Table(
    "dwellings",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("building", String(20), nullable=False),
    Column("unit", String(20), nullable=False),
    Column("room", String(20), nullable=False),
    Column("address", ForeignKey("addresses.id")),
    Column("use", String(10), nullable=False, server_default="unknown"),
    Column("checked_on", Date),
    UniqueConstraint("community", "building", "unit", "room"),
)
"""`use` is how it is lived in: own, rented, lent, vacant, unknown. `checked_on`: last recheck (定期复核)."""

persons = Table(
    "persons",
    metadata,
    Column("id", number, primary_key=True),
    Column("lookup", LargeBinary(16), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("number", LargeBinary, nullable=False),
    Column("name", LargeBinary, nullable=False),
    Column("protected", Boolean, nullable=False, server_default=text("false")),
    Column("phone", LargeBinary),
    Column("phone_lookup", LargeBinary(16), index=True),
    Column("merged_into", ForeignKey("persons.id")),
)

households = Table(
    "households",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("dwelling", ForeignKey("dwellings.id"), nullable=False, index=True),
    Column("head", ForeignKey("persons.id")),
    Column("since", Date, nullable=False),
    Column("until", Date),
)

residents = Table(
    "residents",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False, index=True),
    Column("dwelling", ForeignKey("dwellings.id"), index=True),
    Column("household", ForeignKey("households.id"), index=True),
    Column("category", String(16), nullable=False, server_default="unknown"),
    Column("relation", String(16), nullable=False, server_default=""),
    Column("stay", String(10), nullable=False, server_default="unknown"),
    Column("hukou", String(12)),
    Column("since", Date),
    Column("source", String(10), nullable=False),
    Column("confirmed_on", Date),
    Column("confirmed_by", String(64)),
    Column("reviewed_on", Date),
    Column("reviewed_by", String(64)),
    Column("checked_on", Date),
    Column("employment", String(10), nullable=False, server_default="unknown"),
    Column("employer", LargeBinary),
    Column("until", Date),
    Column("left_why", String(20)),
)
Index(
    "uq_residents_living",
    residents.c.community,
    residents.c.person,
    unique=True,
    sqlite_where=text("until IS NULL"),
    postgresql_where=text("until IS NULL"),
)
"""Who lives where (实有人口), as people found it; a row a stay. `until`: moved out, for the reason `left_why`."""
Index("ix_residents_community_id", residents.c.community, residents.c.id)

enrolments = Table(
    "enrolments",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False),
    Column("dwelling", ForeignKey("dwellings.id")),
    Column("category", String(16), nullable=False),
    Column("role", Integer, nullable=False),
    Column("since", Date, nullable=False),
    Column("until", Date),
    Column("portals", JSON),
    Column("schedule", String(40)),
    Column("confirmed_until", Date),
    Column("ended_why", String(20)),
    Column("ended_by", String(64)),
    Column("ended_document", String(64)),
    Column("ended_on", Date),
    Column("ended_second", String(64)),
    UniqueConstraint("community", "person"),
)
"""`confirmed_until`: to when a household has confirmed its service staff (服务人员).

`ended_why` without `ended_on` is an ending that waits for a second person.
"""

credentials = Table(
    "credentials",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("token", LargeBinary(16), nullable=False),
    Column("token_key", Integer, nullable=False),
    Column("lost", Boolean, nullable=False, server_default=text("false")),
    Column("issued_on", Date),
    Column("returned_on", Date),
    Column("replaces", ForeignKey("credentials.id")),
    Column("superseded", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("community", "token"),
)
"""One that was returned (退卡) opens nothing and may be issued to somebody else.

One that is `superseded` has a row under a newer key: it stands in no roster, and says whose the swipes of before are.
"""
Index("ix_credentials_person_community", credentials.c.person, credentials.c.community)

retokened = Table(
    "retokened",
    metadata,
    Column("community", ForeignKey("communities.id"), primary_key=True),
    Column("old", LargeBinary(16), primary_key=True),
    Column("new", LargeBinary(16), nullable=False),
)
"""While a rotation lasts: what the token of nobody who was known became, for swipes that still wait at a station."""

registrations = Table(
    "registrations",
    metadata,
    Column("id", number, primary_key=True),
    Column("person", ForeignKey("persons.id"), nullable=False),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("since", Date, nullable=False),
    Column("until", Date),
    Column("as_of", Date, nullable=False),
    Column("source", String(16), nullable=False),
    Column("receipt", String(64)),
    Column("dwelling", ForeignKey("dwellings.id")),
    Column("employment", String(10), nullable=False, server_default="unknown"),
    Column("employer", LargeBinary),
    UniqueConstraint("person", "community", "since"),
)
Index("ix_registrations_community_until", registrations.c.community, registrations.c.until)

leases = Table(
    "leases",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("dwelling", ForeignKey("dwellings.id"), nullable=False, index=True),
    Column("landlord", ForeignKey("persons.id")),
    Column("tenant", ForeignKey("persons.id"), index=True),
    Column("since", Date, nullable=False),
    Column("until", Date),
    Column("source", String(10), nullable=False),
    Column("decision", String(10)),
    Column("decided_on", Date),
    Column("decided_by", String(64)),
)
"""When one ends the property is asked: renewed or moving_out. The tenant's card keeps working."""

visitors = Table(
    "visitors",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False, index=True),
    Column("host", ForeignKey("dwellings.id")),
    Column("kind", String(10), nullable=False),
    Column("name", LargeBinary),
    Column("phone", LargeBinary),
    Column("party", Integer, nullable=False, server_default="1"),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("arrived", BigInteger),
    Column("left", BigInteger),
    Column("left_how", String(10)),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(64), nullable=False),
)
"""A pass of a visitor: `expected` (登记在先) or `walk_in`. `person` stands for the code alone."""
Index("ix_visitors_community_until", visitors.c.community, visitors.c.until)

history = Table(
    "history",
    metadata,
    Column("id", number, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("why", String(200), nullable=False, server_default=""),
    Column("community", String(40)),
    Column("subject", String(20), nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("changes", JSON, nullable=False),
)
"""Who changed what, when and why: `changes` maps a column to [before, after]; what is encrypted stays so (hex)."""
Index("ix_history_subject_row", history.c.subject, history.c.row)

merges = Table(
    "merges",
    metadata,
    Column("id", number, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("why", String(200), nullable=False),
    Column("kept", ForeignKey("persons.id"), nullable=False),
    Column("gone", ForeignKey("persons.id"), nullable=False),
    Column("moved", JSON, nullable=False),
    Column("undone_at", BigInteger),
    Column("undone_by", String(64)),
)
"""Two records of one person made one; `moved` says which rows went over, so that it can be undone."""

told_apart = Table(
    "told_apart",
    metadata,
    Column("first", ForeignKey("persons.id"), primary_key=True),
    Column("second", ForeignKey("persons.id"), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
)
"""Two records that look alike, and are of two people as a reviewer found; `first` is the lower number."""

imports = Table(
    "imports",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False, index=True),
    Column("kind", String(24), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("finished", BigInteger),
    Column("digest", String(64), nullable=False),
    Column("as_of", Date),
    Column("state", String(10), nullable=False),
    Column("rows", Integer, nullable=False, server_default="0"),
    Column("good", Integer, nullable=False, server_default="0"),
    Column("bad", Integer, nullable=False, server_default="0"),
    Column("dropped", JSON, nullable=False),
    Column("complete", Boolean, nullable=False, server_default=false()),
    Column("unknown", JSON),
    Column("fresh", Integer, nullable=False, server_default="0"),
    Column("changed", Integer, nullable=False, server_default="0"),
    Column("problem", String(40)),
)
"""Lists that came: waiting, checking, checked, taking, taken, refused (`problem` says why). None of their content.

`rows` counts those that were looked at; of the good ones `fresh` are new and `changed` say something new.
"""

import_rows = Table(
    "import_rows",
    metadata,
    Column("id", number, primary_key=True),
    Column("import", ForeignKey("imports.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("row", Integer, nullable=False),
    Column("column", String(40), nullable=False),
    Column("code", String(40), nullable=False),
    Column("fields", JSON),
)
"""What is wrong in which row and column of a list, and which fields it would change; never what stands there."""
