"""The desk of a property over a running centre: to-dos, residents and cards, cards just shown, visitors, reports."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import func, insert, select, update

from gateway.keys import seal
from gateway.store import tables as t
from gateway.web import qr
from rules.model import Credential, CredentialKind, token_of
from rules.roles import Role
from tests.browsing import Shown, Visitor
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.office import EPOCH, MASTER, OTHER, STATION, TODAY, YUAN, number
from tests.gateway.centre.sheets import separated
from tests.waiting import until

STRANGER = number(72)
TURN = count(1)
NAME, NEW_NAME = "测试甲乙", "测试丙丁"


@dataclass
class Office:
    """A centre, somebody at the desk of the first compound, and somebody at the desk of the other."""

    centre: Centre
    desk: Visitor
    other: Visitor
    person: int
    number: str
    """Of the resident."""
    fresh: str
    """A number that nobody here has."""

    def page(self) -> str:
        return f"/gate/people/residents/{self.person}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Centre, Visitor, Visitor]]:
    with running(tmp_path_factory.mktemp("people")) as centre:
        yield centre, centre.signed_in(Role.PROPERTY, YUAN), centre.signed_in(Role.PROPERTY, OTHER)


@pytest.fixture
def office(site: tuple[Centre, Visitor, Visitor]) -> Office:
    """The same site with one more resident, of room 3-2-501 and with a card of their own."""
    centre, desk, other = site
    one = next(TURN)
    row = {"kind": "citizen-id", "number": number(100 + one), "name": NAME, "since": "2026-10-01"}
    row |= {"building": "3", "unit": "2", "room": "501", "cards": [{"kind": "em", "number": f"00045678{one:02}"}]}
    taken = centre.ask("PUT", f"/api/v1/communities/{YUAN}/enrolments", "property-here", {"rows": [row]})
    assert taken.json["taken"] == 1, taken.text
    with centre.database().read() as connection:
        person = connection.execute(select(func.max(t.enrolments.c.person))).scalar_one()
    return Office(centre, desk, other, person, number(100 + one), number(200 + one))


def lay(centre: Centre, kind: CredentialKind, text: str, seq: int, *, name: str = "", ago: float = 1.0) -> int:
    """A card that the gate does not know is laid on a reader; the number of its swipe."""
    said = f'{{"kind":"{kind.value}","number":"{text}","name":"{name}"}}'.encode()
    at = int((centre.clock[0] - ago) * 1000)
    row = {"community": YUAN, "station": STATION, "epoch": EPOCH, "seq": seq, "at": at, "received": at}
    row |= {"portal": "east", "reader": "desk", "direction": "in", "kind": kind.value, "verdict": "attend"}
    row |= {"reasons": "unknown_credential", "flags": "", "roster": 1, "policy": 1, "recorded": True}
    row |= {"unattended": False, "token": token_of(MASTER.token_key(YUAN), Credential(kind, text))}
    row |= {"sealed": seal(MASTER.identity_public(), said, STATION, EPOCH, seq)}
    with centre.database().write() as connection:
        return int(connection.execute(insert(t.swipes).values(**row).returning(t.swipes.c.id)).scalar_one())


def enrol(office: Office, **form: object) -> Shown:
    blank = {"role": "resident", "building": "3", "unit": "2", "room": "501", "since": "2026-11-20", "name": NEW_NAME}
    return office.desk.post("/gate/people/enrol", blank | form)


def test_a_resident_is_found_by_name_with_masked_name_and_no_number(office: Office) -> None:
    listed = office.desk.get("/gate/people/residents?name=%E7%94%B2")
    for shown in (listed, office.desk.get(office.page())):
        assert shown.status == 200
        assert "测***" in shown.text or "测**" in shown.text
        assert NAME not in shown.text
        assert office.number not in shown.text
        assert "3-2-501" in shown.text
    assert "没有找到" in office.desk.get("/gate/people/residents?name=nobody").text


def test_another_compound_sees_nothing_of_it(office: Office) -> None:
    assert office.other.get(office.page()).status == 404
    assert "3-2-501" not in office.other.get("/gate/people/residents").text
    assert office.other.post(f"{office.page()}/end", {"why": "moved_out"}).status == 404
    swipe = lay(office.centre, CredentialKind.CITIZEN_ID, office.fresh, 9)
    since = int(office.centre.clock[0] * 1000) - 60_000
    assert str(swipe) not in office.other.get(f"/gate/people/shown?since={since}").text
    form = {"swipe": swipe, "name": "某人", "role": "guest", "since": "2026-11-20"}
    assert "不是刚刚读到的" in office.other.post("/gate/people/enrol", form).text


def test_a_card_is_lost_found_replaced_and_returned(office: Office) -> None:
    card = re.findall(r"/cards/(\d+)/lost", office.desk.get(office.page()).text)[0]
    assert office.desk.post(f"{office.page()}/cards/{card}/lost", {}).status == 303
    assert "已挂失" in office.desk.get(office.page()).text
    assert office.desk.post(f"{office.page()}/cards/{card}/found", {}).status == 303
    new = {"kind": "em", "number": f"00099{office.person:05}", "replaces": card}
    assert office.desk.post(f"{office.page()}/cards", new).status == 303
    assert re.findall(r"/cards/(\d+)/lost", office.desk.get(office.page()).text) != [card]
    twice = office.desk.post(f"{office.page()}/cards/{card}/return", {})
    assert twice.status == 409
    assert office.desk.post(f"{office.page()}/cards/{card}/steal", {}).status == 404
    wrong = office.desk.post(f"{office.page()}/cards", {"kind": "em", "number": "<b>"})
    assert wrong.status == 409
    assert "<b>" not in wrong.text
    report = office.desk.get("/gate/people/reports/cards").text
    assert "补卡" in report
    assert "退卡" in report
    assert f"00099{office.person:05}" not in report


def test_an_enrolment_ends_for_one_of_four_reasons_only(office: Office) -> None:
    assert office.desk.post(f"{office.page()}/end", {"why": "not_registered"}).status == 422
    assert office.desk.post(f"{office.page()}/end", {"why": "legal_document"}).status == 409
    assert office.desk.post(f"{office.page()}/end", {"why": "moved_out"}).status == 303
    assert office.desk.post(f"{office.page()}/end", {"why": "moved_out"}).status == 409


def test_an_id_card_laid_on_any_reader_enrols_its_owner(office: Office) -> None:
    began = int(office.centre.clock[0] * 1000) - 60_000
    swipe = lay(office.centre, CredentialKind.CITIZEN_ID, office.fresh, 1)
    part = office.desk.get(f"/gate/people/shown?since={began}").text
    assert f'value="{swipe}"' in part
    assert office.fresh not in part
    done = enrol(office, swipe=swipe)
    assert re.fullmatch(r"/gate/people/residents/\d+", done.to), done.text
    page = office.desk.get(done.to).text
    assert "3-2-501" in page
    assert office.fresh not in page
    with office.centre.database().read() as connection:
        acts = connection.execute(select(t.audit.c.act, t.audit.c.about)).all()
    assert ("card.open", f"swipes/{swipe}") in [tuple(one) for one in acts]


def test_a_compound_card_laid_on_a_reader_goes_with_a_number_that_is_typed(office: Office) -> None:
    swipe = lay(office.centre, CredentialKind.EM, "0000112233", 2)
    done = enrol(office, swipe=swipe, number=office.fresh)
    assert "小区卡" in office.desk.get(done.to).text


@pytest.mark.parametrize(
    "room", [("3栋", "2单元", "501室"), ("", "", "3-2-501"), ("", "", "3号楼２单元501"), ("3", "2", "501")]
)
def test_a_room_is_understood_as_people_write_it(office: Office, room: tuple[str, str, str]) -> None:
    done = enrol(office, number=office.fresh, **dict(zip(("building", "unit", "room"), room, strict=True)))
    assert done.status == 303, done.text
    assert "3-2-501" in office.desk.get(done.to).text


def test_a_card_is_shown_for_five_minutes(office: Office) -> None:
    swipe = lay(office.centre, CredentialKind.CITIZEN_ID, office.fresh, 3, ago=301)
    answer = enrol(office, swipe=swipe)
    assert answer.status == 422
    assert "不是刚刚读到的" in answer.text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"number": STRANGER[:-1] + ("0" if STRANGER[-1] != "0" else "1")}, "校验位不对"),
        ({"number": ""}, "必填"),
        ({"number": STRANGER, "name": " "}, "必填"),
        ({"number": STRANGER, "room": "50"}, "没有这个房号"),
        ({"number": STRANGER, "room": ""}, "必填"),
        ({"number": STRANGER, "since": "soon"}, "不是日期"),
        ({"number": STRANGER, "until": "2026-01-01"}, "结束早于开始"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(
    office: Office, form: dict[str, str], said: str
) -> None:
    answer = enrol(office, **form)
    assert answer.status == 422
    assert said in answer.text
    assert form.get("name", NEW_NAME) in answer.text


def test_a_lease_that_ends_is_asked_about_and_settled_once(office: Office) -> None:
    lease = {"dwelling": {"building": "3", "unit": "2", "room": "501"}, "since": "2026-01-01"}
    lease |= {"until": (TODAY + timedelta(days=3)).isoformat()}
    put = office.centre.ask("PUT", f"/api/v1/communities/{YUAN}/leases", "property-here", lease)
    assert put.status == 201, put.text
    assert "3-2-501" in office.desk.get("/gate/people").text
    decide = f"/gate/people/leases/{put.json['id']}"
    assert office.other.post(decide, {"decision": "moving_out"}).status == 404
    assert office.desk.post(decide, {"decision": "renewed", "until": "2027-12-31"}).status == 303
    assert "3-2-501" not in re.sub(r"(?s)id=.remind.*", "", office.desk.get("/gate/people").text)
    earlier = office.desk.post(decide, {"decision": "renewed", "until": "2026-01-02"})
    assert earlier.status == 409
    assert "ends later" in earlier.text


def test_a_visitor_needs_a_room_alone_and_the_code_is_shown_once(office: Office) -> None:
    form = {"building": "3", "unit": "2", "room": "501", "name": "客人"}
    made = office.desk.post("/gate/people/visitors", form)
    code = re.findall(r'<p class="receipt">(\d+)</p>', made.text)[0]
    later = office.desk.get("/gate/people/visitors").text
    assert code not in later
    assert "客人" not in later
    assert "3-2-501" in later
    (number_,) = re.findall(r"/visitors/(\d+)/leave", later)
    assert office.other.post(f"/gate/people/visitors/{number_}/leave", {}).status == 404
    assert office.desk.post(f"/gate/people/visitors/{number_}/leave", {}).status == 303
    assert "已离开" in office.desk.get("/gate/people/visitors").text
    wrong = office.desk.post("/gate/people/visitors", form | {"room": "999"})
    assert wrong.status == 422
    assert 'value="客人"' in wrong.text
    assert "预约" in office.desk.get("/gate/people/reports/visitors").text


def upload(office: Office, kind: str, data: bytes) -> Shown:
    edge = "edge4711"
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="list.csv"\r\n\r\n'
    body = head.encode() + data + f"\r\n--{edge}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={edge}", "Origin": office.centre.url}
    return office.desk.ask("POST", f"/gate/people/lists/{kind}", body.decode("latin-1"), headers)


def test_a_list_is_checked_looked_at_and_taken(office: Office) -> None:
    assert office.desk.get("/gate/people/lists/template/dwellings").status == 200
    assert office.desk.get("/gate/people/lists/template/residents").status == 404
    rows = [["楼栋", "单元", "房号"], ["9", "1", "101"], ["", "1", "102"]]
    sent = upload(office, "dwellings", separated(*rows))
    assert re.fullmatch(r"/gate/people/lists/\d+", sent.to), sent.text
    until(lambda: "待导入" in office.desk.get("/gate/people/lists").text, what="the list is checked")
    page = office.desk.get(sent.to).text
    assert "必填，不能为空" in page
    assert office.other.get(sent.to).status == 404
    assert office.desk.post(f"{sent.to}/take", {}).to == sent.to
    until(lambda: "已导入 1 行" in office.desk.get(sent.to).text, what="the list is taken")
    assert office.desk.post(f"{sent.to}/take", {}).status == 303, "a second press is the same as the first"
    assert upload(office, "dwellings", b"").status == 422
    assert upload(office, "residents", b"x").status == 404


@pytest.mark.parametrize(
    ("ahead", "silent"), [(0, False), (3600, True), (-3600, True)], ids=["now", "late", "clock back"]
)
def test_of_a_station_that_is_silent_no_device_is_said_to_be_down(office: Office, ahead: int, silent: bool) -> None:
    status = {"state": "online", "devices": [{"id": "east-in", "up": False, "trouble": "unplugged"}]}
    heard = int((office.centre.clock[0] - ahead) * 1000)
    with office.centre.database().write() as connection:
        connection.execute(update(t.stations).where(t.stations.c.name == STATION).values(status=status, heard_at=heard))
    page = office.desk.get("/gate/people/reports/devices").text
    assert ("没有消息" in page, "east-in" in page) == (silent, not silent)
    with office.centre.database().write() as connection:
        connection.execute(update(t.stations).where(t.stations.c.name == STATION).values(status=None, heard_at=None))


def test_reports_count_and_name_nobody(office: Office) -> None:
    lay(office.centre, CredentialKind.CITIZEN_ID, office.fresh, 5)
    day = office.desk.get("/gate/people/reports/day").text
    assert re.search(r"<th scope=\"row\">east</th>", day)
    assert "没有消息" in office.desk.get("/gate/people/reports/devices").text
    for paper, said in (("confidentiality", "承诺"), ("processing", "受托方")):
        assert said in office.desk.get(f"/gate/people/reports/papers/{paper}").text
    assert office.desk.get("/gate/people/reports/papers/other").status == 404
    assert "east" not in re.sub(r"(?s)<header>.*?</header>", "", office.other.get("/gate/people/reports/day").text)


def test_the_sign_says_what_is_read_and_leads_to_the_page_of_this_compound(office: Office) -> None:
    path = "/gate/people/reports/sign"
    shown = office.desk.get(f"{path}?phone=028-5550-0100&where=%E7%89%A9%E4%B8%9A%E4%B8%AD%E5%BF%83").text
    sign = shown.partition('<article class="gate-sign"')[2].partition("</article>")[0]
    for said in ("滨河苑", "任选一种", "不强制刷身份证", "照片、指纹、民族", "不影响通行", "028-5550-0100", "物业中心"):
        assert said in sign, said
    assert "保存 30 天" in sign
    assert qr.path(qr.encode(f"https://centre.example/me?at={YUAN}")) in sign
    assert "https://centre.example/me<" in sign
    assert "Passes are kept for 30 days." in sign
    there = office.other.get(path).text
    assert qr.path(qr.encode(f"https://centre.example/me?at={OTHER}")) in there
    assert f'<option value="{YUAN}" selected' in office.desk.get(f"/me?at={YUAN}").text
