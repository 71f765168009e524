"""What guards did, in the centre: taken in once, beside the swipes and counted as none; the property deals with it."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from gateway.centre import rooms as places_of
from gateway.centre.gate_acts import COLUMN, FORGET_MS, MOST_A_DAY
from gateway.keys import seal
from gateway.store import tables as t
from gateway.store.queries import gate_acts, people
from gateway.wire import GateAct, SwipeRecord
from rules.model import CredentialKind
from rules.roles import Role
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.office import (
    BY,
    EPOCH,
    MASTER,
    OTHER,
    STATION,
    TODAY,
    YUAN,
    Office,
    entry,
    moment,
    number,
    swipe,
    token,
)

HERE = f"/api/v1/communities/{YUAN}/gate-acts"
UID = CredentialKind.CARD_UID


def act(seq: int, kind: Any, *, name: str = "", until: int = 0, **over: Any) -> SwipeRecord:
    """An act as the gate records it."""
    said = msgspec.json.encode({"name": name})
    sealed = seal(MASTER.identity_public(), said, STATION, EPOCH, seq) if name else None
    values = {"reasons": ["manual"], "reader": "console", "act": GateAct(kind, until), "sealed": sealed}
    return swipe(seq, None, moment(23, 20), **(values | over))


def enrolled_with_card(office: Office, seq: int, name: str, room: str, *cards: str) -> int:
    (person,) = office.enrol(entry(number(seq), name=name, building="3栋", unit="2单元", room=room))
    with office.database.write() as connection:
        for uid in cards:
            row = {"community": YUAN, "token": token(uid, kind=UID), "person": person, "kind": UID.value}
            connection.execute(t.credentials.insert().values(token_key=1, lost=False, issued_on=TODAY, **row))
    return person


def acts(office: Office) -> list[tuple[str, str, str]]:
    return [(row.kind, row.state, row.outcome) for row in office.rows(t.gate_acts)]


def opens(office: Office, uid: str) -> bool:
    with office.database.read() as connection:
        rows = people.roster_rows(connection, YUAN, TODAY)
    return any(row.token == token(uid, kind=UID) and not row.lost for row in rows)


def test_an_act_is_settled_and_taken_in_once_and_is_no_swipe(office: Office) -> None:
    records = [
        swipe(1, number(1), moment(23, 20)),
        act(2, "hold_open", until=moment(23, 21)),
        act(3, "hold_end"),
    ]
    office.take(*records)
    office.take(*records)
    assert office.acked() == {EPOCH: (3, [])}
    assert [row.seq for row in office.rows(t.swipes)] == [1]
    assert acts(office) == [("hold_open", "noted", ""), ("hold_end", "noted", "")]
    first = office.rows(t.gate_acts)[0]
    assert (first.portal, first.at, first.until) == ("east", moment(23, 20), moment(23, 21))


def test_a_visitor_passes_and_stands_in_the_book_until_the_end_of_the_day_and_no_code_opens(office: Office) -> None:
    enrolled_with_card(office, 1, "测试甲", "1201室")
    before = opens_at_all(office)
    office.take(act(1, "visitor", name="访客甲", by_hand="visitor", dwelling="3-2-1201"))
    assert [row.by_hand for row in office.rows(t.swipes)] == ["visitor"]
    assert office.rows(t.swipes)[0].sealed is None, "a name is in the book, and nowhere else"
    (visit,) = office.rows(t.visitors)
    assert (visit.kind, visit.arrived, visit.left) == ("walk_in", moment(23, 20), None)
    assert visit.until == moment(24, 0) - 1
    assert visit.host == office.rows(t.dwellings)[0].id
    assert MASTER.show("visitors.name", visit.name) == "访客甲"
    assert opens_at_all(office) == before
    assert office.rows(t.gate_acts)[0].name is None


def opens_at_all(office: Office) -> int:
    with office.database.read() as connection:
        return len(people.roster_rows(connection, YUAN, TODAY))


def test_a_card_reported_lost_is_marked_when_it_can_be_only_one(office: Office) -> None:
    enrolled_with_card(office, 1, "测试甲", "501室", "04AA01")
    enrolled_with_card(office, 2, "测试乙", "501室", "04AA02")
    office.take(act(1, "lost_card", name="测试甲", dwelling="3栋2单元501室"))
    assert acts(office) == [("lost_card", "done", "marked_lost")]
    assert (opens(office, "04AA01"), opens(office, "04AA02")) == (False, True)
    lost = [row for row in office.rows(t.history) if row.subject == "credentials" and "lost" in row.changes]
    assert lost[-1].actor == f"guard at {STATION}"


@pytest.mark.parametrize(
    ("said", "name", "cards"),
    [
        ("3-2-501", "测试甲", ("04AA01", "04AA02")),
        ("3-2-501", "测试丙", ("04AA01",)),
        ("3-2-502", "测试甲", ("04AA01",)),
        ("501", "测试甲", ("04AA01",)),
        ("3-2-501", "", ("04AA01",)),
    ],
)
def test_else_the_property_is_asked_and_every_card_goes_on_opening(
    office: Office, said: str, name: str, cards: tuple[str, ...]
) -> None:
    enrolled_with_card(office, 1, "测试甲", "501室", *cards)
    office.take(act(1, "lost_card", name=name, dwelling=said))
    assert acts(office) == [("lost_card", "open", "")]
    assert all(opens(office, uid) for uid in cards)


def test_after_five_in_a_day_the_property_looks_at_every_further_one(office: Office) -> None:
    for i in range(MOST_A_DAY + 1):
        enrolled_with_card(office, i + 1, "测试甲", f"{600 + i}室", f"04BB{i:02d}")
    office.take(*(act(i + 1, "lost_card", name="测试甲", dwelling=f"3-2-{600 + i}") for i in range(MOST_A_DAY + 1)))
    assert [state for _, state, _ in acts(office)] == ["done"] * MOST_A_DAY + ["open"]
    assert [opens(office, f"04BB{i:02d}") for i in range(MOST_A_DAY + 1)] == [False] * MOST_A_DAY + [True]


def test_the_dwelling_of_a_new_resident_is_for_the_property(office: Office) -> None:
    manual = {"reasons": ["manual"], "by_hand": "new_resident"}
    office.take(
        swipe(1, None, moment(23, 20), dwelling="7-101", **manual),
        swipe(2, None, moment(23, 20), **manual),
        swipe(3, None, moment(23, 20), reasons=["manual"], by_hand="delivery", dwelling="7-101"),
    )
    assert acts(office) == [("new_resident", "open", "")]
    assert len(office.rows(t.swipes)) == 3


def test_a_name_that_cannot_be_unsealed_costs_nothing_but_the_name(office: Office) -> None:
    office.take(act(1, "visitor", by_hand="visitor", sealed=b"spoilt", dwelling="3-2-501"))
    (visit,) = office.rows(t.visitors)
    assert visit.name is None
    assert office.acked() == {EPOCH: (1, [])}


def test_names_and_dwellings_are_forgotten_after_thirty_days_and_the_act_stays(office: Office) -> None:
    office.take(act(1, "lost_card", name="测试甲", dwelling="3-2-501"))
    at = moment(23, 20)
    for now, kept in ((at + FORGET_MS, True), (at + FORGET_MS + 1, False)):
        with office.database.write() as connection:
            gate_acts.forget_names(connection, now - FORGET_MS)
        (row,) = office.rows(t.gate_acts)
        assert (row.name is not None, row.said is not None) == (kept, kept)
    assert row.kind == "lost_card"


@pytest.mark.parametrize(
    ("said", "room"),
    [
        ("3-2-501", "501室"),
        ("3栋2单元501", "501室"),
        ("3-2-0501室", "501室"),
        ("3-501", None),
        ("4-502", "502室"),
        ("4-1-502", "502室"),
        ("501", None),
        ("", None),
        ("3-2-999", None),
    ],
)
def test_a_dwelling_is_known_by_its_numbers_where_they_are_one(office: Office, said: str, room: str | None) -> None:
    places = (("3栋", "2单元", "501室"), ("3栋", "1单元", "501室"), ("4栋", "1单元", "502室"))
    for i, (building, unit, name) in enumerate(places, 1):
        office.enrol(entry(number(i), building=building, unit=unit, room=name))
    with office.database.read() as connection:
        found = places_of.found(connection, YUAN, said)
    assert (None if found is None else found[0][2]) == room


def test_a_dwelling_without_a_building_is_known_by_all_its_parts(office: Office) -> None:
    office.enrol(entry(number(1), building="", unit="", room="12号"))
    with office.database.read() as connection:
        assert places_of.found(connection, YUAN, "", "", "12号") is not None
        assert places_of.found(connection, YUAN, "12") is None


@pytest.fixture
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running(tmp_path_factory.mktemp("centre")) as one:
        row = {"community": YUAN, "station": STATION, "epoch": EPOCH, "at": BY.at, "portal": "east"}
        with one.database().write() as connection:
            lost = {"kind": "lost_card", "state": "open", "name": MASTER.hide(COLUMN, "测试甲"), "said": "3-501"}
            gate_acts.add(connection, row | lost | {"seq": 1})
            gate_acts.add(connection, row | {"kind": "hold_open", "state": "noted", "until": BY.at + 1, "seq": 2})
        yield one


def test_the_property_reads_acts_and_deals_with_what_is_open_once(centre: Centre) -> None:
    listed = centre.ask("GET", HERE, "property-here").json
    assert [(row["kind"], row["state"]) for row in listed] == [("hold_open", "noted"), ("lost_card", "open")]
    assert "测试甲" not in centre.ask("GET", HERE, "property-here").text
    (lost,) = centre.ask("GET", f"{HERE}?state=open", "property-here").json
    assert lost["said"] == "3-501"
    assert centre.ask("POST", f"{HERE}/{lost['id']}/name", "property-here", {}).json == {"name": "测试甲"}
    assert centre.ask("POST", f"{HERE}/{listed[0]['id']}/name", "property-here", {}).status == 404
    body = {"outcome": "marked_lost"}
    assert centre.ask("POST", f"{HERE}/{lost['id']}/done", "property-here", body).status == 204
    assert centre.ask("POST", f"{HERE}/{lost['id']}/done", "property-here", body).status == 409
    assert centre.ask("GET", f"{HERE}?state=open", "property-here").json == []
    assert reveals(centre) == [("property-here", f"gate_acts/{lost['id']}", YUAN)]


def reveals(centre: Centre) -> list[tuple[str, str, str]]:
    """Who read what, of whom."""
    with centre.database().read() as connection:
        rows = connection.execute(t.audit.select().where(t.audit.c.act == "reveal")).all()
    return [(row.actor, row.about, row.community) for row in rows]


def test_at_the_desk_what_a_guard_reported_waits_masked_until_it_is_dealt_with_once(centre: Centre) -> None:
    desk, again = (centre.signed_in(Role.PROPERTY, YUAN) for _ in range(2))
    assert "门岗报来 1 件" in desk.get("/gate/people").text
    page = desk.get("/gate/people/from-gate").text
    assert "测**" in page
    assert "3-501" in page
    assert "测试甲" not in page
    assert "测试甲" in desk.post("/gate/people/from-gate/1/name", {}).text
    assert "测试甲" not in desk.get("/gate/people/from-gate").text
    assert [about for _, about, _ in reveals(centre)] == ["gate_acts/1"]
    assert desk.post("/gate/people/from-gate/1", {"outcome": "marked_lost"}).status == 303
    late = again.post("/gate/people/from-gate/1", {"outcome": "nothing"})
    assert (late.status, "已有人办了" in late.text) == (409, True)
    assert "没有报来待办的事" in desk.get("/gate/people/from-gate").text
    assert "门岗报来 1 件" not in desk.get("/gate/people").text
    (done, *_) = centre.ask("GET", f"{HERE}?state=done", "property-here").json
    assert done["outcome"] == "marked_lost"


def test_at_another_desk_nothing_of_it_is_seen_or_done(centre: Centre) -> None:
    other = centre.signed_in(Role.PROPERTY, OTHER)
    assert "没有报来待办的事" in other.get("/gate/people/from-gate").text
    assert other.post("/gate/people/from-gate/1/name", {}).status == 404
    assert other.post("/gate/people/from-gate/1", {"outcome": "nothing"}).status == 404
    assert reveals(centre) == []


def test_of_another_compound_nobody_reads_or_closes_an_act(centre: Centre) -> None:
    theirs = HERE.replace(YUAN, "other-yuan")
    assert centre.ask("GET", theirs, "property-there").json == []
    assert centre.ask("POST", f"{theirs}/1/done", "property-there", {"outcome": "nothing"}).status == 404
    assert centre.ask("POST", f"{theirs}/1/name", "property-there", {}).status == 404


def handed_over(seq: int, note: str) -> SwipeRecord:
    """A hand-over of the shift, as the gate records it."""
    said = msgspec.json.encode({"since": moment(23, 12), "by": "保安甲", "to": "保安乙", "note": note})
    return act(seq, "handover", sealed=seal(MASTER.identity_public(), said, STATION, EPOCH, seq))


def test_a_hand_over_is_kept_encrypted_noted_alone_and_goes_after_thirty_days(office: Office) -> None:
    office.take(handed_over(1, "测试甲家的门没关"))
    office.take(handed_over(1, "测试甲家的门没关"))
    (row,) = office.rows(t.gate_acts)
    assert (row.kind, row.state, row.said, row.dwelling) == ("handover", "noted", None, None)
    assert "测试甲" not in str(row.name)
    assert "测试甲家的门没关" in MASTER.show(COLUMN, row.name)
    assert office.quarantined() == []
    with office.database.write() as connection:
        gate_acts.forget_names(connection, row.at + FORGET_MS)
    assert office.rows(t.gate_acts)[0].name is None


def test_the_property_reads_a_hand_over_on_record_and_another_one_s_not_at_all(centre: Centre) -> None:
    said = msgspec.json.encode({"since": moment(23, 12), "by": "保安甲", "to": "保安乙", "note": "北门已报修"})
    values = {"community": YUAN, "station": STATION, "epoch": EPOCH, "seq": 900, "at": moment(23, 20)}
    values |= {"kind": "handover", "portal": "east", "state": "noted", "name": MASTER.hide(COLUMN, said)}
    with centre.database().write() as connection:
        gate_acts.add(connection, values)
        (row,) = gate_acts.listed(connection, YUAN, state="", kind="handover", limit=9, before=None)
    path = "/gate/people/reports/shifts"
    desk = centre.signed_in(Role.PROPERTY, YUAN)
    page = desk.get(path).text
    assert f'action="{path}/{row.id}' in page
    assert "保安甲" not in page
    assert "北门已报修" not in page
    shown = desk.post(f"{path}/{row.id}", {}).text
    assert all(one in shown for one in ("保安甲", "保安乙", "北门已报修"))
    other = centre.signed_in(Role.PROPERTY, OTHER)
    assert other.post(f"{path}/{row.id}", {}).status == 404
    assert f"{path}/{row.id}" not in other.get(path).text
    with centre.database().read() as connection:
        noted = connection.execute(t.audit.select().where(t.audit.c.about == f"gate_acts/{row.id}")).all()
    assert [(one.act, one.purpose) for one in noted] == [("reveal", "handover")]
