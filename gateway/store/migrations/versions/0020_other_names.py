"""Other names that are said of a known number, for a reviewer to decide."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "names",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("community", sa.String(length=40), nullable=False),
        sa.Column("person", _NUMBER, nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("said", sa.BigInteger(), nullable=False),
        sa.Column("said_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name="fk_names_community"),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_names_person"),
        sa.PrimaryKeyConstraint("id", name="pk_names"),
        sa.UniqueConstraint("community", "person", name="uq_names_community_person"),
    )
    op.create_index("ix_names_person", "names", ["person"], unique=False)


def downgrade() -> None:
    op.drop_table("names")
