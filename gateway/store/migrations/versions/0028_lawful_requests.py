"""Lawful requests for passes (依法调取)."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "disclosures",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("document", sa.String(64), nullable=False),
        sa.Column("authority", sa.String(80), nullable=False),
        sa.Column("community", sa.String(40), nullable=False),
        sa.Column("portals", sa.JSON(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("tell", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("decided_by", sa.String(64)),
        sa.Column("decided", sa.BigInteger()),
        sa.Column("why", sa.String(200), server_default="", nullable=False),
        sa.Column("rows", sa.Integer()),
        sa.Column("digest", sa.String(64)),
        sa.Column("file", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name="fk_disclosures_community_communities"),
        sa.PrimaryKeyConstraint("id", name="pk_disclosures"),
    )


def downgrade() -> None:
    op.drop_table("disclosures")
