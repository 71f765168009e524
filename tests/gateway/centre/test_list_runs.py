"""Lists on their way: checked without a trace, taken when told, without effect when said again, and after a kill."""

import json
import threading
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import wire
from gateway.centre.knowing import of
from gateway.centre.lists import runs as runs_module
from gateway.centre.lists.forms import Kind
from gateway.centre.lists.given import Given
from gateway.centre.lists.runs import Runs
from gateway.centre.lists.takers import Takers
from gateway.store import tables as t
from gateway.store.queries import lists
from gateway.store.queries.casefile import Subject
from rules.cases import NotPossible
from rules.model import Origin
from tests.gateway.centre.office import BY, MASTER, OTHER, TODAY, YUAN, Office, entry, number
from tests.gateway.centre.sheets import TITLE, excel, separated

A, B, C, D = (number(i) for i in range(1, 5))
HEAD = (
    "姓名",
    "身份证号码",
    "楼栋",
    "单元",
    "房号",
    "人员类别",
    "入住日期",
    "联系电话",
    "从业状况",
    "服务处所",
    "民族",
)
LONG_AGO = TODAY - timedelta(days=60)
NEVER = threading.Event()


def person(text: str, room: str = "501室", name: str = "测试甲", **over: str) -> tuple[str, ...]:
    row = dict(
        zip(HEAD, (name, text, "3栋", "2单元", room, "流动人口", "2026-11-01", "", "未从业", "", "汉"), strict=True)
    )
    return tuple((row | over).values())


@pytest.fixture
def runs(office: Office, tmp_path: Path) -> Runs:
    return make(office, tmp_path)


def make(office: Office, folder: Path) -> Runs:
    def answer(connection: Any, said: wire.Answer, police: str) -> None:
        done = office.slips.answer(connection, said, police, office.casework.now())
        if done.registered is not None:
            office.register.registered_by_answer(connection, BY, done.community, done.registered, TODAY, said.receipt)

    takers = Takers(MASTER, office.register, answer)
    return Runs(office.database, MASTER, takers, office.casework, folder / "lists", lambda: None)


def rooms(office: Office, *names: str, community: str = YUAN) -> None:
    with office.database.write() as connection:
        for name in names or ("501室", "502室"):
            connection.execute(
                t.dwellings.insert().values(community=community, building="3栋", unit="2单元", room=name)
            )


def checked(office: Office, runs: Runs, kind: Kind, data: bytes, **over: Any) -> Any:
    one = runs.receive(BY, YUAN, kind, data, **over)
    while runs.turn(NEVER):
        pass
    return state(office, one)


def taken(office: Office, runs: Runs, kind: Kind, data: bytes, **over: Any) -> Any:
    run = checked(office, runs, kind, data, **over)
    assert run.state == "checked", run.problem
    runs.take(run.id, BY)
    while runs.turn(NEVER):
        pass
    return state(office, run.id)


def state(office: Office, one: int) -> Any:
    with office.database.read() as connection:
        return lists.one(connection, one)


def said(office: Office, run: Any) -> list[tuple[int, str, str]]:
    with office.database.read() as connection:
        return [(row.row, row.column, row.code) for row in lists.rows(connection, run.id, 1000, 0)]


def everything(office: Office) -> list[Any]:
    return [office.rows(table) for table in t.metadata.sorted_tables if table.name not in ("imports", "import_rows")]


def test_a_check_says_what_is_wrong_in_which_row_and_changes_nothing(office: Office, runs: Runs) -> None:
    rooms(office)
    before = everything(office)
    bad = A[:-1] + ("0" if A[-1] != "0" else "1")
    late, never = person(D, 入住日期="2027-01-01"), person(B, 入住日期="2026-02-30")
    rows = [TITLE, HEAD, person(A), person(bad), never, person(C, "999室"), person(A), late]
    run = checked(office, runs, Kind.RESIDENTS, excel(*rows))
    assert (run.state, run.rows, run.good, run.fresh, run.bad) == ("checked", 6, 1, 1, 5)
    assert run.dropped == ["民族"]
    assert said(office, run) == [
        (4, "证件号码", "number_check_digit"),
        (5, "入住日期", "impossible_date"),
        (6, "房号", "unknown_dwelling"),
        (7, "证件号码", "twice"),
        (8, "入住日期", "in_the_future"),
    ]
    assert everything(office) == before, "a check leaves no trace"


def test_taking_takes_the_good_rows_and_says_the_others_again(office: Office, runs: Runs) -> None:
    rooms(office)
    run = taken(office, runs, Kind.RESIDENTS, excel(HEAD, person(A, 联系电话="13800000000"), person(B, "999室")))
    assert (run.state, run.rows, run.good, run.fresh, run.bad) == ("taken", 2, 1, 1, 1)
    (row,) = office.rows(t.residents)
    assert (row.category, row.since, row.employment, row.source) == ("floating", date(2026, 11, 1), "none", "visit")
    assert (row.confirmed_on, row.confirmed_by) == (TODAY, BY.actor)
    (who,) = office.rows(t.persons)
    assert MASTER.show("persons.phone", who.phone) == "13800000000"
    assert office.rows(t.enrolments) == [], "a list of residents enrols nobody"


def test_the_same_list_again_changes_nothing(office: Office, runs: Runs) -> None:
    rooms(office)
    data = excel(HEAD, person(A, 服务处所="示例工厂", 从业状况="从业"), person(B, "502室"))
    taken(office, runs, Kind.RESIDENTS, data)
    before = everything(office)
    run = taken(office, runs, Kind.RESIDENTS, data)
    assert (run.good, run.fresh, run.changed, said(office, run)) == (2, 0, 0, [])
    assert everything(office) == before


def test_what_is_already_there_and_would_change_is_named_by_its_field(office: Office, runs: Runs) -> None:
    rooms(office)
    taken(office, runs, Kind.RESIDENTS, excel(HEAD, person(A), person(B, "502室")))
    other = person(A, name="测试乙", 人员类别="寄住人口")
    run = checked(office, runs, Kind.RESIDENTS, excel(HEAD, other, person(B, "502室")))
    assert (run.fresh, run.changed) == (0, 1)
    with office.database.read() as connection:
        found = {row.code: row for row in lists.rows(connection, run.id, 10, 0)}
    assert (run.good, run.bad) == (2, 0), "a row with another name is taken: it is the number that says who it is"
    assert (found["name_differs"].row, found["name_differs"].column) == (2, "姓名")
    assert (found["changes"].row, found["changes"].fields) == (2, ["residents.category"])
    assert "测试" not in json.dumps(found["changes"].fields, ensure_ascii=False)


def test_whoever_has_no_number_is_taken_by_name_and_day_of_birth(office: Office, runs: Runs) -> None:
    rooms(office)
    head = ("姓名", "身份证号码", "出生日期", "楼栋", "单元", "房号", "人员类别")
    place = ("3栋", "2单元", "501室")
    newborn, passport = (
        ("测试婴", "", "2026-10-05", *place, "未落户"),
        ("Anna Müller", "", "1992-03-04", *place, "外国人"),
    )
    unborn, nameless = ("测试未", "", "2027-01-01", *place, "未落户"), ("测试无", "", "", *place, "未落户")
    run = taken(office, runs, Kind.RESIDENTS, excel(head, newborn, passport, unborn, nameless))
    assert (run.fresh, said(office, run)) == (2, [(4, "证件号码", "needed"), (5, "证件号码", "needed")])
    assert taken(office, runs, Kind.RESIDENTS, excel(head, newborn, passport)).fresh == 0, "they are who they were"
    assert [row.kind for row in office.rows(t.persons)] == ["no-number"] * 2
    with office.database.read() as connection:
        given = list(Given(MASTER).rows(connection, YUAN, Kind.RESIDENTS))
    assert [(row["document"], row["born"]) for row in given] == [(None, date(2026, 10, 5)), (None, date(1992, 3, 4))]
    people = [row.id for row in office.rows(t.persons)]
    with office.database.read() as connection:
        window = (0, office.casework.now())
        subjects = [Subject(YUAN, one, None) for one in people]
        found = {one.person: known.person for one, known in of(connection, MASTER, subjects, TODAY, window)}
    assert [(found[one].birth, found[one].origin) for one in people] == [
        (date(2026, 10, 5), Origin.MAINLAND),
        (date(1992, 3, 4), Origin.FOREIGNER),
    ]


def test_csv_in_gb18030_is_taken_like_excel(office: Office, runs: Runs) -> None:
    rooms(office)
    data = separated(HEAD, person(A, name="阿依古丽·买买提"), encoding="gb18030")
    assert taken(office, runs, Kind.RESIDENTS, data).good == 1
    assert MASTER.show("persons.name", office.rows(t.persons)[0].name) == "阿依古丽·买买提"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"PK\x03\x04 no", "damaged"),
        (excel(("a", "b"), ("c", "d")), "no_headings"),
        (excel(("姓名",), ("测试甲",)), "missing_columns"),
        (excel(), "no_headings"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_reason(
    office: Office, runs: Runs, data: bytes, problem: str
) -> None:
    run = checked(office, runs, Kind.RESIDENTS, data)
    assert (run.state, run.problem) == ("refused", problem)
    with pytest.raises(NotPossible):
        runs.take(run.id, BY)
    assert runs.turn(NEVER) is False, "the next one is not held up"


def test_a_list_lies_on_the_disk_encrypted_and_goes_when_it_is_taken(
    office: Office, runs: Runs, tmp_path: Path
) -> None:
    rooms(office)
    data = separated(HEAD, person(A))
    run = checked(office, runs, Kind.RESIDENTS, data)
    (path,) = (tmp_path / "lists").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert not [word for word in (A, "测试甲") if word.encode() in path.read_bytes()]
    runs.take(run.id, BY)
    while runs.turn(NEVER):
        pass
    assert list((tmp_path / "lists").iterdir()) == []


def test_a_list_that_nobody_takes_is_deleted_after_a_day(office: Office, runs: Runs, tmp_path: Path) -> None:
    run = checked(office, runs, Kind.RESIDENTS, excel(HEAD, person(A)))
    office.moment += timedelta(days=1, seconds=1)
    runs._forget_old()
    assert (state(office, run.id).problem, list((tmp_path / "lists").iterdir())) == ("not_taken_in_time", [])


class _Killed(BaseException):
    pass


def test_a_list_that_was_being_taken_goes_on_after_a_kill_and_takes_nobody_twice(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_module, "CHUNK", 2)
    rooms(office)
    runs = make(office, tmp_path)
    rows = [person(number(i), name=f"测试{i}") for i in range(1, 8)]
    run = checked(office, runs, Kind.RESIDENTS, excel(HEAD, *rows, rows[0]))
    runs.take(run.id, BY)
    parts = 0

    def part(*arguments: Any, **more: Any) -> None:
        nonlocal parts
        parts += 1
        if parts == 3:
            raise _Killed
        original(*arguments, **more)

    original = runs._part
    runs._part = part  # type: ignore[method-assign]
    with pytest.raises(_Killed):
        runs.turn(NEVER)
    assert state(office, run.id).rows == 4
    again = make(office, tmp_path)
    while again.turn(NEVER):
        pass
    done = state(office, run.id)
    assert (done.state, done.rows, done.good, done.bad) == ("taken", 8, 7, 1)
    assert len(office.rows(t.residents)) == 7


def test_stopping_the_program_leaves_a_list_where_it_is(office: Office, tmp_path: Path) -> None:
    rooms(office)
    runs = make(office, tmp_path)
    run = checked(office, runs, Kind.RESIDENTS, excel(HEAD, person(A)))
    runs.take(run.id, BY)
    stop = threading.Event()
    stop.set()
    runs.turn(stop)
    assert state(office, run.id).state == "taking"


def test_dwellings_get_their_address_and_plate_and_keep_what_a_list_does_not_say(office: Office, runs: Runs) -> None:
    head = ("楼栋", "单元", "房号", "标准地址编码", "居住状况", "门牌状态", "应设门牌", "核查日期", "街道", "门牌号")
    rows = [
        ("3栋", "", "", "", "", "在位", "是", "2026-11-20", "江湾街道", "测试路1号"),
        ("3栋", "2单元", "501室", "510099001", "出租", "缺失", "是", "", "", ""),
        ("", "2单元", "501室", "", "", "", "", "", "", ""),
        ("3栋", "2单元", "501室", "", "", "", "", "", "", ""),
    ]
    run = taken(office, runs, Kind.DWELLINGS, excel(head, *rows))
    assert (run.good, said(office, run)) == (2, [(4, "楼栋", "needed"), (5, "", "twice")])
    building, flat = office.rows(t.addresses)
    assert (building.room, building.plate) == ("", "in_place")
    assert building.elements == {"town": "江湾街道", "door_number": "测试路1号"}
    (home,) = office.rows(t.dwellings)
    assert (home.address, home.use) == (flat.id, "rented")
    taken(office, runs, Kind.DWELLINGS, excel(("楼栋", "单元", "房号", "门牌状态"), ("3栋", "2单元", "501室", "在位")))
    flat = office.rows(t.addresses)[1]
    assert (flat.plate, flat.code, office.rows(t.dwellings)[0].use) == ("in_place", "510099001", "rented")


def test_pushes_out_movers_and_registered_households(office: Office, runs: Runs) -> None:
    who = ("测试甲", A)
    pushes = excel(("姓名", "身份证号", "推送日期", "推送地"), (*who, "2026-11-20", "示例省"))
    assert taken(office, runs, Kind.PUSHES, pushes).fresh == 1
    (push,) = office.rows(t.inflow_pushes)
    assert (push.received_on, push.origin, push.outcome) == (date(2026, 11, 20), "示例省", "pending")
    done = excel(("姓名", "身份证号", "推送日期", "核查结果", "审核人"), (*who, "2026-11-20", "查无此人", "示例审核员"))
    assert taken(office, runs, Kind.PUSHES, done).changed == 1
    (push,) = office.rows(t.inflow_pushes)
    assert (push.outcome, push.reviewed_by, push.origin) == ("not_found", "示例审核员", "示例省")
    assert (push.outcome_on, push.reviewed_on) == (TODAY, TODAY), "the day of what comes without one"
    office.moment += timedelta(days=1)
    assert taken(office, runs, Kind.PUSHES, done).changed == 0, "and it stays"

    head = ("姓名", "身份证号", "流出地址", "联系电话", "核查日期")
    out = excel(head, (*who, "示例省示例市", "13800000000", "2026-11-21"))
    assert taken(office, runs, Kind.OUT_MOVERS, out, as_of=date(2026, 11, 1)).fresh == 1
    (mover,) = office.rows(t.out_movers)
    assert (mover.base_date, mover.checked_on) == (date(2026, 11, 1), date(2026, 11, 21))
    assert MASTER.show("out_movers.phone", mover.phone) == "13800000000"
    assert taken(office, runs, Kind.OUT_MOVERS, out, as_of=date(2026, 11, 1)).changed == 0

    hukou = excel(("户主姓名", "姓名", "身份证号", "人户状态", "是否应销户"), ("测试户主", *who, "死亡未销", "是"))
    assert taken(office, runs, Kind.HUKOU, hukou, as_of=date(2026, 11, 1)).fresh == 1
    (record,) = office.rows(t.hukou_records)
    assert (record.status, record.to_cancel, record.cancelled_receipt) == ("deceased", True, None)
    assert "测试户主".encode() not in record.head
    ended = excel(("姓名", "身份证号", "注销回执号", "注销日期"), (*who, "HZ-9", "2026-11-19"))
    assert taken(office, runs, Kind.HUKOU, ended, as_of=date(2026, 11, 1)).changed == 1
    (record,) = office.rows(t.hukou_records)
    assert (record.cancelled_receipt, record.cancelled_on) == ("HZ-9", date(2026, 11, 19))
    assert (record.status, record.reviewed_on) == ("deceased", None)


def test_a_complete_list_of_registrations_ends_whom_it_does_not_name(office: Office, runs: Runs) -> None:
    head = ("姓名", "身份证号", "登记日期", "回执号", "从业状况")
    first = excel(head, ("测试甲", A, "2026-10-01", "HZ-1", "从业"), ("测试乙", B, "2026-10-01", "HZ-2", "未从业"))
    day = TODAY - timedelta(days=1)
    assert taken(office, runs, Kind.REGISTRATIONS, first, as_of=day, complete=True).good == 2
    second = excel(head, ("测试甲", A, "2026-10-01", "HZ-1", "从业"))
    assert taken(office, runs, Kind.REGISTRATIONS, second, as_of=TODAY, complete=True).good == 1
    one, two = office.rows(t.registrations)
    assert (one.until, one.receipt, one.employment, two.until) == (None, "HZ-1", "employed", day)
    assert office.rows(t.communities)[-1].register_as_of == TODAY


def test_a_list_that_is_checked_does_not_become_the_register(office: Office, runs: Runs) -> None:
    data = excel(("姓名", "身份证号", "登记日期"), ("测试甲", A, "2026-10-01"))
    checked(office, runs, Kind.REGISTRATIONS, data, as_of=TODAY, complete=True)
    assert {row.register_as_of for row in office.rows(t.communities)} == {None}


def test_a_receipt_without_a_slip_registers_and_closes_the_case(office: Office, runs: Runs) -> None:
    office.enrol(entry(A, since=LONG_AGO))
    office.import_register(as_of=TODAY)
    assert [row.state for row in office.rows(t.cases)] == ["open"]
    head = ("姓名", "身份证号", "办理结果", "登记日期", "回执号")
    rows = [("测试甲", A, "办结", "2026-11-22", "HZ-9"), ("测试乙", B, "退回", "", "")]
    run = taken(office, runs, Kind.RECEIPTS, excel(head, *rows))
    assert (run.good, said(office, run)) == (1, [(3, "单号", "receipt_of_nothing")])
    assert [(row.receipt, row.since) for row in office.rows(t.registrations)] == [("HZ-9", date(2026, 11, 22))]
    assert [row.state for row in office.rows(t.cases)] == ["registered"]


def test_a_slip_that_is_not_there_is_said_and_the_others_are_taken(office: Office, runs: Runs) -> None:
    head = ("单号", "办理结果", "姓名", "身份证号", "登记日期")
    rows = [("20261123-ABCDEF", "办结", "", "", ""), ("", "办结", "测试甲", A, "2026-11-22")]
    run = taken(office, runs, Kind.RECEIPTS, excel(head, *rows))
    assert (run.good, said(office, run)) == (1, [(2, "单号", "unknown_slip")])


def test_visitors_get_codes_once(office: Office, runs: Runs) -> None:
    rooms(office)
    head = ("访客姓名", "电话", "楼栋", "单元", "房号", "来访时间", "离开时间", "人数")
    rows = [
        ("访客甲", "13800000000", "3栋", "2单元", "501室", "2026-11-23 21:30", "2026-11-23 23:00", 2),
        ("访客乙", "", "3栋", "2单元", "999室", "2026-11-23 21:30", "2026-11-23 23:00", ""),
        ("访客丙", "", "", "", "", "2026-11-22", "2026-11-22", ""),
    ]
    data = excel(head, *rows)
    run = taken(office, runs, Kind.VISITORS, data)
    assert said(office, run) == [(2, "", "code"), (3, "房号", "unknown_dwelling"), (4, "来访时间", "no_such_time")]
    (visitor,) = office.rows(t.visitors)
    assert visitor.party == 2
    with pytest.raises(NotPossible, match="second code"):
        runs.receive(BY, YUAN, Kind.VISITORS, data)


def test_nobody_may_put_a_list_into_a_community_that_is_not_there(office: Office, runs: Runs) -> None:
    with pytest.raises(LookupError):
        runs.receive(BY, "moon-yuan", Kind.RESIDENTS, b"a")
    assert office.rows(t.imports) == []
    rooms(office, "501室", community=OTHER)
    run = checked(office, runs, Kind.RESIDENTS, excel(HEAD, person(A)))
    assert said(office, run) == [(2, "房号", "unknown_dwelling")], "a room of another compound is none of this one"


def test_a_file_that_breaks_the_reader_does_not_hold_up_the_lists_behind_it(office: Office, runs: Runs) -> None:
    rooms(office)
    whole = bytearray(excel(HEAD, person(A)))
    whole[6] |= 1  # "encrypted", in each of the two places where a zip says so
    at = whole.find(b"PK\x01\x02")
    while at >= 0:
        whole[at + 8] |= 1
        at = whole.find(b"PK\x01\x02", at + 1)
    first = runs.receive(BY, YUAN, Kind.RESIDENTS, bytes(whole))
    second = checked(office, runs, Kind.RESIDENTS, excel(HEAD, person(B)))
    assert (state(office, first).state, state(office, first).problem) == ("refused", "damaged")
    assert (second.state, second.good) == ("checked", 1)


def test_a_list_with_a_bad_row_is_not_taken_as_complete(office: Office, runs: Runs) -> None:
    head = ("姓名", "身份证号", "登记日期", "从业状况")
    good = excel(head, ("测试甲", A, "2026-10-01", "从业"), ("测试乙", B, "2026-10-01", "从业"))
    taken(office, runs, Kind.REGISTRATIONS, good, as_of=TODAY - timedelta(days=1), complete=True)
    bad = excel(head, ("测试甲", A, "2026-10-01", "自由职业"), ("测试乙", B, "2026-10-01", "从业"))
    run = taken(office, runs, Kind.REGISTRATIONS, bad, as_of=TODAY, complete=True)
    assert (0, "", "not_complete") in said(office, run)
    assert [row.until for row in office.rows(t.registrations)] == [None, None]


def test_a_blank_takes_nothing_away_and_an_older_list_says_nothing_against_a_newer(office: Office, runs: Runs) -> None:
    head = ("姓名", "身份证号", "登记日期", "回执号", "从业状况", "有效期至")
    full = excel(head, ("测试甲", A, "2026-10-01", "HZ-1", "从业", ""))
    taken(office, runs, Kind.REGISTRATIONS, full, as_of=TODAY)
    blank = excel(("姓名", "身份证号", "登记日期"), ("测试甲", A, "2026-10-01"))
    taken(office, runs, Kind.REGISTRATIONS, blank, as_of=TODAY)
    old = excel(head, ("测试甲", A, "2026-10-01", "", "", "2026-11-14"))
    taken(office, runs, Kind.REGISTRATIONS, old, as_of=TODAY - timedelta(days=10))
    (row,) = office.rows(t.registrations)
    assert (row.receipt, row.employment, row.until, row.as_of) == ("HZ-1", "employed", None, TODAY)
