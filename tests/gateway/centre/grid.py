"""A compound's grid for tests of pages: people who are signed in, dwellings, and cases that are assigned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from gateway.centre.accounts.book import Accounts
from gateway.centre.audit import Who
from gateway.centre.persons import Persons
from gateway.store import tables as t
from rules.model import CredentialKind
from rules.roles import Role
from tests.browsing import Visitor
from tests.gateway.centre.centres import Centre
from tests.gateway.centre.office import MASTER, TODAY, YUAN, number

PASSWORD = "a long way home"
LONG_AGO = TODAY - timedelta(days=30)
HOMES = (
    ("3栋", "2单元", "502室", "周伟"),
    ("3栋", "2单元", "502室", "周小敏"),
    ("3栋", "2单元", "1002室", "阿依古丽·买买提"),
    ("12栋", "1单元", "101室", "李秀英"),
    ("12栋", "1单元", "302室", "何建国"),
)
"""Building, unit, room and name of whoever is to be visited; two of them behind one door."""


def phone(seq: int) -> str:
    return f"1390000{seq:04d}"


def account(
    centre: Centre, name: str, roles: Sequence[Role], scope: str = YUAN, *, shown: str = "", district: bool = False
) -> Visitor:
    """Somebody with a new account, signed in."""
    book, who = Accounts(MASTER, district=district), Who("test", "security", int(centre.clock[0] * 1000))
    with centre.database().write() as connection:
        code = book.add(connection, who, name, shown or name, roles, scope)
    visitor = Visitor(centre.url)
    visitor.take_up(code, PASSWORD)
    return visitor


def sign_in(centre: Centre, name: str) -> Visitor:
    """Another browser of somebody who has an account."""
    visitor = Visitor(centre.url)
    visitor.sign_in(name, PASSWORD)
    return visitor


@dataclass
class Case:
    id: int
    revision: int
    room: str
    dwelling: int
    state: str


def fill(centre: Centre, *, worker: str = "xiaowu", community: str = YUAN, first: int = 1) -> list[Case]:
    """A case for each of `HOMES`, assigned to this worker."""
    where = "here" if community == YUAN else "there"
    rows = [
        {
            "kind": "citizen-id",
            "number": number(seq),
            "name": name,
            "since": LONG_AGO.isoformat(),
            "building": building,
            "unit": unit,
            "room": room,
        }
        for seq, (building, unit, room, name) in enumerate(HOMES, first)
    ]
    base = f"/api/v1/communities/{community}"
    done(centre.ask("PUT", f"{base}/enrolments", f"property-{where}", {"rows": rows}))
    _phones(centre, first)
    register = {"as_of": TODAY.isoformat(), "complete": True, "rows": []}
    done(centre.ask("PUT", f"{base}/registrations", f"administrator-{where}", register))
    for case in cases(centre, community):
        body = {"act": "assign", "revision": case.revision, "to": worker}
        done(centre.ask("POST", f"/api/v1/cases/{case.id}/acts", f"reviewer-{where}", body))
    return cases(centre, community)


def _phones(centre: Centre, first: int) -> None:
    """Let everybody have left a phone."""
    p, persons = t.persons, Persons(MASTER)
    with centre.database().write() as connection:
        for seq in range(first, first + len(HOMES)):
            said = {"phone": MASTER.hide("persons.phone", phone(seq)), "phone_lookup": persons.phone_lookup(phone(seq))}
            lookup = persons.lookup(CredentialKind.CITIZEN_ID, number(seq))
            connection.execute(p.update().where(p.c.lookup == lookup).values(**said))


def cases(centre: Centre, community: str = YUAN) -> list[Case]:
    """The cases of a community, by number."""
    c, d = t.cases.c, t.dwellings.c
    query = select(c.id, c.revision, d.room, c.dwelling, c.state).join(t.dwellings, d.id == c.dwelling)
    with centre.database().read() as connection:
        rows = connection.execute(query.where(c.community == community).order_by(c.id)).all()
    return [Case(*row) for row in rows]


def case_of(centre: Centre, number_of: int) -> Case:
    return next(one for one in cases(centre) if one.id == number_of)


def rows_of(centre: Centre, table: Any) -> list[Any]:
    with centre.database().read() as connection:
        return list(connection.execute(select(table).order_by(*table.primary_key.columns)).all())


def done(reply: Any) -> Any:
    assert reply.status in (200, 201, 204), reply.text
    return reply.json if reply.text else None


def line(n: int, text: str, name: str, **over: object) -> dict[str, object]:
    """The fields of one line of the household's form."""
    values: dict[str, object] = {"kind": "citizen-id", "number": text, "name": name, "since": LONG_AGO.isoformat()}
    return {f"{field}-{n}": value for field, value in (values | over).items()}


def child_born() -> date:
    return date(TODAY.year - 9, 5, 1)
