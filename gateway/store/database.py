"""Connections to the centre's database: one engine that writes, one that reads; SQLite or PostgreSQL."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url

_MIGRATIONS = Path(__file__).parent / "migrations"


class WrongSchema(Exception):
    """The database was made by another version of the program, and `gateway migrate` was not run."""


class Database:
    """A centre's database by SQLAlchemy URL. On SQLite every writer takes the write lock at once and waits for it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        if self.is_sqlite:
            path = make_url(url).database
            if path:
                Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._writer, self._reader = _sqlite(url, "BEGIN IMMEDIATE"), _sqlite(url, "BEGIN")
        else:
            psycopg = make_url(url).set(drivername="postgresql+psycopg")
            self._writer = self._reader = create_engine(psycopg, pool_pre_ping=True)

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that writes; committed at the end, rolled back on any exception."""
        with self._writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that reads a consistent state."""
        with self._reader.connect() as connection:
            yield connection

    def migrate(self) -> None:
        """Bring the schema to this version of the program."""
        with self._writer.begin() as connection:
            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def check_schema(self) -> None:
        """Raise WrongSchema unless the schema is this version's."""
        head = ScriptDirectory.from_config(_alembic()).get_current_head()
        with self.read() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
        if current != head:
            raise WrongSchema(
                f"the database is at {current or 'nothing'}, the program needs {head}: run gateway migrate"
            )

    def close(self) -> None:
        self._writer.dispose()
        self._reader.dispose()


def _sqlite(url: str, begin: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 10, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself: `begin` below does
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
