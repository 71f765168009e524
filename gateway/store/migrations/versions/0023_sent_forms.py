"""Forms that were sent with a key of their own, so that one that comes twice is taken once."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sent_forms",
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("said", sa.LargeBinary(16), nullable=False),
        sa.Column("to", sa.String(200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "key"),
    )
    op.create_index("ix_sent_forms_at", "sent_forms", ["at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_sent_forms_at", "sent_forms")
    op.drop_table("sent_forms")
