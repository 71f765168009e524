"""The day on which each thing of a supplied list happened, so that a past day can be reckoned again."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("hukou_records") as records:
        records.add_column(sa.Column("reviewed_on", sa.Date()))
        records.add_column(sa.Column("cancelled_on", sa.Date()))
    with op.batch_alter_table("inflow_pushes") as pushes:
        pushes.add_column(sa.Column("outcome_on", sa.Date()))
    op.create_index("ix_inflow_pushes_person", "inflow_pushes", ["person"], unique=False)
    # What came before was counted from its first day on, and stays so.
    op.execute("UPDATE hukou_records SET reviewed_on = base_date WHERE reviewed_by IS NOT NULL")
    op.execute("UPDATE hukou_records SET cancelled_on = base_date WHERE cancelled_receipt IS NOT NULL")
    op.execute("UPDATE inflow_pushes SET outcome_on = received_on WHERE outcome <> 'pending'")
    op.execute(
        "UPDATE inflow_pushes SET reviewed_on = received_on WHERE reviewed_by IS NOT NULL AND reviewed_on IS NULL"
    )


def downgrade() -> None:
    op.drop_index("ix_inflow_pushes_person", "inflow_pushes")
    with op.batch_alter_table("inflow_pushes") as pushes:
        pushes.drop_column("outcome_on")
    with op.batch_alter_table("hukou_records") as records:
        records.drop_column("cancelled_on")
        records.drop_column("reviewed_on")
