"""Desks over values in memory, for tests and for looking at the pages, in place of gates and of the centre's rows."""

import queue
import sqlite3
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from gateway.station.console.feed import GateFeed
from gateway.station.console.lock import Lock
from gateway.station.console.view import (
    ConsoleDesk,
    Device,
    Health,
    HeldView,
    PortalView,
    Shown,
    StationState,
    Visitor,
)
from gateway.station.door import DoorEvent, DoorState, DoorView, Happening
from gateway.station.shifts import Handover
from gateway.web import centre_view as centre
from gateway.web.page import make_pages
from gateway.wire import GateAct, SwipeRecord
from rules.model import CredentialKind, Direction, Reason, Verdict

EPOCH = "5e1f0a9c33d2b710"
PORTALS = (PortalView("east", "东门"), PortalView("north", "北门"))
VERDICT = {
    Reason.ENROLLED: Verdict.GRANT,
    Reason.VISITOR: Verdict.GRANT,
    Reason.EXIT: Verdict.GRANT,
    Reason.OPEN_PORTAL: Verdict.GRANT,
    Reason.MANUAL: Verdict.GRANT,
    Reason.WRONG_PORTAL: Verdict.REFUSE,
    Reason.CREDENTIAL_LOST: Verdict.REFUSE,
}


class Booth:
    """A station without hardware: swipes are said, doors are a list."""

    def __init__(self, now: datetime | None = None) -> None:
        self.fixed = now
        self.gate = GateFeed(make_pages(), now=self.now)
        self.opened: list[tuple[str, Visitor, str]] = []
        self.visitors: list[tuple[str, str, str]] = []
        self.lost: list[tuple[str, str]] = []
        self.handed: list[tuple[int, str, str, str]] = []
        self.kept: list[SwipeRecord] = []
        """What the spool would hold, oldest first."""
        self.handovers: list[Handover] = []
        self.lock = Lock(Path(tempfile.mkdtemp()) / "pin")
        self.broken = False
        """Whether the disk refuses."""
        self.busy = False
        """Whether the station takes nothing more."""
        self.parts: dict[str, str] = {"reader east-in": "ok", "spool": "ok"}
        self._recent: deque[Shown] = deque(maxlen=200)
        self._seq = 0
        self._lock = threading.Lock()
        at = self.now()
        self.state = StationState(
            station="bhy-1",
            community="滨河苑",
            banner="演示：合成人员与模拟读卡器",
            portals=PORTALS,
            devices=(
                Device("east-in", "ga467", "east", Health.OK, at, at),
                Device("east-out", "ga467", "east", Health.OK, at, at),
                Device("north-in", "wiegand", "north", Health.OK, at, at),
            ),
            bus=Health.OK,
            bus_since=at,
            centre=Health.OK,
            centre_heard=at,
            roster_version=42,
            roster_rows=2803,
            roster_checked=at - timedelta(seconds=4),
            register_as_of=date(2026, 11, 22),
            spool_depth=0,
            unrecorded=0,
            lost_swipes=0,
            clock="synced",
            doors=(DoorView("east", DoorState.SHUT, fire=False),),
        )
        self.events: list[DoorEvent] = []

    def now(self) -> datetime:
        return self.fixed or datetime.now(UTC)

    @property
    def desk(self) -> ConsoleDesk:
        return ConsoleDesk(
            state=lambda: self.state,
            recent=lambda n: list(self._recent)[:n],
            acts=self,
            parts=lambda: self.parts,
            records=self.records,
            shifts=self,
            lock=self.lock,
            door_counts=lambda since, until: Counter(
                (one.portal, one.what) for one in self.events if since <= one.at < until
            ),
            door_events=lambda n: self.events[:n],
        )

    def at_a_door(self, what: Happening, state: DoorState, *, fire: bool = False) -> None:
        """Something happens at the east door, is kept and shown."""
        self.events.insert(0, DoorEvent(int(self.now().timestamp() * 1000), "east", what))
        self.state = replace(self.state, doors=(DoorView("east", state, fire),))
        self.gate.doors(self.events, {view.id: view.name for view in PORTALS})
        self.gate.state(self.state)

    def open(self, portal: str, whom: Visitor, dwelling: str) -> None:
        self._check(portal)
        self.opened.append((portal, whom, dwelling))
        self.say(Reason.MANUAL, portal=portal, kind=None, answered=whom)

    def enter_visitor(self, portal: str, dwelling: str, name: str) -> None:
        self._check(portal)
        self.visitors.append((portal, dwelling, name))
        self.say(Reason.MANUAL, portal=portal, kind=None, answered=Visitor.VISITOR)

    def hold(self, portal: str, seconds: int) -> int:
        name = self._check(portal)
        until = self.now() + timedelta(seconds=seconds)
        others = tuple(one for one in self.state.held if one.portal != portal)
        self._now_held((*others, HeldView(portal, name, until)))
        self.suggest()
        return int(until.timestamp() * 1000)

    def end_hold(self, portal: str) -> None:
        self._check(portal)
        self._now_held(tuple(one for one in self.state.held if one.portal != portal))

    def wants_no_hold(self, portal: str) -> None:
        self._check(portal)
        self.suggest()

    def report_lost(self, dwelling: str, name: str) -> None:
        self._check("east")
        self.lost.append((dwelling, name))

    def hand_over(self, since: int, by: str, to: str, note: str) -> None:
        self.handed.append((since, by, to, note))

    def records(self, since: int, until: int) -> Generator[SwipeRecord]:
        self._disk()
        yield from (one for one in reversed(self.kept) if since <= one.at < until)

    def add(self, handover: Handover) -> int:
        self._disk()
        self.handovers.append(msgspec.structs.replace(handover, no=len(self.handovers) + 1))
        return len(self.handovers)

    def recent(self, limit: int) -> list[Handover]:
        self._disk()
        return self.handovers[::-1][:limit]

    def found(self, no: int) -> Handover | None:
        self._disk()
        return next((one for one in self.handovers if one.no == no), None)

    def _disk(self) -> None:
        if self.broken:
            raise sqlite3.OperationalError("disk I/O error")

    def keep(self, act: GateAct | None = None, *, portal: str = "east", dwelling: str = "", ago: float = 0) -> None:
        """An act of the guard stands in the spool."""
        self._seq += 1
        at = int((self.now() - timedelta(seconds=ago)).timestamp() * 1000)
        entered = "visitor" if act is not None and act.kind == "visitor" else None
        record = SwipeRecord(self._seq, at, at, portal, "console", "in", "grant", ["manual"])
        self.kept.append(msgspec.structs.replace(record, act=act, dwelling=dwelling or None, by_hand=entered))

    def suggest(self, *portals: PortalView) -> None:
        """A hold-open period is suggested at these portals, and at no other."""
        self.state = replace(self.state, suggested=portals)
        self.gate.notices(self.state)

    def _now_held(self, held: tuple[HeldView, ...]) -> None:
        self.state = replace(self.state, held=held)
        self.gate.state(self.state)
        self.gate.notices(self.state)

    def _check(self, portal: str) -> str:
        if self.busy:
            raise queue.Full
        names = {view.id: view.name for view in PORTALS}
        if portal not in names:
            raise LookupError(portal)
        return names[portal]

    def say(
        self,
        reason: Reason,
        *,
        portal: str = "east",
        direction: Direction = Direction.IN,
        kind: CredentialKind | None = CredentialKind.CITIZEN_ID,
        recorded: bool = True,
        remind: bool = False,
        answered: Visitor | None = None,
        ago: float = 0,
    ) -> Shown:
        """A verdict is given, shown and kept."""
        names = {view.id: view.name for view in PORTALS}
        with self._lock:
            self._seq += 1
            shown = Shown(
                epoch=EPOCH,
                seq=self._seq,
                at=self.now() - timedelta(seconds=ago),
                portal=portal,
                portal_name=names[portal],
                reader=f"{portal}-{direction.value}",
                direction=direction,
                kind=kind,
                verdict=VERDICT.get(reason, Verdict.ATTEND),
                reasons=(reason,),
                recorded=recorded,
                remind=remind,
                answered=answered,
            )
            self._recent.appendleft(shown)
            self.kept.append(_record(shown))
        self.gate.shown(shown)
        return shown

    def trouble(self) -> None:
        """The centre went, a reader died, swipes pile up."""
        at = self.now()
        dead = Device(
            "north-in", "wiegand", "north", Health.DOWN, at, at - timedelta(minutes=3), trouble="link_lost", faults=1
        )
        self.state = replace(
            self.state,
            devices=(*self.state.devices[:2], dead),
            bus=Health.UNCERTAIN,
            centre=Health.DOWN,
            centre_heard=at - timedelta(minutes=12),
            roster_checked=at - timedelta(minutes=12),
            spool_depth=218,
            unrecorded=2,
            lost_swipes=1,
        )
        self.gate.state(self.state)

    def busy_morning(self) -> None:
        """A stream as a guard sees it, and what happened at a door."""
        self.at_a_door(Happening.EXIT_BUTTON, DoorState.SHUT)
        self.at_a_door(Happening.HELD, DoorState.HELD)
        ago = 240.0
        for reason, more in (
            (Reason.ENROLLED, {}),
            (Reason.ENROLLED, {"kind": CredentialKind.CARD_UID}),
            (Reason.EXIT, {"direction": Direction.OUT}),
            (Reason.ENROLLED, {"remind": True}),
            (Reason.WRONG_PORTAL, {"portal": "north", "kind": CredentialKind.WIEGAND_26}),
            (Reason.VISITOR, {"kind": CredentialKind.VISITOR}),
            (Reason.CREDENTIAL_LOST, {"kind": CredentialKind.CARD_UID}),
            (Reason.ENROLLED, {"recorded": False}),
            (Reason.UNKNOWN_CREDENTIAL, {"ago": 55.0}),
            (Reason.MANUAL, {"kind": None, "answered": Visitor.DELIVERY, "ago": 52.0}),
            (Reason.ENROLLED, {"ago": 40.0}),
        ):
            ago -= 18
            self.say(reason, **{"ago": ago, **more})  # type: ignore[arg-type]


def _record(shown: Shown) -> SwipeRecord:
    """What the spool would hold of a verdict."""
    at = int(shown.at.timestamp() * 1000)
    return SwipeRecord(
        shown.seq,
        at,
        at,
        shown.portal,
        shown.reader,
        shown.direction.value,
        shown.verdict.value,
        [reason.value for reason in shown.reasons],
        kind=None if shown.kind is None else shown.kind.value,
        recorded=shown.recorded,
        by_hand=None if shown.answered is None else shown.answered.value,
    )


def centre_desk(now: datetime, accepted: list[tuple[str, centre.Hole, str]] | None = None) -> centre.CentreDesk:
    """The centre on an ordinary evening. All made up. What is accepted is added to `accepted`."""
    accepted = [] if accepted is None else accepted
    today = now.date()
    state = centre.CentreState(
        as_of=now,
        bus=centre.Freshness.ONLINE,
        register_as_of=today - timedelta(days=1),
        register_stale=False,
        stations_online=1,
        stations_total=2,
        swipes_today=4127,
        swipes_total=118204,
        cases_open=4,
        cases_total=6,
        alerts_open=2,
        alerts_total=3,
        quarantined=1,
    )
    presence = {"days": 6, "evenings": 5, "window": 14, "need": 5, "need_evenings": 3}
    kinds = (
        ("collection", "gate", "assigned", "3栋2单元***", True, "presence", presence, "sent"),
        ("collection", "property", "open", "11栋1单元***", False, "enrolled", {"days": 9, "grace": 7}, None),
        ("gate_query", "gate", "open", None, False, "unknown_credential", presence, None),
        ("collection", "self", "filed", "7栋3单元***", False, "declared", {}, None),
        ("deregistration", "landlord", "closed", "2栋1单元***", False, "moved_out", {}, None),
        ("collection", "gate", "registered", "5栋1单元***", False, "presence", presence, "handled"),
    )
    cases = [
        centre.CaseRow(
            id=1046 - n,
            revision=1,
            kind=kind,
            source=source,
            state=step,
            community="滨河苑",
            dwelling=dwelling,
            opened=today - timedelta(days=2 + n),
            due=today + timedelta(days=8 - 3 * n) if not overdue else today - timedelta(days=1),
            overdue=overdue,
            because=because,
            figures=figures,
            slip_state=slip,
        )
        for n, (kind, source, step, dwelling, overdue, because, figures, slip) in enumerate(kinds)
    ]
    steps = (("proposed", None, None), ("sent", 1, None), ("handled", 3, "handled"))
    alerts = [
        centre.AlertRow(
            id=33 - n,
            slip=f"20261120-0A3F{33 - n}",
            revision=2,
            state=step,
            police_station="江湾派出所",
            community="滨河苑",
            rule="overdue",
            since=today - timedelta(days=16),
            sent=None if sent is None else now - timedelta(days=sent),
            answered=None if answer is None else now - timedelta(hours=20),
            answer=answer,
        )
        for n, (step, sent, answer) in enumerate(steps)
    ]
    readers = (
        centre.ReaderRow("east-in", "ok"),
        centre.ReaderRow("east-out", "ok"),
        centre.ReaderRow("north-in", "down"),
    )
    stations = [
        centre.StationRow(
            "bhy-1",
            "滨河苑",
            centre.Freshness.ONLINE,
            now - timedelta(seconds=3),
            readers,
            *(0, 0, 42, 42, 0, 0, 0),
            refused=2,
            certificate_until=today + timedelta(days=700),
        ),
        centre.StationRow(
            "jwl-1",
            "江湾里",
            centre.Freshness.LATE,
            now - timedelta(hours=5),
            readers[:1],
            912,
            3,
            40,
            42,
            17,
            2,
            1,
            gaps_since=now - timedelta(hours=5),
            troubles=("restored_from_image", "spool_full"),
            clock="unsynced",
            skew=-94.2,
        ),
    ]
    holes = [
        centre.HoleRow(centre.Hole.MISSING, now - timedelta(hours=5), 17, ()),
        centre.HoleRow(centre.Hole.LOST, now - timedelta(hours=4), 2, ("size_limit", "unreadable")),
        centre.HoleRow(centre.Hole.RESTORED, now - timedelta(hours=5), 0, ()),
        centre.HoleRow(
            centre.Hole.LOST, now - timedelta(days=9), 31, ("spool_broken",), "示例管理员", now - timedelta(days=8)
        ),
    ]
    commands = [
        centre.CommandRow(3, "bhy-1", now - timedelta(minutes=2), "open", "east", "property-office", "done", ""),
        centre.CommandRow(
            2, "bhy-1", now - timedelta(hours=1), "open", "east", "property-office", "refused", "too_old"
        ),
        centre.CommandRow(1, "jwl-1", now - timedelta(hours=5), "identify", "east-in", "technician", "unanswered", ""),
    ]
    aside = [
        centre.AsideRow(
            9,
            now - timedelta(minutes=3),
            "jwl-1",
            "xq/v1/s/7/bhy/bhy-1/swipe",
            "the broker refused it: not a topic of this account's",
            312,
        ),
        centre.AsideRow(
            8, now - timedelta(hours=2), None, "", "the broker refused a connection: certificate verify failed", 0
        ),
    ]
    return centre.CentreDesk(
        house=lambda: centre.House("示例区", "演示：合成人员与模拟读卡器；规则的期限已缩短。", "", 3),
        state=lambda: state,
        cases=lambda limit, before: [row for row in cases if before is None or row.id < before][:limit],
        alerts=lambda limit, before: [row for row in alerts if before is None or row.id < before][:limit],
        stations=lambda: stations,
        holes=lambda _station: holes,
        accept=lambda station, kind, who: accepted.append((station, kind, who)),
        commands=lambda: commands,
        set_aside=lambda limit, before: [row for row in aside if before is None or row.id < before][:limit],
        policy=lambda: centre.PolicyText(
            3, now - timedelta(days=2), "示例区", "演示：缩短期限", "[case]\ngrace_days = 7\n"
        ),
        parts=lambda: {"intake": "ok"},
    )
