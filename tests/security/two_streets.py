"""Two communities on two streets, each with its police station, people and work, of which the other learns nothing."""

import hashlib
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.centre.gate_acts import COLUMN as GATE_ACT
from gateway.centre.own_data import COLUMN as REQUEST
from gateway.keys import seal
from gateway.store import tables as t
from tests.gateway.centre.centres import ROLES, Centre, running, secret
from tests.gateway.centre.office import (
    EPOCH,
    MASTER,
    OTHER,
    OTHER_POLICE,
    OTHER_STATION,
    POLICE,
    STATION,
    TODAY,
    YUAN,
    number,
)
from tests.gateway.centre.sheets import excel
from tests.gateway.centre.station_desk import done
from tests.waiting import until

STREETS = {"here": "江湾街道", "there": "彼岸街道"}
LONG_AGO = (TODAY - timedelta(days=30)).isoformat()
MORE = f"""
[[police]]
name = "{OTHER_POLICE}"
title = "彼岸派出所"
routes = [{{ kind = "file" }}, {{ kind = "mqtt" }}]
"""
MORE_CLIENTS = {
    "whole-street": ("street", STREETS["here"]),
    "security-everywhere": ("security", ""),
    "committee-everywhere": ("committee", ""),
}
"""Programs beside those of every centre of tests: name -> role and scope."""


def _more() -> str:
    rows = [
        f'[[centre.clients]]\nname = "{name}"\nrole = "{role}"\nscope = "{scope}"\n'
        f'token_sha256 = "{hashlib.sha256(secret(name).encode()).hexdigest()}"\n'
        for name, (role, scope) in MORE_CLIENTS.items()
    ]
    return MORE + "".join(rows)


@dataclass(frozen=True)
class Side:
    """One community with its street, police station and people. No mark of one side stands in the other's data."""

    name: str
    community: str
    station: str
    police: str
    surnames: str
    building: str
    first: int
    """The running number of its first person."""

    @property
    def people(self) -> list[tuple[str, str]]:
        """Name and number of each."""
        return [(f"{one}{'甲乙丙丁戊己'[i]}", number(self.first + i)) for i, one in enumerate(self.surnames)]

    @property
    def phone(self) -> str:
        return f"1{self.first:03d}7654321"

    def client(self, role: str) -> str:
        return f"{role}-{self.name}"


HERE = Side("here", YUAN, STATION, POLICE, "赵钱孙李周吴", "3栋", 1)
THERE = Side("there", OTHER, OTHER_STATION, OTHER_POLICE, "亓厍郏逄缑亢", "88栋", 501)
CLIENTS = (*(HERE.client(role) for role in ROLES), "whole-street", None)
"""Everybody who is confined to the first side, and nobody."""


@contextmanager
def town(folder: Path) -> Iterator[Centre]:
    """A centre with both sides filled alike."""
    with running(folder, more=_more(), street_there=STREETS["there"]) as centre:
        for side in (HERE, THERE):
            _fill(centre, side)
        yield centre


def _fill(centre: Centre, side: Side) -> None:
    base = f"/api/v1/communities/{side.community}"
    ask = lambda method, path, role, body=None: done(centre.ask(method, path, side.client(role), body))  # noqa: E731
    _homes(centre, side)
    rows = [
        {"kind": "citizen-id", "number": one, "name": name, "since": LONG_AGO}
        | {"building": side.building, "unit": "1单元", "room": f"{i + 1}01室"}
        | {"cards": [{"kind": "card-uid", "number": f"04{side.first + i:06X}"}]}
        for i, (name, one) in enumerate(side.people)
    ]
    ask("PUT", f"{base}/enrolments", "property", {"rows": rows})
    ask("PUT", f"{base}/registrations", "administrator", {"as_of": TODAY.isoformat(), "complete": True, "rows": []})
    at = datetime.fromtimestamp(centre.clock[0], UTC)
    cases = ask("GET", "/api/v1/cases", "worker")
    worked = [one for one in cases if one["kind"] == "collection"]
    for case in worked[:4]:
        assign = {"act": "assign", "revision": case["revision"], "to": side.client("worker")}
        ask("POST", f"/api/v1/cases/{case['id']}/acts", "reviewer", assign)
        (now,) = [one for one in ask("GET", "/api/v1/cases", "worker") if one["id"] == case["id"]]
        visit = {"at": at.isoformat(), "met": False, "notice_left": True, "revision": now["revision"]}
        ask("POST", f"/api/v1/cases/{case['id']}/visits", "worker", visit)
    for slip in ask("GET", "/api/v1/alerts", "reviewer")[:3]:
        ask("POST", f"/api/v1/alerts/{slip['slip']}/send", "reviewer", {"revision": slip["revision"]})
    (last,) = [one for one in ask("GET", "/api/v1/cases", "worker") if one["id"] == worked[-1]["id"]]
    dismiss = {"act": "dismiss", "revision": last["revision"], "dismissal": "moved_out"}
    ask("POST", f"/api/v1/cases/{last['id']}/acts", "reviewer", dismiss)
    host = {"building": side.building, "unit": "1单元", "room": "101室"}
    visitor = {"since": at.isoformat(), "until": (at + timedelta(hours=1)).isoformat(), "host": host}
    ask("POST", f"{base}/visitors", "property", visitor | {"name": f"{side.surnames[0]}访客", "phone": side.phone})
    day = TODAY.isoformat()
    lease = {"dwelling": host, "since": LONG_AGO, "until": day, "tenant": side.people[0][1]}
    ask("PUT", f"{base}/leases", "property", lease)
    deputy = {"worker": side.client("worker"), "deputy": "w", "since": day, "until": day}
    ask("POST", f"{base}/deputies", "reviewer", deputy)
    ask("POST", f"{base}/field-audits", "street", {"size": 2})
    declared = {"community": side.community, "building": side.building, "room": "101室", "day": day}
    declared |= {"number": number(side.first + 90), "name": f"{side.surnames[1]}自报", "phone": side.phone}
    done(centre.ask("POST", "/api/v1/declarations", None, declared))
    _rows_without_a_route(centre, side)


def _homes(centre: Centre, side: Side) -> None:
    base = f"/api/v1/communities/{side.community}/lists"
    rooms = [(side.building, "1单元", f"{i + 1}01室") for i in range(len(side.people))]
    sheet = excel(("楼栋", "单元", "房号"), *rooms)
    client = side.client("reviewer")
    run = done(centre.ask("POST", f"{base}/dwellings", client, raw=sheet))["id"]
    state = lambda: centre.ask("GET", f"{base}/{run}", client).json["state"]  # noqa: E731
    until(lambda: state() == "checked", what="the dwellings are checked")
    done(centre.ask("POST", f"{base}/{run}/take", client))
    until(lambda: state() == "taken", what="the dwellings are taken")


def _rows_without_a_route(centre: Centre, side: Side) -> None:
    """What comes by the bus, or from the people themselves, once each."""
    now, name = int(centre.clock[0] * 1000), f"{side.surnames[0]}留言"
    head = {"community": side.community, "station": side.station, "epoch": EPOCH}
    said = json.dumps({"kind": "citizen-id", "number": number(side.first + 91), "name": name}).encode()
    with centre.database().write() as connection:
        ask = connection.execute
        person = ask(t.enrolments.select().where(t.enrolments.c.community == side.community)).first().person  # type: ignore[union-attr]
        ask(t.persons.update().where(t.persons.c.id == person).values(phone=MASTER.hide("persons.phone", side.phone)))
        card = ask(t.credentials.select().where(t.credentials.c.person == person)).first()
        dwelling = ask(t.dwellings.select().where(t.dwellings.c.community == side.community)).first().id  # type: ignore[union-attr]
        swipe = head | {"at": now, "received": now, "portal": "east", "reader": "in", "direction": "in"}
        swipe |= {"flags": "", "roster": 1, "policy": 1, "recorded": True, "unattended": False}
        sealed = seal(MASTER.identity_public(), said, side.station, EPOCH, 2)
        ask(
            t.swipes.insert().values(
                seq=1, kind="citizen-id", token=card.token, verdict="grant", reasons="enrolled", **swipe
            )
        )  # type: ignore[union-attr]
        ask(
            t.swipes.insert().values(
                seq=2, kind="citizen-id", token=hashlib.sha256(side.name.encode()).digest()[:16], verdict="attend",
                reasons="unknown_credential", sealed=sealed, **swipe,
            )
        )  # fmt: skip
        act = head | {
            "at": now,
            "kind": "lost_card",
            "portal": "east",
            "said": f"{side.building}101室",
            "state": "open",
        }
        ask(t.gate_acts.insert().values(seq=3, dwelling=dwelling, name=MASTER.hide(GATE_ACT, name), **act))
        other = {"community": side.community, "person": person, "said": now, "said_by": "lists"}
        ask(t.names.insert().values(name=MASTER.hide("names.name", name), **other))
        request = {"person": person, "community": side.community, "kind": "correct", "created": now, "due": TODAY}
        ask(t.requests.insert().values(said=MASTER.hide(REQUEST, name), **request))
        case = ask(
            t.cases.select().where(t.cases.c.community == side.community, t.cases.c.state == "dismissed")
        ).first()
        draw = ask(t.draws.select()).first()
        number_of_draw = draw.id if draw is not None else ask(
            t.draws.insert().values(month=TODAY.replace(day=1), seed="0", population=1, cases=[case.id], drawn=now)  # type: ignore[union-attr]
        ).inserted_primary_key[0]  # fmt: skip
        ask(t.blind_checks.insert().values(draw=number_of_draw, case=case.id))  # type: ignore[union-attr]


def secrets_of(centre: Centre, side: Side) -> set[str]:
    """What stands in the data of a side and in nothing that the other may see."""
    with centre.database().read() as connection:
        slips = connection.execute(t.alerts.select().where(t.alerts.c.community == side.community)).all()
        receipts = connection.execute(t.declarations.select().where(t.declarations.c.community == side.community)).all()
    found = {side.building, side.phone, *side.surnames, *(one for _, one in side.people)}
    return found | {one.slip for one in slips} | {one.receipt for one in receipts}


def numbers_of(centre: Centre, side: Side) -> dict[str, list[Any]]:
    """Table -> the numbers of its rows that are of this side."""
    owned = _owned(centre.settings.data / "centre.sqlite3", side)
    return {name: sorted(keys) for name, keys in owned.items() if name not in NOT_THEIRS}


NOT_THEIRS = {"audit", "figures", "month_ends", "traffic_days", "device_days", "streams", "quarantine"}
"""Tables of counts, of the stations' own streams and of acts: those add rows of a community by themselves."""
BY_THEMSELVES = {"communities": {"roster_version", "roster_stale"}, "stations": {"heard_at", "status"}}
"""Columns that the centre's own threads write."""


def _owned(file: Path, side: Side) -> dict[str, set[Any]]:
    """Table -> ids of rows that are of a side: by their community, by their case, or of people enrolled there."""
    owned: dict[str, set[Any]] = {}
    connection = sqlite3.connect(file)
    for table in t.metadata.sorted_tables:
        if table.name in NOT_THEIRS:
            continue
        key = next(iter(table.primary_key.columns)).name
        rows = f'SELECT x."{key}" FROM {table.name} x'
        if table.name == "communities":
            where = " WHERE id = ?"
        elif table.name == "persons":
            where = " JOIN enrolments e ON e.person = x.id WHERE e.community = ?"
        elif "community" in table.c:
            where = " WHERE community = ?"
        elif "case" in table.c:
            where = ' JOIN cases c ON c.id = x."case" WHERE c.community = ?'
        else:
            continue
        owned[table.name] = {row[0] for row in connection.execute(rows + where, (side.community,))}
    connection.close()
    return {name: keys for name, keys in owned.items() if keys}


class Rows:
    """All rows of a side, to see whether anything of them changed; looked at only when something was committed."""

    def __init__(self, centre: Centre, side: Side) -> None:
        self._file, self._side = centre.settings.data / "centre.sqlite3", side
        self._watch = sqlite3.connect(self._file)
        self._at = self._version()
        self._rows = self._read()

    def changed(self) -> dict[str, tuple[Any, Any]]:
        """Table -> rows before and after, where they differ; what is found is not found again."""
        at = self._version()
        if at == self._at:
            return {}
        before, self._rows, self._at = self._rows, self._read(), at
        names = before.keys() | self._rows.keys()
        return {n: (before.get(n), self._rows.get(n)) for n in names if before.get(n) != self._rows.get(n)}

    def close(self) -> None:
        self._watch.close()

    def _version(self) -> int:
        return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def _read(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        owned = _owned(self._file, self._side)
        for name, keys in owned.items():
            table = t.metadata.tables[name]
            key = next(iter(table.primary_key.columns)).name
            columns = [c.name for c in table.columns if c.name not in BY_THEMSELVES.get(name, ())]
            said = ", ".join(f'"{column}"' for column in columns)
            marks = ",".join("?" * len(keys))
            query = f'SELECT {said} FROM {name} WHERE "{key}" IN ({marks}) ORDER BY 1, 2'
            found[name] = self._watch.execute(query, tuple(keys)).fetchall()
        return found


def words_of(kind: str, body: bytes) -> str:
    """All that an answer says, also inside the parts of an Excel file."""
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            body = b"\n".join(archive.read(name) for name in archive.namelist())
    return body.decode("utf-8", "replace") if "utf-16" not in kind else body.decode("utf-16", "replace")
