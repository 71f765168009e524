"""The property office and the reviewer over the API: residents with masked names, cards, visitors, leases, merges."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.centre.api.ages import hidden_of
from gateway.store import tables as t
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.office import MASTER, NOW, TODAY, YUAN, number

HERE = f"/api/v1/communities/{YUAN}"
NAMES = ("李秀英", "周伟", "阿依古丽·买买提", "Anna Müller")
LONG_AGO = (TODAY - timedelta(days=60)).isoformat()


@pytest.fixture
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running(tmp_path_factory.mktemp("centre")) as one:
        rows = [
            {
                "kind": "citizen-id",
                "number": number(i),
                "name": name,
                "since": LONG_AGO,
                "building": "3栋",
                "room": f"{i}室",
            }
            for i, name in enumerate(NAMES, 1)
        ]
        assert one.ask("PUT", f"{HERE}/enrolments", "property-here", {"rows": rows}).json["taken"] == len(NAMES)
        (hidden,) = (row for row in listed(one, client="reviewer-here") if row["room"] == "2室")
        body = {"protected": True, "why": "本人申请"}
        assert one.ask("POST", f"{HERE}/residents/{hidden['person']}/protected", "reviewer-here", body).status == 204
        yield one


def listed(centre: Centre, query: str = "", client: str = "property-here") -> Any:
    return centre.ask("GET", f"{HERE}/residents{query}", client).json


def test_the_property_sees_masked_names_and_never_a_protected_record(centre: Centre) -> None:
    assert [row["name"] for row in listed(centre)] == ["李**", "阿**", "A**"]
    assert [row["name"] for row in listed(centre, client="reviewer-here")] == ["李**", "周*", "阿**", "A**"]
    text = centre.ask("GET", f"{HERE}/residents", "property-here").text
    assert not [word for word in (*NAMES, number(1), "registered", "unregistered") if word in text]
    first = listed(centre, "?limit=1")
    assert [row["name"] for row in listed(centre, f"?limit=1&after={first[0]['id']}")] == ["阿**"]


def test_a_search_by_one_character_is_within_the_compound(centre: Centre) -> None:
    assert [row["room"] for row in listed(centre, "?name=%E7%A7%80")] == ["1室"]
    assert [row["room"] for row in listed(centre, "?name=m%C3%BCLL")] == ["4室"]
    assert listed(centre, "?name=%E5%91%A8") == [], "a protected record is not found by the property"
    assert [row["room"] for row in listed(centre, "?name=%E5%91%A8", "reviewer-here")] == ["2室"]


def test_a_registration_says_what_somebody_does_and_where(centre: Centre) -> None:
    row = {"kind": "citizen-id", "number": number(1), "name": NAMES[0], "since": LONG_AGO}
    body = {"as_of": TODAY.isoformat(), "complete": False}
    path, client = f"{HERE}/registrations", "administrator-here"
    for said in ({"employment": "employed", "employer": "示例商贸有限公司"}, {}):
        assert centre.ask("PUT", path, client, body | {"rows": [row | said]}).json["taken"] == 1
        with centre.database().read() as connection:
            (kept,) = connection.execute(t.registrations.select()).all()
        assert kept.employment == "employed", "what is not said again stays"
        assert MASTER.show("registrations.employer", kept.employer) == "示例商贸有限公司"
    assert centre.ask("PUT", path, client, body | {"rows": [row | {"employment": "retired"}]}).status == 422


def test_the_rate_by_age_hides_small_cells_from_everybody(centre: Centre) -> None:
    path = f"{HERE}/indicators/registration/ages"
    assert {one["band"]: one["people"] for one in centre.ask("GET", path, "committee-here").json} == {
        "0-15": 0,
        "16-59": 0,
        "60+": None,  # the four of these tests
        "unknown": 0,
    }
    children = [
        {"kind": "citizen-id", "number": number(i, date(2017, 5, 1)), "name": "测试童", "since": LONG_AGO}
        | {"building": "3栋", "room": f"{i}室"}
        for i in range(100, 107)
    ]
    assert centre.ask("PUT", f"{HERE}/enrolments", "property-here", {"rows": children}).json["taken"] == 7
    found = {one["band"]: (one["people"], one["registered"]) for one in centre.ask("GET", path, "reviewer-here").json}
    assert found == {"0-15": (None, None), "16-59": (0, 0), "60+": (None, None), "unknown": (0, 0)}, (
        "seven would tell four"
    )
    assert hidden_of({"a": (5, 10), "b": (10, 10), "c": (0, 0)}) == set()
    assert hidden_of({"a": (7, 10), "b": (10, 10), "c": (50, 60)}) == {"a", "b"}


def test_somebody_without_a_number_passes_by_a_card_alone(centre: Centre) -> None:
    row = {"kind": "no-number", "name": "Anna Müller", "born": "1992-03-04", "since": LONG_AGO, "category": "foreign"}
    row |= {"building": "3栋", "room": "4室", "cards": [{"kind": "card-uid", "number": "04A1B2C3"}]}
    for _ in range(2):
        assert centre.ask("PUT", f"{HERE}/enrolments", "property-here", {"rows": [row]}).json["taken"] == 1
    with centre.database().read() as connection:
        (person,) = connection.execute(t.persons.select().where(t.persons.c.kind == "no-number")).all()
        cards = connection.execute(t.credentials.select().where(t.credentials.c.person == person.id)).all()
    assert [one.kind for one in cards] == ["card-uid"], "nothing else could be read at a gate"
    wrong = (row | {"number": number(9)}, row | {"born": None}, row | {"kind": "citizen-id", "number": number(9)})
    for one in wrong:
        assert centre.ask("PUT", f"{HERE}/enrolments", "property-here", {"rows": [one]}).status == 422


def test_a_card_is_issued_replaced_and_returned(centre: Centre) -> None:
    person = listed(centre)[0]["person"]
    cards = f"{HERE}/residents/{person}/cards"
    first = centre.ask("POST", cards, "property-here", {"kind": "card-uid", "number": "04a1b2c3"})
    assert first.status == 201
    bad = centre.ask("POST", cards, "property-here", {"kind": "card-uid", "number": "00000000"})
    assert (bad.status, "00000000" in bad.text) == (422, False)
    body = {"kind": "card-uid", "number": "04A1B2C4", "replaces": first.json["id"]}
    second = centre.ask("POST", cards, "property-here", body).json["id"]
    (card,) = centre.ask("GET", cards, "property-here").json
    assert (card["id"], card["issued_on"], card["returned_on"]) == (second, TODAY.isoformat(), None)
    assert centre.ask("POST", f"{HERE}/cards/{second}/return", "property-here").status == 204
    assert centre.ask("GET", cards, "property-here").json == []
    assert centre.ask("POST", f"{HERE}/cards/{second}/return", "property-here").status == 409


def test_an_enrolment_ends_for_a_reason_of_the_four_alone(centre: Centre) -> None:
    person = listed(centre)[0]["person"]
    path = f"{HERE}/residents/{person}/end"
    assert centre.ask("POST", path, "property-here", {"why": "arrears"}).status == 422
    assert centre.ask("POST", path, "property-here", {"why": "legal_document"}).status == 409
    assert centre.ask("POST", path, "property-here", {"why": "moved_out"}).json == {"ended": True}
    told = centre.ask("GET", f"{HERE}/residents/{person}/history", "reviewer-here").json
    assert told[-1]["actor"] == "property-here"
    assert "ended_why" in told[-1]["columns"]


def test_a_protected_record_is_the_reviewers_alone(centre: Centre) -> None:
    zhou = listed(centre, client="reviewer-here")[1]["person"]
    for path in (f"residents/{zhou}/cards", f"residents/{zhou}/end"):
        reply = centre.ask(
            "GET" if path.endswith("cards") else "POST", f"{HERE}/{path}", "property-here", {"why": "lost"}
        )
        assert reply.status == 404
    body = {"protected": False, "why": "本人申请解除"}
    assert centre.ask("POST", f"{HERE}/residents/{zhou}/protected", "reviewer-here", body).status == 204
    assert "周*" in [row["name"] for row in listed(centre)]


def test_a_visitor_gets_a_code_and_leaves(centre: Centre) -> None:
    until = (NOW + timedelta(hours=3)).isoformat()
    body = {"since": NOW.isoformat(), "until": until, "host": {"building": "3栋", "room": "1室"}, "name": "访客甲"}
    made = centre.ask("POST", f"{HERE}/visitors", "property-here", body).json
    assert (len(made["code"]), made["code"].isdigit()) == (8, True)
    (shown,) = centre.ask("GET", f"{HERE}/visitors", "property-here").json
    assert (shown["room"], shown["left"]) == ("1室", None)
    assert made["code"] not in centre.ask("GET", f"{HERE}/visitors", "property-here").text
    assert centre.ask("POST", f"{HERE}/visitors/{made['id']}/leave", "property-here").status == 204
    assert centre.ask("GET", f"{HERE}/visitors", "property-here").json[0]["left_how"] == "by_hand"
    nowhere = body | {"host": {"building": "99栋", "room": "1室"}}
    assert centre.ask("POST", f"{HERE}/visitors", "property-here", nowhere).status == 422


def test_a_lease_that_ends_is_a_question_to_the_property(centre: Centre) -> None:
    body = {"dwelling": {"building": "3栋", "room": "1室"}, "since": LONG_AGO, "until": TODAY.isoformat()}
    lease = centre.ask("PUT", f"{HERE}/leases", "property-here", body | {"tenant": number(1)}).json["id"]
    (todo,) = centre.ask("GET", f"{HERE}/leases/ending", "property-here").json
    assert (todo["id"], todo["tenant"], todo["room"]) == (lease, "李**", "1室")
    decision = {"decision": "renewed", "until": (TODAY + timedelta(days=365)).isoformat()}
    assert centre.ask("POST", f"{HERE}/leases/{lease}/decision", "property-here", decision).status == 204
    assert centre.ask("GET", f"{HERE}/leases/ending", "property-here").json == []


def test_two_records_are_made_one_and_parted_again(centre: Centre) -> None:
    one, _, two, _ = [row["person"] for row in listed(centre, client="reviewer-here")]
    body = {"kept": one, "gone": two, "why": "同一人,两种证件"}
    merge = centre.ask("POST", f"{HERE}/merges", "reviewer-here", body).json["id"]
    assert [row["name"] for row in listed(centre)] == ["李**", "A**"]
    assert centre.ask("POST", f"{HERE}/merges", "reviewer-here", body).status == 409
    other = f"/api/v1/communities/other-yuan/merges/{merge}/undo"
    assert centre.ask("POST", other, "reviewer-there").status == 404
    assert centre.ask("POST", f"{HERE}/merges/{merge}/undo", "reviewer-here").status == 204
    assert [row["name"] for row in listed(centre)] == ["李**", "阿**", "A**"]


def test_history_shows_a_community_its_own_acts_and_a_reviewer_decides_about_another_name(centre: Centre) -> None:
    there = "/api/v1/communities/other-yuan"
    row = {"kind": "citizen-id", "number": number(1), "name": "测试乙", "since": LONG_AGO}
    assert centre.ask("PUT", f"{there}/enrolments", "property-there", {"rows": [row]}).json["taken"] == 1
    assert centre.ask("GET", f"{HERE}/names", "reviewer-here").json == [], "it is asked where it was said"
    (one,) = centre.ask("GET", f"{there}/names", "reviewer-there").json
    assert (one["known"], one["said"], one["said_by"]) == ("李**", "测**", "property-there")
    full = centre.ask("GET", f"{there}/names/{one['id']}", "reviewer-there").json
    assert (full["known"], full["said"]) == ("李秀英", "测试乙")
    assert centre.ask("POST", f"{there}/names/{one['id']}", "reviewer-there", {"take": False}).status == 204
    assert centre.ask("POST", f"{there}/names/{one['id']}", "reviewer-there", {"take": True}).status == 404
    for path, who, others in ((HERE, "here", "there"), (there, "there", "here")):
        told = centre.ask("GET", f"{path}/residents/{one['person']}/history", f"reviewer-{who}")
        assert told.json
        assert f"-{others}" not in told.text
