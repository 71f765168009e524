"""The centre's whole process for tests: real settings, database, policy file, pages and API on a port of its own."""

import contextlib
import hashlib
import http.client
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.broker import CENTRE
from gateway.centre.accounts.book import Accounts
from gateway.centre.audit import Who
from gateway.centre.process import CentreProcess, enrol_own_data
from gateway.keys import write_secret
from gateway.settings import Settings, load
from gateway.store.database import Database
from gateway.store.queries import streams
from rules.roles import Role
from tests.browsing import Visitor
from tests.gateway.centre.office import MASTER, NOW, OTHER, OTHER_POLICE, OTHER_STATION, POLICE, STATION, YUAN
from tests.waiting import until

ROLES = tuple(role.value for role in Role)
DISTRICT_CLIENTS = ("administrator-everywhere", "auditor-everywhere")
POLICY_TEXT = (Path(__file__).parents[3] / "config" / "policy-short.toml").read_text(encoding="utf-8")
CONFIG = f"""
data = "data"
[broker]
managed = false
url = "{{url}}"
[centre]
port = 0
policy = "policy.toml"
public_url = "https://centre.example"
[[communities]]
id = "{YUAN}"
name = "滨河苑"
street = "江湾街道"
police_station = "{POLICE}"
portals = ["east", "west"]
[[communities]]
id = "{OTHER}"
name = "沿江苑"
street = "{{street_there}}"
police_station = "{OTHER_POLICE}"
portals = ["south"]
[[police]]
name = "{POLICE}"
title = "江湾派出所"
routes = [{{{{ kind = "file" }}}}, {{{{ kind = "mqtt" }}}}]
"""


def secret(client: str) -> str:
    """The token of an API client of these tests."""
    return f"token-of-{client}"


def clients() -> str:
    """Two clients of each role, of the first compound (or its police station) and of the other; two of the district."""
    rows = []
    for role in ROLES:
        for place, scope in (("here", POLICE if role in ("police", "duty") else YUAN), ("there", "hekou")):
            there = OTHER_POLICE if role in ("police", "duty") else OTHER
            digest = hashlib.sha256(secret(f"{role}-{place}").encode()).hexdigest()
            where = scope if place == "here" else there
            rows.append(
                f'[[centre.clients]]\nname = "{role}-{place}"\nrole = "{role}"\nscope = "{where}"\n'
                f'token_sha256 = "{digest}"\n'
            )
    rows += [
        f'[[centre.clients]]\nname = "{name}"\nrole = "administrator"\n'
        f'token_sha256 = "{hashlib.sha256(secret(name).encode()).hexdigest()}"\n'
        for name in DISTRICT_CLIENTS
    ]
    return "".join(rows)


@dataclass
class Reply:
    status: int
    type: str
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Centre:
    """A running centre, and its wall clock, which the test moves."""

    process: CentreProcess
    settings: Settings
    clock: list[float]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.process.port}"

    def ask(self, method: str, path: str, client: str | None, body: Any = None, raw: bytes | None = None) -> Reply:
        """Ask as a client of the API; `client` is a name of `clients`, or None for nobody."""
        connection = http.client.HTTPConnection("127.0.0.1", self.process.port, timeout=10)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if client is not None:
            headers["Authorization"] = f"Bearer {secret(client)}"
        sent = raw if raw is not None else None if body is None else json.dumps(body).encode()
        with contextlib.closing(connection):
            connection.request(method, path, sent, headers)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers["Content-Type"] or "", answer.read().decode(errors="replace"))

    def signed_in(self, role: Role, scope: str = "", name: str = "") -> Visitor:
        """A browser in which somebody new of this role has signed in."""
        name = name or f"{role.value}-{secrets.token_hex(3)}"
        password = secrets.token_urlsafe(12)
        book = Accounts(MASTER, district=self.settings.profile == "district")
        with self.database().write() as connection:
            who = Who("test", "", int(self.clock[0] * 1000))
            code = book.add(connection, who, name, "", [role], scope)
        visitor = Visitor(self.url)
        visitor.take_up(code, password)
        return visitor

    def database(self) -> Database:
        return self.process._database


@contextlib.contextmanager
def running(
    folder: Path,
    broker_url: str = "mqtt://127.0.0.1:1",
    *,
    database: str = "",
    profile: str = "compound",
    more: str = "",
    street_there: str = "江湾街道",
) -> Iterator[Centre]:
    """A centre in `folder`, with its two stations enrolled."""
    (folder / "gateway.toml").write_text(
        f'profile = "{profile}"\n' + CONFIG.format(url=broker_url, street_there=street_there) + clients() + more,
        encoding="utf-8",
    )
    (folder / "policy.toml").write_text(POLICY_TEXT, encoding="utf-8")
    settings = load(folder / "gateway.toml", {"GATEWAY__CENTRE__DATABASE": database} if database else {})
    store = Database(settings.database)
    store.migrate()
    enrol_own_data(store, settings)
    with store.write() as connection:
        streams.put_station(connection, STATION, YUAN, 1, 0)
        streams.put_station(connection, OTHER_STATION, OTHER, 1, 0)
    store.close()
    with contextlib.suppress(FileExistsError):
        write_secret(settings.data / "master.key", bytes(range(32)).hex())
    clock = [NOW.timestamp()]
    process = CentreProcess(settings, MASTER, broker_url, MASTER.broker_password(CENTRE), wall=lambda: clock[0])
    stop = threading.Event()
    thread = threading.Thread(target=process.run, args=(stop,))
    thread.start()
    centre = Centre(process, settings, clock)
    try:
        until(lambda: centre.ask("GET", "/metrics", None).status == 200, what="the centre's pages")
        yield centre
    finally:
        stop.set()
        thread.join()
