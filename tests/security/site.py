"""A broker, a centre and a station with a SAM reader, as real programs; what they write, send and answer is kept."""

import base64
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from gateway.broker import CENTRE
from gateway.bus import Account
from rules.identity import check_digit
from simulators.line import PtyLine
from simulators.sam import Card, SamModule
from tests.brokers import Client, client
from tests.browsing import Visitor
from tests.e2e.pair import YUAN, Box, Office, box, office
from tests.e2e.rig import wait_until
from tests.gateway.centre.sheets import excel

HERE = f"/communities/{YUAN}"


@dataclass(frozen=True)
class Someone:
    """A person whom nobody is."""

    seq: int
    name: str
    born: date

    @property
    def number(self) -> str:
        first_17 = f"510099{self.born:%Y%m%d}{self.seq:03d}"
        return first_17 + check_digit(first_17)

    @property
    def phone(self) -> str:
        return f"139{self.seq:03d}{self.born:%y%m}7"

    @property
    def texts(self) -> tuple[str, ...]:
        return self.number, self.name, self.phone


KNOWN = Someone(999, "欧阳建国", date(1900, 1, 1))


def forms_of(text: str) -> Iterator[bytes]:
    """A text as it could stand in a file: in the encodings of a Chinese machine, in hex and base64, escaped in JSON."""
    plain = text.encode()
    yield from (text.encode(one) for one in ("utf-8", "utf-16-le", "utf-16-be", "gb18030"))
    yield from (plain.hex().encode(), plain.hex().upper().encode(), json.dumps(text)[1:-1].encode())
    for before in range(3):  # where in a group of three bytes it begins changes what base64 makes of it
        whole = base64.b64encode(b"\0" * before + plain)
        yield whole[4 if before else 0 : len(whole) // 4 * 4 - 4]


@dataclass
class Site:
    """The running programs, and all that was said."""

    folder: Path
    centre: Office
    station: Box
    reader: SamModule
    bus: Client
    answers: list[tuple[str, str]] = field(default_factory=list)
    staff: dict[str, Visitor] = field(default_factory=dict)
    seen: list[tuple[str, bytes]] = field(default_factory=list)

    def ask(self, method: str, path: str, body: Any = None, role: str = "property", raw: bytes | None = None) -> Any:
        word = {"property": "property-word", "administrator": "administrator-word"}[role]
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {word}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.centre.url}/api/v1{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode("utf-8", "replace")
        self.answers.append((f"{method} {path}", text))
        return json.loads(text) if text else None

    def visit(self, role: str, path: str, form: dict[str, object] | None = None) -> str:
        """A page as somebody of this role sees it."""
        visitor = self.staff[role]
        shown = visitor.get(path) if form is None else visitor.post(path, form)
        self.answers.append((f"{role} {path}", shown.text))
        return shown.text

    def present(self, card: Card) -> None:
        """Lay a card on the reader until the station has recorded its swipe."""
        before = self.station.metric("gateway_swipe_to_verdict_seconds_count")
        self.reader.present(card)
        recorded = lambda: self.station.metric("gateway_swipe_to_verdict_seconds_count") > before  # noqa: E731
        wait_until(recorded, 60, "the swipe is decided")
        self.reader.lift()

    def settled(self) -> bool:
        return self.station.metric("gateway_spool_depth") == 0

    def heard(self) -> list[tuple[str, bytes]]:
        while not self.bus.messages.empty():
            message = self.bus.messages.get()
            self.seen.append((message.topic, message.payload))
        return self.seen

    def finds(self, texts: set[str]) -> list[tuple[str, str]]:
        """Where which text stands in clear."""
        forms = {form: text for text in texts for form in forms_of(text) if len(form) >= 6}
        found = [(topic, text) for topic, data in self.heard() for form, text in forms.items() if form in data]
        for file in self.folder.rglob("*"):
            if file.is_file() and not file.is_symlink():
                data = file.read_bytes()
                found += [(str(file.relative_to(self.folder)), text) for form, text in forms.items() if form in data]
        for where, said in self.answers:
            data = said.encode()
            found += [(where, text) for form, text in forms.items() if form in data]
        return found


STAFF = {"property": YUAN, "worker": YUAN, "reviewer": YUAN, "police": "test", "committee": "", "auditor": ""}


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    reader = SamModule()
    with ExitStack() as stack:
        centre = stack.enter_context(office(folder / "centre"))
        enrolment = folder / "station.enrolment"
        centre.enrol("yuan-1", enrolment)
        stack.enter_context(PtyLine(reader, folder / "line-sam"))
        station = stack.enter_context(box(folder / "station", enrolment, start=False))
        station.write_config(
            f'[[readers]]\nid = "sam"\nportal = "gate"\ndirection = "in"\ndriver = "ga467"\n'
            f'url = "{folder / "line-sam"}"\nsettings = {{ read = "identity" }}\n'
        )
        station.start()
        wait_until(station.connected, 60, "the station is connected")
        account = Account(
            f"mqtt://127.0.0.1:{centre.plain_port}", "capture", CENTRE, centre.master.broker_password(CENTRE)
        )
        bus = stack.enter_context(client(account, ["#"]))
        one = Site(folder, centre, station, reader, bus)
        for role, scope in STAFF.items():
            one.staff[role] = signed_in(one, role, scope)
        rooms = excel(("楼栋", "单元", "房号"), *[("1栋", "1单元", f"{n}01室") for n in range(1, 4)])
        taken(one, "dwellings", rooms)
        yield one


def signed_in(site: Site, role: str, scope: str) -> Visitor:
    name, password = f"{role}-{secrets.token_hex(3)}", secrets.token_urlsafe(12)
    more = ["--scope", scope] if scope else []
    code = json.loads(site.centre.gateway("accounts", "add", name, "--role", role, *more))["invitation"]
    visitor = Visitor(site.centre.url)
    visitor.take_up(code, password)
    visitor.sign_in(name, password)
    return visitor


def taken(site: Site, kind: str, file: bytes) -> None:
    """Have a list taken as the administrator's program does it."""
    number = site.ask("POST", f"{HERE}/lists/{kind}", role="administrator", raw=file)["id"]
    state = lambda: site.ask("GET", f"{HERE}/lists/{number}", role="administrator")["state"]  # noqa: E731
    wait_until(lambda: state() in ("checked", "refused"), 60, "the list is checked")
    site.ask("POST", f"{HERE}/lists/{number}/take", role="administrator")
    wait_until(lambda: state() in ("taken", "refused"), 60, "the list is taken")


def known_at_the_gate(site: Site, rows: int = 1) -> None:
    """Have somebody pass whom the roster has, which then has so many: the swipe carries no identity."""
    row = {"kind": "citizen-id", "number": KNOWN.number, "name": KNOWN.name, "since": "2026-01-01", "room": "101室"}
    site.ask("PUT", f"{HERE}/enrolments", {"rows": [row]})
    wait_until(lambda: f"with {rows} rows is in use" in site.station.log(), 60, "the station has them in its roster")
    site.present(Card(name=KNOWN.name, number=KNOWN.number))
    wait_until(site.settled, 60, "the centre has the swipe")
