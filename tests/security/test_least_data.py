"""Synthetic people go through everything, and afterwards their numbers, names and phones are nowhere in clear.

Real programs: a broker, a centre and a station, with a SAM reader at a pseudo-terminal. Looked at is every file that
any of them has written (database with its WAL, spool, rosters, logs, the broker's files), every message of the bus,
and every answer over HTTP; in each encoding in which a text could stand there.
"""

import base64
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.broker import CENTRE
from gateway.bus import Account
from rules.identity import check_digit
from rules.model import CIVIL
from simulators.line import PtyLine
from simulators.sam import Card, SamModule
from tests.brokers import Client, client
from tests.browsing import Visitor
from tests.e2e.pair import YUAN, Box, Office, box, office
from tests.e2e.rig import wait_until
from tests.gateway.centre.sheets import excel

pytestmark = [pytest.mark.long, pytest.mark.real("mosquitto"), pytest.mark.timeout(1200)]

EXAMPLES = 12
SURNAMES, GIVEN = "赵钱孙李周吴郑王欧阳买买提阿依", "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂古丽琪瑶"
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
PAGES = {
    "property": (
        "/gate/people", "/gate/people/residents", "/gate/people/visitors", "/gate/people/shown", "/gate/people/reports",
    ),
    "worker": ("/collect", "/collect/tonight", "/collect/ledger"),
    "reviewer": ("/collect", "/collect/review", "/collect/ledger"),
    "police": ("/police", "/police/slips", "/police/lists"),
    "committee": ("/committee", "/committee/communities", "/committee/trend"),
    "auditor": ("/admin/audit", "/admin/lawful", "/admin/retention"),
}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("site")) as one:
        yield one


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


def live(site: Site, people: list[Someone]) -> None:
    """All that may happen to people: enrolled, imported, declared, expected, read at a gate, worked on, registered."""
    today = datetime.now(CIVIL).date()
    long_ago, room = (today - timedelta(days=60)).isoformat(), {"building": "1栋", "unit": "1单元", "room": "101室"}
    enrolled, listed, declared, visitor, stranger = people
    row = {"kind": "citizen-id", "number": enrolled.number, "name": enrolled.name, "since": long_ago} | room
    site.ask("PUT", f"{HERE}/enrolments", {"rows": [row]})
    head = ("姓名", "身份证号码", "楼栋", "单元", "房号", "联系电话", "民族", "是否重点人员")
    line = (listed.name, listed.number, "1栋", "1单元", "201室", listed.phone, "汉族", "否")
    taken(site, "residents", excel(head, line))
    declaration = {"community": YUAN, "building": "1栋", "unit": "1单元", "room": "301室", "day": long_ago}
    declaration |= {"number": declared.number, "name": declared.name, "phone": declared.phone}
    site.ask("POST", "/declarations", declaration)
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    later = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 3600))
    expected = {"since": now, "until": later, "name": visitor.name, "phone": visitor.phone}
    site.ask("POST", f"{HERE}/visitors", expected)
    site.ask(
        "PUT", f"{HERE}/registrations", {"as_of": today.isoformat(), "complete": True, "rows": []}, "administrator"
    )
    for one in (enrolled, stranger):
        site.present(Card(name=one.name, number=one.number))
    wrong = enrolled.number[:-1] + ("0" if enrolled.number[-1] != "0" else "1")
    site.ask("PUT", f"{HERE}/enrolments", {"rows": [row | {"number": wrong}]})
    site.ask("POST", f"{HERE}/credentials/lost", {"kind": "citizen-id", "number": declared.number, "lost": True})
    site.ask("GET", f"{HERE}/residents?name={urllib.request.quote(enrolled.name[0])}")  # type: ignore[attr-defined]
    registered = {"kind": "citizen-id", "number": enrolled.number, "name": enrolled.name, "since": long_ago}
    body = {"as_of": today.isoformat(), "complete": False, "rows": [registered]}
    site.ask("PUT", f"{HERE}/registrations", body, "administrator")
    Visitor(site.centre.url).sign_in(stranger.name, stranger.number)
    for role, pages in PAGES.items():
        for page in pages:
            site.visit(role, page)
    wait_until(site.settled, 60, "the centre has every swipe")


def known_at_the_gate(site: Site) -> bool:
    """Whether a swipe of somebody whom the roster has is stored: it carries no identity."""
    site.present(Card(name=KNOWN.name, number=KNOWN.number))
    wait_until(site.settled, 60, "the centre has the swipe")
    return ("grant", 0) in site.centre.rows("SELECT verdict, sealed IS NOT NULL FROM swipes WHERE kind = 'citizen-id'")


SOMEBODY = st.tuples(
    st.text(SURNAMES, min_size=1, max_size=2),
    st.text(GIVEN, min_size=2, max_size=3),
    st.dates(date(1900, 1, 1), date(1920, 12, 31)),
)


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    one = Someone(1, "欧阳建国", date(1900, 1, 1))
    for text in one.texts:
        for form in forms_of(text):
            assert form
        for padded in (b"", b"x", b"xy"):
            within = base64.b64encode(padded + text.encode() + b" and more")
            assert any(form in within for form in forms_of(text)), (text, padded)
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "gbk"):
        assert any(form in f"他是{one.name}。".encode(encoding) for form in forms_of(one.name)), encoding


def test_nobodys_number_name_or_phone_stands_anywhere_in_clear(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    everybody = set(KNOWN.texts)
    row = {"kind": "citizen-id", "number": KNOWN.number, "name": KNOWN.name, "since": "2026-01-01", "room": "101室"}
    site.ask("PUT", f"{HERE}/enrolments", {"rows": [row]})
    finds: list[tuple[str, str]] = []

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(SOMEBODY, min_size=5, max_size=5, unique_by=lambda one: one[0] + one[1]))
    def through_everything(drawn: list[tuple[str, str, date]]) -> None:
        first = len(everybody) // 3
        people = [Someone(first + i, a + b, born) for i, (a, b, born) in enumerate(drawn)]
        everybody.update(text for one in people for text in one.texts)
        live(site, people)

    through_everything()
    wait_until(lambda: known_at_the_gate(site), 120, "somebody who is enrolled passes by the roster")
    swipes = site.centre.rows("SELECT kind, sealed IS NOT NULL FROM swipes")
    finds += site.finds(everybody)
    record_property("least_data_people", len(everybody) // 3)
    record_property("least_data_finds", len(finds))
    assert not finds
    assert ("citizen-id", 1) in swipes, "whoever is unknown is sealed"
    assert len(site.seen) > 2 * EXAMPLES
    for table in ("persons", "cases", "visitors", "declarations", "registrations", "sign_ins"):
        assert site.centre.rows(f"SELECT count(*) FROM {table}") > [(0,)], f"there is something in {table}"
    assert site.centre.rows(
        "SELECT count(*) FROM imports WHERE kind = 'residents' AND state = 'taken' AND good > 0"
    ) > [(0,)]
    assert {"centre.sqlite3", "log"} <= {file.name for file in site.folder.rglob("*")}
