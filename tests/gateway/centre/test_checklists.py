"""核查清单: one a working day, made up where it was missed, signed, and taken again with its answers filled in."""

import io
import stat
import subprocess
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook

from gateway.centre.checklists import MOST_MISSED, Checklists
from gateway.centre.lists import writing
from gateway.centre.lists.forms import FORMS, Kind, layout_of
from gateway.centre.slip_words import SlipWords, digest
from gateway.keys import NotAuthentic, verify
from gateway.routes import FileRoute, MqttRoute, Police, Routes
from gateway.store import tables as t
from gateway.web.page import make_pages
from rules.model import CIVIL, GatePolicy
from rules.policy import Policy
from tests.gateway.centre.office import MASTER, OTHER_POLICE, POLICE, SHORT, TODAY, Office
from tests.gateway.centre.test_slips import NAME, A, B, sent

PAGES = make_pages()
JIANGWAN = Police(name=POLICE, title="江湾派出所")
BY_FILE = Routes([JIANGWAN, Police(name=OTHER_POLICE, routes=(MqttRoute(),))])


def lists(office: Office, folder: Path, routes: Routes = BY_FILE) -> Checklists:
    return Checklists(office.database, MASTER, routes, folder, PAGES, office.casework.now)


def at(office: Office, day: date, hour: int, minute: int) -> None:
    office.moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=CIVIL)


def days(made: list[Path]) -> list[str]:
    return [path.name for path in made]


def pages_of(folder: Path) -> tuple[list[list[str]], list[list[str]]]:
    (book,) = folder.glob("*.xlsx")
    sheets = load_workbook(io.BytesIO(book.read_bytes())).worksheets
    found = [
        [["" if cell is None else str(cell) for cell in row] for row in one.iter_rows(values_only=True)]
        for one in sheets
    ]
    return found[0], found[1]


def column(folder: Path, heading: str) -> list[str]:
    head, *rows = pages_of(folder)[0]
    return [row[head.index(heading)] for row in rows]


def test_a_list_is_made_at_half_past_eight_of_each_working_day_and_once(office: Office, tmp_path: Path) -> None:
    at(office, TODAY, 8, 29)
    assert lists(office, tmp_path).turn(SHORT) == []
    at(office, TODAY, 8, 30)
    (made,) = lists(office, tmp_path).turn(SHORT)
    assert made == tmp_path / POLICE / "2026-11-23"
    assert lists(office, tmp_path).turn(SHORT) == [], "a restart makes none again"
    at(office, TODAY, 23, 59)
    assert lists(office, tmp_path).turn(SHORT) == []
    (row,) = office.rows(t.police_lists)
    assert (row.police_station, row.day, row.made_by, row.rows) == (POLICE, TODAY, "system", [])
    assert [one.changes for one in office.rows(t.history) if one.subject == "police_lists"] == [
        {"made": [None, f"{POLICE} {TODAY}"]}
    ]


def test_weekends_and_holidays_have_none_and_made_up_workdays_have_one(small: Office, tmp_path: Path) -> None:
    saturday = TODAY + timedelta(days=5)
    gate = GatePolicy(holidays=frozenset({TODAY + timedelta(days=1)}), workdays=frozenset({saturday}))
    policy = Policy(1, "t", "t", SHORT.effective_from, gate=gate)
    made = []
    for after in range(7):
        at(small, TODAY + timedelta(days=after), 9, 0)
        made += days(lists(small, tmp_path).turn(policy))
    assert made == ["2026-11-23", "2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28"]


def test_days_that_were_missed_are_made_up_at_the_next_start_and_say_so(small: Office, tmp_path: Path) -> None:
    at(small, TODAY, 9, 0)
    lists(small, tmp_path).turn(SHORT)
    at(small, TODAY + timedelta(days=3), 7, 0)
    made = lists(small, tmp_path).turn(SHORT)
    assert days(made) == ["2026-11-24", "2026-11-25"], "today's is not due yet"
    assert ["生成时间", "补制于 2026-11-26 07:00"] in [row[:2] for row in pages_of(made[0])[1]]
    at(small, TODAY + timedelta(days=60), 9, 0)
    made = lists(small, tmp_path).turn(SHORT)
    assert (len(made), made[-1].name) == (MOST_MISSED, "2027-01-22")
    assert [one.name for one in (tmp_path / POLICE).iterdir() if one.name < "2026-12-23"] == [], "the old ones are gone"


def test_what_was_asked_for_before_its_time_is_made_again_at_its_time(small: Office, tmp_path: Path) -> None:
    at(small, TODAY, 7, 0)
    lists(small, tmp_path).make(POLICE, TODAY, "somebody")
    at(small, TODAY, 8, 30)
    assert days(lists(small, tmp_path).turn(SHORT)) == ["2026-11-23"]
    assert lists(small, tmp_path).turn(SHORT) == []
    assert [row.made_by for row in small.rows(t.police_lists)] == ["system"]


def test_a_station_has_its_own_time_and_one_without_files_has_none(small: Office, tmp_path: Path) -> None:
    noon = Routes([Police(name=POLICE, routes=(FileRoute(at=time(12)),)), BY_FILE.of(OTHER_POLICE)])
    at(small, TODAY, 11, 59)
    assert lists(small, tmp_path, noon).turn(SHORT) == []
    at(small, TODAY, 12, 0)
    assert [path.parent.name for path in lists(small, tmp_path, noon).turn(SHORT)] == [POLICE]
    assert [path.parent.name for path in lists(small, tmp_path, Routes()).turn(SHORT)] == [OTHER_POLICE], (
        "files, unless"
    )


def test_only_what_is_open_there_is_on_it_with_what_is_new_or_changed_marked(office: Office, tmp_path: Path) -> None:
    first, second = sent(office, A), sent(office, B)
    at(office, TODAY + timedelta(days=1), 8, 30)
    (one,) = lists(office, tmp_path).turn(SHORT)
    assert list(zip(column(one, "单号"), column(one, "标记"), strict=True)) == [
        (first.slip, "新增"),
        (second.slip, "新增"),
    ]
    assert office.settle(office.answer(first.slip, "wrong"), office.answer(second.slip, "acknowledged"))
    at(office, TODAY + timedelta(days=2), 8, 30)
    (two,) = lists(office, tmp_path).turn(SHORT)
    assert list(zip(column(two, "单号"), column(two, "标记"), column(two, "状态"), strict=True)) == [
        (second.slip, "变更", "签收")
    ]
    at(office, TODAY + timedelta(days=3), 8, 30)
    (three,) = lists(office, tmp_path).turn(SHORT)
    assert column(three, "标记") == [""]
    assert [row[1] for row in pages_of(two)[1] if row[0] in {"待核查", "其中新增", "其中变更"}] == ["1", "0", "1"]


def test_a_list_says_who_where_how_that_is_known_and_what_was_done(small: Office, tmp_path: Path) -> None:
    slip = sent(small)
    at(small, TODAY + timedelta(days=1), 8, 30)
    (made,) = lists(small, tmp_path).turn(SHORT)
    head, row = pages_of(made)[0]
    said = dict(zip(head, row, strict=True))
    assert (said["姓名"], said["证件种类"], said["证件号码"], said["房屋地址"]) == (NAME, "身份证", A, "3栋2单元501室")
    assert (said["单号"], said["报送次数"], said["小区"]) == (slip.slip, "1", "滨河苑")
    assert (said["线索来源"], said["依据"]) == ("物业入住登记", "任务超期未登记")
    assert said["人员比对"] == "据申报或走访，未经刷卡核对"
    assert said["规则与名单版本"] == "判定规则第2版，授权名单第0版"
    assert said["登记底册截至"] == TODAY.isoformat()
    visited = "共1次：上午0、下午0、晚间1，其中周末0；见到住户0次；最近一次2026-11-23"
    assert (said["社区走访"], said["温馨提示卡"]) == (visited, "已留")
    assert {"手机", "联系电话", "出生日期"}.isdisjoint(head)


def test_of_a_protected_person_a_list_says_neither_who_nor_where(small: Office, tmp_path: Path) -> None:
    sent(small)
    with small.database.write() as connection:
        connection.execute(t.persons.update().values(protected=True))
    made = lists(small, tmp_path).make(POLICE, TODAY, "somebody")
    everything = "".join(str(pages_of(made))) + "".join(one.read_text("utf-8") for one in made.glob("*.html"))
    for secret in (A, NAME, "501室"):
        assert secret not in everything
    assert column(made, "姓名") == ["人身安全保护，请向社区了解"]


def test_the_signature_and_the_digest_hold_and_notice_any_change(small: Office, tmp_path: Path) -> None:
    sent(small)
    made = lists(small, tmp_path).make(POLICE, TODAY, "somebody")
    (book,) = made.glob("*.xlsx")
    signature = Path(f"{book}.sig").read_bytes()
    verify(MASTER.lists_public(), signature, book.read_bytes())
    with pytest.raises(NotAuthentic):
        verify(MASTER.lists_public(), signature, book.read_bytes() + b"\0")
    with pytest.raises(NotAuthentic):
        verify(MASTER.roster_public(), signature, book.read_bytes())
    rows, about = pages_of(made)
    (said,) = [row[1] for row in about if row[0].startswith("第一页摘要")]
    assert said == digest(rows) == small.rows(t.police_lists)[0].digest
    (key,) = [row[1] for row in about if row[0].startswith("签名公钥")]
    assert key == MASTER.lists_public().hex()


def test_the_signature_is_checked_by_openssl_as_the_documentation_says(small: Office, tmp_path: Path) -> None:
    made = lists(small, tmp_path / "lists").make(POLICE, TODAY, "somebody")
    (book,) = made.glob("*.xlsx")
    (tmp_path / "lists.pem").write_text(MASTER.lists_public_pem(), encoding="ascii")
    command = (Path(__file__).parents[3] / "docs" / "police.md").read_text("utf-8")
    (line,) = [one for one in command.splitlines() if one.startswith("openssl pkeyutl -verify")]
    words = line.replace("lists.pem", str(tmp_path / "lists.pem")).replace("LIST.xlsx", str(book)).split()
    good = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout.strip()) == (0, "Signature Verified Successfully")
    book.write_bytes(book.read_bytes() + b"\0")
    assert subprocess.run(words, capture_output=True, check=False).returncode != 0


def test_files_are_for_their_owner_alone(small: Office, tmp_path: Path) -> None:
    slip = sent(small)
    made = lists(small, tmp_path / "police").make(POLICE, TODAY, "somebody")
    assert {one.name for one in made.iterdir()} == {
        f"checklist-{POLICE}-{TODAY}.xlsx",
        f"checklist-{POLICE}-{TODAY}.xlsx.sig",
        f"{slip.slip}.html",
    }
    modes = {one: stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "police").rglob("*")}
    assert set(modes.values()) == {0o600, 0o700}
    assert stat.S_IMODE((tmp_path / "police").stat().st_mode) == 0o700


def test_what_cannot_be_written_is_not_noted_and_tried_again(small: Office, tmp_path: Path) -> None:
    (tmp_path / POLICE).write_text("a file where the folder should be", encoding="utf-8")
    at(small, TODAY, 9, 0)
    with pytest.raises(OSError, match=POLICE):
        lists(small, tmp_path).turn(SHORT)
    assert small.rows(t.police_lists) == []
    (tmp_path / POLICE).unlink()
    assert days(lists(small, tmp_path).turn(SHORT)) == ["2026-11-23"]


def test_a_page_to_print_says_the_same_and_has_room_for_the_answer(small: Office, tmp_path: Path) -> None:
    slip = sent(small)
    made = lists(small, tmp_path).make(POLICE, TODAY, "somebody")
    text = (made / f"{slip.slip}.html").read_text("utf-8")
    for said in ("未登记人员协助核查单", slip.slip, NAME, A, "3栋2单元501室", "江湾派出所", "□ 签收", "size: A4"):
        assert said in text
    assert "预警" not in text
    assert "<script" not in text


def test_the_headings_are_those_of_the_receipts_that_come_back() -> None:
    made = layout_of(FORMS[Kind.RECEIPTS], tuple(SlipWords(PAGES.texts).headings()))
    assert {one.name for one in made.columns.values()} >= {
        "slip",
        "sending",
        "result",
        "since",
        "receipt",
        "officer",
        "note",
    }
    assert (made.missing, made.dropped) == ((), ())


def test_a_name_that_looks_like_a_formula_stays_a_name() -> None:
    book = writing.pages([("甲", [["姓名"], ["=1+1"], ["+86"]])])
    cells = [cell for (cell,) in load_workbook(io.BytesIO(book)).worksheets[0].iter_rows(min_row=2)]
    assert [(cell.value, cell.data_type) for cell in cells] == [("=1+1", "s"), ("+86", "s")]


def test_a_slip_of_an_older_version_of_the_program_is_on_the_list_too(small: Office, tmp_path: Path) -> None:
    sent(small)
    with small.database.write() as connection:
        connection.execute(t.alerts.update().values(grounds=None))
    made = lists(small, tmp_path).make(POLICE, TODAY, "somebody")
    assert column(made, "人员比对") == ["未记载"]
