"""Connections to the centre's database: one engine that writes, one that reads; SQLite or PostgreSQL."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import OperationalError

from gateway.store.turns import Turns

_MIGRATIONS = Path(__file__).parent / "migrations"
_AFTER = "after commit"
_MIGRATING = 0x7871  # any number, the same in every process: who migrates holds this advisory lock of PostgreSQL
_LOCK = "BEGIN IMMEDIATE"
_LOCKED = "database is locked"
CONNECT_S = 5
"""An attempt to reach PostgreSQL is given up after so long."""
_OPTIONS = "-c jit=off"
"""Compiling a query takes PostgreSQL longer than any of ours runs."""


class WrongSchema(Exception):
    """The database was made by another version of the program, and `gateway migrate` was not run."""


class Database:
    """A centre's database by SQLAlchemy URL.

    On SQLite every writer takes the write lock at once, and waits `patience_s` for it before OperationalError. Writers
    of this process get it in the order in which they came: SQLite itself lets any of them overtake.
    """

    def __init__(self, url: str, *, patience_s: float = 10.0) -> None:
        self.url = url
        self._turns = Turns()
        self._patience_s = patience_s
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        if self.is_sqlite:
            _own_file(make_url(url).database)
            self._writer = _sqlite(url, _LOCK, patience_s)
            self._reader = _sqlite(url, "BEGIN", patience_s)
        else:
            psycopg = make_url(url).set(drivername="postgresql+psycopg")
            arguments = {"connect_timeout": CONNECT_S, "options": _OPTIONS}
            self._writer = create_engine(psycopg, pool_pre_ping=True, hide_parameters=True, connect_args=arguments)
            self._reader = self._writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that writes; committed at the end, rolled back on any exception."""
        with self._turn(), self._writer.begin() as connection:
            waiting: list[Callable[[], None]] = []
            connection.info[_AFTER] = waiting
            yield connection
        for call in waiting:
            call()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """On SQLite, this writer's turn among those of this process."""
        if not self.is_sqlite:
            yield
            return
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self._turns.taken(self._patience_s))
            except TimeoutError:
                raise OperationalError(_LOCK, None, sqlite3.OperationalError(_LOCKED)) from None
            yield

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that reads a consistent state."""
        with self._reader.connect() as connection:
            yield connection

    def tidy(self) -> None:
        """Have what was deleted leave the files, too: the write-ahead log of SQLite, the dead rows of PostgreSQL."""
        if self.is_sqlite:
            path = make_url(self.url).database or ""
            with self._turn(), contextlib.closing(sqlite3.connect(path, timeout=self._patience_s)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        with self._writer.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("VACUUM")

    def migrate(self) -> None:
        """Bring the schema to this version of the program.

        Raises:
            WrongSchema: a newer version of the program made the database.
        """
        config = _alembic()
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        with self._writer.begin() as connection:
            if not self.is_sqlite:
                connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
            current = MigrationContext.configure(connection).get_current_revision()
            if current is not None and current not in known:
                raise WrongSchema(_newer(current))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def check_schema(self) -> None:
        """Raise WrongSchema unless the schema is this version's."""
        scripts = ScriptDirectory.from_config(_alembic())
        head = scripts.get_current_head()
        with self.read() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
        if current == head:
            return
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise WrongSchema(_newer(current))
        raise WrongSchema(
            f"the database's schema is {current or 'not there yet'}, this program needs {head}: run gateway migrate"
        )

    def close(self) -> None:
        self._writer.dispose()
        self._reader.dispose()


def after_commit(connection: Connection, call: Callable[[], None]) -> None:
    """Have `call` done once the transaction of `Database.write` is committed; never when it is rolled back."""
    connection.info[_AFTER].append(call)


def _newer(revision: str) -> str:
    return f"the database's schema is {revision}, of a newer version of this program: install that version"


def _own_file(path: str | None) -> None:
    """Make an SQLite file that its owner alone may read, and its folder; SQLite gives its side files the same mode."""
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _sqlite(url: str, begin: str, patience_s: float) -> Engine:
    arguments = {"timeout": patience_s, "check_same_thread": False}
    engine = create_engine(url, hide_parameters=True, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself: `begin` below does
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
