"""Synthetic people go through everything, and afterwards their numbers, names and phones are nowhere in clear.

Real programs: a broker, a centre and a station, with a SAM reader at a pseudo-terminal. Looked at is every file that
any of them has written (database with its WAL, spool, rosters, logs, the broker's files), every message of the bus,
and every answer over HTTP; in each encoding in which a text could stand there.
"""

import base64
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.model import CIVIL
from simulators.sam import Card
from tests.browsing import Visitor
from tests.e2e.pair import YUAN
from tests.e2e.rig import wait_until
from tests.gateway.centre.sheets import excel
from tests.security.site import HERE, KNOWN, Site, Someone, forms_of, known_at_the_gate, running, taken

pytestmark = [pytest.mark.long, pytest.mark.real("mosquitto"), pytest.mark.timeout(1200)]

EXAMPLES = 12
SURNAMES, GIVEN = "赵钱孙李周吴郑王欧阳买买提阿依", "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂古丽琪瑶"


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
    known_at_the_gate(site)
    finds: list[tuple[str, str]] = []

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(SOMEBODY, min_size=5, max_size=5, unique_by=lambda one: one[0] + one[1]))
    def through_everything(drawn: list[tuple[str, str, date]]) -> None:
        first = len(everybody) // 3
        people = [Someone(first + i, a + b, born) for i, (a, b, born) in enumerate(drawn)]
        everybody.update(text for one in people for text in one.texts)
        live(site, people)

    through_everything()
    swipes = site.centre.rows("SELECT kind, sealed IS NOT NULL FROM swipes")
    finds += site.finds(everybody)
    record_property("least_data_people", len(everybody) // 3)
    record_property("least_data_finds", len(finds))
    assert not finds
    granted = site.centre.rows("SELECT DISTINCT sealed IS NOT NULL FROM swipes WHERE verdict = 'grant'")
    assert granted == [(0,)], "whoever is known carries no identity"
    assert ("citizen-id", 1) in swipes, "whoever is unknown is sealed"
    assert len(site.seen) > 2 * EXAMPLES
    for table in ("persons", "cases", "visitors", "declarations", "registrations", "sign_ins"):
        assert site.centre.rows(f"SELECT count(*) FROM {table}") > [(0,)], f"there is something in {table}"
    assert site.centre.rows(
        "SELECT count(*) FROM imports WHERE kind = 'residents' AND state = 'taken' AND good > 0"
    ) > [(0,)]
    assert {"centre.sqlite3", "log"} <= {file.name for file in site.folder.rglob("*")}
