"""How slips reach a police station: as a file each working day, as thin messages on the bus, or as webhooks."""

from collections.abc import Mapping, Sequence
from datetime import time
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileRoute(_Strict):
    """A signed 核查清单 and a page for each slip, at `at` on each working day: for a desk that no network reaches."""

    kind: Literal["file"] = "file"
    at: time = time(8, 30)


class MqttRoute(_Strict):
    """A thin message on the bus, retained until the slip is closed."""

    kind: Literal["mqtt"] = "mqtt"


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("it is no address of the web")
    if parts.username is not None or parts.fragment:
        raise ValueError("it holds neither a user nor a fragment")
    return url


class WebhookRoute(_Strict):
    """A thin event to `url`, signed with each secret of `secret_file` (one a line: the new and the old meanwhile)."""

    kind: Literal["webhook"] = "webhook"
    url: Annotated[str, StringConstraints(max_length=500), AfterValidator(_web_address)]
    secret_file: Path
    ca_file: Path | None = None
    """Whom to believe who the receiver is; without it, whoever the system believes."""
    allow_internal: bool = False
    """Declares that the receiver stands on a network of the authorities' own; without it, only public addresses."""

    @model_validator(mode="after")
    def _secure(self) -> Self:
        if self.url.startswith("http:") and not self.allow_internal:
            raise ValueError("use https://, or declare allow_internal = true where the line is the authorities' own")
        return self


Route = Annotated[FileRoute | MqttRoute | WebhookRoute, Field(discriminator="kind")]


class Police(_Strict):
    """A police station, and the ways in which slips reach it, one of each kind at most."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    title: Annotated[str, StringConstraints(max_length=80)] = ""
    """What it is called on a list; "" for the name."""
    routes: Annotated[tuple[Route, ...], Field(min_length=1)] = (FileRoute(),)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({route.kind for route in self.routes}) < len(self.routes):
            raise ValueError("a route of each kind at most")
        return self

    @property
    def file(self) -> FileRoute | None:
        return next((one for one in self.routes if isinstance(one, FileRoute)), None)

    @property
    def mqtt(self) -> bool:
        return any(isinstance(one, MqttRoute) for one in self.routes)

    @property
    def webhook(self) -> WebhookRoute | None:
        return next((one for one in self.routes if isinstance(one, WebhookRoute)), None)

    def beside(self, folder: Path) -> "Police":
        """The same, its relative paths relative to `folder`."""
        return self.model_copy(update={"routes": tuple(_beside(folder, route) for route in self.routes)})


class Routes:
    """The routes of every police station; one that the configuration does not name gets files."""

    def __init__(self, stations: Sequence[Police] = ()) -> None:
        self._stations: Mapping[str, Police] = {one.name: one for one in stations}

    def of(self, name: str) -> Police:
        return self._stations.get(name) or Police(name=name)

    def with_webhook(self) -> list[Police]:
        return [one for one in self._stations.values() if one.webhook is not None]


def _beside(folder: Path, route: FileRoute | MqttRoute | WebhookRoute) -> FileRoute | MqttRoute | WebhookRoute:
    if not isinstance(route, WebhookRoute):
        return route
    authority = None if route.ca_file is None else folder / route.ca_file
    return route.model_copy(update={"secret_file": folder / route.secret_file, "ca_file": authority})
