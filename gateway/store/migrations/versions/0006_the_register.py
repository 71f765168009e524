"""Addresses, who lives where, leases, visitors, lists of others, history, merges and imports."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_REFERENCES = (
    ("credentials", "replaces", "credentials"),
    ("dwellings", "address", "addresses"),
    ("persons", "merged_into", "persons"),
    ("registrations", "dwelling", "dwellings"),
)
_LIVING = """
INSERT INTO residents (community, person, dwelling, category, since, source, confirmed_on, confirmed_by, until)
SELECT community, person, dwelling, category, since, 'property', since, 'property', until FROM enrolments WHERE role = 0
"""


def _columns() -> dict[str, tuple[sa.Column[Any], ...]]:
    return {
        "communities": (
            sa.Column("central", sa.Boolean(), server_default=sa.false(), nullable=False),
            sa.Column("gated", sa.Boolean(), server_default=sa.true(), nullable=False),
            sa.Column("property_company", sa.String(length=80), server_default="", nullable=False),
            sa.Column("staff", sa.Integer(), server_default="0", nullable=False),
            sa.Column("phase", sa.String(length=16), server_default="collect", nullable=False),
            sa.Column("base_date", sa.Date(), nullable=True),
            sa.Column("targets", sa.JSON(), nullable=True),
        ),
        "credentials": (
            sa.Column("issued_on", sa.Date(), nullable=True),
            sa.Column("returned_on", sa.Date(), nullable=True),
        ),
        "dwellings": (
            sa.Column("use", sa.String(length=10), server_default="unknown", nullable=False),
            sa.Column("checked_on", sa.Date(), nullable=True),
        ),
        "enrolments": (
            sa.Column("confirmed_until", sa.Date(), nullable=True),
            sa.Column("ended_why", sa.String(length=20), nullable=True),
            sa.Column("ended_by", sa.String(length=64), nullable=True),
            sa.Column("ended_document", sa.String(length=64), nullable=True),
        ),
        "persons": (
            sa.Column("phone", sa.LargeBinary(), nullable=True),
            sa.Column("phone_lookup", sa.LargeBinary(length=16), nullable=True),
        ),
        "registrations": (
            sa.Column("employment", sa.String(length=10), server_default="unknown", nullable=False),
            sa.Column("employer", sa.LargeBinary(), nullable=True),
        ),
    }


def upgrade() -> None:
    op.create_table(
        "history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=200), server_default="", nullable=False),
        sa.Column("community", sa.String(length=40), nullable=True),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
    )
    op.create_index("ix_history_subject_row", "history", ["subject", "row"], unique=False)

    op.create_table(
        "addresses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("building", sa.String(length=20), nullable=False),
        sa.Column("unit", sa.String(length=20), server_default="", nullable=False),
        sa.Column("room", sa.String(length=20), server_default="", nullable=False),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("elements", sa.JSON(), nullable=False),
        sa.Column("plate_required", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("plate", sa.String(length=10), server_default="unchecked", nullable=False),
        sa.Column("plate_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_addresses_community")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
        sa.UniqueConstraint(
            "community", "building", "unit", "room", name=op.f("uq_addresses_community_building_unit_room")
        ),
    )
    op.create_table(
        "hukou_records",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("base_date", sa.Date(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=True),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.String(length=12), server_default="unchecked", nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=True),
        sa.Column("checked_by", sa.String(length=64), nullable=True),
        sa.Column("reviewed_by", sa.String(length=64), nullable=True),
        sa.Column("to_cancel", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("cancelled_receipt", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_hukou_records_community")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_hukou_records_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hukou_records")),
        sa.UniqueConstraint(
            "community", "person", "base_date", name=op.f("uq_hukou_records_community_person_base_date")
        ),
    )
    op.create_table(
        "imports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column("good", sa.Integer(), server_default="0", nullable=False),
        sa.Column("bad", sa.Integer(), server_default="0", nullable=False),
        sa.Column("dropped", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_imports_community")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_index(op.f("ix_imports_community"), "imports", ["community"], unique=False)

    op.create_table(
        "inflow_pushes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("origin", sa.String(length=80), server_default="", nullable=False),
        sa.Column("outcome", sa.String(length=12), server_default="pending", nullable=False),
        sa.Column("reviewed_on", sa.Date(), nullable=True),
        sa.Column("reviewed_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_inflow_pushes_community")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_inflow_pushes_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inflow_pushes")),
        sa.UniqueConstraint("community", "person", name=op.f("uq_inflow_pushes_community_person")),
    )
    op.create_table(
        "merges",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("kept", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("gone", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["gone"], ["persons.id"], name=op.f("fk_merges_gone")),
        sa.ForeignKeyConstraint(["kept"], ["persons.id"], name=op.f("fk_merges_kept")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merges")),
    )
    op.create_table(
        "out_movers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("base_date", sa.Date(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("checked_on", sa.Date(), nullable=True),
        sa.Column("checked_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_out_movers_community")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_out_movers_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_out_movers")),
        sa.UniqueConstraint("community", "person", "base_date", name=op.f("uq_out_movers_community_person_base_date")),
    )
    op.create_table(
        "households",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("dwelling", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("head", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_households_community")),
        sa.ForeignKeyConstraint(["dwelling"], ["dwellings.id"], name=op.f("fk_households_dwelling")),
        sa.ForeignKeyConstraint(["head"], ["persons.id"], name=op.f("fk_households_head")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_households")),
    )
    op.create_index(op.f("ix_households_dwelling"), "households", ["dwelling"], unique=False)

    op.create_table(
        "leases",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("dwelling", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("landlord", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("tenant", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_leases_community")),
        sa.ForeignKeyConstraint(["dwelling"], ["dwellings.id"], name=op.f("fk_leases_dwelling")),
        sa.ForeignKeyConstraint(["landlord"], ["persons.id"], name=op.f("fk_leases_landlord")),
        sa.ForeignKeyConstraint(["tenant"], ["persons.id"], name=op.f("fk_leases_tenant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leases")),
    )
    op.create_index(op.f("ix_leases_dwelling"), "leases", ["dwelling"], unique=False)
    op.create_index(op.f("ix_leases_tenant"), "leases", ["tenant"], unique=False)

    op.create_table(
        "visitors",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("host", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("party", sa.Integer(), server_default="1", nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("arrived", sa.BigInteger(), nullable=True),
        sa.Column("left", sa.BigInteger(), nullable=True),
        sa.Column("left_how", sa.String(length=10), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_visitors_community")),
        sa.ForeignKeyConstraint(["host"], ["dwellings.id"], name=op.f("fk_visitors_host")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_visitors_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visitors")),
    )
    op.create_index("ix_visitors_community_until", "visitors", ["community", "until"], unique=False)
    op.create_index(op.f("ix_visitors_person"), "visitors", ["person"], unique=False)

    op.create_table(
        "residents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dwelling", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("household", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("category", sa.String(length=16), server_default="unknown", nullable=False),
        sa.Column("relation", sa.String(length=16), server_default="", nullable=False),
        sa.Column("stay", sa.String(length=10), server_default="unknown", nullable=False),
        sa.Column("hukou", sa.String(length=12), nullable=True),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("confirmed_on", sa.Date(), nullable=True),
        sa.Column("confirmed_by", sa.String(length=64), nullable=True),
        sa.Column("reviewed_on", sa.Date(), nullable=True),
        sa.Column("reviewed_by", sa.String(length=64), nullable=True),
        sa.Column("checked_on", sa.Date(), nullable=True),
        sa.Column("employment", sa.String(length=10), server_default="unknown", nullable=False),
        sa.Column("employer", sa.LargeBinary(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("left_why", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_residents_community")),
        sa.ForeignKeyConstraint(["dwelling"], ["dwellings.id"], name=op.f("fk_residents_dwelling")),
        sa.ForeignKeyConstraint(["household"], ["households.id"], name=op.f("fk_residents_household")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_residents_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_residents")),
    )
    op.create_index(op.f("ix_residents_dwelling"), "residents", ["dwelling"], unique=False)
    op.create_index(op.f("ix_residents_household"), "residents", ["household"], unique=False)
    op.create_index(op.f("ix_residents_person"), "residents", ["person"], unique=False)
    op.create_index(
        "uq_residents_living",
        "residents",
        ["community", "person"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )

    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    for table, name, other in _REFERENCES:  # by hand: SQLite takes a reference with its column, or not at all
        key = f"fk_{table}_{name}"
        op.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind} CONSTRAINT {key} REFERENCES {other} (id)")
    op.create_index(op.f("ix_persons_phone_lookup"), "persons", ["phone_lookup"], unique=False)
    op.create_index("ix_registrations_community_until", "registrations", ["community", "until"], unique=False)
    op.execute(_LIVING)


def downgrade() -> None:
    op.drop_index("ix_registrations_community_until", "registrations")
    op.drop_index(op.f("ix_persons_phone_lookup"), "persons")
    for table, name, _ in _REFERENCES:
        op.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
    for table, columns in _columns().items():
        for column in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column.name}")
    op.drop_index("uq_residents_living", "residents")
    op.drop_index(op.f("ix_residents_person"), "residents")
    op.drop_index(op.f("ix_residents_household"), "residents")
    op.drop_index(op.f("ix_residents_dwelling"), "residents")

    op.drop_table("residents")
    op.drop_index(op.f("ix_visitors_person"), "visitors")
    op.drop_index("ix_visitors_community_until", "visitors")

    op.drop_table("visitors")
    op.drop_index(op.f("ix_leases_tenant"), "leases")
    op.drop_index(op.f("ix_leases_dwelling"), "leases")

    op.drop_table("leases")
    op.drop_index(op.f("ix_households_dwelling"), "households")

    op.drop_table("households")
    op.drop_table("out_movers")
    op.drop_table("merges")
    op.drop_table("inflow_pushes")
    op.drop_index(op.f("ix_imports_community"), "imports")

    op.drop_table("imports")
    op.drop_table("hukou_records")
    op.drop_table("addresses")
    op.drop_index("ix_history_subject_row", "history")

    op.drop_table("history")
