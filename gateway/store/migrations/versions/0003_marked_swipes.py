"""An index of the swipes from which a judgement may follow."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MARKED = "(flags <> '' OR reasons IN ('unknown_credential', 'enrolment_expired'))"


def upgrade() -> None:
    op.create_index(
        "ix_swipes_marked",
        "swipes",
        ["token", "at"],
        sqlite_where=sa.text(_MARKED),
        postgresql_where=sa.text(_MARKED),
    )


def downgrade() -> None:
    op.drop_index("ix_swipes_marked", "swipes")
