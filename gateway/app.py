"""The composition root: the only module that knows all others. Each function is one way to run the program."""

import gc
import getpass
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
import tomllib
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from gateway import broker, enrolling, policing
from gateway.centre.policies import read as read_policy
from gateway.centre.process import CentreProcess, enrol_own_data
from gateway.centre.rulework import at_site
from gateway.enrolling import local_url
from gateway.keys import Enrolled, Master, load_master, load_or_create_master, read_secret, write_secret
from gateway.lock import hold
from gateway.settings import Settings, SettingsError, StationName, load
from gateway.station.devices import drivers_of
from gateway.station.process import StationProcess
from gateway.store.database import Database
from gateway.supervisor import Child, Supervisor
from gateway.tending import PATIENCE_S, Tending
from rules.model import CIVIL
from rules.policy import PolicyError, departures

log = logging.getLogger(__name__)

TURN_S = 0.0005
"""After so long a thread of the station that computes lets others on: Python's 5 ms are all that a verdict may take."""


def run_all(config: Path) -> None:
    """`gateway run`: broker, centre and station of one machine as supervised children."""
    settings = load(config)
    _log(settings)
    with hold(settings.data / "run.lock"):
        _run_all(config, settings)


def _run_all(config: Path, settings: Settings) -> None:
    if settings.station is not None:
        drivers_of(settings)  # what is wrong is said once, not by a station that is started again and again
    master = load_or_create_master(_master_file(settings))
    database = Database(settings.database)
    database.migrate()
    enrol_own_data(database, settings)
    children: list[Child] = []
    protocol = settings.broker.protocol
    enrolment = _own_enrolment(database, master, settings)
    tending: Tending | None = None
    if settings.broker.managed:
        command, protocol = enrolling.prepare_broker(database, master, settings)
        tending = Tending(Database(settings.database, patience_s=PATIENCE_S), master, settings)
        children.append(Child("broker", command, lambda: _answers(settings.broker.port), said=tending.heard))
    me = [sys.executable, "-m", "gateway"]
    spoken = {"GATEWAY__BROKER__PROTOCOL": str(protocol)}
    centre_port = settings.centre.port
    children.append(Child("centre", [*me, "centre", "--config", str(config)], lambda: _answers(centre_port), spoken))
    if enrolment is not None:
        file = str(enrolment)
        children.append(
            Child("station", [*me, "station", "--config", str(config), "--enrolment", file], environment=spoken)
        )
    supervisor = Supervisor(children)
    try:
        supervisor.run(_stop_on_signals(), tend=lambda: tending.turn(supervisor) if tending is not None else None)
    finally:
        database.close()


def _own_enrolment(database: Database, master: Master, settings: Settings) -> Path | None:
    """The enrolment file of this machine's own station; None where there is none, or it was revoked."""
    station = settings.station
    if station is None:
        return None
    if station.community is None:
        raise SettingsError(["station.community: state the compound that this station stands in"])
    try:
        return enrolling.ensure_own(database, master, settings, station.name, station.community)
    except enrolling.Revoked as error:
        log.error("%s; the centre runs without a station of its own", error)  # noqa: TRY400 - it says all
        return None


def run_centre(config: Path) -> None:
    """`gateway centre`: intake, register, pages and API."""
    settings = load(config)
    _log(settings)
    master = load_or_create_master(_master_file(settings))
    with hold(settings.data / "centre.lock"):
        centre = CentreProcess(settings, master, local_url(settings), _centre_password(settings, master))
        _leave_alone_what_is_loaded()
        centre.run(_stop_on_signals())
    if centre.again:
        log.info("the centre starts again, with the database as it is now")
        _start_again()


def run_station(config: Path, enrolment: Path) -> None:
    """`gateway station`: the devices of one compound, with what its enrolment file says."""
    settings = load(config)
    _log(settings)
    enrolled = Enrolled.loads(read_secret(enrolment))
    sys.setswitchinterval(TURN_S)
    with hold(settings.data / f"station-{enrolled.station}" / "station.lock"):
        station = StationProcess(settings, enrolled, lambda: _mistakes_of_station(config))
        _leave_alone_what_is_loaded()
        station.run(_stop_on_signals())
    if station.again:
        log.info("the station starts again, with the configuration as it is now")
        _start_again()


def _leave_alone_what_is_loaded() -> None:
    """Spare the collector of garbage what stays to the end: looking through it stops every thread for 0.1 s."""
    gc.collect()
    gc.freeze()


def _start_again() -> NoReturn:
    """Put this program, by the command that started it, in the place of this process."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves


def _mistakes_of_station(config: Path) -> list[str]:
    """What is wrong in a station's configuration as it stands on the disk."""
    try:
        settings = load(config)
        drivers_of(settings)
    except SettingsError as error:
        return error.mistakes
    return [] if settings.station is not None else ["station: there is no [station] table"]


def enrol_station(config: Path, name: str, community: str, target: Path, *, replace: bool = False) -> None:
    """`gateway station enrol`: make a station known to the centre and write the one file that it needs.

    Raises:
        LookupError: there is no such community, the station stands in another one, or was revoked.
        FileExistsError: `target` is there already. SettingsError: no station may have this name.
    """
    settings = load(config)
    _log(settings)
    _check_name(name)
    if target.exists():
        raise FileExistsError(f"{target} is there already: an enrolment is a secret and is not written over")
    master = load_or_create_master(_master_file(settings))
    database = Database(settings.database)
    database.migrate()
    enrol_own_data(database, settings)
    enrolled = enrolling.enrol(database, master, settings, name, community, replace=replace)
    write_secret(target, enrolled.dumps())
    enrolling.hand_on(database, master, settings)
    database.close()


def revoke_station(config: Path, name: str, target: Path | None) -> dict[str, object]:
    """`gateway station revoke`: cut a station off, now, and then write whom that concerns; None is the data folder.

    Raises:
        LookupError: there is no such station. OSError: it is cut off, but the list cannot be written.
    """
    settings, master, database = _office(config)
    actor = f"command of {getpass.getuser()}"
    cut = enrolling.revoke(database, master, name, actor)
    enrolling.hand_on(database, master, settings)
    if target is None:
        target = settings.data / "told" / f"{name}-{datetime.now(UTC).astimezone(CIVIL):%Y%m%d-%H%M%S}.xlsx"
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    told = enrolling.tell(database, master, cut, actor, target)
    database.close()
    return asdict(cut) | {"told": str(target), "to_tell": told}


def migrate(config: Path) -> None:
    """`gateway migrate`: bring the database's schema to this version."""
    settings = load(config)
    _log(settings)
    database = Database(settings.database)
    database.migrate()
    database.close()


def broker_accounts(config: Path) -> dict[str, str]:
    """`gateway broker accounts`: name and password of each police station's account at the managed broker."""
    _, master, database = _office(config)
    accounts = enrolling.accounts(database, master)
    database.close()
    return {broker.police_account(name): password for name, password in accounts.police.items()}


def broker_acl(config: Path) -> str:
    """`gateway broker acl`: the access list, for a Mosquitto that is not managed."""
    _, master, database = _office(config)
    accounts = enrolling.accounts(database, master)
    database.close()
    return broker.access_list(accounts)


def broker_files(config: Path, folder: Path, names: tuple[str, ...]) -> Path:
    """`gateway broker files`: all that a Mosquitto on another machine needs; the configuration that it is started with.

    `names` are the host names and addresses under which stations reach it: they stand in its certificate.
    """
    settings, master, database = _office(config)
    written = enrolling.write_files(database, master, settings, folder, names)
    database.close()
    return written


def broker_certificate(config: Path, account: str, target: Path) -> None:
    """`gateway broker certificate`: what the centre or a police station's platform shows of itself, with its key.

    Raises:
        LookupError: it is no such account. FileExistsError: `target` is there already.
    """
    _, master, database = _office(config)
    write_secret(target, enrolling.certificate_of(database, master, account).pem.strip())
    database.close()


def _office(config: Path) -> tuple[Settings, Master, Database]:
    """What a command at the centre works with: a database and a master key that are there already."""
    settings = load(config)
    _log(settings)
    master = load_master(_master_file(settings))
    database = Database(settings.database)
    database.check_schema()
    return settings, master, database


def check(config: Path) -> tuple[list[str], list[str]]:
    """`gateway check`: every mistake in the configuration and the policy, and what is worth knowing."""
    mistakes: list[str] = []
    remarks: list[str] = []
    try:
        settings = load(config)
    except SettingsError as error:
        return error.mistakes + _policy_of(_policy_named_in(config), remarks), remarks
    mistakes += _policy_of(settings.centre.policy, remarks, settings)
    mistakes += [*_clashes(settings), *_broker_mistakes(settings), *policing.mistakes(settings)]
    try:
        drivers_of(settings)
    except SettingsError as error:
        mistakes += error.mistakes
    remarks += [
        f"portal {portal.id!r}: a door contact without an exit button: whoever leaves by a button counts as forced"
        for portal in settings.portals
        if portal.door is not None and portal.exit_button is None
    ]
    if settings.broker.managed and broker.mosquitto_path() is None:
        remarks.append("Mosquitto is not installed: the pip-only broker serves, without an access list")
    return mistakes, remarks


def _policy_of(path: Path | None, remarks: list[str], settings: Settings | None = None) -> list[str]:
    """The mistakes of a policy file, also at this site; to `remarks`, where it asks for less than our safeguards."""
    if path is None:
        return []
    try:
        _, policy = read_policy(path)
    except PolicyError as error:
        return [f"policy: {mistake}" for mistake in error.mistakes]
    remarks += [f"policy: asks for less than the product's safeguards: {what}" for what in departures(policy)]
    return [f"policy: {mistake}" for mistake in at_site(policy.gate, settings)] if settings is not None else []


def _policy_named_in(config: Path) -> Path | None:
    """The policy file that a configuration with mistakes names all the same."""
    try:
        named = tomllib.loads(config.read_text(encoding="utf-8")).get("centre", {}).get("policy", "policy.toml")
        return config.parent / str(named)
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _clashes(settings: Settings) -> list[str]:
    """What each table alone allows and this machine cannot have."""
    ports = {"centre.port": settings.centre.port}
    if settings.broker.managed:
        ports["broker.port"] = settings.broker.port
    if settings.broker.secure:
        ports["broker.tls_port"] = settings.broker.tls_port
    if settings.station is not None:
        ports["station.port"] = settings.station.port
    taken: dict[int, str] = {}
    found = []
    for name, port in ports.items():
        if port and taken.setdefault(port, name) != name:
            found.append(f"{name}: port {port} is {taken[port]}, too")
    if settings.station is not None and settings.station.community is None and settings.communities:
        found.append("station.community: state the compound that this station stands in")
    return found


def _broker_mistakes(settings: Settings) -> list[str]:
    """What would keep stations and the centre from the broker, or give a password away on the line to it."""
    own = settings.broker
    ports = {"port": own.managed and own.port == 0, "tls_port": own.secure and own.tls_port == 0}
    found = [f"broker.{name}: 0 is no port that stations could know" for name, wrong in ports.items() if wrong]
    files = {"password_file": own.password_file, "ca_file": own.ca_file, "certificate_file": own.certificate_file}
    found += [
        f"broker.{name}: there is no file {file}"
        for name, file in files.items()
        if file is not None and not file.is_file()
    ]
    if own.managed:
        return found
    try:
        parts = urlsplit(own.url)
    except ValueError:
        return [*found, "broker.url: it is no address"]
    if not parts.hostname:
        found.append("broker.url: it names no host")
    elif parts.scheme == "mqtt" and not _is_here(parts.hostname) and not own.cleartext:
        found.append(
            "broker.url: mqtt:// sends passwords in the clear to another machine: use mqtts://, or declare"
            " cleartext = true where that line is protected by other means"
        )
    return found


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bus_account(config: Path) -> tuple[Settings, Master, str, str]:
    """What `gateway bus tail` needs: settings, the master key, the broker's URL and the centre's password there."""
    settings = load(config)
    master = load_master(_master_file(settings))
    return settings, master, local_url(settings), _centre_password(settings, master)


def _check_name(name: str) -> None:
    try:
        TypeAdapter(StationName).validate_python(name)
    except ValidationError as error:
        raise SettingsError([f"the station's name: {error.errors()[0]['msg']}"]) from None


def _centre_password(settings: Settings, master: Master) -> str:
    file = settings.broker.password_file
    return read_secret(file) if file is not None else master.broker_password(broker.CENTRE)


def _master_file(settings: Settings) -> Path:
    return settings.data / "master.key"


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return True
    except OSError:
        return False


def _stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    handle: Callable[..., None] = lambda *_: stop.set()  # noqa: E731
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
    return stop


def _log(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    for name in ("alembic", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)  # what they say of a start we say in our own words
