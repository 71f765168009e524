"""The story: a tenant moves in and ends registered, a slip is wrong, a rider and a child are never a case."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from rules.identity import check_digit
from rules.model import CIVIL
from simulators.sam import Card
from tests.gateway.centre.sheets import excel
from tests.story.town import COMMUNITY, Town

HERE = f"/communities/{COMMUNITY}"
BEGINS = datetime(2027, 1, 18, 10, 0, tzinfo=CIVIL)
D = BEGINS.date()
NEIGHBOURS = 24
RIDES = 9


def number(seq: int, birth: date = date(1990, 1, 1)) -> str:
    """A citizen number of nobody: its county was never given out."""
    first_17 = f"510099{birth:%Y%m%d}{seq:03d}"
    return first_17 + check_digit(first_17)


TENANT, OTHER, CHILD, RIDER = number(1), number(2), number(3, date(2018, 6, 1)), number(4)
NAMES = {TENANT: "周伟", OTHER: "测试乙", CHILD: "小雨", RIDER: "陈骑手"}


def card(text: str) -> Card:
    return Card(text, NAMES[text], birth=text[6:14])


@dataclass
class Story:
    """`tell` tells it in a town; `steps` says of each step whether it was so."""

    town: Town
    steps: dict[str, bool] = field(default_factory=dict)
    opened: list[bool] = field(default_factory=list)

    def tell(self) -> None:
        for chapter in (self.moves_in, self._swipes, self._collected, self._slip, self._receipt, self._months):
            chapter()
        self._nobody_else()

    def holds(self, name: str, what: Callable[[], Any], within: float = 90.0) -> None:
        """Note whether something comes true in time."""
        try:
            self.town.until(what, name, within)
            self.steps[name] = True
        except AssertionError as error:
            print(error)
            self.steps[name] = False

    def moves_in(self) -> None:
        town = self.town
        rooms = [(f"{b}栋", "1单元", f"{r}室", "在位") for b in (1, 2) for r in range(1, 21)]
        head = ("楼栋", "单元", "房号", "门牌状态")
        assert town.take_list("office", "dwellings", excel(head, *rooms))["good"] == 40
        rows = [
            self._row(number(100 + i), f"邻居{i}", "1栋", f"{i % 20 + 1}室", D - timedelta(90))
            for i in range(NEIGHBOURS)
        ]
        rows.append(self._row(OTHER, NAMES[OTHER], "2栋", "2室", D - timedelta(30)))
        rows.append(self._row(CHILD, NAMES[CHILD], "2栋", "3室", D - timedelta(30)))
        town.ask("office", "PUT", f"{HERE}/enrolments", {"rows": rows})
        self._register(D)
        town.until(lambda: self._roster() > 0, "the gate has a list")
        before = self._roster()
        tenant = self._row(TENANT, NAMES[TENANT], "2栋", "3室", D)
        town.ask("office", "PUT", f"{HERE}/enrolments", {"rows": [tenant | {"category": "floating"}]})
        lease = {"dwelling": {"building": "2栋", "unit": "1单元", "room": "3室"}, "since": D.isoformat()}
        town.ask("office", "PUT", f"{HERE}/leases", lease | {"until": "2027-12-31", "tenant": TENANT})
        self.holds(
            "a_tenant_moves_in", lambda: len(town.ask("office", "GET", f"{HERE}/residents?limit=200")) == NEIGHBOURS + 3
        )
        self.holds("the_gate_has_the_list", lambda: self._roster() > before)

    def _roster(self) -> int:
        """The version of the list that the gate decides by; 0 while it is not the newest one."""
        (station,) = self.town.ask("district", "GET", "/stations")
        newest, own = station["roster_newest"], station["roster_version"]
        return int(own) if own is not None and own == newest else 0

    def _row(self, text: str, name: str, building: str, room: str, since: date) -> dict[str, Any]:
        row = {"kind": "citizen-id", "number": text, "name": name, "since": since.isoformat(), "unit": "1单元"}
        return row | {"building": building, "room": room}

    def _register(self, day: date) -> None:
        """The police's list as of the day before."""
        head = ("姓名", "身份证号", "登记日期", "回执号", "从业状况")
        rows = [(f"邻居{i}", number(100 + i), "2026-12-01", f"HZ-{i}", "从业") for i in range(NEIGHBOURS)]
        query = f"?as_of={day - timedelta(1)}&complete=true"
        assert self.town.take_list("district", "registrations", excel(head, *rows), query)["good"] == NEIGHBOURS

    def _swipes(self) -> None:
        town = self.town
        evenings = {D: (19, 10), D + timedelta(1): (20, 30), D + timedelta(2): (12, 0)}
        for day, (hour, minute) in evenings.items():
            town.to(day, hour, minute)
            self.opened += [town.swipe(card(TENANT)), town.swipe(card(CHILD)), town.swipe(card(OTHER))]
            self._rides()
        self.steps["three_days_of_swipes_opened_the_gate"] = all(self.opened)
        self.holds("a_case_opens", lambda: self._case("gate", "open"))
        case = self._case("gate", "open") or {"because": {}}
        days = [day.isoformat() for day in evenings]
        self.steps["it_shows_its_arithmetic"] = case["because"].get("on") == days
        for day in (D + timedelta(3), D + timedelta(4)):
            town.to(day, 21)
            self._rides()

    def _rides(self) -> None:
        """A rider comes nine times; the guard lets them in by one touch, and no document is asked for."""
        for _ in range(RIDES):
            self.town.swipe(card(RIDER), opens=False)
            self.opened.append(self.town.touch("delivery"))

    def _case(self, source: str, *states: str) -> dict[str, Any] | None:
        found = self.town.ask("reviewer-1", "GET", "/cases?limit=200&only_open=false")
        wanted = [one for one in found if one["source"] == source and (not states or one["state"] in states)]
        return wanted[0] if wanted else None

    def _act(self, who: str, source: str, act: str, **more: Any) -> None:
        case = self._case(source)
        assert case is not None, f"there is no case from {source}"
        self.town.ask(who, "POST", f"/cases/{case['id']}/acts", {"act": act, "revision": case["revision"]} | more)

    def _visit(self, source: str, *, met: bool) -> None:
        case = self._case(source)
        assert case is not None
        body = {"revision": case["revision"], "at": self.town.moment.isoformat(), "met": met, "notice_left": True}
        self.town.ask("worker-1", "POST", f"/cases/{case['id']}/visits", body)

    def _collected(self) -> None:
        town = self.town
        self._act("reviewer-1", "gate", "assign", to="worker-1")
        self.holds("it_is_assigned", lambda: self._case("gate", "assigned"))
        self._act("reviewer-1", "property", "assign", to="worker-1")
        town.to(D + timedelta(5), 10)
        self._visit("property", met=False)
        self._visit("gate", met=False)
        tonight = town.ask("worker-1", "GET", "/worklists/tonight")
        self.steps["nobody_was_met_once"] = [one["missed"] for one in tonight] == [1, 1]
        town.to(D + timedelta(6), 19, 30)
        self._visit("property", met=False)
        case = self._case("gate")
        assert case is not None
        self.steps["the_phone_page_takes_the_household"] = self._on_the_phone(self._dwelling(case))
        self.holds("it_is_collected_with_two_named_visitors", lambda: self._case("gate", "collected"))
        self._act("reviewer-2", "gate", "review")
        self.holds("another_one_reviews_it", lambda: self._case("gate", "reviewed"))
        self._act("reviewer-2", "gate", "file")
        self.holds("it_is_filed", lambda: self._case("gate", "filed"))

    def _on_the_phone(self, dwelling: int) -> bool:
        """The worker's page of a dwelling is filled in: who came, a tenant and a child; whether it was taken."""
        path = f"/collect/homes/{dwelling}"
        shown = self.town.page("worker-1", path)
        adult = {"kind": "citizen-id", "number": TENANT, "name": NAMES[TENANT], "since": D.isoformat()}
        adult |= {"relation": "户主", "category": "floating", "stay": "rented", "employment": "employed"}
        child = {"kind": "citizen-id", "number": CHILD, "name": NAMES[CHILD], "since": (D - timedelta(30)).isoformat()}
        lines = (
            adult | {"employer": "示例工厂"},
            child | {"guardian": "1", "relation": "子女", "category": "floating"},
        )
        fields = [(f"{name}-{row}", value) for row, line in enumerate(lines) for name, value in line.items()]
        fields += [("key", one) for one in re.findall(r'name="key" value="([^"]+)"', shown)[:1]]
        fields += [("case", one) for one in re.findall(r'name="case" value="([0-9:]+)"', shown)]
        fields += [("lines", "2"), ("cadre", "社区甲"), ("volunteer", "志愿者乙")]
        return self.town.send("worker-1", path, fields) == "/collect/tonight?done=household"

    def _dwelling(self, case: dict[str, Any]) -> int:
        """The dwelling of a case, as the worker's list has it."""
        tonight = self.town.ask("worker-1", "GET", "/worklists/tonight")
        return int(next(one["dwelling"] for one in tonight if one["id"] == case["id"]))

    def _slip(self) -> None:
        town = self.town
        town.to(D + timedelta(10), 10)
        self._register(town.moment.date())
        town.to(date(2027, 1, 31), 22)
        town.to(date(2027, 2, 1), 9)
        self._register(town.moment.date())
        town.to(date(2027, 2, 3), 9)
        self.holds("a_slip_is_proposed", lambda: self._slip_in("proposed"))
        slip = self._slip_in("proposed")
        if slip is not None:
            town.ask("reviewer-1", "POST", f"/alerts/{slip['slip']}/send", {"revision": slip["revision"]})
        self.holds("a_reviewer_sends_it", lambda: self._slip_in("sent"))
        slip = self._slip_in("sent")
        if slip is not None:
            for said in ("acknowledged", "wrong"):
                note = "查无此人:信息有误" if said == "wrong" else ""
                town.ask("station-house", "POST", f"/alerts/{slip['slip']}/answer", {"answer": said, "note": note})
        self.holds("it_is_answered_wrong_and_closed", lambda: self._case("property", "dismissed"))

    def _slip_in(self, state: str) -> dict[str, Any] | None:
        found = self.town.ask("reviewer-1", "GET", "/alerts?limit=50")
        return next((one for one in found if one["state"] == state), None)

    def _coverage(self) -> tuple[int, int]:
        found = self.town.ask("street", "GET", "/indicators?indicator=registration")
        mine = next(one for one in found if one["community"] == COMMUNITY)
        return int(mine["numerator"]), int(mine["denominator"])

    def _list(self) -> int:
        path = f"{HERE}/indicators/registration/list?limit=500"
        return len(self.town.ask("reviewer-1", "GET", path))

    def _receipt(self) -> None:
        town = self.town
        town.to(date(2027, 2, 4), 9)
        before, behind = self._coverage(), self._list()
        head = ("姓名", "身份证号", "办理结果", "登记日期", "回执号")
        done = town.take_list(
            "reviewer-2", "receipts", excel(head, (NAMES[TENANT], TENANT, "办结", "2027-02-04", "HZ-900"))
        )
        self.steps["the_receipt_is_imported"] = done["good"] == 1
        self.holds("the_case_closes_by_itself", lambda: self._case("gate", "registered"))
        moved = (before[0] + 1, before[1])
        self.holds("the_figure_moves", lambda: self._coverage() == moved)
        self.steps["its_list_moves"] = self._list() == behind - 1
        print(f"coverage {before} -> {self._coverage()}, behind it {behind} -> {self._list()}")

    def _months(self) -> None:
        town = self.town
        town.to(date(2027, 2, 28), 22)
        town.to(date(2027, 3, 1), 9)
        self.holds("both_months_are_frozen", lambda: town.ask("street", "GET", "/month-ends") == ["2027-02", "2027-01"])
        ends = [town.ask("street", "GET", f"/month-ends/{month}") for month in ("2027-01", "2027-02")]
        self.steps["both_are_authentic_and_reproducible"] = all(
            one["authentic"] and not one["corrections"] for one in ends
        )
        good = [one["figures"][COMMUNITY]["registration"][:2] for one in ends]
        self.steps["the_second_has_one_more"] = good[1][0] == good[0][0] + 1
        print(f"month-ends {good}, corrections {[one['corrections'] for one in ends]}")

    def _nobody_else(self) -> None:
        cases = self.town.ask("reviewer-1", "GET", "/cases?limit=200&only_open=false")
        found = sorted((one["kind"], one["source"]) for one in cases)
        self.steps["a_rider_is_never_a_case"] = ("gate_query", "gate") not in found
        self.steps["a_child_never_has_one"] = found == [("collection", "gate"), ("collection", "property")]
        self.steps["nobody_was_locked_out"] = all(self.opened)
        print(f"cases {found}; gates opened {sum(self.opened)} of {len(self.opened)} times")
