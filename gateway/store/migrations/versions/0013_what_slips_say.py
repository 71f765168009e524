"""What a slip rests on, how often it was sent, and what has been done in vain since it was proposed."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_COLUMNS = (
    sa.Column("grounds", sa.JSON(), nullable=True),
    sa.Column("sending", sa.Integer(), server_default="0", nullable=False),
    sa.Column("repeats", sa.Integer(), server_default="0", nullable=False),
    sa.Column("repeated", sa.BigInteger(), nullable=True),
)


def upgrade() -> None:
    for column in _COLUMNS:
        op.add_column("alerts", column)
    op.execute("UPDATE alerts SET sending = 1 WHERE sent IS NOT NULL")


def downgrade() -> None:
    for column in _COLUMNS:
        op.execute(f"ALTER TABLE alerts DROP COLUMN {column.name}")
