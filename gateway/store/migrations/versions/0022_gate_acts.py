"""What guards do at the gate."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "gate_acts",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("epoch", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("portal", sa.String(length=64), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("said", sa.String(length=40), nullable=True),
        sa.Column("dwelling", _NUMBER, nullable=True),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("outcome", sa.String(length=24), server_default="", nullable=False),
        sa.Column("done_by", sa.String(length=64), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name="fk_gate_acts_community_communities"),
        sa.ForeignKeyConstraint(["dwelling"], ["dwellings.id"], name="fk_gate_acts_dwelling_dwellings"),
        sa.PrimaryKeyConstraint("id", name="pk_gate_acts"),
        sa.UniqueConstraint("station", "epoch", "seq", name="uq_gate_acts_station_epoch_seq"),
    )
    op.create_index("ix_gate_acts_community_state", "gate_acts", ["community", "state", "id"], unique=False)
    op.create_index("ix_gate_acts_community_kind_at", "gate_acts", ["community", "kind", "at"], unique=False)


def downgrade() -> None:
    op.drop_table("gate_acts")
