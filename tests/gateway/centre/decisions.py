"""What waits for a reviewer's decision, for tests of pages: declarations, requests, records that are alike, names."""

from gateway.centre.own_data import Asked, OwnData, Session
from gateway.centre.slips import Slips
from gateway.store import tables as t
from tests.gateway.centre.centres import Centre
from tests.gateway.centre.grid import done, rows_of
from tests.gateway.centre.office import BY, BY_BUS, MASTER, TODAY, YUAN, number

NAME, CALL, TWIN, TWINS_CALL, OTHER_NAME = "申报人甲", "13911113333", "双生子", "13911114444", "别样名"
SAID = {"community": YUAN, "building": "3栋", "unit": "2单元", "room": "502室", "day": TODAY.isoformat()}
SAID |= {"number": number(30), "name": NAME, "phone": CALL}
NAMED = (NAME, CALL, TWIN, TWINS_CALL, OTHER_NAME, *(number(seq) for seq in (30, 40, 41, 42)))
"""What no page may show by itself."""
BASE = f"/api/v1/communities/{YUAN}"


def declare(centre: Centre, **over: str) -> int:
    """The number of a new declaration."""
    done(centre.ask("POST", "/api/v1/declarations", None, SAID | over))
    return int(rows_of(centre, t.declarations)[-1].id)


def request(centre: Centre, asked: Asked = Asked.CORRECT) -> int:
    """The number of a new request of the first person."""
    person = rows_of(centre, t.persons)[0].id
    data = OwnData(MASTER, Slips("https://centre.example", BY_BUS))
    with centre.database().write() as connection:
        return data.ask(connection, Session(person, YUAN), asked, f"我叫{NAME},电话{CALL}", BY)


def twins(centre: Centre) -> tuple[int, int]:
    """The two records of somebody who declared under two numbers."""
    for seq in (40, 41):
        one = declare(centre, number=number(seq), name=TWIN, phone=TWINS_CALL)
        done(centre.ask("POST", f"{BASE}/declarations/{one}/confirm", "reviewer-here"))
    first, second = [row.id for row in rows_of(centre, t.persons)][-2:]
    return first, second


def other_name(centre: Centre) -> int:
    """The number of another name that a list says of a known number."""
    for name, path, who, more in (
        (TWIN, "enrolments", "property-here", {}),
        (OTHER_NAME, "registrations", "administrator-here", {"as_of": TODAY.isoformat(), "complete": False}),
    ):
        row = {"kind": "citizen-id", "number": number(42), "name": name, "since": TODAY.isoformat()}
        done(centre.ask("PUT", f"{BASE}/{path}", who, {"rows": [row]} | more))
    return int(rows_of(centre, t.names)[-1].id)


def fill(centre: Centre) -> None:
    """Something of each kind."""
    twins(centre)
    other_name(centre)
    declare(centre)
    request(centre)
