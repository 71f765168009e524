"""What is wrong in lists that came, and what they would change."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ADDED = ("complete", "unknown", "fresh", "changed", "problem")


def upgrade() -> None:
    op.add_column("imports", sa.Column("complete", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("imports", sa.Column("unknown", sa.JSON(), nullable=True))
    op.add_column("imports", sa.Column("fresh", sa.Integer(), server_default="0", nullable=False))
    op.add_column("imports", sa.Column("changed", sa.Integer(), server_default="0", nullable=False))
    op.add_column("imports", sa.Column("problem", sa.String(length=40), nullable=True))
    op.create_table(
        "import_rows",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("import", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["import"], ["imports.id"], name=op.f("fk_import_rows_import"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_rows")),
    )
    op.create_index(op.f("ix_import_rows_import"), "import_rows", ["import"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_import_rows_import"), "import_rows")
    op.drop_table("import_rows")
    for name in _ADDED:
        op.execute(f'ALTER TABLE imports DROP COLUMN "{name}"')
