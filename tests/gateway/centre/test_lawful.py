"""依法调取: what a request may be about, who enters and releases it, what is handed over, and what stays of it."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openpyxl import load_workbook

from gateway.centre.api.lawful import AskedBody
from gateway.centre.lawful import KEPT_MS, PURPOSE
from gateway.centre.own_data import OwnData, Session
from gateway.centre.slips import Slips
from gateway.keys import NotAuthentic, seal
from gateway.keys.sealed import open_file
from gateway.routes import Routes
from gateway.store import tables as t
from gateway.store.queries import audit as acts
from gateway.store.queries import lawful as rows
from rules.roles import Role
from tests.browsing import Visitor
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.office import EPOCH, MASTER, OTHER, STATION, YUAN, number, token

API = "/api/v1/lawful"
ADMIN = "administrator-everywhere"
STRANGER = number(77)
HOUR = 3_600_000
ASKED: dict[str, Any] = {
    "document": "达公调字〔2026〕1号",
    "authority": "示例区公安分局",
    "community": YUAN,
    "portals": ["east"],
    "since": "2026-11-23T08:00:00+08:00",
    "until": "2026-11-23T20:00:00+08:00",
}


@pytest.fixture(scope="module")
def _centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running(tmp_path_factory.mktemp("centre")) as centre:
        people = [(1, "测试甲"), (2, "测试乙"), (3, "测试丙")]
        for seq, name in people:
            row = {"kind": "citizen-id", "number": number(seq), "name": name, "since": "2026-01-01", "room": f"{seq}室"}
            done = centre.ask("PUT", f"/api/v1/communities/{YUAN}/enrolments", "property-here", {"rows": [row]})
            assert done.status == 200
        said = json.dumps({"kind": "citizen-id", "number": STRANGER}).encode()
        sealed = seal(MASTER.identity_public(), said, STATION, EPOCH, 5)
        noon = int(centre.clock[0] * 1000) - 9 * HOUR
        passes = [
            (1, "east", noon, token(number(1)), None),
            (2, "west", noon, token(number(2)), None),
            (3, "east", noon - 5 * HOUR, token(number(3)), None),
            (5, "east", noon + HOUR, token(STRANGER), sealed),
        ]
        head = {"community": YUAN, "station": STATION, "epoch": EPOCH, "reader": "in", "direction": "in", "flags": ""}
        head |= {"verdict": "grant", "reasons": "enrolled", "roster": 1, "policy": 1, "kind": "citizen-id"}
        with centre.database().write() as connection:
            for seq, portal, at, of, blob in passes:
                one = {"seq": seq, "portal": portal, "at": at, "received": at, "token": of, "sealed": blob}
                connection.execute(t.swipes.insert().values(recorded=True, unattended=False, **head, **one))
        yield centre


@pytest.fixture
def centre(_centre: Centre) -> Centre:
    with _centre.database().write() as connection:
        connection.execute(t.disclosures.delete())
    return _centre


def ask(centre: Centre, client: str = ADMIN, **over: Any) -> Any:
    return centre.ask("POST", API, client, ASKED | over)


def entered(centre: Centre, **over: Any) -> int:
    done = ask(centre, **over)
    assert done.status == 201, done.text
    return int(done.json["id"])


def act(visitor: Visitor, number_: int, what: str, body: Any = None) -> Any:
    headers = {"Content-Type": "application/json", "Origin": visitor.site, "Accept": "application/json"}
    return visitor.ask("POST", f"{API}/{number_}/{what}", json.dumps(body), headers)


def released(centre: Centre, number_: int) -> str:
    """The words by which it was released, by another person than the one who entered it."""
    done = act(centre.signed_in(Role.SECURITY), number_, "release")
    assert done.status == 200, done.text
    return str(json.loads(done.text)["passphrase"])


def sealed_file(centre: Centre, number_: int) -> bytes:
    with centre.database().read() as connection:
        row = rows.one(connection, number_)
        assert row is not None
        return bytes(row.file)


def test_two_people_hand_over_the_named_gates_of_those_hours_and_nothing_else(centre: Centre) -> None:
    one = entered(centre)
    words = released(centre, one)
    assert re.fullmatch(r"([a-z2-7]{5}-){3}[a-z2-7]{5}", words)
    file = sealed_file(centre, one)
    assert not any(said in file for said in (number(1).encode(), "测试甲".encode(), b"PK\x03\x04"))
    with pytest.raises(NotAuthentic):
        open_file(file, words[:-1] + ("a" if words[-1] != "a" else "b"), PURPOSE)
    with pytest.raises(NotAuthentic):
        open_file(file, words, "another purpose")
    passes, head = load_workbook(io.BytesIO(open_file(file, words, PURPOSE))).worksheets
    handed = [row[1:] for row in passes.iter_rows(min_row=2, values_only=True)]
    assert handed == [
        ("east", "in", "grant", "citizen-id", "测试甲", number(1)),
        ("east", "in", "grant", "citizen-id", None, STRANGER),
    ]
    assert [row[1] for row in head.iter_rows(values_only=True)][:3] == [ASKED["document"], ASKED["authority"], YUAN]
    assert centre.ask("GET", f"{API}/yearly", None).json == {"year": 2026, "released": 1}


def test_nobody_releases_what_they_entered_and_nothing_is_decided_twice(centre: Centre) -> None:
    one = entered(centre)
    assert centre.ask("POST", f"{API}/{one}/release", ADMIN).status == 409
    security = centre.signed_in(Role.SECURITY)
    assert act(security, one, "release").status == 200
    assert act(security, one, "release").status == 409
    assert centre.ask("POST", f"{API}/{one}/refuse", ADMIN, {"why": "没有文书"}).status == 409
    other = entered(centre)
    assert centre.ask("POST", f"{API}/{other}/refuse", ADMIN, {"why": "没有文书"}).status == 204
    assert act(security, other, "release").status == 409
    late = entered(centre)
    centre.clock[0] += 8 * 86_400
    try:
        assert act(centre.signed_in(Role.SECURITY), late, "release").status == 409
    finally:
        centre.clock[0] -= 8 * 86_400
    assert centre.ask("GET", f"{API}/yearly", None).json["released"] == 1


@pytest.mark.parametrize(
    ("over", "status"),
    [
        ({"until": "2026-11-24T08:00:01+08:00"}, 409),
        ({"since": "2026-11-23T00:00:00+08:00", "until": "2026-11-24T00:00:01+08:00"}, 409),
        ({"until": "2026-11-23T08:00:00+08:00"}, 409),
        ({"until": "2026-11-23T22:00:00+08:00"}, 409),
        ({"since": "2026-10-01T08:00:00+08:00", "until": "2026-10-01T20:00:00+08:00"}, 409),
        ({"portals": ["south"]}, 409),
        ({"portals": []}, 422),
        ({"document": " "}, 422),
        ({"authority": ""}, 422),
        ({"community": "nowhere"}, 404),
        ({"person": 1}, 422),
        ({"number": number(1)}, 422),
        ({"since": "2026-11-23T08:00:00"}, 422),
    ],
)
def test_more_than_a_request_may_be_about_is_not_entered(centre: Centre, over: dict[str, Any], status: int) -> None:
    assert ask(centre, **over).status == status
    assert centre.ask("GET", API, ADMIN).json == []


def test_a_request_has_no_field_for_a_person() -> None:
    fields = {"document", "authority", "community", "portals", "since", "until", "tell"}
    assert set(AskedBody.model_fields) == fields


def test_each_step_is_in_the_record_of_acts_and_taking_the_file_too(centre: Centre) -> None:
    one = entered(centre)
    released(centre, one)
    assert centre.ask("GET", f"{API}/{one}/file", ADMIN).status == 200
    with centre.database().read() as connection:
        said = [(act.act, act.community, act.purpose) for act in acts.newest(connection, 3, about=f"disclosures/{one}")]
    assert said == [(f"lawful.{what}", YUAN, ASKED["document"]) for what in ("take", "release", "ask")]


def test_what_was_handed_over_is_deleted_after_its_time_and_what_it_was_stays(centre: Centre) -> None:
    one = entered(centre)
    released(centre, one)
    now = int(centre.clock[0] * 1000)
    with centre.database().write() as connection:
        assert rows.forget_files(connection, now) == 0
        assert rows.forget_files(connection, now + 1) == 1
    assert KEPT_MS == 30 * 86_400_000
    assert centre.ask("GET", f"{API}/{one}/file", ADMIN).status == 404
    (left,) = centre.ask("GET", API, ADMIN).json
    assert (left["state"], left["rows"], left["kept"]) == ("released", 2, False)
    assert len(left["digest"]) == 64


def test_whoever_passed_may_see_it_unless_the_paper_forbids_that(centre: Centre) -> None:
    for tell in (True, False):
        released(centre, entered(centre, tell=tell))
    entered(centre)
    with centre.database().read() as connection:
        person = connection.execute(t.enrolments.select().order_by(t.enrolments.c.id)).first()
        assert person is not None
        held = OwnData(MASTER, Slips("", Routes([]))).show(
            connection, Session(person.person, YUAN), 0, int(centre.clock[0] * 1000)
        )
    assert [one["authority"] for one in held["lawful"]] == [ASKED["authority"]]
    assert held["released"] == 2


def test_the_pages_take_it_from_entering_to_the_sealed_file(centre: Centre) -> None:
    system, security = centre.signed_in(Role.ADMINISTRATOR), centre.signed_in(Role.SECURITY)
    form: dict[str, object] = {"document": "文号9", "authority": "示例机关", "portal": [f"{YUAN} east"], "tell": "yes"}
    form |= {"since": "2026-11-23T08:00", "until": "2026-11-23T20:00"}
    assert system.post("/admin/lawful", form | {"portal": [f"{YUAN} east", f"{OTHER} south"]}).status == 422
    assert system.post("/admin/lawful", form).to == "/admin/lawful"
    (asked,) = centre.ask("GET", API, ADMIN).json
    assert f"/admin/lawful/{asked['id']}/release" not in system.get("/admin/lawful").text
    assert f"/admin/lawful/{asked['id']}/release" in security.get("/admin/lawful").text
    assert system.post(f"/admin/lawful/{asked['id']}/release", {}).status == 409
    shown = security.post(f"/admin/lawful/{asked['id']}/release", {})
    words = re.findall(r"<code>([a-z2-7-]+)</code>", shown.text)[0]
    assert words not in security.get("/admin/lawful").text
    assert open_file(sealed_file(centre, asked["id"]), words, PURPOSE).startswith(b"PK")
    auditor = centre.signed_in(Role.AUDITOR)
    assert auditor.get("/admin/lawful").status == 200
    assert auditor.get(f"/admin/lawful/{asked['id']}/file").status == 403
