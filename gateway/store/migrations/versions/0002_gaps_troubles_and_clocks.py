"""Gaps and troubles that a person accepts, and swipes whose time is put right."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "troubles",
        sa.Column("id", _ID, nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("accepted_by", sa.String(length=64), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["station"], ["stations.name"], name=op.f("fk_troubles_station")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_troubles")),
    )
    op.create_index(op.f("ix_troubles_station"), "troubles", ["station"])
    op.create_table(
        "clocks",
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("boot", sa.String(length=16), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("noted", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["station"], ["stations.name"], name=op.f("fk_clocks_station")),
        sa.PrimaryKeyConstraint("station", "boot", name=op.f("pk_clocks")),
    )
    op.execute(
        "INSERT INTO troubles (station, kind, since)"
        " SELECT name, trouble, coalesce(heard_at, enrolled_at) FROM stations WHERE trouble IS NOT NULL"
    )
    op.drop_column("stations", "trouble")
    op.add_column("streams", sa.Column("missing_since", sa.BigInteger(), nullable=True))
    op.add_column("streams", sa.Column("boot", sa.String(length=16), server_default="", nullable=False))
    op.create_index(op.f("ix_streams_missing_since"), "streams", ["missing_since"])
    op.execute("UPDATE streams SET missing_since = first_heard WHERE claimed > upto")
    op.add_column("swipes", sa.Column("mono", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("swipes", sa.Column("clock", sa.String(length=32), server_default="synced", nullable=False))
    op.add_column("swipes", sa.Column("said_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_swipes_uncorrected",
        "swipes",
        ["station", "epoch"],
        sqlite_where=sa.text("clock <> 'synced' AND said_at IS NULL"),
        postgresql_where=sa.text("clock <> 'synced' AND said_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_swipes_uncorrected", "swipes")
    for column in ("said_at", "clock", "mono"):
        op.drop_column("swipes", column)
    op.drop_index(op.f("ix_streams_missing_since"), "streams")
    for column in ("boot", "missing_since"):
        op.drop_column("streams", column)
    op.add_column("stations", sa.Column("trouble", sa.String(length=40), nullable=True))
    op.drop_table("clocks")
    op.drop_table("troubles")
