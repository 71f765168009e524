"""`gateway keys`: rotate a compound's token key, keep the master key under a passphrase, open sealed files."""

import argparse
import getpass
import json
import os
import sys
import time
from contextlib import closing
from pathlib import Path

from gateway import wire
from gateway.centre import audit
from gateway.centre.audit import Who
from gateway.centre.lawful import PURPOSE as LAWFUL
from gateway.centre.tokens import Tokens
from gateway.keys import KeyFileError, Master, NotAuthentic, load_master, read_secret, write_secret
from gateway.keys.sealed import SHORTEST, open_file, seal_file
from gateway.settings import Settings, load
from gateway.store.database import Database
from gateway.store.queries import tokens

BACKUP = "master key"
WORDS = "GATEWAY_PASSPHRASE"
LOST = (
    "Without this file and its passphrase a lost master key cannot be had back, by anybody. Then every number, name,\n"
    "phone and note in the database is lost for good, and so is whatever stations have sealed; passes, counts and\n"
    "month-ends stay, and name nobody. Every station has to be enrolled anew. Keep both apart from the database's\n"
    "backups."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "act",
        choices=["rotate", "backup", "restore", "open"],
        help="rotate: have the tokens of a compound made by a new key, while all goes on; backup: the master key into"
        " FILE, sealed by a passphrase; restore: it back from FILE, where there is none; open: a file that was handed"
        f" over. The passphrase is asked for, or stands in {WORDS}",
    )
    parser.add_argument("file", type=Path, nargs="?", help="the sealed file")
    parser.add_argument("--community", default="", help="rotate: the compound")
    parser.add_argument("--out", type=Path, help="open: where to write what is in it")


def run(options: argparse.Namespace) -> int:
    """Do one act; 1 where the passphrase does not open the file.

    Raises:
        LookupError: there is no such community. SettingsError, KeyFileError, OSError: as they say.
    """
    try:
        if options.act == "rotate":
            return _rotate(load(options.config), options.community)
        if options.file is None:
            raise KeyFileError("name the sealed file")
        if options.act == "open":
            return _open(options.file, options.out)
        settings = load(options.config)
        return _backup(settings, options.file) if options.act == "backup" else _restore(settings, options.file)
    except NotAuthentic as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _rotate(settings: Settings, community: str) -> int:
    master, now = load_master(settings.data / "master.key"), int(time.time() * 1000)
    with closing(Database(settings.database)) as database:
        database.check_schema()
        with database.write() as connection:
            if len(tokens.keys(connection, community).older) >= wire.MAX_OLDER:
                raise KeyFileError("older keys are still good: wait until the cards that stand under them were shown")
            Tokens(master).rotate(connection, community, now)
            who = Who(f"command of {getpass.getuser()}", "", now)
            audit.note(connection, who, "key.rotate", f"communities/{community}", community=community)
            newest, waiting = tokens.keys(connection, community).newest, tokens.waiting(connection, community)
    sys.stdout.write(json.dumps({"community": community, "token_key": newest, "waiting": waiting}) + "\n")
    return 0


def _backup(settings: Settings, target: Path) -> int:
    file = settings.data / "master.key"
    load_master(file)
    words = _words(twice=True)
    if len(words) < SHORTEST:
        raise KeyFileError(f"a passphrase has {SHORTEST} characters or more")
    _write(target, seal_file(read_secret(file).encode(), words, BACKUP))
    sys.stdout.write(f"{target}\n{LOST}\n")
    return 0


def _restore(settings: Settings, source: Path) -> int:
    text = open_file(source.read_bytes(), _words(), BACKUP).decode()
    Master(bytes.fromhex(text))
    file = settings.data / "master.key"
    try:
        write_secret(file, text)
    except FileExistsError:
        raise KeyFileError(f"{file}: there is a master key already; it is not overwritten") from None
    sys.stdout.write(f"{file}\n")
    return 0


def _open(source: Path, target: Path | None) -> int:
    if target is None:
        raise KeyFileError("say by --out where to write what is in the file")
    _write(target, open_file(source.read_bytes(), _words(), LAWFUL))
    sys.stdout.write(f"{target}\n")
    return 0


def _words(*, twice: bool = False) -> str:
    said = os.environ.get(WORDS)
    if said is not None:
        return said
    words = getpass.getpass("passphrase: ")
    if twice and getpass.getpass("once more: ") != words:
        raise KeyFileError("the two are not the same")
    return words


def _write(target: Path, data: bytes) -> None:
    """Into a new file of mode 0600."""
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
