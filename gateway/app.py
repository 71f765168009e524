"""The composition root: the only module that knows all others. Each function is one way to run the program."""

import logging
import signal
import socket
import sys
import threading
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from gateway import broker
from gateway.centre.policies import read as read_policy
from gateway.centre.process import CentreProcess, enrol_own_data
from gateway.centre.register import TOKEN_KEY
from gateway.keys import Enrolled, KeyFileError, Master, load_master, load_or_create_master, read_secret, write_secret
from gateway.lock import hold
from gateway.settings import Settings, SettingsError, StationName, load
from gateway.station.devices import drivers_of
from gateway.station.process import StationProcess
from gateway.store.database import Database
from gateway.store.queries import streams
from gateway.supervisor import Child, Supervisor
from rules.policy import PolicyError, departures

log = logging.getLogger(__name__)


def run_all(config: Path) -> None:
    """`gateway run`: broker, centre and station of one machine as supervised children."""
    settings = load(config)
    _log(settings)
    with hold(settings.data / "run.lock"):
        _run_all(config, settings)


def _run_all(config: Path, settings: Settings) -> None:
    master = load_or_create_master(_master_file(settings))
    database = Database(settings.database)
    database.migrate()
    enrol_own_data(database, settings)
    children: list[Child] = []
    protocol = settings.broker.protocol
    if settings.station is not None:
        _ensure_enrolled(database, master, settings)
    if settings.broker.managed:
        command, protocol = broker.prepare(settings.data / "broker", settings.broker.port, _accounts(database, master))
        children.append(Child("broker", command, lambda: _answers(settings.broker.port)))
    database.close()
    me = [sys.executable, "-m", "gateway"]
    spoken = {"GATEWAY__BROKER__PROTOCOL": str(protocol)}
    centre_port = settings.centre.port
    children.append(Child("centre", [*me, "centre", "--config", str(config)], lambda: _answers(centre_port), spoken))
    if settings.station is not None:
        file = str(_enrolment_file(settings, settings.station.name))
        children.append(
            Child("station", [*me, "station", "--config", str(config), "--enrolment", file], environment=spoken)
        )
    Supervisor(children).run(_stop_on_signals())


def run_centre(config: Path) -> None:
    """`gateway centre`: intake, register, pages and API."""
    settings = load(config)
    _log(settings)
    master = load_or_create_master(_master_file(settings))
    with hold(settings.data / "centre.lock"):
        centre = CentreProcess(settings, master, _broker_url(settings), _centre_password(settings, master))
        centre.run(_stop_on_signals())


def run_station(config: Path, enrolment: Path) -> None:
    """`gateway station`: the devices of one compound, with what its enrolment file says."""
    settings = load(config)
    _log(settings)
    enrolled = Enrolled.loads(read_secret(enrolment))
    with hold(settings.data / f"station-{enrolled.station}" / "station.lock"):
        StationProcess(settings, enrolled, settings.broker.ca_file).run(_stop_on_signals())


def enrol_station(config: Path, name: str, community: str, target: Path) -> None:
    """`gateway station enrol`: make a station known to the centre and write the one file that it needs.

    Raises:
        LookupError: there is no such community, or the station stands in another one.
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
    enrolled = _enrol(database, master, settings, name, community)
    write_secret(target, enrolled.dumps())
    if settings.broker.managed:
        broker.prepare(settings.data / "broker", settings.broker.port, _accounts(database, master))
    database.close()


def migrate(config: Path) -> None:
    """`gateway migrate`: bring the database's schema to this version."""
    settings = load(config)
    _log(settings)
    database = Database(settings.database)
    database.migrate()
    database.close()


def broker_accounts(config: Path) -> dict[str, str]:
    """`gateway broker accounts`: name and password of each police station's account at the managed broker."""
    settings = load(config)
    master = load_master(_master_file(settings))
    database = Database(settings.database)
    database.check_schema()
    accounts = _accounts(database, master)
    database.close()
    return {broker.police_account(name): password for name, password in accounts.police.items()}


def check(config: Path) -> tuple[list[str], list[str]]:
    """`gateway check`: every mistake in the configuration and the policy, and what is worth knowing."""
    mistakes: list[str] = []
    remarks: list[str] = []
    try:
        settings = load(config)
    except SettingsError as error:
        return error.mistakes + _policy_of(_policy_named_in(config), remarks), remarks
    mistakes += _policy_of(settings.centre.policy, remarks)
    mistakes += _clashes(settings)
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


def _policy_of(path: Path | None, remarks: list[str]) -> list[str]:
    """The mistakes of a policy file; to `remarks`, where it asks for less than the product's safeguards."""
    if path is None:
        return []
    try:
        _, policy = read_policy(path)
    except PolicyError as error:
        return [f"policy: {mistake}" for mistake in error.mistakes]
    remarks += [f"policy: asks for less than the product's safeguards: {what}" for what in departures(policy)]
    return []


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


def bus_account(config: Path) -> tuple[Settings, Master, str, str]:
    """What `gateway bus tail` needs: settings, the master key, the broker's URL and the centre's password there."""
    settings = load(config)
    master = load_master(_master_file(settings))
    return settings, master, _broker_url(settings), _centre_password(settings, master)


def _ensure_enrolled(database: Database, master: Master, settings: Settings) -> None:
    """Enrol this machine's own station when it has no file yet, or one that no longer fits."""
    station = settings.station
    if station is None or station.community is None:
        raise SettingsError(["station.community: state the compound that this station stands in"])
    file = _enrolment_file(settings, station.name)
    enrolled = _enrol(database, master, settings, station.name, station.community)
    if file.exists():
        try:
            if Enrolled.loads(read_secret(file)) == enrolled:
                return
        except KeyFileError:
            log.warning("%s was not an enrolment of this station and is written anew", file)
        file.unlink()
    write_secret(file, enrolled.dumps())


def _enrol(database: Database, master: Master, settings: Settings, name: str, community: str) -> Enrolled:
    with database.write() as connection:
        if streams.community(connection, community) is None:
            raise LookupError(f"there is no community {community!r}")
        known = {row.name: row for row in streams.stations(connection)}
        if name in known and known[name].community != community:
            raise LookupError(f"station {name!r} stands in {known[name].community!r}")
        generation = known[name].generation if name in known else 1
        if name not in known:
            streams.put_station(connection, name, community, generation, int(time.time() * 1000))
    return Enrolled(
        station=name,
        community=community,
        generation=generation,
        secret=master.station(name, generation).secret,
        token_key=master.token_key(community),
        token_key_id=TOKEN_KEY,
        roster_public=master.roster_public(),
        identity_public=master.identity_public(),
        broker_url=_broker_url(settings),
    )


def _check_name(name: str) -> None:
    try:
        TypeAdapter(StationName).validate_python(name)
    except ValidationError as error:
        raise SettingsError([f"the station's name: {error.errors()[0]['msg']}"]) from None


def _accounts(database: Database, master: Master) -> broker.Accounts:
    with database.read() as connection:
        stations = tuple(
            broker.StationAccount(row.name, row.community, master.station(row.name, row.generation).broker_password())
            for row in streams.stations(connection)
        )
        police = sorted({row.police_station for row in streams.communities(connection)})
    passwords = {name: master.broker_password(broker.police_account(name)) for name in police}
    return broker.Accounts(master.broker_password(broker.CENTRE), stations, passwords)


def _broker_url(settings: Settings) -> str:
    return settings.broker.url or f"mqtt://127.0.0.1:{settings.broker.port}"


def _centre_password(settings: Settings, master: Master) -> str:
    file = settings.broker.password_file
    return read_secret(file) if file is not None else master.broker_password(broker.CENTRE)


def _master_file(settings: Settings) -> Path:
    return settings.data / "master.key"


def _enrolment_file(settings: Settings, name: str) -> Path:
    return settings.data / f"{name}.enrolment"


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
