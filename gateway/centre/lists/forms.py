"""The lists that are taken and given: their columns by heading, which must be there, and which are dropped unread."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.centre.lists import values
from gateway.centre.lists.sheet import Cell
from gateway.centre.lists.values import Reader, Wrong

HEADING_WITHIN = 10
"""Titles and notes may stand above the headings: so many rows are looked at."""
_NO_PURPOSE = ("民族", "政治面貌", "宗教", "婚姻", "健康", "重点", "照片", "相片", "指纹", "血型", "兵役")
"""A column whose heading has one of these is dropped: it has nothing to do with registration."""


class Kind(StrEnum):
    """The lists, as API and pages name them."""

    RESIDENTS = "residents"
    HUKOU = "hukou"
    DWELLINGS = "dwellings"
    PUSHES = "pushes"
    OUT_MOVERS = "out_movers"
    REGISTRATIONS = "registrations"
    RECEIPTS = "receipts"
    VISITORS = "visitors"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the field that it fills, its headings (the first is ours), how a cell is read, whether it is needed."""

    name: str
    headings: tuple[str, ...]
    read: Reader
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A list by its title."""

    kind: Kind
    title: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong in a row: the heading of the column, or "" for the row, and the code of the sentence."""

    row: int
    column: str
    code: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as it was understood: field -> value; what was blank is not in it."""

    row: int
    said: Mapping[str, Any] = field(repr=False)

    def get(self, name: str, default: Any = None) -> Any:
        return self.said.get(name, default)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns of a file are: place -> column; and the headings that were dropped or are not known."""

    columns: Mapping[int, Column]
    dropped: tuple[str, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    """Needed columns that the file does not have."""


def layout_of(form: Form, cells: Sequence[Cell]) -> Layout:
    """How a row of headings is to be understood."""
    known = {bare(heading): column for column in form.columns for heading in column.headings}
    found: dict[int, Column] = {}
    dropped, unknown = [], []
    for at, cell in enumerate(cells):
        heading = bare(str(cell)) if cell is not None else ""
        if not heading:
            continue
        if any(word in heading for word in _NO_PURPOSE):
            dropped.append(str(cell).strip()[:40])
        elif (column := known.get(heading)) is not None and column not in found.values():
            found[at] = column
        else:
            unknown.append(str(cell).strip()[:40])
    missing = tuple(c.headings[0] for c in form.columns if c.needed and c not in found.values())
    return Layout(found, tuple(dropped), tuple(unknown), missing)


def bare(heading: str) -> str:
    """A heading without blanks, stars, brackets and what stands in them: 身份证号码 (必填)* is 身份证号码."""
    said = unicodedata.normalize("NFKC", heading)
    return re.sub(r"\(.*?\)|[\s*:_、/]", "", said).upper()


def understood(layout: Layout, row: int, cells: Sequence[Cell]) -> tuple[Entry, list[Trouble]]:
    """A row's entry, and every cell that does not say what its column asks for."""
    said: dict[str, Any] = {}
    wrong: list[Trouble] = []
    for at, column in layout.columns.items():
        cell = cells[at] if at < len(cells) else None
        if values.blank(cell):
            if column.needed:
                wrong.append(Trouble(row, column.headings[0], "needed"))
            continue
        try:
            said[column.name] = column.read(cell)
        except Wrong as error:
            wrong.append(Trouble(row, column.headings[0], error.code))
    return Entry(row, said), wrong


CATEGORY = {
    "户籍": "hukou", "户籍人口": "hukou", "常住人口": "hukou", "寄住": "lodging", "寄住人口": "lodging",
    "流动": "floating", "流动人口": "floating", "暂住人口": "floating", "境外": "foreign", "境外人员": "foreign",
    "外国人": "foreign", "港澳台": "hmt", "港澳台居民": "hmt", "未落户": "no_hukou", "未落户人员": "no_hukou",
}  # fmt: skip
STAY = {
    "自有": "own",
    "自住": "own",
    "租住": "rented",
    "出租": "rented",
    "租赁": "rented",
    "借住": "lent",
    "出借": "lent",
}
EMPLOYMENT = {
    "从业": "employed",
    "在业": "employed",
    "有": "employed",
    "是": "employed",
    "未从业": "none",
    "否": "none",
}
USE = STAY | {"空置": "vacant", "未知": "unknown"}
PLATE = {
    "在位": "in_place", "已安装": "in_place", "完好": "in_place", "缺失": "missing", "未安装": "missing",
    "错误": "wrong", "污损": "damaged", "遮挡": "damaged", "污损遮挡": "damaged", "未核查": "unchecked",
}  # fmt: skip
STATUS = {
    "人在户在": "present", "户在人不在": "away", "人在户不在": "hukou_away", "死亡未销": "deceased",
    "重户": "duplicate", "其他": "other", "未核查": "unchecked",
}  # fmt: skip
OUTCOME = {"待核查": "pending", "在住": "living", "核实在住": "living", "查无此人": "not_found", "已离开": "left"}
RESULT = {"签收": "acknowledged", "办结": "handled", "办结反馈": "handled", "退回": "returned", "信息有误": "wrong"}
_ELEMENTS = (
    ("province", "省"), ("city", "市"), ("county", "县区"), ("town", "街道"), ("community", "社区"),
    ("road", "街路巷"), ("compound", "小区"), ("door_number", "门牌号"), ("floor", "楼层"),
)  # fmt: skip

_NAME = Column("name", ("姓名",), values.text_of(120), needed=True)
_NUMBER_HEADINGS = ("证件号码", "身份证号", "身份证号码", "公民身份号码", "证件号")
_NUMBER = Column("document", _NUMBER_HEADINGS, values.document, needed=True)
_PHONE = Column("phone", ("联系电话", "手机号", "手机号码", "电话"), values.phone)
_EMPLOYED = Column("employment", ("从业状况", "是否从业", "就业状况"), values.one_of(EMPLOYMENT))
_EMPLOYER = Column("employer", ("服务处所", "工作单位", "单位名称"), values.text_of(120))
_BUILDING = Column("building", ("楼栋", "栋", "楼号", "幢"), values.place)
_UNIT = Column("unit", ("单元",), values.place)
_ROOM = Column("room", ("房号", "室", "户室", "房间号"), values.place, needed=True)
_ANY_ROOM = Column("room", _ROOM.headings, values.place)
_CHECKED = Column("checked_on", ("核查日期",), values.day)
_REVIEWER = Column("reviewed_by", ("审核人",), values.text_of(64))
_REVIEWED = Column("reviewed_on", ("审核日期",), values.day)
_CHECKER = Column("checked_by", ("核查人",), values.text_of(64))

FORMS: Mapping[Kind, Form] = {
    form.kind: form
    for form in (
        Form(
            Kind.RESIDENTS,
            "居住人员信息调查表",
            (
                _NAME,
                Column("document", _NUMBER_HEADINGS, values.document),
                Column("born", ("出生日期",), values.day),
                _BUILDING, _UNIT, _ROOM,
                Column("category", ("人员类别", "人员类型", "人口类别"), values.one_of(CATEGORY)),
                Column("relation", ("与户主关系",), values.text_of(16)),
                Column("stay", ("居住性质", "居住方式", "住房性质"), values.one_of(STAY)),
                Column("hukou", ("户籍地区划", "户籍区划代码"), values.text_of(12)),
                Column("since", ("入住日期", "居住起始日期", "来本地日期"), values.day),
                _PHONE, _EMPLOYED, _EMPLOYER,
            ),
        ),
        Form(
            Kind.HUKOU,
            "户籍人口清理表",
            (
                Column("head", ("户主姓名",), values.text_of(120)),
                _NAME, _NUMBER,
                Column("address", ("户籍地址",), values.text_of(200)),
                Column("status", ("人户状态", "清理结果"), values.one_of(STATUS)),
                _CHECKED, _CHECKER,
                _REVIEWER, _REVIEWED,
                Column("to_cancel", ("是否应销户", "应销户"), values.yes),
                Column("cancelled_receipt", ("注销回执号",), values.text_of(64)),
                Column("cancelled_on", ("注销日期",), values.day),
            ),
        ),
        Form(
            Kind.DWELLINGS,
            "房屋和门(楼)牌",
            (
                Column("building", _BUILDING.headings, values.place, needed=True),
                _UNIT, _ANY_ROOM,
                Column("code", ("标准地址编码",), values.text_of(40)),
                Column("use", ("居住状况", "房屋用途"), values.one_of(USE)),
                Column("plate", ("门牌状态", "门楼牌状态"), values.one_of(PLATE)),
                Column("plate_required", ("应设门牌", "是否应设门楼牌"), values.yes),
                Column("plate_on", ("门牌核查日期", "核查日期"), values.day),
                *(Column(name, (heading,), values.text_of(40)) for name, heading in _ELEMENTS),
            ),
        ),
        Form(
            Kind.PUSHES,
            "流入推送",
            (
                _NAME, _NUMBER,
                Column("received_on", ("推送日期", "接收日期"), values.day, needed=True),
                Column("origin", ("推送地", "来源地", "流出地"), values.text_of(80)),
                _PHONE,
                Column("outcome", ("核查结果",), values.one_of(OUTCOME)),
                Column("outcome_on", _CHECKED.headings, values.day),
                _REVIEWED, _REVIEWER,
            ),
        ),
        Form(
            Kind.OUT_MOVERS,
            "流出人员",
            (
                _NAME, _NUMBER,
                Column("address", ("流出地址", "现居住地址", "去向地址"), values.text_of(200)),
                _PHONE, _CHECKED, _CHECKER,
            ),
        ),
        Form(
            Kind.REGISTRATIONS,
            "居住登记名单",
            (
                _NAME, _NUMBER,
                Column("since", ("登记日期", "起始日期"), values.day, needed=True),
                Column("until", ("有效期至", "截止日期"), values.day),
                Column("receipt", ("回执号", "登记编号"), values.text_of(64)),
                _EMPLOYED, _EMPLOYER,
            ),
        ),
        Form(
            Kind.RECEIPTS,
            "公安回执",
            (
                Column("slip", ("单号", "核查单号"), values.text_of(20)),
                Column("sending", ("报送次数",), values.count),
                Column("document", _NUMBER_HEADINGS, values.document),
                Column("name", _NAME.headings, values.text_of(120)),
                Column("result", ("办理结果", "处理结果"), values.one_of(RESULT), needed=True),
                Column("since", ("登记日期",), values.day),
                Column("until", ("有效期至",), values.day),
                Column("receipt", ("回执号",), values.text_of(64)),
                Column("note", ("备注", "说明"), values.text_of(500)),
                Column("officer", ("经办人", "办理人"), values.text_of(64)),
            ),
        ),
        Form(
            Kind.VISITORS,
            "访客",
            (
                Column("name", ("访客姓名", "姓名"), values.text_of(120)),
                _PHONE, _BUILDING, _UNIT, _ANY_ROOM,
                Column("since", ("来访时间", "开始时间"), values.moment, needed=True),
                Column("until", ("离开时间", "结束时间"), values.moment, needed=True),
                Column("party", ("人数",), values.count),
            ),
        ),
    )
}  # fmt: skip
