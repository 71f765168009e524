"""Tables of what people say and ask of themselves: declarations with a receipt, codes for one's own data, requests."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, LargeBinary, String, Table, UniqueConstraint

from gateway.store.tables.schema import metadata, number

declarations = Table(
    "declarations",
    metadata,
    Column("id", number, primary_key=True),
    Column("receipt", String(20), nullable=False, unique=True),
    Column("community", ForeignKey("communities.id"), nullable=False, index=True),
    Column("by", String(10), nullable=False),
    Column("move", String(10), nullable=False),
    Column("building", String(20), nullable=False),
    Column("unit", String(20), nullable=False),
    Column("room", String(20), nullable=False),
    Column("day", Date, nullable=False),
    Column("until", Date),
    Column("said", LargeBinary),
    Column("official", String(64)),
    Column("state", String(10), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("decided", BigInteger),
    Column("decided_by", String(64)),
    Column("why", String(200), nullable=False, server_default=""),
)
"""`by` self or landlord, `move` in, renew or out. `said` is who it is about, encrypted; it goes when it is decided.

`official`: it was declared by the police's own channel, with this receipt. State: waiting, confirmed, rejected.
"""

codes = Table(
    "codes",
    metadata,
    Column("id", number, primary_key=True),
    Column("code", String(8), nullable=False, unique=True),
    Column("session", LargeBinary(16), nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("person", ForeignKey("persons.id"), index=True),
    Column("community", ForeignKey("communities.id")),
    Column("opened_by", String(64)),
    Column("swipe", BigInteger, unique=True),
)
"""A page that waits to show somebody their own data: the code on it, and a keyed hash of what only the page knows.

A desk opens it for a `person` by the code, once, after a `swipe` of their own card.
"""

names = Table(
    "names",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False, index=True),
    Column("name", LargeBinary, nullable=False),
    Column("said", BigInteger, nullable=False),
    Column("said_by", String(64), nullable=False),
    UniqueConstraint("community", "person"),
)
"""Another name that a community says of a known number, until a reviewer there has decided which one is right."""

requests = Table(
    "requests",
    metadata,
    Column("id", number, primary_key=True),
    Column("person", ForeignKey("persons.id"), nullable=False, index=True),
    Column("community", ForeignKey("communities.id"), nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    Column("said", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("due", Date, nullable=False),
    Column("decided", BigInteger),
    Column("decided_by", String(64)),
    Column("outcome", String(10)),
    Column("why", String(200), nullable=False, server_default=""),
)
"""What somebody asks about their own data: correct, delete or object; outcome done or refused, with the reason."""
