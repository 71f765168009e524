"""The managed broker: Mosquitto's configuration, accounts and access list, written for the stations that are enrolled.

Where no Mosquitto can be had, the same accounts serve a broker that pip installs (rumqttd in `iotcore`); it has no
access list, and is for demonstrations only.
"""

import base64
import contextlib
import hashlib
import logging
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway import wire
from gateway.settings import reserved
from gateway.wire import StationTopics

log = logging.getLogger(__name__)

MOSQUITTO_PLACES = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto")
CENTRE = "centre"
_ITERATIONS = 101
"""Of PBKDF2-SHA512, as mosquitto_passwd has it: the passwords are 256-bit keys, not words."""


MAX_QUEUED = 20_000
MAX_QUEUED_BYTES = 64 * 1024 * 1024
"""What the broker may hold for one client that is slow; beyond it messages are dropped, and stations send again."""
PASSWORDS, ACCESS, AUTHORITY, IDENTITY, REVOKED = "passwords", "access", "authority.pem", "broker.pem", "revoked.pem"
"""The broker's files, by name in its folder."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")


@dataclass(frozen=True, slots=True)
class Secured:
    """The TLS listener: where it listens, and its files (PEM). Whoever comes by it shows a certificate."""

    listen: str
    port: int
    authority: str
    identity: str = field(repr=False)
    """The broker's certificate with its private key."""
    revoked: str
    """The list of revoked certificates."""


@dataclass(frozen=True, slots=True)
class StationAccount:
    """A station's account at the broker."""

    name: str
    community: str
    password: str = field(repr=False)

    @property
    def safe(self) -> bool:
        """Whether its names stand for one topic and one account, and for nobody else's."""
        return bool(_NAME.match(self.name) and _NAME.match(self.community)) and not reserved(self.name)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Who may use the broker: the centre, the stations, and the police stations with their passwords."""

    centre: str = field(repr=False)
    stations: tuple[StationAccount, ...]
    police: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        """Leave out who cannot have an account: the others must have theirs."""
        names = [s.name for s in self.stations if not _safe(s)] + [name for name in self.police if not _safe(name)]
        for name in names:
            log.error("%r cannot have an account at the broker because of its name", name)
        object.__setattr__(self, "stations", tuple(s for s in self.stations if _safe(s)))
        object.__setattr__(self, "police", {name: word for name, word in self.police.items() if _safe(name)})

    def passwords(self) -> dict[str, str]:
        """Password by account name."""
        found = {CENTRE: self.centre} | {station.name: station.password for station in self.stations}
        return found | {police_account(name): password for name, password in self.police.items()}


def _safe(account: StationAccount | str) -> bool:
    return account.safe if isinstance(account, StationAccount) else bool(_NAME.match(account))


def police_account(police_station: str) -> str:
    return f"police-{police_station}"


def mosquitto_path() -> str | None:
    """Where Mosquitto is on this machine, or None."""
    return shutil.which("mosquitto") or next((p for p in MOSQUITTO_PLACES if os.access(p, os.X_OK)), None)


def access_list(accounts: Accounts) -> str:
    """One exact stanza for each account: a pattern could not tie a station to its community."""
    lines = [f"user {CENTRE}", f"topic readwrite {wire.ROOT}/#", ""]
    for station in accounts.stations:
        topics = StationTopics(station.community, station.name)
        lines.append(f"user {station.name}")
        lines += [f"topic write {topics(leaf)}" for leaf in wire.BY_STATION]
        lines += [f"topic read {topics(leaf)}" for leaf in wire.TO_STATION]
        lines += [f"topic read {wire.CENTRE_STATUS}", ""]
    for name in accounts.police:
        lines.append(f"user {police_account(name)}")
        lines += [f"topic read {wire.alert_topic(name, '+')}", f"topic write {wire.answer_topic(name)}", ""]
    return "\n".join(lines)


def prepare(
    folder: Path, port: int, accounts: Accounts, secured: Secured | None = None, *, watched: bool = False
) -> tuple[list[str], int]:
    """Write the broker's files into `folder`; the command that starts it and the MQTT version it speaks (5 or 4).

    `watched`: the broker says on stderr whom it refused (`brokerlog`), for somebody who reads it.

    Raises:
        FileNotFoundError: a TLS listener is asked for, and there is no Mosquitto.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = folder.resolve()
    mosquitto = mosquitto_path()
    if mosquitto is None:
        if secured is not None:
            raise FileNotFoundError("a broker for other machines needs Mosquitto: install it, or name a broker by url")
        _write(folder / "rumqttd.toml", _rumqttd(port, accounts))
        command = [sys.executable, "-m", "iotcore", "--config", str(folder / "rumqttd.toml"), "--log-level", "CRITICAL"]
        return command, 4
    write_accounts(folder, accounts)
    if secured is not None:
        write_secured(folder, secured)
    return [mosquitto, "-c", str(write_conf(folder, port, secured, watched=watched))], 5


def write_accounts(folder: Path, accounts: Accounts) -> None:
    """Write passwords and access list; Mosquitto takes them on SIGHUP."""
    _write(folder / PASSWORDS, passwords(accounts))
    _write(folder / ACCESS, access_list(accounts))


def write_secured(folder: Path, secured: Secured) -> None:
    """Write the files of the TLS listener. Mosquitto takes them on SIGHUP; who is connected stays so."""
    _write(folder / AUTHORITY, secured.authority)
    _write(folder / IDENTITY, secured.identity)
    _write(folder / REVOKED, secured.revoked)


def write_conf(folder: Path, port: int, secured: Secured | None, *, watched: bool = False) -> Path:
    """Write Mosquitto's configuration for the files in `folder`; its path."""
    _write(folder / "mosquitto.conf", _mosquitto(folder.resolve(), port, secured, watched=watched))
    return folder / "mosquitto.conf"


def passwords(accounts: Accounts) -> str:
    """Mosquitto's password file."""
    return "".join(f"{name}:{_hashed(word)}\n" for name, word in accounts.passwords().items())


def _mosquitto(folder: Path, port: int, secured: Secured | None, *, watched: bool = False) -> str:
    """Mosquitto's configuration: passwords on loopback, certificates on the TLS listener, one access list for both."""
    access = f"acl_file {folder / ACCESS}"
    lines = [
        "user root" if os.geteuid() == 0 else "",
        "per_listener_settings true",
        "persistence false",
        "set_tcp_nodelay true",
        f"max_queued_messages {MAX_QUEUED}",
        f"max_queued_bytes {MAX_QUEUED_BYTES}",
        "max_inflight_messages 500",
        f"max_packet_size {wire.MAX_PAYLOAD + 4096}",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        *(["log_type notice", "log_type debug"] if watched else []),
        f"listener {port} 127.0.0.1",
        "allow_anonymous false",
        f"password_file {folder / PASSWORDS}",
        access,
    ]
    if secured is not None:
        lines += [
            f"listener {secured.port} {secured.listen}",
            "allow_anonymous false",
            access,
            f"cafile {folder / AUTHORITY}",
            f"certfile {folder / IDENTITY}",
            f"keyfile {folder / IDENTITY}",
            f"crlfile {folder / REVOKED}",
            "tls_version tlsv1.3",
            "require_certificate true",
            "use_identity_as_username true",
        ]
    return "\n".join(lines) + "\n"


def _rumqttd(port: int, accounts: Accounts) -> str:
    words = "".join(f'"{name}" = "{word}"\n' for name, word in accounts.passwords().items())
    return f"""id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 10
[v4.1]
name = "loopback"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = {wire.MAX_PAYLOAD + 4096}
max_inflight_count = 500
dynamic_filters = true
[v4.1.connections.auth]
{words}"""


def _hashed(password: str) -> str:
    """`$7$iterations$salt$hash`, as mosquitto_passwd writes it."""
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _write(path: Path, text: str) -> None:
    """Replace a file, whole or not at all; one that says the same already is left alone."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if path.read_text() == text and path.stat().st_mode & 0o077 == 0:
            return
    partial = path.with_name(f".{path.name}.partial")
    with contextlib.suppress(FileNotFoundError):
        partial.unlink()
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    partial.replace(path)
