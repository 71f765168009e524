"""Databases for tests: SQLite files, and a real PostgreSQL of our own under /tmp; each test has a fresh one."""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from gateway.store.database import Database

_NUMBERS = itertools.count()
POSTGRES = pytest.param("postgres", marks=[pytest.mark.real("postgres"), pytest.mark.xdist_group("postgres")])


class Postgres:
    """A server on a unix socket in its own folder: no port, no password, no syncing to disk."""

    def __init__(self) -> None:
        self._binaries = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self.folder = Path(tempfile.mkdtemp(prefix="xq-pg-", dir="/tmp"))
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", str(self.folder / "data"), "-A", "trust", "-U", "gate", "--no-sync", "-E", "UTF8")
        self.start()
        template = Database(self.url("postgres"))
        template.migrate()
        template.close()

    def start(self) -> None:
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off -c max_connections=40"
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def kill(self) -> None:
        """SIGKILL to the server and all its children."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        for one in (pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        for lock in (self.folder / "data" / "postmaster.pid", *self.folder.glob(".s.PGSQL.*.lock")):
            lock.unlink()  # where nobody reaps the dead, they seem alive to the next one

    def url(self, name: str) -> str:
        return f"postgresql:///{name}?host={self.folder}&user=gate"

    def sql(self, statement: str) -> None:
        url = f"postgresql+psycopg:///template1?host={self.folder}&user=gate"
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def fresh(self) -> str:
        """The URL of a new database that is migrated."""
        name = f"t{next(_NUMBERS)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE postgres")
        return self.url(name)

    def empty(self) -> str:
        """The URL of a new database without a schema."""
        name = f"t{next(_NUMBERS)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def drop(self, url: str) -> None:
        self.sql(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def close(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "centre.sqlite3"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    with database.write() as connection:
        connection.exec_driver_sql("SELECT 1")
    database.close()
    return path


def copied(template: Path, folder: Path) -> str:
    """The URL of a new migrated SQLite file in `folder`."""
    path = folder / f"centre-{next(_NUMBERS)}.sqlite3"
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", POSTGRES])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh migrated database, on either of both."""
    if request.param == "sqlite":
        yield copied(request.getfixturevalue("template"), tmp_path)
        return
    server: Postgres = request.getfixturevalue("postgres")
    made = server.fresh()
    yield made
    server.drop(made)


@pytest.fixture(params=["sqlite", POSTGRES])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a schema, on either of both."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    made = server.empty()
    yield made
    server.drop(made)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    made = Database(url, patience_s=2.0)
    yield made
    made.close()
