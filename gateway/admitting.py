"""`gateway accounts`: who may use the centre, at the command line of its machine."""

import argparse
import getpass
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing

from gateway.centre import audit
from gateway.centre.accounts.book import Accounts, NotAllowed
from gateway.centre.api.accounts import WHY, view
from gateway.centre.audit import Who
from gateway.keys import Master, load_master
from gateway.settings import load
from gateway.store.database import Database
from gateway.store.queries import accounts as rows
from rules.roles import Role


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "act",
        choices=["list", "add", "invite", "disable", "verify"],
        help="list: every account; add: a new one, which gets an invitation for the page /welcome; invite: a new"
        " invitation for somebody who lost the way in; disable: its sessions end and it opens nothing; verify: whether"
        " the record of acts is as it was written",
    )
    parser.add_argument("name", nargs="?", default="", help="name of the account: a-z, 0-9, dot, hyphen, underscore")
    parser.add_argument("--shown", default="", help="add: the name that others see")
    parser.add_argument("--role", action="append", default=[], choices=[role.value for role in Role])
    parser.add_argument("--scope", default="", help="add: the community or police station that it is confined to")


def run(options: argparse.Namespace) -> int:
    """Do one act; 1 where it is not allowed, or the record does not hold.

    Raises:
        LookupError: there is no such account. SettingsError, KeyFileError, WrongSchema: as they say.
    """
    settings = load(options.config)
    master = load_master(settings.data / "master.key")
    with closing(Database(settings.database)) as database:
        database.check_schema()
        if options.act == "verify":
            return _verify(database, master)
        try:
            for said in _done(database, master, options, district=settings.profile == "district"):
                sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
        except NotAllowed as error:
            sys.stderr.write(f"{WHY.get(error.code, error.code)}\n")
            return 1
    return 0


def _done(
    database: Database, master: Master, options: argparse.Namespace, *, district: bool
) -> Iterator[dict[str, object]]:
    book, who = Accounts(master, district=district), Who(f"command of {getpass.getuser()}", "", int(time.time() * 1000))
    if options.act == "list":
        with database.read() as connection:
            yield from (view(row).model_dump() for row in rows.listed(connection))
        return
    with database.write() as connection:
        if options.act == "add":
            roles = [Role(role) for role in options.role]
            code = book.add(connection, who, options.name, options.shown, roles, options.scope)
            yield {"name": options.name, "invitation": code}
        elif options.act == "invite":
            yield {"name": options.name, "invitation": book.invite_again(connection, who, options.name)}
        else:
            row = rows.named(connection, options.name)
            if row is None:
                raise LookupError(f"there is no account {options.name}")
            held = [Role(role) for role in row.roles]
            book.change(connection, who, options.name, roles=held, scope=row.scope, disabled=True)
            yield {"name": options.name, "disabled": True}


def _verify(database: Database, master: Master) -> int:
    with database.read() as connection:
        found = audit.verify(connection, master.lists_public())
    if isinstance(found, audit.Broken):
        sys.stdout.write(f"the record does not hold at row {found.id}; {found.held} rows before it do\n")
        return 1
    sys.stdout.write(f"the record holds: {found} rows\n")
    return 0
