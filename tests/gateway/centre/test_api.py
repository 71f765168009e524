"""The API as its clients meet it: who may do what where, how a refusal is said, and that reading leaves a trace."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table

from gateway.bundle import unpack
from gateway.centre.api.access import permissions
from gateway.centre.rosters import build
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.queries import streams
from gateway.store.tables import traffic
from rules.model import CredentialKind
from tests.gateway.centre.centres import ROLES, Centre, Reply, running
from tests.gateway.centre.office import (
    MASTER,
    NOW,
    OTHER,
    OTHER_POLICE,
    OTHER_STATION,
    POLICE,
    STATION,
    TODAY,
    YUAN,
    number,
    token,
)
from tests.gateway.centre.office import POLICY as POLICY_OF_TESTS
from tests.gateway.centre.permissions import DISTRICT, MAY, OPEN, PAGES, PUBLIC, body_of
from tests.waiting import until

A, B = number(1), number(2)
HERE = f"/api/v1/communities/{YUAN}"
LONG_AGO = (TODAY - timedelta(days=30)).isoformat()


def person(text: str, **over: Any) -> dict[str, Any]:
    row = {
        "kind": "citizen-id",
        "number": text,
        "name": "测试甲",
        "since": LONG_AGO,
        "building": "3栋",
        "room": "501室",
    }
    return row | over


OF_STATIONS = {table.name for table in vars(traffic).values() if isinstance(table, Table)} | {"communities", "policies"}


@pytest.fixture(scope="module")
def _centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running(tmp_path_factory.mktemp("centre")) as centre:
        yield centre


@pytest.fixture
def centre(_centre: Centre) -> Centre:
    """The running centre, emptied of people, cases and slips."""
    with _centre.database().write() as connection:
        for table in reversed(t.metadata.sorted_tables):
            if table.name not in OF_STATIONS:
                connection.execute(table.delete())
    _centre.clock[0] = NOW.timestamp()
    return _centre


def a_case(centre: Centre) -> int:
    """The number of an open case about somebody enrolled long ago."""
    assert centre.ask("PUT", f"{HERE}/enrolments", "property-here", {"rows": [person(A)]}).status == 200
    body = {"as_of": TODAY.isoformat(), "complete": True, "rows": []}
    assert centre.ask("PUT", f"{HERE}/registrations", "administrator-here", body).status == 200
    (case,) = centre.ask("GET", "/api/v1/cases", "worker-here").json
    assert (case["community"], case["state"], case["kind"]) == (YUAN, "open", "collection")
    return int(case["id"])


def revision(centre: Centre) -> int:
    """The revision of the one open case."""
    (case,) = centre.ask("GET", "/api/v1/cases", "worker-here").json
    return int(case["revision"])


def a_slip(centre: Centre, *, sent: bool = True) -> dict[str, Any]:
    """A slip about that case."""
    case = a_case(centre)
    assign = {"act": "assign", "revision": revision(centre), "to": "worker-here"}
    assert centre.ask("POST", f"/api/v1/cases/{case}/acts", "reviewer-here", assign).status == 200
    at = datetime.fromtimestamp(centre.clock[0], UTC).isoformat()
    visit = {"at": at, "met": False, "notice_left": True, "revision": revision(centre)}
    assert centre.ask("POST", f"/api/v1/cases/{case}/visits", "worker-here", visit).status == 201
    (slip,) = centre.ask("GET", "/api/v1/alerts", "reviewer-here").json
    assert slip["state"] == "proposed"
    if sent:
        done = centre.ask("POST", f"/api/v1/alerts/{slip['slip']}/send", "reviewer-here", {"revision": 1})
        assert done.status == 200
    found: dict[str, Any] = slip
    return found


def said_as_a_problem(reply: Reply, status: int) -> bool:
    inside = ("Traceback", "sqlalchemy", "SELECT", "UPDATE", "sqlite", 'File "', "gateway.")
    return (
        (reply.status, reply.type) == (status, "application/problem+json")
        and reply.json["status"] == status
        and not any(word in reply.text for word in inside)
    )


def test_every_route_says_who_may_use_it(centre: Centre) -> None:
    declared = permissions(centre.process._server._app)
    said = {route: frozenset(roles) for route, roles in (MAY | PAGES).items()}
    assert {route: roles for route, roles in declared.items() if roles} == said
    assert {route for route, roles in declared.items() if not roles} - {("POST", path) for path in OPEN} == PUBLIC | {
        ("GET", path) for path in OPEN if ("GET", path) in declared
    }
    assert {path for _, path in declared if not path.startswith("/api/")} == OPEN | {path for _, path in PAGES}


def test_a_page_is_for_its_roles_alone(centre: Centre) -> None:
    for (method, template), roles in PAGES.items():
        path = template.replace("{station}", STATION)
        for role in ROLES:
            if path == "/admin/stream" and role in roles:
                continue  # it never ends
            reply = centre.ask(method, path, f"{role}-here", raw=b"" if method == "POST" else None)
            assert (reply.status == 403) == (role not in roles or method == "POST"), (method, path, role, reply.status)
        if method == "GET":
            sent = centre.ask(method, path, None)
            assert (sent.status, sent.text) == (303, ""), path


def test_every_route_asks_who_calls_and_lets_in_the_roles_of_the_table_alone(centre: Centre) -> None:
    slip = a_slip(centre)
    resident = str(centre.ask("GET", f"{HERE}/residents", "property-here").json[0]["person"])
    places = {"{case}": str(slip["case"]), "{slip}": slip["slip"], "{community}": YUAN, "{station}": STATION}
    places |= {"{person}": resident, "{card}": "1", "{number}": "1", "{kind}": "dwellings"}
    places |= {"{police}": POLICE, "{day}": TODAY.isoformat()}
    places |= {"{indicator}": "plates", "{month}": "2026-10", "{dwelling}": "1", "{version}": "1"}
    for (method, template), roles in MAY.items():
        path = f"{template}?purpose=test" if template.endswith("/export") else template
        for name, value in places.items():
            path = path.replace(name, value)
        assert said_as_a_problem(centre.ask(method, path, "nobody", body_of(path)), 401), (method, path)
        assert centre.ask(method, path, None, body_of(path)).status in {401, 403}, (method, path)
        for role in ROLES:
            reply = centre.ask(method, path, f"{role}-here", body_of(path))
            if role not in roles:
                assert said_as_a_problem(reply, 403), (method, path, role)
            elif template in DISTRICT:
                assert said_as_a_problem(reply, 404), (method, path, role)
            else:
                gone = {404} if any(name in template for name in ("{person}", "{card}", "{number}", "{day}")) else set()
                assert reply.status in {200, 201, 202, 204, 409} | gone, (method, path, role, reply.text)
                stranger = centre.ask(method, path, f"{role}-there", body_of(path))
                if "{" in template:
                    assert said_as_a_problem(stranger, 404), (method, path, role)
                else:
                    theirs = [OTHER_STATION] if path == "/api/v1/stations" else []
                    seen = [one["id"] for one in stranger.json if "id" in one]
                    assert seen == theirs, "lists hold only what is theirs"
                    if path == "/api/v1/indicators":
                        assert {one["community"] for one in stranger.json} <= {"", OTHER}


@pytest.mark.parametrize(
    ("method", "path", "client", "body"),
    [
        ("GET", "/api/v1/cases/{}/events", "worker", None),
        ("POST", "/api/v1/cases/{}/acts", "reviewer", {"act": "assign", "revision": 1, "to": "w"}),
        ("GET", "/api/v1/alerts/{}", "police", None),
        ("POST", "/api/v1/alerts/{}/answer", "police", {"answer": "wrong"}),
    ],
)
def test_what_is_not_theirs_looks_like_what_is_not_there(
    centre: Centre, method: str, path: str, client: str, body: Any
) -> None:
    slip = a_slip(centre)
    there, nowhere = (slip["case"], 99999) if "cases" in path else (slip["slip"], "20261123-ABCDEF")
    replies = [
        centre.ask(method, path.format(there), f"{client}-there", body),
        centre.ask(method, path.format(nowhere), f"{client}-here", body),
    ]
    assert [reply.status for reply in replies] == [404, 404]
    assert replies[0].text == replies[1].text


def test_lists_are_cut_to_the_scope_before_they_are_cut_to_the_limit(centre: Centre) -> None:
    mine = a_slip(centre)
    with centre.database().write() as connection:
        case = dict(connection.execute(t.cases.select()).one()._mapping)
        alert = dict(connection.execute(t.alerts.select()).one()._mapping)
        for i in range(5):
            row = case | {"id": case["id"] + i + 1, "person": None, "token": bytes([i]) * 16, "community": OTHER}
            connection.execute(t.cases.insert().values(row))
            other = {"id": alert["id"] + i + 1, "slip": f"20261123-00000{i}", "case": row["id"], "community": OTHER}
            connection.execute(t.alerts.insert().values(alert | other | {"police_station": OTHER_POLICE}))
    assert [row["slip"] for row in centre.ask("GET", "/api/v1/alerts?limit=1", "reviewer-here").json] == [mine["slip"]]
    assert [row["slip"] for row in centre.ask("GET", "/api/v1/alerts?limit=1", "police-here").json] == [mine["slip"]]
    assert [row["id"] for row in centre.ask("GET", "/api/v1/cases?limit=1", "worker-here").json] == [mine["case"]]
    assert len(centre.ask("GET", "/api/v1/alerts?limit=2", "police-there").json) == 2


def test_the_police_see_no_slip_before_it_is_sent(centre: Centre) -> None:
    slip = a_slip(centre, sent=False)
    assert centre.ask("GET", "/api/v1/alerts", "police-here").json == []
    assert said_as_a_problem(centre.ask("GET", f"/api/v1/alerts/{slip['slip']}", "police-here"), 404)
    body = {"answer": "handled"}
    assert said_as_a_problem(centre.ask("POST", f"/api/v1/alerts/{slip['slip']}/answer", "police-here", body), 404)


def test_reading_particulars_leaves_an_event_and_is_refused_where_none_can_be_left(centre: Centre) -> None:
    slip = a_slip(centre)
    path = f"/api/v1/alerts/{slip['slip']}"
    found = centre.ask("GET", path, "police-here").json
    assert (found["name"], found["number"], found["dwelling"], found["visits"]) == ("测试甲", A, "3栋501室", 1)
    assert found["register_as_of"] == TODAY.isoformat()
    assert (found["match"], found["policy"], found["days"], found["window_days"]) == ("told", 1, 0, 14)
    assert (found["times"], found["met"], found["notice_left"]) == (
        {"morning": 0, "afternoon": 0, "evening": 1},
        0,
        True,
    )
    assert not {"because", "on", "phone"} & found.keys(), "no day of any pass, and no more than is needed"
    events = centre.ask("GET", f"/api/v1/cases/{slip['case']}/events", "reviewer-here").json
    assert [(one["actor"], one["act"]) for one in events][-1] == ("police-here", "read_particulars")
    process = centre.process
    kept = process._database._writer
    locked = Database(centre.settings.database, patience_s=0.05)
    process._database._writer = locked._writer
    other = Database(centre.settings.database)
    with other.write():
        refused = centre.ask("GET", path, "police-here")
    process._database._writer = kept
    locked.close()
    other.close()
    assert said_as_a_problem(refused, 503)
    assert A not in refused.text


def test_an_act_goes_by_the_table_and_by_the_revision(centre: Centre) -> None:
    case = a_case(centre)
    path, first = f"/api/v1/cases/{case}/acts", revision(centre)
    assert (
        centre.ask("POST", path, "reviewer-here", {"act": "assign", "revision": first, "to": "w"}).json["state"]
        == "assigned"
    )
    assert said_as_a_problem(
        centre.ask("POST", path, "reviewer-here", {"act": "assign", "revision": first, "to": "w"}), 409
    )
    for act in ("file", "register", "visit", "dismiss"):
        body = {"act": act, "revision": revision(centre)}
        assert said_as_a_problem(centre.ask("POST", path, "reviewer-here", body), 409), act
    body = {"act": "dismiss", "revision": revision(centre), "dismissal": "moved_out"}
    assert centre.ask("POST", path, "reviewer-here", body).json["state"] == "dismissed"
    assert "gateway_cases_closed_total" in centre.ask("GET", "/metrics", None).text


def test_answering_over_the_api_is_answering(centre: Centre) -> None:
    slip = a_slip(centre)
    path = f"/api/v1/alerts/{slip['slip']}/answer"
    for _ in range(2):
        body = {"answer": "handled", "receipt": "HZ-1", "officer": "示例民警", "sending": 1}
        assert centre.ask("POST", path, "police-here", body).status == 200
    assert said_as_a_problem(centre.ask("POST", path, "police-here", {"answer": "wrong"}), 409)
    (found,) = centre.ask("GET", "/api/v1/alerts", "police-here").json
    assert (found["state"], found["answer"]) == ("closed", "handled")
    with centre.database().read() as connection:
        assert connection.execute(t.alerts.select()).one().answered_by == "示例民警 (police-here)"
    assert centre.ask("GET", "/api/v1/cases", "worker-here").json == []


def test_a_slip_that_was_withdrawn_stays_withdrawn(centre: Centre) -> None:
    slip = a_slip(centre, sent=False)
    path = f"/api/v1/alerts/{slip['slip']}"
    body = {"revision": 1, "why": "已联系上"}
    assert centre.ask("POST", f"{path}/withdraw", "reviewer-here", body).json["state"] == "closed"
    assert said_as_a_problem(centre.ask("POST", f"{path}/send", "reviewer-here", {"revision": 2}), 409)
    at = datetime.fromtimestamp(centre.clock[0], UTC).isoformat()
    visit = {"at": at, "met": False, "notice_left": True, "revision": revision(centre)}
    assert centre.ask("POST", f"/api/v1/cases/{slip['case']}/visits", "worker-here", visit).status == 201
    assert [one["state"] for one in centre.ask("GET", "/api/v1/alerts", "reviewer-here").json] == ["closed"]


def in_roster(centre: Centre, card: dict[str, str]) -> bool:
    """Whether a newly built roster says that this credential is lost."""
    with centre.database().write() as connection:
        made = build(connection, MASTER, POLICY_OF_TESTS, YUAN, TODAY, int(centre.clock[0] * 1000))
    assert made is not None
    row = unpack(made[1], MASTER.roster_public(), YUAN).find(token(card["number"], kind=CredentialKind(card["kind"])))
    assert row is not None
    return row.lost


def test_a_card_that_was_reported_lost_is_so_in_the_roster_until_it_is_found(centre: Centre) -> None:
    card = {"kind": "card-uid", "number": "04a1b2c3"}
    body = {"rows": [person(A, cards=[card])]}
    path = f"{HERE}/credentials/lost"
    assert centre.ask("POST", path, "property-here", card | {"lost": True}).status == 404
    assert centre.ask("PUT", f"{HERE}/enrolments", "property-here", body).status == 200
    assert not in_roster(centre, card)
    until(lambda: version(centre) > 0, what="a roster by the centre itself")
    before = version(centre)
    assert centre.ask("POST", path, "property-here", card | {"lost": True}).status == 204
    until(lambda: version(centre) > before, what="the roster that says so")
    assert in_roster(centre, card)
    assert not in_roster(centre, {"kind": "citizen-id", "number": A}), "the person's other credentials still open"
    assert centre.ask("PUT", f"{HERE}/enrolments", "property-here", body).status == 200
    assert in_roster(centre, card), "enrolling again finds no card"
    assert centre.ask("POST", path, "administrator-here", card | {"lost": False}).status == 204
    assert not in_roster(centre, card)


def version(centre: Centre) -> int:
    with centre.database().read() as connection:
        found = streams.community(connection, YUAN)
    assert found is not None
    return int(found.roster_version)


def test_a_card_of_somebody_else_comes_back_unquoted(centre: Centre) -> None:
    card = {"kind": "card-uid", "number": "04A1B2C3"}
    rows = [person(A, cards=[card]), person(B, cards=[card])]
    reply = centre.ask("PUT", f"{HERE}/enrolments", "property-here", {"rows": rows})
    assert (reply.status, reply.json["taken"], reply.json["not_taken"][0]["row"]) == (200, 1, 1)
    assert not any(text in reply.text for text in (A, B, "04A1B2C3"))


SECRET = "511703190001019999"
UNFIT: list[tuple[str, str, str, Any]] = [
    ("PUT", f"{HERE}/enrolments", "property-here", {"rows": []}),
    ("PUT", f"{HERE}/enrolments", "property-here", {"rows": [person(SECRET, since="2026-13-01")]}),
    ("PUT", f"{HERE}/enrolments", "property-here", {"rows": [person(SECRET, registered=True)]}),
    ("PUT", f"{HERE}/enrolments", "property-here", {"rows": [person(SECRET, name="")]}),
    ("PUT", f"{HERE}/enrolments", "property-here", {"rows": [person(SECRET, name="\ud800")]}),
    ("PUT", f"{HERE}/enrolments", "property-here", {"rows": [person(SECRET, room="x" * 21)]}),
    ("PUT", f"{HERE}/enrolments", "property-here", {"rows": [person(SECRET, role="king")]}),
    ("PUT", f"{HERE}/enrolments", "property-here", {"rows": [person(A, cards=[{"kind": "citizen-id", "number": B}])]}),
    (
        "PUT",
        f"{HERE}/enrolments",
        "property-here",
        {"rows": [person(A, cards=[{"kind": "pr-2017", "number": SECRET}])]},
    ),
    ("POST", f"{HERE}/credentials/lost", "property-here", {"kind": "citizen-id", "number": SECRET, "lost": True}),
    ("POST", f"{HERE}/credentials/lost", "property-here", {"kind": "card-uid", "number": SECRET, "lost": "maybe"}),
    ("PUT", "/api/v1/communities/%00/enrolments", "property-here", {"rows": [person(A)]}),
    ("GET", f"/api/v1/cases/{2**63}/events", "worker-here", None),
    ("GET", "/api/v1/cases/0/events", "worker-here", None),
    ("GET", "/api/v1/cases?limit=201", "worker-here", None),
    ("GET", f"/api/v1/cases?before={2**63}", "worker-here", None),
    ("GET", "/api/v1/alerts/..%2f..%00", "police-here", None),
    ("POST", "/api/v1/cases/1/acts", "reviewer-here", {"act": "assign", "revision": 2**70}),
    (
        "POST",
        "/api/v1/cases/1/visits",
        "worker-here",
        {"at": "2026-11-23T10:00:00", "met": 1, "notice_left": 0, "revision": 1},
    ),
    ("POST", "/api/v1/cases/1/acts", "reviewer-here", {"act": "assign", "revision": 1, "note": "x" * 501}),
]


@pytest.mark.parametrize(("method", "path", "client", "body"), UNFIT, ids=range(len(UNFIT)))
def test_what_does_not_fit_is_refused_without_being_quoted(
    centre: Centre, method: str, path: str, client: str, body: Any
) -> None:
    reply = centre.ask(method, path, client, body)
    assert reply.status in {404, 422}, reply.text
    assert said_as_a_problem(reply, reply.status)
    assert SECRET not in reply.text


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b"[" * 20_000, b"null", b""])
def test_a_body_that_is_no_json_is_refused(centre: Centre, raw: bytes) -> None:
    reply = centre.ask("PUT", f"{HERE}/enrolments", "property-here", raw=raw)
    assert reply.status in {400, 422}
    assert reply.type == "application/problem+json"


def test_a_body_beyond_the_limit_is_not_read(centre: Centre) -> None:
    reply = centre.ask("PUT", f"{HERE}/enrolments", "property-here", raw=b" " * ((1 << 20) + 1))
    assert reply.status == 413


def test_rows_that_are_wrong_come_back_by_their_place(centre: Centre) -> None:
    rows = [person(A), person(SECRET), person(B, portals=["moon-gate"], room="502室")]
    reply = centre.ask("PUT", f"{HERE}/enrolments", "property-here", {"rows": rows})
    assert reply.json["taken"] == 1
    assert [bad["row"] for bad in reply.json["not_taken"]] == [1, 2]
    assert SECRET not in reply.text


def test_a_register_of_tomorrow_is_not_possible(centre: Centre) -> None:
    body = {"as_of": (TODAY + timedelta(days=1)).isoformat(), "complete": True, "rows": []}
    assert said_as_a_problem(centre.ask("PUT", f"{HERE}/registrations", "administrator-here", body), 409)


def test_the_description_of_the_api_names_every_route(centre: Centre) -> None:
    described = centre.ask("GET", "/api/v1/openapi.json", None).json
    assert described["openapi"].startswith("3.")
    paths = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert set(MAY) <= paths


def test_what_is_not_there_is_a_problem_too(centre: Centre) -> None:
    assert said_as_a_problem(centre.ask("GET", "/api/v1/nothing", "worker-here"), 404)
    assert said_as_a_problem(centre.ask("DELETE", "/api/v1/cases", "worker-here"), 405)


def test_health_names_what_fails_and_nothing_from_inside(centre: Centre) -> None:
    reply = centre.ask("GET", "/healthz", None)
    assert (reply.status, reply.json["status"]) == (503, "failing")
    assert reply.json["parts"] == {
        "intake": "ok",
        "deliveries": "ok",
        "rosters": "ok",
        "figures": "ok",
        "lists": "ok",
        "retention": "ok",
        "lists for the police": "ok",
        "sweep": "ok",
        "pages": "ok",
        "database": "ok",
        "bus": "not connected to the broker",
    }


def test_a_police_client_may_see_only_its_own_station(centre: Centre) -> None:
    a_slip(centre)
    (mine,) = centre.ask("GET", "/api/v1/alerts", "police-here").json
    assert mine["police_station"] == POLICE
    assert centre.ask("GET", "/api/v1/alerts", "police-there").json == []


def test_what_is_missing_of_a_station_is_listed_and_accepted_in_the_name_of_a_person(centre: Centre) -> None:
    with centre.database().write() as connection:
        row = {"station": STATION, "epoch": "00000000000000a1", "upto": 3, "ranges": [[6, 7]], "claimed": 9}
        connection.execute(t.streams.insert().values(**row, first_heard=1, missing_since=1_700_000_000_000))
    mine = f"/api/v1/stations/{STATION}"
    (station,) = centre.ask("GET", "/api/v1/stations", "property-here").json
    assert (station["id"], station["missing"], station["lost"], station["freshness"]) == (STATION, 4, 0, "unknown")
    assert station["missing_since"] == "2023-11-14T22:13:20Z"
    assert [(one["first"], one["last"]) for one in centre.ask("GET", f"{mine}/gaps", "property-here").json] == [
        (4, 5),
        (8, 9),
    ]
    assert said_as_a_problem(centre.ask("POST", f"{mine}/accept", "administrator-here", {"kind": "all"}), 422)
    body = {"kind": "missing", "person": "示例管理员"}
    assert centre.ask("POST", f"{mine}/accept", "administrator-here", body).json == {"accepted": 4}
    assert centre.ask("POST", f"{mine}/accept", "administrator-here", body).json == {"accepted": 0}
    who = {one["accepted_by"] for one in centre.ask("GET", f"{mine}/gaps", "property-here").json}
    assert who == {"administrator-here: 示例管理员"}
    nobody = centre.ask("POST", "/api/v1/stations/no-such/accept", "administrator-here", body)
    assert said_as_a_problem(nobody, 404)
