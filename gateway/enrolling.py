"""Stations made known, given certificates, replaced and cut off; and what the broker is told of it."""

import contextlib
import dataclasses
import hashlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from gateway import broker
from gateway.broker import Secured
from gateway.centre import affected, audit, gaps
from gateway.centre.audit import Who
from gateway.centre.tokens import Tokens
from gateway.keys import Enrolled, KeyFileError, Master, NotAuthentic, read_secret, write_secret
from gateway.keys.certificates import Authority, Identity, span
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.queries import fleet, streams, tokens

log = logging.getLogger(__name__)


class Revoked(LookupError):
    """The station was revoked: only a new box of its name can be enrolled."""


@dataclass(frozen=True, slots=True)
class CutOff:
    """What became of a box that was revoked, and what it may still hold."""

    station: str
    community: str
    generation: int
    certificates: int
    """Certificates of it that were good until now."""
    people: int
    """People whose credentials it knows by token: who holds the box and its key can test guesses against them."""
    missing: int
    """Swipes that it is known to have recorded and has not sent."""
    token_key: int
    """The number of the key that makes the community's tokens now."""
    waiting: int
    """Cards that must be shown once, at a gate or at the desk, before they have a token by it."""


def enrol(
    database: Database, master: Master, settings: Settings, name: str, community: str, *, replace: bool = False
) -> Enrolled:
    """Make a station known, or write its file once more; `replace` has a new box stand for it, and ends the old one.

    Raises:
        LookupError: there is no such community, the station stands in another one, or was revoked.
    """
    now = datetime.now(UTC)
    with database.write() as connection:
        if streams.community(connection, community) is None:
            raise LookupError(f"there is no community {community!r}")
        known = fleet.station(connection, name, lock=True)
        if known is not None and known.community != community:
            raise LookupError(f"station {name!r} stands in {known.community!r}")
        if known is None:
            streams.put_station(connection, name, community, 1, _ms(now))
        elif replace:
            fleet.revoke_certificates(connection, name, _ms(now))
            fleet.next_generation(connection, name, _ms(now))
        elif known.revoked_at is not None:
            raise Revoked(f"station {name!r} was revoked: enrol its next box with --replace")
        generation = 1 if known is None else known.generation + replace
        identity = _certified(connection, master, settings, name, generation, now)
        key = tokens.keys(connection, community).newest
    return Enrolled(
        station=name,
        community=community,
        generation=generation,
        secret=master.station(name, generation).secret,
        token_key=master.token_key(community, key),
        token_key_id=key,
        roster_public=master.roster_public(),
        identity_public=master.identity_public(),
        broker_url=station_url(settings),
        authority=_authority_of(master, settings, now),
        certificate=identity.certificate,
        private_key=identity.key,
    )


def own(database: Database, master: Master, settings: Settings, name: str, community: str) -> Enrolled:
    """The enrolment of this machine's own station, which reaches a managed broker on loopback. Raises as `enrol`."""
    plain = settings.model_copy(update={"broker": settings.broker.model_copy(update={"tls": False, "listen": "::1"})})
    return enrol(database, master, plain if settings.broker.managed else settings, name, community)


def ensure_own(database: Database, master: Master, settings: Settings, name: str, community: str) -> Path:
    """The file of this machine's own station, written when there is none yet, or one that no longer fits."""
    file = settings.data / f"{name}.enrolment"
    enrolled = own(database, master, settings, name, community)
    if file.exists():
        try:
            if _same_box(Enrolled.loads(read_secret(file)), enrolled):
                return file
        except KeyFileError:
            log.warning("%s was not an enrolment of this station and is written anew", file)
        file.unlink()
    write_secret(file, enrolled.dumps())
    return file


def revoke(database: Database, master: Master, name: str, actor: str) -> CutOff:
    """Cut a station off: its certificates, its account and its keys are good for nothing from now on.

    The community's tokens are made by a new key from now on. One that was revoked before is only told of again.

    Raises:
        LookupError: there is no such station.
    """
    now = _ms(datetime.now(UTC))
    with database.write() as connection:
        known = fleet.station(connection, name, lock=True)
        if known is None:
            raise LookupError(f"there is no station {name!r}")
        if known.revoked_at is None:
            fleet.revoke_station(connection, name, now)
            Tokens(master).rotate(connection, known.community, now)
            box = f"stations/{name}/{known.generation}"
            audit.note(connection, Who(actor, "", now), "station.revoke", box, community=known.community)
        ended = fleet.revoke_certificates(connection, name, now)
        holes = gaps.holes(connection).get(name)
        return CutOff(
            name,
            known.community,
            known.generation,
            ended,
            fleet.people_known_to(connection, known.community),
            holes.missing if holes is not None else 0,
            tokens.keys(connection, known.community).newest,
            tokens.waiting(connection, known.community),
        )


def tell(database: Database, master: Master, cut: CutOff, actor: str, target: Path) -> int:
    """Write the list of those who must be told that a box is lost; how many they are. Raises as `affected.keep`."""
    with database.write() as connection:
        who = Who(actor, "", _ms(datetime.now(UTC)))
        return affected.keep(connection, master, who, cut.station, cut.community, target)


def accounts(database: Database, master: Master) -> broker.Accounts:
    """Who may use the broker now."""
    with database.read() as connection:
        stations = tuple(
            broker.StationAccount(row.name, row.community, master.station(row.name, row.generation).broker_password())
            for row in streams.stations(connection)
            if row.revoked_at is None
        )
        police = sorted({row.police_station for row in streams.communities(connection)})
    passwords = {name: master.broker_password(broker.police_account(name)) for name in police}
    return broker.Accounts(master.broker_password(broker.CENTRE), stations, passwords)


def secured(database: Database, master: Master, settings: Settings, folder: Path, names: tuple[str, ...]) -> Secured:
    """The TLS listener's files for a broker that is reached under these names; what still fits is kept as it is."""
    now = datetime.now(UTC)
    authority = Authority(master.authority_seed())
    with database.read() as connection:
        serials = fleet.revoked_serials(connection, _ms(now))
    return Secured(
        settings.broker.listen,
        settings.broker.tls_port,
        _root(authority, settings.data / broker.AUTHORITY, now),
        _kept_identity(folder / broker.IDENTITY, names, now) or authority.server(names, now).pem + f"# {names}\n",
        _kept_list(folder / broker.REVOKED, serials) or _marked(serials) + authority.revoked(serials, now, _ms(now)),
    )


def prepare_broker(database: Database, master: Master, settings: Settings) -> tuple[list[str], int]:
    """Write the managed broker's files; the command that starts it and the MQTT version it speaks."""
    folder = settings.data / "broker"
    listener = _listener(database, master, settings, folder)
    return broker.prepare(folder, settings.broker.port, accounts(database, master), listener, watched=True)


def hand_on(database: Database, master: Master, settings: Settings) -> None:
    """Write who may use the managed broker from now on; `gateway run` has it take that at once (`tending`)."""
    if not settings.broker.managed or broker.mosquitto_path() is None:
        return
    folder = settings.data / "broker"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    broker.write_accounts(folder, accounts(database, master))
    listener = _listener(database, master, settings, folder)
    if listener is not None:
        broker.write_secured(folder, listener)


def _listener(database: Database, master: Master, settings: Settings, folder: Path) -> Secured | None:
    """The TLS listener of the managed broker, where it has one."""
    if not settings.broker.secure:
        return None
    names = tuple(dict.fromkeys((settings.broker.reached_at, "localhost", "127.0.0.1")))
    return secured(database, master, settings, folder, names)


def certificate_of(database: Database, master: Master, account: str) -> Identity:
    """A certificate for the centre or for a police station's platform; a station has its own in its enrolment.

    Raises:
        LookupError: it is no such account.
    """
    known = accounts(database, master)
    if account not in {broker.CENTRE, *(broker.police_account(name) for name in known.police)}:
        raise LookupError(f"there is no account {account!r} of the centre or of the police")
    now = datetime.now(UTC)
    identity, issued = Authority(master.authority_seed()).client(account, now)
    with database.write() as connection:
        fleet.add_certificate(connection, issued, 1, _ms(now))
    return identity


def write_files(database: Database, master: Master, settings: Settings, folder: Path, names: tuple[str, ...]) -> Path:
    """Write what a Mosquitto on another machine needs into `folder`, the certificate for these host names among it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    listener = dataclasses.replace(secured(database, master, settings, folder, names), listen="")
    broker.write_accounts(folder, accounts(database, master))
    broker.write_secured(folder, listener)
    return broker.write_conf(folder, settings.broker.port, listener)


def station_url(settings: Settings) -> str:
    """Where stations on other machines reach the broker."""
    if not settings.broker.secure:
        return local_url(settings)
    host = settings.broker.reached_at
    return f"mqtts://{f'[{host}]' if ':' in host else host}:{settings.broker.tls_port}"


def local_url(settings: Settings) -> str:
    """Where this machine reaches the broker."""
    return settings.broker.url or f"mqtt://127.0.0.1:{settings.broker.port}"


def _certified(
    connection: Connection, master: Master, settings: Settings, name: str, generation: int, now: datetime
) -> Identity:
    """A certificate for a station that comes by TLS; an empty one where a password is enough."""
    if not station_url(settings).startswith("mqtts://"):
        return Identity("", "")
    identity, issued = Authority(master.authority_seed()).client(name, now)
    fleet.add_certificate(connection, issued, generation, _ms(now))
    return identity


def _authority_of(master: Master, settings: Settings, now: datetime) -> str:
    """Whom a station must believe who the broker is; "" for whoever its system believes, or without TLS."""
    if settings.broker.secure:
        return _root(Authority(master.authority_seed()), settings.data / broker.AUTHORITY, now)
    ca = settings.broker.ca_file
    return ca.read_text(encoding="ascii") if ca is not None and settings.broker.url.startswith("mqtts://") else ""


def _root(authority: Authority, file: Path, now: datetime) -> str:
    """The authority's own certificate, made once."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            write_secret(file, authority.root(now).strip())
    return file.read_text(encoding="ascii")


def _kept_identity(file: Path, names: tuple[str, ...], now: datetime) -> str:
    """The broker's certificate as it is; "" when there is none, it has other names, or a third of its life is left."""
    try:
        text = file.read_text(encoding="ascii")
        begins, ends = span(text)
    except (OSError, NotAuthentic):
        return ""
    fits = f"# {names}\n" in text and now < ends - (ends - begins) / 3
    return text if fits else ""


def _kept_list(file: Path, serials: list[str]) -> str:
    """The list of revoked certificates as it is; "" when there is none or it lists others: a new one costs a break."""
    try:
        text = file.read_text(encoding="ascii")
    except OSError:
        return ""
    return text if text.startswith(_marked(serials)) else ""


def _marked(serials: list[str]) -> str:
    return f"# {hashlib.sha256(' '.join(sorted(serials)).encode()).hexdigest()}\n"


def _same_box(one: Enrolled, other: Enrolled) -> bool:
    """Whether two files are of one box at one broker; a certificate is made anew, and further token keys are sent."""
    fields = ("station", "community", "generation", "secret", "roster_public", "broker_url", "authority")
    return all(getattr(one, name) == getattr(other, name) for name in fields)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
