"""`gateway slips`: what goes to the police, at the command line of the centre's machine."""

import argparse
import getpass
import sys
import time
from contextlib import closing
from datetime import UTC, date, datetime

from gateway.centre.checklists import Checklists
from gateway.keys import Master, load_master
from gateway.routes import Routes
from gateway.settings import Settings, load
from gateway.store.database import Database
from gateway.store.queries import checklists
from gateway.web.page import make_pages
from rules.model import CIVIL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "act",
        choices=["export", "key"],
        help="export: make the lists of a day now; key: print the public key of their signatures",
    )
    parser.add_argument("--date", type=date.fromisoformat, help="export: the day (today)")
    parser.add_argument("--station", help="one police station alone")


def run(options: argparse.Namespace) -> int:
    """Do one act.

    Raises:
        LookupError: there is no such police station. SettingsError, KeyFileError, WrongSchema: as they say.
    """
    settings = load(options.config)
    master = load_master(settings.data / "master.key")
    if options.act == "key":
        sys.stdout.write(master.lists_public_pem())
        return 0
    with closing(Database(settings.database)) as database:
        database.check_schema()
        return _export(database, master, settings, options)


def _export(database: Database, master: Master, settings: Settings, options: argparse.Namespace) -> int:
    """Make the list of a day for each police station, whatever its routes, and say where it is."""
    today = datetime.now(UTC).astimezone(CIVIL).date()
    day = options.date or today
    if day > today:
        raise LookupError(f"{day} has not come yet")
    routes = Routes(settings.police)
    lists = Checklists(
        database, master, routes, settings.data / "police", make_pages(), lambda: int(time.time() * 1000)
    )
    for name in _stations(database, options.station):
        sys.stdout.write(f"{lists.make(name, day, f'command of {getpass.getuser()}')}\n")
    return 0


def _stations(database: Database, named: str | None) -> list[str]:
    with database.read() as connection:
        known = checklists.police_stations(connection)
    if named is not None and named not in known:
        raise LookupError(f"no compound has the police station {named!r}")
    return known if named is None else [named]
