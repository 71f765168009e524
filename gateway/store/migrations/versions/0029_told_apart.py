"""Records that look alike and were found to be of two people."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "told_apart",
        sa.Column("first", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("second", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["first"], ["persons.id"], name="fk_told_apart_first_persons"),
        sa.ForeignKeyConstraint(["second"], ["persons.id"], name="fk_told_apart_second_persons"),
        sa.PrimaryKeyConstraint("first", "second", name="pk_told_apart"),
    )


def downgrade() -> None:
    op.drop_table("told_apart")
