"""config/gateway.toml and the environment over it, read once: strict, frozen, passed down.

An environment variable overrides one key of the file: `GATEWAY__CENTRE__PORT=9000` stands for `port` in `[centre]`.
Lists of tables (`[[readers]]`, …) come from the file alone.
"""

import os
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

ENV_PREFIX = "GATEWAY__"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
"""A name that stands in topics, tables, URLs and logs: lower-case letters, digits and hyphens, at most 40."""
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
Port = Annotated[int, Field(ge=0, le=65535)]


class SettingsError(Exception):
    """The configuration is wrong. `mistakes` holds one line for each mistake, every one of them at once."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Broker(_Strict):
    """`managed` starts Mosquitto as a child on loopback; `url` names any other broker (mqtt:// or mqtts://)."""

    managed: bool = True
    url: str = ""
    port: Port = 1883
    username: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    protocol: Annotated[int, Field(ge=4, le=5)] = 5
    """5, or 4 for MQTT 3.1.1."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.managed == bool(self.url):
            raise ValueError("state either managed = true, or managed = false and a url")
        if self.url and not self.url.startswith(("mqtt://", "mqtts://")):
            raise ValueError("url must begin with mqtt:// or mqtts://")
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
    """A program that may use the centre's API. Only the SHA-256 of its token is kept."""

    name: Name
    role: Literal["property", "worker", "reviewer", "street", "police", "administrator"]
    scope: str = ""
    """The community, or for `police` the police station, that the client is confined to; "" for the whole district."""
    token_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Centre(_Web):
    port: Port = 8080
    database: str = ""
    """SQLAlchemy URL; "" is an SQLite file in the data folder."""
    policy: Path = Path("policy.toml")
    public_url: str = ""
    clients: tuple[ApiClient, ...] = ()
    district: str = ""
    """Name of the district, as pages show it."""
    gate_url: str = ""
    """Where the gate console of this machine's station is, for a link; "" when there is none."""


class Station(_Web):
    name: Name
    community: Name | None = None
    """The compound it stands in; needed where the centre enrols it (`gateway run`), otherwise in its enrolment file."""
    port: Port = 8081
    keep_acknowledged_days: Annotated[float, Field(ge=0)] = 3


class Community(_Strict):
    """A compound, and who is responsible for it."""

    id: Name
    name: str
    street: str
    police_station: Name
    portals: tuple[Name, ...]


class HoldOpen(_Strict):
    """Hours in which a portal stands open: "07:30-08:30" on the named weekdays (0 is Monday)."""

    hours: Clock
    weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...] = (0, 1, 2, 3, 4, 5, 6)


class Portal(_Strict):
    id: Name
    name: str
    attended: Clock | Literal["never"]
    unattended: Annotated[str, StringConstraints(pattern=r"^(grant|call:.+)$")]
    opener: Name | None = None
    pulse_seconds: Annotated[float, Field(gt=0, le=60)] = 5
    area: str | None = None
    hold_open: tuple[HoldOpen, ...] = ()


class Reader(_Strict):
    id: Name
    portal: Name
    direction: Literal["in", "out"]
    driver: str
    url: str
    baud: int | None = None
    settings: dict[str, Any] = {}


class Output(_Strict):
    id: Name
    driver: str
    url: str
    baud: int | None = None
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
    portals: tuple[Portal, ...] = ()
    readers: tuple[Reader, ...] = ()
    outputs: tuple[Output, ...] = ()

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        if wrong := list(_loose_ends(self)):
            raise ValueError("; ".join(wrong))
        return self

    @property
    def database(self) -> str:
        return self.centre.database or f"sqlite:///{self.data / 'centre.sqlite3'}"


def _loose_ends(settings: Settings) -> Iterator[str]:
    """Names that are used twice or stand for nothing."""
    ids: dict[str, Sequence[Portal | Reader | Output | Community]] = {
        "portal": settings.portals,
        "reader": settings.readers,
        "output": settings.outputs,
        "community": settings.communities,
    }
    for kind, things in ids.items():
        counts = Counter(thing.id for thing in things)
        yield from (f"{kind} {name!r} stands {n} times" for name, n in counts.items() if n > 1)
    both = {r.id for r in settings.readers} & {o.id for o in settings.outputs}
    yield from (f"{name!r} is a reader and an output: give them different names" for name in sorted(both))
    portals, outputs = {p.id for p in settings.portals}, {o.id for o in settings.outputs}
    for reader in settings.readers:
        if reader.portal not in portals:
            yield f"reader {reader.id!r}: there is no portal {reader.portal!r}"
    for portal in settings.portals:
        if portal.opener is not None and portal.opener not in outputs:
            yield f"portal {portal.id!r}: there is no output {portal.opener!r}"
    community = settings.station.community if settings.station else None
    known = {c.id: c for c in settings.communities}
    if community is not None and known and community not in known:
        yield f"station: there is no community {community!r}"
    if community in known:
        missing = sorted(portals - set(known[community].portals))
        yield from (f"community {community!r} does not list the portal {name!r}" for name in missing)


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the file at `path` and the environment over it. Relative paths are relative to the file.

    Raises:
        SettingsError: with every mistake at once.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError([f"{path}: {error}"]) from error
    _overlay(raw, environment)
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        raise SettingsError([_mistake(e["loc"], e["msg"]) for e in error.errors(include_input=False)]) from error
    here = path.parent
    centre = settings.centre.model_copy(update={"policy": here / settings.centre.policy})
    return settings.model_copy(update={"data": here / settings.data, "centre": centre})


def _overlay(raw: dict[str, Any], environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if not name.startswith(ENV_PREFIX):
            continue
        *tables, key = name.removeprefix(ENV_PREFIX).lower().split("__")
        place = raw
        for table in tables:
            inner = place.setdefault(table, {})
            if not isinstance(inner, dict):
                raise SettingsError([f"{name}: {table} is not a table"])
            place = inner
        place[key] = {"true": True, "false": False}.get(value.lower(), value)


def _mistake(place: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in place) or "the file as a whole"
    return f"{where}: {message.removeprefix('Value error, ')}"
