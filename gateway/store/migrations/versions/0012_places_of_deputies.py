"""In which community somebody is a deputy, and from which dismissals a month's sample was drawn."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _make_deputies(sa.Column("community", sa.String(length=40), nullable=False))
    op.execute("DELETE FROM blind_checks")
    op.execute("DELETE FROM draws")
    with op.batch_alter_table("draws", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cases", sa.JSON(), nullable=False))


def downgrade() -> None:
    op.execute("ALTER TABLE draws DROP COLUMN cases")
    _make_deputies()


def _make_deputies(*columns: sa.Column[str]) -> None:
    """The table anew, without anybody in it: nobody could be appointed before."""
    op.drop_table("deputies")
    place = [sa.ForeignKeyConstraint(["community"], ["communities.id"], name="fk_deputies_community")] * len(columns)
    op.create_table(
        "deputies",
        sa.Column("id", _NUMBER, nullable=False),
        *columns,
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("deputy", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deputies"),
        *place,
    )
    op.create_index("ix_deputies_worker", "deputies", ["worker"], unique=False)
    op.create_index("ix_deputies_deputy", "deputies", ["deputy"], unique=False)
