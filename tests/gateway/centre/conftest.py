"""Fresh databases of both kinds, and a centre on each, for the tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.database import Database
from tests.gateway.centre.office import Office
from tests.gateway.store.databases import copied, database, empty_url, postgres, template, url

__all__ = ["database", "empty_url", "postgres", "template", "url"]


@pytest.fixture
def office(database: Database) -> Office:
    """A centre, on SQLite and on PostgreSQL."""
    return Office(database)


@pytest.fixture
def small(template: Path, tmp_path: Path) -> Iterator[Office]:
    """A centre on SQLite alone: for what does not hang on the database."""
    made = Database(copied(template, tmp_path), patience_s=0.05)
    yield Office(made)
    made.close()
