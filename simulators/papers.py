"""What the demonstration writes down before it starts: configuration, tokens, and the lists that the offices put in."""

import csv
import hashlib
import io
import secrets
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from simulators.compound import DISTRICT, STREET, Compound
from simulators.people import Person, Tenure

POLICE_STATION = "jiangwan"
BANNER = "演示数据:人物均为虚构,期限已缩短 · Demonstration: invented people, short periods"
_CATEGORY = {Tenure.OWNER: "hukou", Tenure.TENANT: "floating", Tenure.LODGER: "lodging", None: "unknown"}
_NAMES = {
    "east-in": "东门进 证件",
    "east-out": "东门出 证件",
    "west-in": "西门进 小区卡",
    "west-out": "西门出 小区卡",
    "west-code": "西门 扫码",
    "main-in": "正门进",
    "main-out": "正门出",
    "relay-east": "东门开门",
    "relay-west": "西门开门",
    "relay-main": "正门开门",
}
_WORKING = range(19, 60)
_EMPLOYER = "示例商贸有限公司"
_PLATE_MISSING = 40
"""Of so many door-plates one is missing."""
_SHORT_POLICY = Path(__file__).resolve().parent.parent / "config" / "policy-short.toml"


@dataclass(frozen=True, slots=True)
class Ports:
    centre: int
    gate: int
    second_gate: int
    broker: int


def write_papers(folder: Path, ports: Ports, compounds: tuple[Compound, Compound], lines: Path) -> dict[str, str]:
    """Write both stations' configuration and the policy into `folder`. Returns the API tokens by role."""
    tokens = {
        role: secrets.token_urlsafe(24) for role in ("property", "worker", "reviewer", "administrator", "security")
    }
    shutil.copyfile(_SHORT_POLICY, folder / "policy.toml")
    (folder / "gateway.toml").write_text(_first(ports, compounds, lines, tokens), encoding="utf-8")
    (folder / "second.toml").write_text(_second(ports, compounds, lines), encoding="utf-8")
    return tokens


def enrolment_row(person: Person, since: date | None = None) -> dict[str, object]:
    """A resident, or a helper without a dwelling, as the property enters them."""
    home = person.dwelling
    row: dict[str, object] = {
        "kind": "citizen-id",
        "number": person.number,
        "name": person.name or person.english_name,
        "since": (since or person.since).isoformat(),
        "category": "foreign" if person.english_name else _CATEGORY[person.tenure],
        "role": "resident" if home is not None else "staff",
        "cards": [{"kind": "card-uid", "number": person.card_uid}] if person.card_uid else [],
    }
    if home is not None:
        row |= {"building": f"{home.building}栋", "unit": f"{home.unit}单元", "room": f"{home.room}室"}
    return row


def visitor_row(code: str, today: date) -> dict[str, object]:
    """A visitor code that is good today and tomorrow."""
    until = today + timedelta(days=1)
    row: dict[str, object] = {"kind": "visitor", "number": code, "name": "访客", "role": "visitor"}
    return row | {"since": today.isoformat(), "until": until.isoformat()}


def registration_row(person: Person, today: date) -> dict[str, object]:
    """A resident as the police's list has them, with their employment."""
    name = person.name or person.english_name
    works = person.age(today) in _WORKING
    row: dict[str, object] = {"kind": "citizen-id", "number": person.number, "name": name}
    row |= {"employment": "employed", "employer": _EMPLOYER} if works else {"employment": "none"}
    return row | {"since": person.since.isoformat()}


def dwellings_list(compound: Compound) -> bytes:
    """The dwellings with their standard addresses and door-plates, as a CSV file."""
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(("楼栋", "单元", "房号", "标准地址编码", "门牌状态", "县区", "街道", "小区"))
    for number, home in enumerate(compound.dwellings, 1):
        place = (f"{home.building}栋", f"{home.unit}单元", f"{home.room}室")
        plate = "缺失" if number % _PLATE_MISSING == 0 else "在位"
        table.writerow((*place, f"510099-{compound.id}-{number:04d}", plate, DISTRICT, STREET, compound.name))
    return file.getvalue().encode()


def _first(ports: Ports, compounds: tuple[Compound, Compound], lines: Path, tokens: dict[str, str]) -> str:
    return f"""profile = "compound"
data = "data"
banner = "{BANNER}"
log_level = "INFO"

[broker]
managed = true
port = {ports.broker}

[centre]
port = {ports.centre}
district = "{DISTRICT}"
policy = "policy.toml"
gate_url = "http://127.0.0.1:{ports.gate}/gate"
{_clients(tokens)}
{_communities(compounds)}
[[police]]
name = "{POLICE_STATION}"
title = "江湾派出所"
routes = [{{ kind = "file" }}, {{ kind = "mqtt" }}]

[station]
name = "{compounds[0].id}-1"
community = "{compounds[0].id}"
port = {ports.gate}

[[portals]]
id = "east-gate"
name = "东门"
attended = "00:00-24:00"
unattended = "call:0818-0000000"
opener = "relay-east"
pulse_seconds = 1

[[portals]]
id = "west-gate"
name = "西门"
attended = "00:00-24:00"
unattended = "call:0818-0000000"
opener = "relay-west"
pulse_seconds = 1

{_reader("east-in", "east-gate", "in", "ga467", lines)}
{_reader("east-out", "east-gate", "out", "ga467", lines)}
{_reader("west-in", "west-gate", "in", "wiegand", lines)}
{_reader("west-out", "west-gate", "out", "wiegand", lines)}
{_reader("west-code", "west-gate", "in", "ascii-line", lines)}
{_output("relay-east", lines)}
{_output("relay-west", lines)}
"""


def _second(ports: Ports, compounds: tuple[Compound, Compound], lines: Path) -> str:
    return f"""data = "data"
banner = "{BANNER}"

[broker]
managed = false
url = "mqtt://127.0.0.1:{ports.broker}"

{_communities(compounds)}
[station]
name = "{compounds[1].id}-1"
port = {ports.second_gate}

[[portals]]
id = "east-gate"
name = "正门"
attended = "00:00-24:00"
unattended = "grant"
opener = "relay-main"

{_reader("main-in", "east-gate", "in", "ga467", lines)}
{_reader("main-out", "east-gate", "out", "ga467", lines)}
{_output("relay-main", lines)}
"""


def _clients(tokens: dict[str, str]) -> str:
    return "\n".join(
        f"""
[[centre.clients]]
name = "demo-{role}"
role = "{role}"
token_sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"
"""
        for role, token in tokens.items()
    )


def _communities(compounds: tuple[Compound, Compound]) -> str:
    return "\n".join(
        f"""[[communities]]
id = "{compound.id}"
name = "{compound.name}"
street = "{STREET}"
police_station = "{POLICE_STATION}"
portals = ["east-gate", "west-gate"]
"""
        for compound in compounds
    )


def _reader(name: str, portal: str, direction: str, driver: str, lines: Path) -> str:
    return f"""[[readers]]
id = "{name}"
name = "{_NAMES[name]}"
portal = "{portal}"
direction = "{direction}"
driver = "{driver}"
url = "{lines / name}"
"""


def _output(name: str, lines: Path) -> str:
    return f"""[[outputs]]
id = "{name}"
name = "{_NAMES[name]}"
driver = "relay-lcus"
url = "{lines / name}"
"""
