"""Figures by day, month-ends, and sampled field audits."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DAYS = {"traffic_days": ("granted", "attended", "refused"), "device_days": ("online", "expected")}


def upgrade() -> None:
    op.create_table(
        "figures",
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=24), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("numerator", sa.Integer(), nullable=False),
        sa.Column("denominator", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("unknown", sa.String(length=12), nullable=True),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_figures_community")),
        sa.PrimaryKeyConstraint("community", "name", "day", name=op.f("pk_figures")),
    )
    for name, columns in (
        ("traffic_days", ("granted", "attended", "refused")),
        ("device_days", ("online", "expected")),
    ):
        op.create_table(
            name,
            sa.Column("community", sa.String(length=40), nullable=False),
            sa.Column("day", sa.Date(), nullable=False),
            *(sa.Column(column, sa.Integer(), nullable=False) for column in columns),
            sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f(f"fk_{name}_community")),
            sa.PrimaryKeyConstraint("community", "day", name=op.f(f"pk_{name}")),
        )
    op.create_table(
        "month_ends",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("frozen", sa.BigInteger(), nullable=False),
        sa.Column("frozen_by", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_month_ends")),
    )
    op.create_table(
        "field_audits",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("drawn_on", sa.Date(), nullable=False),
        sa.Column("drawn_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_field_audits_community")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_field_audits")),
    )
    op.create_index(op.f("ix_field_audits_community"), "field_audits", ["community"], unique=False)
    op.create_table(
        "field_findings",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("audit", _NUMBER, nullable=False),
        sa.Column("dwelling", _NUMBER, nullable=False),
        sa.Column("found_on", sa.Date(), nullable=True),
        sa.Column("found_by", sa.String(length=64), nullable=True),
        *(
            sa.Column(name, sa.Integer(), nullable=True)
            for name in ("present", "registered", "records", "right", "moved_out")
        ),
        sa.Column("refused", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["audit"], ["field_audits.id"], name=op.f("fk_field_findings_audit")),
        sa.ForeignKeyConstraint(["dwelling"], ["dwellings.id"], name=op.f("fk_field_findings_dwelling")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_field_findings")),
        sa.UniqueConstraint("audit", "dwelling", name=op.f("uq_field_findings_audit_dwelling")),
    )


def downgrade() -> None:
    op.drop_table("field_findings")
    op.drop_index(op.f("ix_field_audits_community"), "field_audits")
    for name in ("field_audits", "month_ends", "device_days", "traffic_days", "figures"):
        op.drop_table(name)
