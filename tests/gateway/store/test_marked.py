"""Whom a judgement may concern is found by an index that holds nobody else."""

from sqlalchemy import event

from gateway.centre.casework import JUDGED_REASONS
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.queries import streams


def test_the_index_is_about_the_reasons_that_casework_judges() -> None:
    named = ", ".join(f"'{reason}'" for reason in sorted(JUDGED_REASONS, reverse=True))
    assert f"(flags <> '' OR reasons IN ({named}))" == t.MARKED


def test_sqlite_looks_for_marked_swipes_by_that_index(database: Database) -> None:
    asked = []
    with database.read() as connection:
        event.listen(
            connection, "before_cursor_execute", lambda _c, _cursor, text, values, *_: asked.append((text, values))
        )
        assert streams.marked(connection, [("yuan", b"1" * 16), ("other", b"2" * 16)], 0, 10) == set()
        text, values = asked[-1]
        if database.is_sqlite:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
            assert any("ix_swipes_marked" in row[3] and "SEARCH" in row[3] for row in plan)
