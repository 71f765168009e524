"""The work over the API: tonight, a reviewer's list, a household's form, and who passes on whose word."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.store import tables as t
from tests.gateway.centre.centres import Centre, Reply, running
from tests.gateway.centre.office import OTHER, TODAY, YUAN, number

HERE = f"/api/v1/communities/{YUAN}"
LONG_AGO = (TODAY - timedelta(days=30)).isoformat()
HOMES = [("12栋", "1单元", "101室"), ("3栋", "2单元", "1002室"), ("3栋", "2单元", "502室"), ("3栋", "", "9室")]
NAME = "欧阳测试"


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    with running(tmp_path) as made:
        yield made


def done(reply: Reply, status: int = 200) -> Any:
    assert reply.status == status, reply.text
    return reply.json if reply.text else None


def cases_of(centre: Centre) -> list[dict[str, Any]]:
    """A case in each of four dwellings, all of them assigned to this worker."""
    rows = [
        {
            "kind": "citizen-id",
            "number": number(i),
            "name": NAME,
            "since": LONG_AGO,
            "building": b,
            "unit": u,
            "room": r,
        }
        for i, (b, u, r) in enumerate(HOMES, 1)
    ]
    done(centre.ask("PUT", f"{HERE}/enrolments", "property-here", {"rows": rows}))
    register = {"as_of": TODAY.isoformat(), "complete": True, "rows": []}
    done(centre.ask("PUT", f"{HERE}/registrations", "administrator-here", register))
    for case in done(centre.ask("GET", "/api/v1/cases", "worker-here")):
        act(centre, case, "assign", to="worker-here")
    return list(done(centre.ask("GET", "/api/v1/cases", "worker-here")))


def act(centre: Centre, case: dict[str, Any], what: str, client: str = "reviewer-here", **over: Any) -> dict[str, Any]:
    body = {"act": what, "revision": case["revision"]} | over
    return case | dict(done(centre.ask("POST", f"/api/v1/cases/{case['id']}/acts", client, body)))


def visit(centre: Centre, case: dict[str, Any], **over: Any) -> dict[str, Any]:
    at = datetime.fromtimestamp(centre.clock[0], UTC)
    body = {"revision": case["revision"], "at": at.isoformat(), "met": False, "notice_left": True} | over
    return dict(done(centre.ask("POST", f"/api/v1/cases/{case['id']}/visits", "worker-here", body), 201))


def tonight(centre: Centre, client: str = "worker-here") -> list[dict[str, Any]]:
    return list(done(centre.ask("GET", "/api/v1/worklists/tonight", client)))


def test_tonights_list_goes_from_building_to_building_with_what_was_tried(centre: Centre) -> None:
    cases = cases_of(centre)
    again = (datetime.fromtimestamp(centre.clock[0], UTC) + timedelta(days=1)).isoformat()
    visit(centre, cases[0], appointment=again, came=[{"role": "volunteer", "name": "示例队员"}])
    act(centre, cases[1], "object", "worker-here", objection="wrong_information")
    found = tonight(centre)
    rooms = [(one["building"], one["room"]) for one in found]
    assert rooms == [("3栋", "9室"), ("3栋", "1002室"), ("12栋", "101室")]
    assert {one["name"] for one in found} == {"欧**"}
    tried = {one["room"]: (one["missed"], one["notice_left"], one["state"]) for one in found}
    assert tried["9室"] == (1, True, "visited")
    assert tried["101室"] == (0, False, "assigned")
    assert [one["appointment"] is not None for one in found] == [True, False, False]
    assert tonight(centre, "worker-there") == []
    assert number(1) not in str(found)


def test_a_deputy_has_the_list_within_the_days_and_may_end_it(centre: Centre) -> None:
    cases = cases_of(centre)
    act(centre, cases[0], "assign", to="somebody-ill")
    assert len(tonight(centre)) == 3
    days = {"since": TODAY.isoformat(), "until": TODAY.isoformat()}
    body = {"worker": "somebody-ill", "deputy": "worker-here"} | days
    assert centre.ask("POST", f"{HERE}/deputies", "worker-here", body).status == 409, "not for somebody else"
    made = done(centre.ask("POST", f"{HERE}/deputies", "reviewer-here", body), 201)
    assert len(tonight(centre)) == 4
    (listed,) = done(centre.ask("GET", f"{HERE}/deputies", "worker-here"))
    assert (listed["worker"], listed["deputy"]) == ("somebody-ill", "worker-here")
    assert centre.ask("POST", f"/api/v1/communities/{OTHER}/deputies/{made['id']}/end", "reviewer-there").status == 404
    done(centre.ask("POST", f"{HERE}/deputies/{made['id']}/end", "reviewer-here"), 204)
    assert len(tonight(centre)) == 3


def test_the_reviewers_list_begins_with_objections_and_holds_what_waits(centre: Centre) -> None:
    cases = cases_of(centre)
    act(centre, cases[0], "collect", "worker-here")
    act(centre, cases[1], "object", "property-here", objection="not_living_here")
    act(centre, cases[2], "hand_back", "worker-here", note="not my grid")
    found = done(centre.ask("GET", "/api/v1/worklists/review", "reviewer-here"))
    assert [(one["id"], one["state"], one["objection"]) for one in found] == [
        (cases[1]["id"], "assigned", "not_living_here"),
        (cases[2]["id"], "open", None),
        (cases[0]["id"], "collected", None),
    ]


def test_a_household_is_taken_in_one_form_or_said_line_by_line_without_what_was_typed(centre: Centre) -> None:
    cases = cases_of(centre)
    with centre.database().read() as connection:
        home = connection.execute(t.dwellings.select().where(t.dwellings.c.room == "9室")).one().id
    case = next(one for one in cases if one["id"] == cases[0]["id"])
    member = {"kind": "citizen-id", "number": number(4), "name": NAME, "since": LONG_AGO, "phone": "13900000001"}
    wrong = member | {"number": "110101190001010011", "employment": "employed"}
    path = f"{HERE}/dwellings/{home}/household"
    reply = centre.ask("POST", path, "worker-here", {"members": [member, wrong]})
    assert (reply.status, reply.json["mistakes"]) == (
        422,
        [
            {"row": 1, "field": "number", "problem": "check_digit"},
            {"row": 1, "field": "employer", "problem": "missing"},
        ],
    )
    assert "110101" not in reply.text
    assert centre.ask("POST", path, "worker-here", {"members": [member | {"religion": "none"}]}).status == 422
    seen = [{"id": case["id"], "revision": case["revision"]}]
    stale = [{"id": case["id"], "revision": case["revision"] + 1}]
    assert centre.ask("POST", path, "worker-here", {"members": [member], "seen": stale}).status == 409
    taken = done(centre.ask("POST", path, "worker-here", {"members": [member], "seen": seen}))
    assert taken == {"members": 1, "collected": [case["id"]]}
    assert done(centre.ask("POST", path, "property-here", {"members": [member]})) == {"members": 1, "collected": []}
    shown = done(centre.ask("GET", f"/api/v1/cases/{case['id']}/differences", "reviewer-here"))
    assert {"name": "phone", "before": None, "after": "13900000001"} in shown


def test_who_tells_what_is_passed_on_by_whom_it_fits(centre: Centre) -> None:
    cases_of(centre)
    document = {"kind": "citizen-id", "number": number(50), "name": NAME}
    home = {"building": "3栋", "room": "9室", "day": LONG_AGO}
    said = {"source": "landlord", "document": document} | home
    first = done(centre.ask("POST", f"{HERE}/cases", "worker-here", said), 201)
    assert first["new"]
    assert done(centre.ask("POST", f"{HERE}/cases", "reviewer-here", said | {"source": "police"}), 201) == {
        "id": first["id"],
        "new": False,
    }
    assert centre.ask("POST", f"{HERE}/cases", "worker-here", said | {"source": "police"}).status == 409
    assert centre.ask("POST", f"{HERE}/cases", "worker-here", said | {"room": "nowhere"}).status == 404
    assert centre.ask("POST", f"{HERE}/cases", "worker-here", said | {"person": 1}).status == 422
    assert centre.ask("POST", f"{HERE}/cases", "worker-here", {"source": "visit"} | home).status == 422
    bad = said | {"document": document | {"number": "110101190001010011"}}
    reply = centre.ask("POST", f"{HERE}/cases", "worker-here", bad)
    assert (reply.status, "110101" in reply.text) == (422, False)
    assert centre.ask("POST", f"{HERE}/cases", "worker-here", {"source": "visit", "person": 2**40}).status == 404
    events = done(centre.ask("GET", f"/api/v1/cases/{first['id']}/events", "reviewer-here"))
    said_by = [(one["act"], one["note"]) for one in events if one["act"] in ("open", "tell")]
    assert said_by == [("open", "landlord"), ("tell", "police")]


def test_a_receipt_and_a_merge_go_by_the_revision(centre: Centre) -> None:
    case, other = cases_of(centre)[:2]
    path = f"/api/v1/cases/{case['id']}"
    receipt = {"revision": case["revision"] + 1, "receipt": "HZ-1", "since": TODAY.isoformat()}
    assert centre.ask("POST", f"{path}/receipt", "reviewer-here", receipt).status == 409
    merge = {"revision": case["revision"], "into": other["id"]}
    assert centre.ask("POST", f"{path}/merge", "reviewer-here", merge).status == 409, "they are two people's"
    given = done(centre.ask("POST", f"{path}/receipt", "reviewer-here", receipt | {"revision": case["revision"]}))
    assert given == {"id": case["id"], "state": "registered"}
