"""Indexes for the lists of one community."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_residents_community_id", "residents", ["community", "id"], unique=False)
    op.create_index("ix_cases_community_id", "cases", ["community", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_cases_community_id", "cases")
    op.drop_index("ix_residents_community_id", "residents")
