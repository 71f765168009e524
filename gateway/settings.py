"""config/gateway.toml and the environment over it, read once: strict, frozen, passed down.

An environment variable overrides one key of the file: `GATEWAY__CENTRE__PORT=9000` stands for `port` in `[centre]`.
Lists of tables (`[[readers]]`, …) come from the file alone.
"""

import ipaddress
import os
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from gateway.communities import Community, Name
from gateway.routes import Police
from rules.roles import Role

ENV_PREFIX = "GATEWAY__"


def _forwards(span: str) -> str:
    begin, _, end = span.partition("-")
    if begin >= end:
        raise ValueError("this span ends before it begins: hours lie within one day, 24:00 is its end")
    return span


def _not_reserved(name: str) -> str:
    if reserved(name):
        raise ValueError("this name is kept for an account of the broker")
    return name


Clock = Annotated[
    str,
    StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$"),
    AfterValidator(_forwards),
]
StationName = Annotated[Name, AfterValidator(_not_reserved)]
Port = Annotated[int, Field(ge=0, le=65535)]


def reserved(name: str) -> bool:
    """Whether a station may not have this name: it would be the broker account of the centre or of a police station."""
    return name == "centre" or name.startswith("police-")


class SettingsError(Exception):
    """The configuration is wrong. `mistakes` holds one line for each mistake, every one of them at once."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Broker(_Strict):
    """`managed` starts Mosquitto as a child; `url` names any other broker (mqtt:// or mqtts://).

    A managed broker has `port` on loopback, with passwords. Stations elsewhere come by `listen`, always over TLS 1.3
    with a certificate of their own (`tls_port`); `tls = true` has that on loopback too.
    """

    managed: bool = True
    url: str = ""
    port: Port = 1883
    listen: str = "127.0.0.1"
    """Address that the TLS listener is bound to; one that is not loopback turns TLS on."""
    tls: bool = False
    tls_port: Port = 8883
    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]*$", max_length=200)] = ""
    """Name or address under which stations reach the TLS listener; it stands in the broker's certificate."""
    username: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    """Whom to believe who a broker by `url` is; without it, whoever the system believes."""
    certificate_file: Path | None = None
    """The centre's own certificate at a broker by `url`, with its key, as one PEM file."""
    cleartext: bool = False
    """Declares that the line to an mqtt:// broker elsewhere is protected by other means: the password goes over it."""
    protocol: Annotated[int, Field(ge=4, le=5)] = 5
    """5, or 4 for MQTT 3.1.1."""

    @property
    def secure(self) -> bool:
        """Whether the managed broker has a TLS listener."""
        return self.managed and (self.tls or not _is_loopback(self.listen))

    @property
    def reached_at(self) -> str:
        """Host under which stations reach the TLS listener."""
        return self.host or self.listen

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.managed == bool(self.url):
            raise ValueError("state either managed = true, or managed = false and a url")
        if self.url and not self.url.startswith(("mqtt://", "mqtts://")):
            raise ValueError("url must begin with mqtt:// or mqtts://")
        return self

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        try:
            everywhere = ipaddress.ip_address(self.listen).is_unspecified
        except ValueError:
            raise ValueError("listen is an address of this machine, such as 192.168.1.10 or 0.0.0.0") from None
        if everywhere and not self.host:
            raise ValueError("state host, the name or address under which stations reach this broker")
        return self


class _Web(_Strict):
    """Where pages are served: this machine alone, unless a proxy that ends TLS is declared to stand before it."""

    host: str = "127.0.0.1"
    behind_proxy: bool = False
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")

    @model_validator(mode="after")
    def _loopback(self) -> Self:
        if self.host not in ("127.0.0.1", "::1", "localhost") and not self.behind_proxy:
            raise ValueError("pages are served on 127.0.0.1 only, unless behind_proxy = true declares a proxy with TLS")
        return self


class ApiClient(_Strict):
    """Who calls the centre: a program by its token, or somebody who is signed in."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]
    role: Role
    scope: str = ""
    """What the client is confined to: a community, for `police` and `duty` the police station, for `street` the street
    or one community of it; "" for all."""
    places: tuple[str, ...] = ()
    """The communities of a street's client; whoever lets it in fills it in."""

    @property
    def reach(self) -> tuple[str, ...]:
        """The communities that the client is confined to; none for all."""
        return self.places or ((self.scope,) if self.scope else ())


class ApiToken(ApiClient):
    """A program that may use the centre's API. Only the SHA-256 of its token is kept."""

    token_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Centre(_Web):
    port: Port = 8080
    database: str = ""
    """SQLAlchemy URL; "" is an SQLite file in the data folder."""
    policy: Path = Path("policy.toml")
    public_url: str = ""
    official_url: Annotated[str, Field(pattern=r"^(https://[^\s]+)?$")] = ""
    """Where people declare at the police themselves: shown first on /me. "" where there is none."""
    backup_interval_hours: Annotated[float, Field(ge=0.25, le=4380)] = 24
    """How often the database is backed up; a station keeps what is acknowledged for at least twice as long."""
    clients: tuple[ApiToken, ...] = ()
    district: str = ""
    """Name of the district, as pages show it."""
    gate_url: str = ""
    """Where the gate console of this machine's station is, for a link; "" when there is none."""

    @property
    def base_url(self) -> str:
        """Under what address others reach the pages and the API, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


class Station(_Web):
    name: StationName
    community: Name | None = None
    """The compound it stands in; needed where the centre enrols it (`gateway run`), otherwise in its enrolment file."""
    port: Port = 8081
    keep_acknowledged_days: Annotated[float, Field(ge=0, le=365)] = 3
    """At least twice `backup_interval_hours` of the centre: what a restored centre does not know is sent again."""
    spool_limit_mb: Annotated[int, Field(ge=16, le=1_000_000)] = 1024
    """Room for 30 days of 40,000 swipes without the centre takes 345 MiB."""
    spool_drops_first: tuple[Literal["exit", "open_portal", "enrolled", "visitor"], ...] = ("exit", "open_portal")
    """Reasons of grants without a flag or a seal, of which a full spool drops the oldest before any other swipe."""


class HoldOpen(_Strict):
    """Hours in which a portal stands open: "07:30-08:30" on the named weekdays (0 is Monday)."""

    hours: Clock
    weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...] = (0, 1, 2, 3, 4, 5, 6)


class Contact(_Strict):
    """A contact that a board reads; the device also stands under `outputs`, or is a reader with contacts (OSDP)."""

    device: Name
    channel: Annotated[int, Field(ge=0, le=63)]
    """Counted from 0."""
    normally: Literal["open", "closed"] | None = None
    """At rest. Where it is not said: closed for a door (it is shut), open for a button and a fire alarm."""


class Portal(_Strict):
    id: Name
    name: str
    attended: Clock | Literal["never"]
    unattended: Annotated[str, StringConstraints(pattern=r"^(grant|call:.+)$")]
    opener: Name | None = None
    """An output, or a reader that has a relay of its own (OSDP)."""
    pulse_seconds: Annotated[float, Field(gt=0, le=60)] = 5
    hold_open: tuple[HoldOpen, ...] = ()
    door: Contact | None = None
    exit_button: Contact | None = None
    fire: Contact | None = None
    held_after_seconds: Annotated[float, Field(ge=1, le=3600)] = 30
    """A door that stands open so long after it was to be shut is held."""


class Reader(_Strict):
    id: Name
    name: Annotated[str, StringConstraints(max_length=20)] = ""
    """What people at the gate call it, as the console shows it; "" for the id."""
    portal: Name
    direction: Literal["in", "out"]
    driver: str
    url: str
    baud: Annotated[int, Field(ge=50, le=4_000_000)] | None = None
    settings: dict[str, Any] = {}


class Output(_Strict):
    id: Name
    name: Annotated[str, StringConstraints(max_length=20)] = ""
    driver: str
    url: str
    baud: Annotated[int, Field(ge=50, le=4_000_000)] | None = None
    settings: dict[str, Any] = {}


class Settings(_Strict):
    profile: Literal["compound", "district"] = "compound"
    data: Path = Path("data")
    banner: str = ""
    """A line shown on every page; "" for none."""
    log_level: Literal["DEBUG", "INFO", "WARNING"] = "INFO"
    broker: Broker = Broker()
    centre: Centre = Centre()
    station: Station | None = None
    communities: tuple[Community, ...] = ()
    police: tuple[Police, ...] = ()
    """Police stations that slips reach otherwise than as files."""
    portals: tuple[Portal, ...] = ()
    readers: tuple[Reader, ...] = ()
    outputs: tuple[Output, ...] = ()

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        if wrong := list(_loose_ends(self.model_dump())):
            raise ValueError("; ".join(wrong))
        return self

    @property
    def database(self) -> str:
        return self.centre.database or f"sqlite:///{self.data / 'centre.sqlite3'}"


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _loose_ends(settings: Mapping[str, Any]) -> Iterator[str]:
    """Names that are used twice or stand for nothing; what is not well formed is passed over here."""
    portals, readers, outputs = (_tables(settings, kind) for kind in ("portals", "readers", "outputs"))
    communities = _tables(settings, "communities")
    for kind, things in (("portal", portals), ("reader", readers), ("output", outputs), ("community", communities)):
        counts = Counter(thing["id"] for thing in things)
        yield from (f"{kind} {name!r} stands {n} times" for name, n in counts.items() if n > 1)
    both = _ids(readers) & _ids(outputs)
    yield from (f"{name!r} is a reader and an output: give them different names" for name in sorted(both))
    for reader in readers:
        if isinstance(portal := reader.get("portal"), str) and portal not in _ids(portals):
            yield f"reader {reader['id']!r}: there is no portal {portal!r}"
    for portal in portals:
        if isinstance(opener := portal.get("opener"), str) and opener not in _ids(outputs) | _ids(readers):
            yield f"portal {portal['id']!r}: there is no output {opener!r}, nor a reader with a relay"
        for which in ("door", "exit_button", "fire"):
            device = contact.get("device") if isinstance(contact := portal.get(which), dict) else None
            if isinstance(device, str) and device not in _ids(outputs) | _ids(readers):
                yield f"portal {portal['id']!r}: {which}: there is no device {device!r}"
    yield from _in_community(settings, _ids(portals), {c["id"]: c for c in communities})
    yield from _of_police(settings, communities)
    yield from _kept_too_short(settings)


def _of_police(settings: Mapping[str, Any], communities: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    found = settings.get("police")
    names = [one.get("name") for one in found if isinstance(one, dict)] if isinstance(found, list | tuple) else []
    known = {community.get("police_station") for community in communities}
    yield from (f"police {name!r} stands {n} times" for name, n in Counter(names).items() if n > 1)
    yield from (f"police {name!r}: no community has this police station" for name in names if name not in known)


def _kept_too_short(settings: Mapping[str, Any]) -> Iterator[str]:
    """A centre that is restored asks stations for what came after its backup: they must still have it."""
    kept = _value(settings, "station", "keep_acknowledged_days", 3)
    every = _value(settings, "centre", "backup_interval_hours", 24)
    if all(isinstance(one, int | float) for one in (kept, every)) and kept * 24 < 2 * every:
        yield (
            f"station.keep_acknowledged_days: {kept:g} days are less than twice centre.backup_interval_hours"
            f" ({every:g} h): a centre restored from its backup could not be sent what it misses"
        )


def _in_community(settings: Mapping[str, Any], portals: set[str], known: Mapping[str, Any]) -> Iterator[str]:
    station = settings.get("station")
    community = station.get("community") if isinstance(station, dict) else None
    if not isinstance(community, str) or not known:
        return
    if community not in known:
        yield f"station: there is no community {community!r}"
        return
    listed = known[community].get("portals")
    if isinstance(listed, list | tuple):
        missing = sorted(name for name in portals if name not in listed)
        yield from (f"community {community!r} does not list the portal {name!r}" for name in missing)


def _value(settings: Mapping[str, Any], table: str, key: str, otherwise: float) -> Any:
    found = settings.get(table)
    return found.get(key, otherwise) if isinstance(found, dict) else otherwise


def _tables(settings: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    found = settings.get(kind)
    tables = found if isinstance(found, list | tuple) else ()
    return [table for table in tables if isinstance(table, dict) and isinstance(table.get("id"), str)]


def _ids(tables: Sequence[Mapping[str, Any]]) -> set[str]:
    return {table["id"] for table in tables}


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the file at `path` and the environment over it. Relative paths are relative to the file.

    Raises:
        SettingsError: with every mistake at once.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError([f"{path}: {error}"]) from error
    mistakes = list(_overlay(raw, environment))
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        found = error.errors(include_input=False)
        mistakes += [_mistake(e["loc"], e["msg"]) for e in found if e["loc"]]
        raise SettingsError(mistakes + list(_loose_ends(raw))) from None
    if mistakes:
        raise SettingsError(mistakes)
    here = path.parent
    centre = settings.centre.model_copy(update={"policy": here / settings.centre.policy})
    files = {name: getattr(settings.broker, name) for name in ("password_file", "ca_file", "certificate_file")}
    broker = settings.broker.model_copy(update={name: here / file for name, file in files.items() if file is not None})
    police = tuple(one.beside(here) for one in settings.police)
    return settings.model_copy(
        update={"data": here / settings.data, "centre": centre, "broker": broker, "police": police}
    )


def _overlay(raw: dict[str, Any], environment: Mapping[str, str]) -> Iterator[str]:
    """Put the environment over `raw`; yields a line for each variable that has no place there."""
    for name, value in environment.items():
        if not name.startswith(ENV_PREFIX):
            continue
        *tables, key = name.removeprefix(ENV_PREFIX).lower().split("__")
        place: Any = raw
        for table in tables:
            place = place.setdefault(table, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[key] = {"true": True, "false": False}.get(value.lower(), value)
        else:
            yield f"{name}: {'.'.join(tables)} is not a table"


def _mistake(place: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in place)
    return f"{where}: {message.removeprefix('Value error, ')}"
