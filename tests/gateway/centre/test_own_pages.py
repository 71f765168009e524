"""The pages /me and /landlord as people without an account use them, and the same over the API."""

import contextlib
import http.client
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.store import tables as t
from gateway.store.queries import streams
from tests.gateway.centre.centres import Centre, Reply, running
from tests.gateway.centre.office import EPOCH, STATION, TODAY, YUAN, number, swipe

A = number(1)
HERE = f"/api/v1/communities/{YUAN}"
FORM = {"community": YUAN, "building": "3栋", "room": "501室", "move": "in", "day": TODAY.isoformat(), "name": "测试甲"}
BODY = FORM | {"number": A}


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[Centre]:
    with running(folder) as one:
        row = {"kind": "citizen-id", "number": A, "name": "测试甲", "since": TODAY.isoformat(), "building": "3栋"}
        one.ask("PUT", f"{HERE}/enrolments", "property-here", {"rows": [row | {"room": "501室"}]})
        yield one


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with _running(tmp_path_factory.mktemp("centre")) as one:
        yield one


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Centre]:
    """A centre that nobody has asked anything yet."""
    with _running(tmp_path) as one:
        yield one


def page(centre: Centre, path: str, form: dict[str, str] | None = None, lang: str = "zh") -> Reply:
    here = f"127.0.0.1:{centre.process.port}"
    connection = http.client.HTTPConnection(here, timeout=10)
    headers = {"Accept": "text/html", "Origin": f"http://{here}", "Content-Type": "application/x-www-form-urlencoded"}
    body = None if form is None else urllib.parse.urlencode(form)
    connection.request("GET" if form is None else "POST", f"{path}?lang={lang}", body, headers)
    answer = connection.getresponse()
    reply = Reply(answer.status, answer.headers["Content-Type"] or "", answer.read().decode())
    connection.close()
    return reply


@pytest.mark.parametrize("path", ["/me", "/landlord", "/me/form", "/landlord/form"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_page_is_there_in_both_languages(centre: Centre, path: str, lang: str) -> None:
    reply = page(centre, path, lang=lang)
    assert reply.status == 200
    assert "<script>" not in reply.text


def test_a_declaration_on_the_page_gets_a_receipt_and_the_reviewer_sees_it(centre: Centre) -> None:
    reply = page(centre, "/me/declare", FORM | {"number": A, "unit": ""})
    assert (reply.status, "这是采集回执,不是居住证" in reply.text) == (200, True)
    assert A not in reply.text
    (waiting,) = centre.ask("GET", f"{HERE}/declarations", "reviewer-here").json
    assert (waiting["by"], waiting["room"]) == ("self", "501室")
    assert "测试甲" not in centre.ask("GET", f"{HERE}/declarations", "reviewer-here").text
    one = f"{HERE}/declarations/{waiting['id']}"
    assert centre.ask("GET", one, "reviewer-here").json["number"] == A
    assert centre.ask("GET", one, "reviewer-there").status == 404
    assert centre.ask("POST", f"{one}/confirm", "reviewer-here").status == 200
    assert centre.ask("POST", f"{one}/confirm", "reviewer-here").status == 404, "what it said is gone"


def test_a_wrong_number_or_day_is_said_in_words_with_the_form_as_it_was(centre: Centre) -> None:
    bad = page(centre, "/me/declare", FORM | {"number": A[:-1] + ("0" if A[-1] != "0" else "1")})
    assert (bad.status, "证件号码不对" in bad.text, 'value="501室"' in bad.text) == (422, True, True)
    late = page(centre, "/me/declare", BODY | {"day": "2027-01-01"}, "en")
    assert (late.status, "The day is wrong" in late.text) == (422, True)
    assert page(centre, "/me/declare", BODY | {"community": "moon-yuan"}).status == 422
    assert page(centre, "/landlord/declare", BODY).status == 422, "a landlord says who they are"
    assert page(centre, "/landlord/declare", BODY | {"landlord": "房东甲", "move": "renew"}).status == 200


def test_known_and_unknown_people_and_rooms_get_the_same_answer(fresh: Centre) -> None:
    replies = [
        page(fresh, "/me/declare", BODY),
        page(fresh, "/me/declare", BODY | {"number": number(2)}),
        page(fresh, "/me/declare", BODY | {"room": "999室"}),
    ]
    receipts = [reply.text.split("<strong>")[1].split("<")[0] for reply in replies]
    assert len(set(receipts)) == 3
    assert len({reply.text.replace(receipt, "") for reply, receipt in zip(replies, receipts, strict=True)}) == 1
    state = fresh.ask("GET", f"/api/v1/declarations/{receipts[0]}", None)
    assert state.json == {"state": "waiting"}


def test_one_address_cannot_flood(fresh: Centre) -> None:
    statuses = [fresh.ask("POST", "/api/v1/declarations", None, BODY).status for _ in range(12)]
    assert statuses.count(201) == 10
    last = fresh.ask("POST", "/api/v1/declarations", None, BODY)
    assert (last.status, last.type) == (429, "application/problem+json")
    assert page(fresh, "/me/declare", BODY).status == 429
    codes = [fresh.ask("POST", "/api/v1/me/open", None).status for _ in range(12)]
    assert (codes.count(201), codes.count(429)) == (10, 2)


def swiped(centre: Centre) -> None:
    """A has presented their card at the east gate."""
    record = swipe(1, A, int(centre.clock[0] * 1000), flags=[])
    values = msgspec.structs.asdict(record) | {"reasons": "enrolled", "flags": ""}
    values |= {"community": YUAN, "station": STATION, "epoch": EPOCH, "received": record.at}
    values |= {"roster": 1, "policy": 1, "recorded": True, "unattended": False}
    with centre.database().write() as connection:
        columns = {column.name for column in t.swipes.c}
        streams.add_swipes(connection, [{name: one for name, one in values.items() if name in columns}])


def test_a_resident_sees_objects_and_asks_on_a_page_that_the_desk_has_opened(fresh: Centre) -> None:
    person = fresh.ask("GET", f"{HERE}/residents", "property-here").json[0]["person"]
    waits = page(fresh, "/me/open", {})
    code = waits.text.split("<strong>")[1].split("<")[0]
    token = waits.text.split('name="token" value="')[1].split('"')[0]
    here = f"{HERE}/residents/{person}/code"
    refused = fresh.ask("POST", here, "property-here", {"code": code})
    assert (refused.status, "own card" in refused.text) == (409, True)
    again = page(fresh, "/me/see", {"token": token})
    assert ("窗口还没有打开" in again.text, "测试甲" in again.text) == (True, False)
    swiped(fresh)
    opened = fresh.ask("POST", here, "property-here", {"code": code})
    assert (opened.status, opened.text) == (204, ""), "the desk learns nothing"
    shown = page(fresh, "/me/see", {"token": token})
    assert (shown.status, "测试甲" in shown.text, "property-here" in shown.text) == (200, True, True)
    assert "打开本人信息页 · east" in shown.text
    assert A not in shown.text, "the number is masked here too: whoever looks over a shoulder sees no number"
    assert "没有关于您的任务" in page(fresh, "/me/object", {"token": token, "objection": "not_living_here"}).text
    asked = page(fresh, "/me/ask", {"token": token, "kind": "correct", "text": "电话有误"})
    assert "15天内答复" in asked.text
    (request,) = fresh.ask("GET", f"{HERE}/requests", "reviewer-here").json
    assert (request["text"], request["person"]) == ("电话有误", person)
    answer = {"done": False, "why": "电话与登记一致"}
    assert fresh.ask("POST", f"{HERE}/requests/{request['id']}/answer", "reviewer-here", answer).status == 204
    fresh.clock[0] += 601
    assert page(fresh, "/me/ask", {"token": token, "kind": "correct", "text": "again"}).status == 403
    assert page(fresh, "/me/see", {"token": token}).status == 403


def test_one_s_own_data_over_the_api_needs_a_session_of_one_s_own(centre: Centre) -> None:
    assert centre.ask("GET", "/api/v1/me", None).status == 401
    assert centre.ask("GET", "/api/v1/me", "reviewer-here").status == 401, "an account is no session"


def test_each_mistake_stands_at_its_field_in_words(fresh: Centre) -> None:
    wrong = page(fresh, "/me/declare", BODY | {"number": A[:-1] + ("0" if A[-1] != "0" else "1"), "name": "测试甲"})
    assert "校验位不对" in wrong.text
    assert wrong.text.count('aria-invalid="true"') == 1
    both = page(fresh, "/me/declare", BODY | {"room": "", "day": "soon"})
    assert (both.status, both.text.count('aria-invalid="true"')) == (422, 2)
    early = page(fresh, "/landlord/declare", BODY | {"landlord": "房东甲", "until": "2020-01-01"})
    assert (early.status, 'id="e-until"' in early.text) == (422, True)
    place = page(fresh, "/me/declare", BODY | {"community": ""})
    assert 'id="e-community"' in place.text


def test_how_far_a_declaration_is_is_said_to_whoever_has_its_receipt(fresh: Centre) -> None:
    receipt = page(fresh, "/me/declare", BODY).text.split("<strong>")[1].split("<")[0]
    assert "正在审核" in page(fresh, "/me/state", {"receipt": receipt.lower().replace("-", " ")}).text
    (one,) = fresh.ask("GET", f"{HERE}/declarations", "reviewer-here").json
    assert fresh.ask("POST", f"{HERE}/declarations/{one['id']}/confirm", "reviewer-here").status == 200
    told = page(fresh, "/me/state", {"receipt": receipt})
    assert "社区已确认" in told.text
    assert "测试甲" not in told.text
    unknown = page(fresh, "/me/state", {"receipt": "2222-2222-2222"})
    assert (unknown.status, "没有这个回执号" in unknown.text) == (404, True)
    for _ in range(10):
        last = page(fresh, "/me/state", {"receipt": "2222-2222-2223"})
    assert last.status == 429
