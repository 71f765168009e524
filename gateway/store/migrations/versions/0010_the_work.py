"""Visits with who came, appointments, objections, merged cases, deputies, and dismissals that are checked again."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = {"sqlite_where": sa.text("is_open = 1"), "postgresql_where": sa.text("is_open")}
_COLUMNS = (
    ("cases", sa.Column("appointment", sa.BigInteger(), nullable=True)),
    ("cases", sa.Column("objection", sa.String(length=24), nullable=True)),
    ("visits", sa.Column("attempt", sa.Integer(), nullable=True)),
    ("visits", sa.Column("appointment", sa.BigInteger(), nullable=True)),
    ("visits", sa.Column("roles", sa.String(length=40), server_default="worker", nullable=False)),
    ("visits", sa.Column("came", sa.LargeBinary(), nullable=True)),
)
_INDEXES = (
    ("ix_cases_open", ["community", "id"]),
    ("ix_cases_collector", ["collector"]),
    ("ix_cases_dwelling", ["dwelling"]),
)


def upgrade() -> None:
    for table, column in _COLUMNS:
        op.add_column(table, column)
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(f"ALTER TABLE cases ADD COLUMN merged_into {kind} CONSTRAINT fk_cases_merged_into REFERENCES cases (id)")
    op.create_index("ix_cases_closed", "cases", ["closed"], unique=False)
    for name, columns in _INDEXES:
        op.create_index(name, "cases", columns, unique=False, **_OPEN)  # type: ignore[arg-type]
    op.create_table(
        "deputies",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("deputy", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deputies"),
    )
    op.create_index("ix_deputies_worker", "deputies", ["worker"], unique=False)
    op.create_index("ix_deputies_deputy", "deputies", ["deputy"], unique=False)
    op.create_table(
        "draws",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("drawn", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_draws"),
        sa.UniqueConstraint("month", name="uq_draws_month"),
    )
    op.create_table(
        "blind_checks",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("draw", _NUMBER, nullable=False),
        sa.Column("case", _NUMBER, nullable=False),
        sa.Column("checker", sa.String(length=64), nullable=True),
        sa.Column("checked", sa.BigInteger(), nullable=True),
        sa.Column("upheld", sa.Boolean(), nullable=True),
        sa.Column("note", sa.String(length=500), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["draw"], ["draws.id"], name="fk_blind_checks_draw"),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name="fk_blind_checks_case"),
        sa.PrimaryKeyConstraint("id", name="pk_blind_checks"),
        sa.UniqueConstraint("draw", "case", name="uq_blind_checks_draw_case"),
    )
    op.create_index("ix_blind_checks_case", "blind_checks", ["case"], unique=False)
    op.create_index("ix_blind_checks_upheld", "blind_checks", ["upheld"], unique=False)


def downgrade() -> None:
    op.drop_table("blind_checks")
    op.drop_table("draws")
    op.drop_table("deputies")
    for name, _ in (*_INDEXES, ("ix_cases_closed", [])):
        op.drop_index(name, "cases")
    op.execute("ALTER TABLE cases DROP COLUMN merged_into")
    for table, column in _COLUMNS:
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column.name}")
