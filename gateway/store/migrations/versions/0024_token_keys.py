"""Keys of tokens that are rotated."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retokened",
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("old", sa.LargeBinary(length=16), nullable=False),
        sa.Column("new", sa.LargeBinary(length=16), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name="fk_retokened_community"),
        sa.PrimaryKeyConstraint("community", "old", name="pk_retokened"),
    )
    op.add_column("communities", sa.Column("token_key", sa.Integer(), server_default="1", nullable=False))
    op.add_column("communities", sa.Column("token_key_oldest", sa.Integer(), server_default="1", nullable=False))
    op.add_column("communities", sa.Column("rotated_at", sa.BigInteger(), nullable=True))
    op.add_column("credentials", sa.Column("superseded", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("credentials", "superseded")
    for name in ("rotated_at", "token_key_oldest", "token_key"):
        op.drop_column("communities", name)
    op.drop_table("retokened")
