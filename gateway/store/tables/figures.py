"""Tables of figures: what was counted on which day, traffic and devices by day, month-ends, sampled field audits."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from gateway.store.tables.schema import metadata, number

figures = Table(
    "figures",
    metadata,
    Column("community", ForeignKey("communities.id"), primary_key=True),
    Column("name", String(24), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("numerator", Integer, nullable=False),
    Column("denominator", Integer, nullable=False),
    Column("pending", Integer, nullable=False),
    Column("unknown", String(12)),
    Column("counted", BigInteger, nullable=False),
)
"""What was counted of a community on a day, last at `counted` (ms)."""

traffic_days = Table(
    "traffic_days",
    metadata,
    Column("community", ForeignKey("communities.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("granted", Integer, nullable=False),
    Column("attended", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
)
"""Swipes by the civil day on which they were, without anybody's: what is left of passes after their retention."""

device_days = Table(
    "device_days",
    metadata,
    Column("community", ForeignKey("communities.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("online", Integer, nullable=False),
    Column("expected", Integer, nullable=False),
)
"""Minutes of readers that were well, and minutes in which they should have been."""

month_ends = Table(
    "month_ends",
    metadata,
    Column("month", Date, primary_key=True),
    Column("frozen", BigInteger, nullable=False),
    Column("frozen_by", String(64), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
"""The figures of a month (its first day) as they were frozen: canonical JSON, and its signature."""

field_audits = Table(
    "field_audits",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False, index=True),
    Column("seed", String(64), nullable=False),
    Column("population", Integer, nullable=False),
    Column("drawn_on", Date, nullable=False),
    Column("drawn_by", String(64), nullable=False),
)
"""实地抽查: dwellings drawn by a seed that is kept, so that anybody can draw them again."""

field_findings = Table(
    "field_findings",
    metadata,
    Column("id", number, primary_key=True),
    Column("audit", ForeignKey("field_audits.id"), nullable=False),
    Column("dwelling", ForeignKey("dwellings.id"), nullable=False),
    Column("found_on", Date),
    Column("found_by", String(64)),
    Column("present", Integer),
    Column("registered", Integer),
    Column("records", Integer),
    Column("right", Integer),
    Column("moved_out", Integer),
    Column("refused", Boolean),
    UniqueConstraint("audit", "dwelling"),
)
"""What was found at a drawn dwelling: people there and how many of them registered, records looked at and right ones,
and how many of the records are of people who have moved out. `refused`: nobody let them in, or nobody was there.
"""
