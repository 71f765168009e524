"""A police station's desk for tests of pages: officers with accounts, and slips that communities have sent."""

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.centre.accounts.book import Accounts
from gateway.centre.audit import Who
from rules.roles import Role
from tests.browsing import Visitor
from tests.gateway.centre.centres import Centre
from tests.gateway.centre.office import MASTER, TODAY, YUAN, number

PASSWORD = "a long way home"
PEOPLE = (
    ("周伟", "3栋", "2单元", "502室"),
    ("何建国", "3栋", "1单元", "302室"),
    ("阿依古丽·买买提", "12栋", "1单元", "1002室"),
    ("陈明", "8栋", "2单元", "601室"),
)
HERE = f"/api/v1/communities/{YUAN}"


def account(centre: Centre, name: str, role: Role, scope: str = "", shown: str = "") -> Visitor:
    """A browser in which somebody new has signed in."""
    who = Who("test", "security", int(centre.clock[0] * 1000))
    with centre.database().write() as connection:
        code = Accounts(MASTER, district=False).add(connection, who, name, shown or name, [role], scope)
    visitor = Visitor(centre.url)
    visitor.take_up(code, PASSWORD)
    return visitor


def sent_slips(centre: Centre, count: int = len(PEOPLE)) -> list[str]:
    """The numbers of so many slips that the first compound has sent, the oldest first."""
    long_ago = (TODAY - timedelta(days=30)).isoformat()
    rows = [
        {"kind": "citizen-id", "number": number(seq), "name": name, "since": long_ago}
        | {"building": building, "unit": unit, "room": room}
        for seq, (name, building, unit, room) in enumerate(PEOPLE[:count], 1)
    ]
    done(centre.ask("PUT", f"{HERE}/enrolments", "property-here", {"rows": rows}))
    nobody = {"as_of": TODAY.isoformat(), "complete": True, "rows": []}
    done(centre.ask("PUT", f"{HERE}/registrations", "administrator-here", nobody))
    at = datetime.fromtimestamp(centre.clock[0], UTC).isoformat()
    for case in reversed(done(centre.ask("GET", "/api/v1/cases", "worker-here"))):
        assign = {"act": "assign", "revision": case["revision"], "to": "worker-here"}
        done(centre.ask("POST", f"/api/v1/cases/{case['id']}/acts", "reviewer-here", assign))
        (now,) = [one for one in centre.ask("GET", "/api/v1/cases", "worker-here").json if one["id"] == case["id"]]
        visit = {"at": at, "met": False, "notice_left": True, "revision": now["revision"]}
        done(centre.ask("POST", f"/api/v1/cases/{case['id']}/visits", "worker-here", visit))
    found = list(reversed(done(centre.ask("GET", "/api/v1/alerts", "reviewer-here"))))
    for slip in found:
        send = {"revision": slip["revision"]}
        done(centre.ask("POST", f"/api/v1/alerts/{slip['slip']}/send", "reviewer-here", send))
    return [slip["slip"] for slip in found]


def done(reply: Any) -> Any:
    """What a call gave that has to have worked."""
    if reply.status >= 300:
        raise ValueError(f"{reply.status}: {reply.text}")
    return reply.json
