"""`gateway slips`: what goes to the police, at the command line of the centre's machine."""

import argparse
import getpass
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from gateway.centre.checklists import Checklists
from gateway.centre.replaying import replay, send_test
from gateway.keys import KeyFileError, Master, load_master
from gateway.keys.webhooks import read_secrets
from gateway.routes import Police, Routes
from gateway.settings import Settings, load
from gateway.store.database import Database
from gateway.store.queries import checklists, webhooks
from gateway.store.queries.history import By
from gateway.web.page import make_pages
from rules.cases import NotPossible
from rules.model import CIVIL

_MOST = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "act",
        choices=["export", "key", "deliveries", "test", "replay"],
        help="export: make the lists of a day now; key: print the public key of their signatures; deliveries: what the"
        " webhooks were sent; test: send them a test event; replay: deliver again what was given up",
    )
    parser.add_argument("--date", type=date.fromisoformat, help="export: the day (today)")
    parser.add_argument("--station", help="one police station alone")
    parser.add_argument("--dead", action="store_true", help="deliveries: those alone that were given up")
    parser.add_argument("--id", type=int, help="replay: one event of --station alone")


def run(options: argparse.Namespace) -> int:
    """Do one act; 1 where it is not possible.

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
        if options.act == "export":
            return _export(database, master, settings, options)
        try:
            for said in _webhooks(database, settings, options):
                sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
        except NotPossible as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


def mistakes(settings: Settings) -> Iterator[str]:
    """What is wrong with the files of the webhooks."""
    for police in Routes(settings.police).with_webhook():
        route = police.webhook
        if route is None:
            continue
        try:
            read_secrets(route.secret_file)
        except KeyFileError as error:
            yield f"police {police.name!r}: secret_file: {error}"
        if route.ca_file is not None and not Path(route.ca_file).is_file():
            yield f"police {police.name!r}: ca_file: there is no file {route.ca_file}"


def _export(database: Database, master: Master, settings: Settings, options: argparse.Namespace) -> int:
    """Make the list of a day for each police station, whatever its routes, and say where it is."""
    today = datetime.now(UTC).astimezone(CIVIL).date()
    day = options.date or today
    if day > today:
        raise LookupError(f"{day} has not come yet")
    lists = Checklists(database, master, Routes(settings.police), settings.data / "police", make_pages(), _now)
    for name in _stations(database, options.station):
        sys.stdout.write(f"{lists.make(name, day, _me())}\n")
    return 0


def _webhooks(database: Database, settings: Settings, options: argparse.Namespace) -> Iterator[dict[str, object]]:
    routes = Routes(settings.police)
    for police in _with_webhook(database, routes, options.station):
        by = By(_me(), _now())
        if options.act == "deliveries":
            with database.read() as connection:
                rows = webhooks.listed(connection, police.name, _MOST, None, webhooks.DEAD if options.dead else None)
            names = ("id", "message", "police_station", "kind", "slip", "state", "tries", "status", "problem")
            yield from ({name: getattr(row, name) for name in names} for row in rows)
            continue
        with database.write() as connection:
            if options.act == "test":
                said = {"id": send_test(connection, police, settings.centre.base_url, by)}
            else:
                said = {"events": replay(connection, police, options.id, by)}
        yield {"police_station": police.name, **said}


def _with_webhook(database: Database, routes: Routes, named: str | None) -> list[Police]:
    """The stations that are meant: the one that is named, or all that have a webhook."""
    return routes.with_webhook() if named is None else [routes.of(name) for name in _stations(database, named)]


def _stations(database: Database, named: str | None) -> list[str]:
    with database.read() as connection:
        known = checklists.police_stations(connection)
    if named is not None and named not in known:
        raise LookupError(f"no compound has the police station {named!r}")
    return known if named is None else [named]


def _me() -> str:
    return f"command of {getpass.getuser()}"


def _now() -> int:
    return int(time.time() * 1000)
