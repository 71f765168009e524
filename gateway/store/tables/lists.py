"""Tables of lists that others supply: pushes received, people who moved out, the clearing of registered households."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, LargeBinary, String, Table, UniqueConstraint, false

from gateway.store.tables.schema import metadata, number

inflow_pushes = Table(
    "inflow_pushes",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False, index=True),
    Column("received_on", Date, nullable=False),
    Column("origin", String(80), nullable=False, server_default=""),
    Column("outcome", String(12), nullable=False, server_default="pending"),
    Column("outcome_on", Date),
    Column("reviewed_on", Date),
    Column("reviewed_by", String(64)),
    UniqueConstraint("community", "person"),
)
"""流入推送: people of whom another place says that they live here. Outcome: pending, living, not_found, left.

`outcome_on`: the day on which it was first more than pending.
"""

out_movers = Table(
    "out_movers",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False),
    Column("base_date", Date, nullable=False),
    Column("address", LargeBinary),
    Column("phone", LargeBinary),
    Column("checked_on", Date),
    Column("checked_by", String(64)),
    UniqueConstraint("community", "person", "base_date"),
)
"""流出人员: registered households' members who have left, whose whereabouts are asked after as of the base date."""

hukou_records = Table(
    "hukou_records",
    metadata,
    Column("id", number, primary_key=True),
    Column("community", ForeignKey("communities.id"), nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False),
    Column("base_date", Date, nullable=False),
    Column("head", LargeBinary),
    Column("address", LargeBinary),
    Column("status", String(12), nullable=False, server_default="unchecked"),
    Column("checked_on", Date),
    Column("checked_by", String(64)),
    Column("reviewed_by", String(64)),
    Column("reviewed_on", Date),
    Column("to_cancel", Boolean, nullable=False, server_default=false()),
    Column("cancelled_receipt", String(64)),
    Column("cancelled_on", Date),
    UniqueConstraint("community", "person", "base_date"),
)
"""户籍人口清理. Status: unchecked, present (人在户在), away (户在人不在), hukou_away (人在户不在), deceased,
duplicate, other.
"""
