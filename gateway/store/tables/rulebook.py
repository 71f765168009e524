"""Tables of what rules the judging: the versions of the policy, and what the property is asked by it."""

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, Integer, String, Table, Text, text

from gateway.store.tables.schema import metadata, number

policies = Table(
    "policies",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("author", String(200), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("effective_from", BigInteger, nullable=False),
    Column("state", String(12), nullable=False),
    Column("proposed_by", String(64), nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    Column("approved_by", String(64)),
    Column("approved_at", BigInteger),
)
"""State: proposed, approved, or withdrawn (another version took its place before it was in force)."""

questions = Table(
    "questions",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False),
    Column("question", String(20), nullable=False),
    Column("since", Date, nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("answered", BigInteger),
)
"""To-dos of the property (租期到期 …). One is answered when the register no longer says what it was asked for."""
Index(
    "uq_questions_open",
    questions.c.community,
    questions.c.person,
    questions.c.question,
    unique=True,
    sqlite_where=text("is_open = 1"),
    postgresql_where=text("is_open"),
)
