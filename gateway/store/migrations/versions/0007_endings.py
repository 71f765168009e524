"""How an enrolment was ended: on which day, and by whose second signature."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("enrolments", sa.Column("ended_on", sa.Date(), nullable=True))
    op.add_column("enrolments", sa.Column("ended_second", sa.String(length=64), nullable=True))
    op.execute("UPDATE enrolments SET category = 'foreign' WHERE category = 'overseas'")
    op.execute("UPDATE residents SET category = 'foreign' WHERE category = 'overseas'")


def downgrade() -> None:
    op.execute("ALTER TABLE enrolments DROP COLUMN ended_second")
    op.execute("ALTER TABLE enrolments DROP COLUMN ended_on")
