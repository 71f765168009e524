"""The stretches in which a station's clock was synchronised."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("clocks")  # each station says again how its clock stands, with its next heartbeat
    _clocks(
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("until_offset", sa.BigInteger(), nullable=False),
        key=("station", "boot", "since"),
    )


def downgrade() -> None:
    op.drop_table("clocks")
    _clocks(sa.Column("offset", sa.BigInteger(), nullable=False), key=("station", "boot"))


def _clocks(*columns: sa.Column[int], key: tuple[str, ...]) -> None:
    op.create_table(
        "clocks",
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("boot", sa.String(length=16), nullable=False),
        *columns,
        sa.Column("noted", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["station"], ["stations.name"], name="fk_clocks_station"),
        sa.PrimaryKeyConstraint(*key, name="pk_clocks"),
    )
