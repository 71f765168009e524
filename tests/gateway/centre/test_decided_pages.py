"""What a reviewer decides on pages: declarations, requests about one's own data, records that may be of one person."""

from collections.abc import Iterator

import pytest

from gateway.centre.own_data import Asked
from gateway.store import tables as t
from rules.roles import Role
from tests.browsing import Visitor
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.decisions import CALL, NAME, OTHER_NAME, TWIN, TWINS_CALL, declare, other_name, request, twins
from tests.gateway.centre.grid import account, fill, rows_of
from tests.gateway.centre.office import MASTER, OTHER, YUAN, number


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running(tmp_path_factory.mktemp("centre")) as made:
        account(made, "xiaowu", [Role.WORKER], shown="网格员 小吴")
        fill(made)
        yield made


@pytest.fixture
def reviewer(centre: Centre) -> Visitor:
    return centre.signed_in(Role.REVIEWER, YUAN)


def acts(centre: Centre, about: str) -> list[tuple[str, str]]:
    return [(row.act, row.purpose) for row in rows_of(centre, t.audit) if row.about == about]


def test_a_declaration_is_masked_until_it_is_revealed_on_record_and_then_confirmed(
    centre: Centre, reviewer: Visitor
) -> None:
    one = declare(centre)
    path = f"/collect/declarations/{one}"
    queue, page = reviewer.get("/collect/declarations").text, reviewer.get(path).text
    for shown in (queue, page):
        assert "申**" in shown
        assert not [said for said in (NAME, CALL, number(30)) if said in shown]
    assert "房屋:3栋 2单元 502室" in page.replace("：", ":")
    assert acts(centre, f"declarations/{one}") == []
    plain = reviewer.post(f"{path}/reveal", {}).text
    assert all(said in plain for said in (NAME, CALL, number(30)))
    assert acts(centre, f"declarations/{one}") == [("reveal", "check")]
    assert reviewer.post(f"{path}/confirm", {}).to == "/collect/declarations?done=confirmed"
    assert rows_of(centre, t.declarations)[-1].state == "confirmed"
    assert rows_of(centre, t.cases)[-1].state == "collected"
    assert f'href="{path}"' not in reviewer.get("/collect/declarations").text


def test_whoever_comes_second_is_told_and_keeps_what_they_wrote(centre: Centre, reviewer: Visitor) -> None:
    one = declare(centre, number=number(31))
    path = f"/collect/declarations/{one}"
    assert reviewer.post(f"{path}/reject", {"why": " "}).status == 422
    assert reviewer.post(f"{path}/reject", {"why": "查无此房"}).to == "/collect/declarations?done=rejected"
    second = reviewer.post(f"{path}/reject", {"why": "电话打不通"})
    assert second.status == 409
    assert "电话打不通" in second.text
    assert "查无此房" in second.text
    assert reviewer.post(f"{path}/confirm", {}).status == 409
    assert reviewer.post(f"{path}/reveal", {}).status == 409
    assert rows_of(centre, t.declarations)[-1].said is None


def test_a_room_that_is_unclear_is_put_right_before_it_is_confirmed(centre: Centre, reviewer: Visitor) -> None:
    one = declare(centre, room="五楼东", number=number(32))
    path = f"/collect/declarations/{one}"
    assert "房号待核" in reviewer.get("/collect/declarations").text
    wrong = reviewer.post(f"{path}/confirm", {"building": "3栋", "unit": "2单元", "room": "5023"})
    assert wrong.status == 422
    assert 'value="5023"' in wrong.text
    assert rows_of(centre, t.declarations)[-1].state == "waiting"
    assert reviewer.post(f"{path}/confirm", {"building": "3", "unit": "2", "room": "1002"}).status == 303
    home = rows_of(centre, t.cases)[-1].dwelling
    assert next(row.room for row in rows_of(centre, t.dwellings) if row.id == home) == "1002室"


def test_a_known_number_under_another_name_is_marked(centre: Centre, reviewer: Visitor) -> None:
    one = declare(centre, number=number(1), name="别的人")
    assert "姓名不一致" in reviewer.get("/collect/declarations").text
    assert "但姓名不同" in reviewer.get(f"/collect/declarations/{one}").text


def test_a_request_is_read_on_record_and_answered_once(centre: Centre, reviewer: Visitor) -> None:
    one = request(centre)
    path = f"/collect/requests/{one}"
    for shown in (reviewer.get("/collect/requests").text, reviewer.get(path).text):
        assert not [said for said in (NAME, CALL, "周伟") if said in shown]
    assert CALL in reviewer.post(f"{path}/reveal", {}).text
    assert acts(centre, f"requests/{one}") == [("reveal", "answer")]
    refused = reviewer.post(f"{path}/answer", {"outcome": "refused", "why": ""})
    assert refused.status == 422
    assert 'value="refused" id' not in refused.text
    assert reviewer.post(f"{path}/answer", {"why": "?"}).status == 422
    assert reviewer.post(f"{path}/answer", {"outcome": "done", "why": "已改"}).to == "/collect/requests?done=answered"
    again = reviewer.post(f"{path}/answer", {"outcome": "refused", "why": "不能删"})
    assert again.status == 409
    assert "不能删" in again.text
    assert [(row.outcome, row.why) for row in rows_of(centre, t.requests)] == [("done", "已改")]


def test_what_waits_is_counted_on_the_tabs(centre: Centre, reviewer: Visitor) -> None:
    before = reviewer.get("/collect/review").text.count('class="count"')
    request(centre, Asked.DELETE)
    declare(centre, number=number(33))
    assert reviewer.get("/collect/review").text.count('class="count"') == max(before, 2)
    assert 'href="/collect/requests">申请 <span class="count">1</span>' in reviewer.get("/collect/review").text


def test_two_records_are_compared_masked_made_one_and_parted(centre: Centre, reviewer: Visitor) -> None:
    kept, gone = twins(centre)
    path = f"/collect/twins/{kept}/{gone}"
    queue, page = reviewer.get("/collect/twins").text, reviewer.get(path).text
    assert f'href="{path}"' in queue
    for shown in (queue, page):
        assert not [said for said in (TWIN, TWINS_CALL, number(40)) if said in shown]
    assert number(41) in reviewer.post(f"{path}/reveal", {}).text
    assert acts(centre, f"persons/{kept}") == acts(centre, f"persons/{gone}") == [("reveal", "check")]
    wrong = reviewer.post(f"{path}/merge", {"kept": "999", "why": "同一电话"})
    assert (wrong.status, "同一电话" in wrong.text) == (422, True)
    assert reviewer.post(f"{path}/merge", {"kept": kept, "why": "同一电话"}).to == "/collect/twins?done=merged"
    assert rows_of(centre, t.persons)[-1].merged_into == kept
    assert reviewer.post(f"{path}/merge", {"kept": kept, "why": "再来"}).status == 409
    merge = rows_of(centre, t.merges)[-1].id
    assert f"/collect/merges/{merge}/undo" in reviewer.get("/collect/twins").text
    assert reviewer.post(f"/collect/merges/{merge}/undo", {}).to == "/collect/twins?done=parted"
    assert rows_of(centre, t.persons)[-1].merged_into is None
    assert reviewer.post(f"/collect/merges/{merge}/undo", {}).status == 409
    assert f'href="{path}"' in reviewer.get("/collect/twins").text
    assert reviewer.post(f"{path}/apart", {}).to == "/collect/twins?done=apart"
    assert f'href="{path}"' not in reviewer.get("/collect/twins").text


def test_another_name_of_a_known_number_is_read_on_record_and_decided(centre: Centre, reviewer: Visitor) -> None:
    one = other_name(centre)
    assert f'href="/collect/names/{one}"' in reviewer.get("/collect/twins").text
    assert OTHER_NAME not in reviewer.get(f"/collect/names/{one}").text
    assert OTHER_NAME in reviewer.post(f"/collect/names/{one}/reveal", {}).text
    assert reviewer.post(f"/collect/names/{one}", {"take": "perhaps"}).status == 422
    assert reviewer.post(f"/collect/names/{one}", {"take": "yes"}).to == "/collect/twins?done=named"
    assert MASTER.show("persons.name", rows_of(centre, t.persons)[-1].name) == OTHER_NAME
    assert reviewer.get(f"/collect/names/{one}").status == 404


def test_another_community_s_reviewer_finds_none_of_it(centre: Centre) -> None:
    declare(centre, number=number(34))
    request(centre)
    stranger = centre.signed_in(Role.REVIEWER, OTHER)
    one, asked = rows_of(centre, t.declarations)[-1].id, rows_of(centre, t.requests)[-1].id
    for path in (f"/collect/declarations/{one}", f"/collect/requests/{asked}", "/collect/twins/1/2"):
        assert stranger.get(path).status == 404
        assert stranger.post(f"{path}/reveal", {}).status == 404
    assert stranger.post(f"/collect/declarations/{one}/confirm", {}).status == 404
    assert stranger.post("/collect/twins/1/2/apart", {}).status == 404
    assert stranger.post("/collect/twins/1/2/merge", {"kept": "1", "why": "x"}).status == 404
