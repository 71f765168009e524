"""Codes that stand on the page of whoever asks, and are opened by a desk after a swipe."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _make(
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("session", sa.LargeBinary(length=16), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("person", _NUMBER, nullable=True),
        sa.Column("community", sa.String(length=40), nullable=True),
        sa.Column("opened_by", sa.String(length=64), nullable=True),
        sa.Column("swipe", sa.BigInteger(), nullable=True),
        unique=("code", "session", "swipe"),
    )


def downgrade() -> None:
    _make(
        sa.Column("person", _NUMBER, nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("lookup", sa.LargeBinary(length=16), nullable=False),
        sa.Column("session", sa.LargeBinary(length=16), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        unique=("lookup", "session"),
    )


def _make(*columns: sa.Column[Any], unique: tuple[str, ...]) -> None:
    """The table anew: a code is good for ten minutes, and then nothing is lost with it."""
    op.drop_table("codes")
    op.create_table(
        "codes",
        sa.Column("id", _NUMBER, nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_codes_person"),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name="fk_codes_community"),
        sa.PrimaryKeyConstraint("id", name="pk_codes"),
        *(sa.UniqueConstraint(one, name=f"uq_codes_{one}") for one in unique),
    )
    op.create_index("ix_codes_person", "codes", ["person"], unique=False)
