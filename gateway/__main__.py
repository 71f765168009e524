"""The command line: `gateway COMMAND`. Exit 0 for done, 1 for a finding, 2 for wrong use or configuration."""

import argparse
import json
import resource
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path

from sqlalchemy.exc import OperationalError

from gateway import admitting, app, keeping, policing, ruling, technician
from gateway.asyncapi import document
from gateway.decode import DECODERS, WRONG_USE, decode
from gateway.keys import KeyFileError
from gateway.lock import AlreadyRunning
from gateway.settings import SettingsError
from gateway.store.database import WrongSchema
from gateway.tail import tail
from gateway.wire import SOFTWARE
from rules.model import CIVIL
from rules.policy import PolicyError

PLUGGED = "gateway.commands"
"""Entry points that are commands: each takes its arguments and returns the exit status."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. It leaves no core dump: keys and numbers are in its memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        return _dispatch(list(sys.argv[1:] if arguments is None else arguments))
    except SettingsError as error:
        return _wrong(error.mistakes)
    except PolicyError as error:
        return _wrong([f"policy: {mistake}" for mistake in error.mistakes])
    except (AlreadyRunning, KeyFileError, WrongSchema, LookupError, OSError) as error:
        return _wrong([str(error)])
    except OperationalError as error:
        print(f"the database does not answer: {error.orig}", file=sys.stderr)
        return 1


def _dispatch(words: list[str]) -> int:
    for plugged in entry_points(group=PLUGGED, name=words[0] if words else ""):
        status: int = plugged.load()(words[1:])
        return status
    options = _parser().parse_args(words)
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about)
        added.set_defaults(run=run)
        return added

    def configured(added: argparse.ArgumentParser) -> argparse.ArgumentParser:
        default = Path("config/gateway.toml")
        added.add_argument("--config", type=Path, default=default, help="the configuration file (%(default)s)")
        return added

    configured(command("run", _run, "run broker, centre and station of this machine"))
    station = configured(command("station", _station, "run a station by its enrolment file; enrol or revoke one"))
    station.add_argument("--enrolment", type=Path, help="the file that the centre wrote for this station")
    station.add_argument("act", nargs="?", choices=["enrol", "revoke"], help="at the centre: write a file, or cut off")
    station.add_argument("name", nargs="?", help="name of the station to enrol or to revoke")
    station.add_argument("--community", help="the compound that it stands in")
    station.add_argument("--replace", action="store_true", help="a new box takes the name; the one before is cut off")
    station.add_argument(
        "--out", type=Path, help="where to write the file (NAME.enrolment; the list in the data folder)"
    )
    configured(command("centre", _centre, "run the centre"))
    configured(command("check", _check, "say every mistake in configuration and policy, without starting"))
    decoder = command("decode", _decode, "say what a driver makes of hexadecimal bytes on standard input")
    decoder.add_argument("protocol", choices=list(DECODERS))
    decoder.add_argument("--reveal", action="store_true", help="show numbers and names in full")
    bus = command("bus", _bus, "watch the bus, or describe it as an AsyncAPI document")
    bus.add_argument("act", choices=["tail", "asyncapi"])
    configured(bus)
    served = configured(command("broker", _broker, "what a broker needs: accounts of the police, access list, files"))
    served.add_argument("act", choices=["accounts", "acl", "files", "certificate"])
    served.add_argument("--account", default="centre", help="certificate: centre, or police-NAME (%(default)s)")
    served.add_argument("--out", type=Path, default=Path("broker"), help="files: the folder to write (%(default)s)")
    served.add_argument("--host", action="append", default=[], help="files: a name or address that stations use")
    technician.add_arguments(
        configured(command("readers", technician.table, "this station's readers, and their lines"))
    )
    ruling.add_arguments(
        configured(command("rules", ruling.run, "check, explain, try and bring in the policy, version by version"))
    )
    policing.add_arguments(
        configured(command("slips", policing.run, "what goes to the police: lists, keys, deliveries"))
    )
    admitting.add_arguments(configured(command("accounts", admitting.run, "who may use the centre's pages")))
    keeping.add_arguments(configured(command("keys", keeping.run, "keep or restore the master key; open sealed files")))
    for plugged in entry_points(group=PLUGGED):
        command(plugged.name, _version, f"by {plugged.value}; --help says more")
    configured(command("migrate", _migrate, "bring the database's schema to this version"))
    command("version", _version, "say the version")
    return parser


def _run(options: argparse.Namespace) -> int:
    app.run_all(options.config)
    return 0


def _centre(options: argparse.Namespace) -> int:
    app.run_centre(options.config)
    return 0


def _station(options: argparse.Namespace) -> int:
    if options.act == "revoke":
        if not options.name:
            return _wrong(["give the station's name"])
        print(json.dumps(app.revoke_station(options.config, options.name, options.out), ensure_ascii=False))
        return 0
    if options.act == "enrol":
        if not options.name or not options.community:
            return _wrong(["give the station's name and --community"])
        target = options.out or Path(f"{options.name}.enrolment")
        app.enrol_station(options.config, options.name, options.community, target, replace=options.replace)
        print(target)
        return 0
    if options.enrolment is None:
        return _wrong(["give --enrolment FILE, or enrol NAME --community ID, or revoke NAME"])
    app.run_station(options.config, options.enrolment)
    return 0


def _check(options: argparse.Namespace) -> int:
    mistakes, remarks = app.check(options.config)
    for remark in remarks:
        print(f"note: {remark}")
    if mistakes:
        return _wrong(mistakes)
    print("ok")
    return 0


def _decode(options: argparse.Namespace) -> int:
    today = datetime.now(UTC).astimezone(CIVIL).date()
    pasted = sys.stdin.buffer.read().decode("ascii", "replace")
    found, status = decode(options.protocol, pasted, reveal=options.reveal, today=today)
    for item in found:
        print(json.dumps(item, ensure_ascii=False), file=sys.stderr if status == WRONG_USE else sys.stdout)
    return status


def _bus(options: argparse.Namespace) -> int:
    if options.act == "asyncapi":
        print(json.dumps(document(), indent=2, ensure_ascii=False))
        return 0
    try:
        for line in tail(*app.bus_account(options.config)):
            print(line, flush=True)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.stderr.close()
    return 0


def _broker(options: argparse.Namespace) -> int:
    if options.act == "acl":
        print(app.broker_acl(options.config))
        return 0
    if options.act == "certificate":
        target = options.out if options.out != Path("broker") else Path(f"{options.account}.pem")
        app.broker_certificate(options.config, options.account, target)
        print(target)
        return 0
    if options.act == "files":
        if not options.host:
            return _wrong(["give --host, the name or address under which stations reach the broker"])
        print(app.broker_files(options.config, options.out, tuple(options.host)))
        return 0
    for name, password in app.broker_accounts(options.config).items():
        print(json.dumps({"username": name, "password": password}))
    return 0


def _migrate(options: argparse.Namespace) -> int:
    app.migrate(options.config)
    return 0


def _version(_options: argparse.Namespace) -> int:
    print(SOFTWARE)
    return 0


def _wrong(mistakes: Sequence[str]) -> int:
    for mistake in mistakes:
        print(mistake, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
