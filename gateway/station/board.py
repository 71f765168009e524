"""What the station tells people: signals to readers and openers, and the console's view of everything."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from drivers.api import Direction
from gateway.metrics import SECONDS, StationMetrics
from gateway.station.clock import boot_id, clock_state
from gateway.station.commands import BY_COMMAND
from gateway.station.console.view import TROUBLES, Health, HeldView, PortalView, Shown, StationState, Visitor
from gateway.station.crowds import Crowds
from gateway.station.decider import Decider, Gate, Outcome
from gateway.station.door import DoorView
from gateway.station.held import Held
from gateway.station.readers import Supervised
from gateway.station.recorder import Recorder
from gateway.station.refusals import Refusals
from gateway.station.uplink import Uplink
from gateway.wire import SOFTWARE, DeviceReport, Status
from rules.model import CredentialKind

log = logging.getLogger(__name__)

KEPT = 100
_VISITORS = {visitor.value: visitor for visitor in Visitor}
CENTRE_LATE_S = 20.0
REFUSED_SHOWN_S = 3600.0
"""A message that was refused as forged, foreign or out of date stays on show for so long."""


class Signals:
    """Tells a verdict to the person and to the guard. `signal` never blocks and may be called from any thread."""

    def __init__(
        self,
        epoch: str,
        gates: Mapping[str, Gate],
        devices: Mapping[str, Supervised],
        metrics: StationMetrics,
        shown: Callable[[Shown], None],
        pulsed: Callable[[str, float], None] = lambda _portal, _seconds: None,
        not_opened: Callable[[int], None] = lambda _seq: None,
        presented: Callable[[str, bytes], None] = lambda _portal, _token: None,
    ) -> None:
        self._epoch = epoch
        self._gates = gates
        self._devices = devices
        self._metrics = metrics
        self._shown = shown
        self._pulsed = pulsed
        self._not_opened = not_opened
        self._presented = presented
        self._lock = threading.Lock()
        self._recent: deque[Shown] = deque(maxlen=KEPT)
        self._unrecorded = 0
        self._buckets = [0] * (len(SECONDS) + 1)
        self._sum = 0.0

    def signal(self, outcome: Outcome, recorded: bool) -> None:
        """Open the portal where the outcome says so, tell the reader, count, and show it on the console."""
        record = outcome.record
        if not record.passed:
            return
        gate = self._gates[record.portal]
        if outcome.opens and gate.opener is not None and not self.open(record.portal):
            log.error("portal %s was granted, but its opener is down", record.portal)
            self._not_opened(record.seq)
        reader = self._devices.get(record.reader)
        if reader is not None:
            reader.signal(outcome.decision.verdict)
        if outcome.token is not None:
            self._presented(record.portal, outcome.token)
        self._count(outcome, recorded)
        shown = self._view(outcome, gate, recorded)
        with self._lock:
            self._recent.appendleft(shown)
        self._shown(shown)

    def open(self, portal: str) -> bool:
        """Open a portal for its pulse, unrecorded; False when it has no opener, or that is down. Never blocks.

        Raises:
            KeyError: there is no such portal.
        """
        return self.hold(portal, self._gates[portal].pulse_seconds)

    def can_open(self, portal: str) -> bool:
        """Whether the portal has an opener that is there."""
        opener = self._devices.get(self._gates[portal].opener or "")
        return opener is not None and opener.can_open

    def hold(self, portal: str, seconds: float) -> bool:
        """The same for so many seconds."""
        opener = self._devices.get(self._gates[portal].opener or "")
        if opener is None or not opener.open(seconds):
            return False
        self._pulsed(portal, seconds)
        return True

    def recent(self, limit: int) -> list[Shown]:
        """The newest verdicts, newest first."""
        with self._lock:
            return list(self._recent)[:limit]

    @property
    def unrecorded(self) -> int:
        return self._unrecorded

    def verdict_times(self) -> tuple[list[int], float]:
        """Cumulative counts by the bounds of `SECONDS` and +Inf, and the sum in seconds."""
        with self._lock:
            return list(self._buckets), self._sum

    def _count(self, outcome: Outcome, recorded: bool) -> None:
        took = max(time.monotonic() - outcome.mono, 0.0)
        self._metrics.swipes.labels(outcome.decision.verdict.value).inc()
        self._metrics.to_verdict.observe(took)
        with self._lock:
            self._sum += took
            for i, bound in enumerate((*SECONDS, float("inf"))):
                self._buckets[i] += took <= bound
            self._unrecorded += not recorded
        if not recorded:
            self._metrics.unrecorded.inc()

    def _view(self, outcome: Outcome, gate: Gate, recorded: bool) -> Shown:
        record = outcome.record
        return Shown(
            epoch=self._epoch,
            seq=record.seq,
            at=datetime.fromtimestamp(record.at / 1000, UTC),
            portal=record.portal,
            portal_name=gate.name,
            reader=record.reader,
            direction=Direction(record.direction),
            kind=CredentialKind(record.kind) if record.kind else None,
            verdict=outcome.decision.verdict,
            reasons=outcome.decision.reasons,
            recorded=recorded,
            remind=outcome.remind,
            side=outcome.decision.side,
            answered=_VISITORS.get(record.by_hand or ""),
            by_command=record.by_hand == BY_COMMAND,
        )


class Board:
    """The state of the station, gathered when asked; each call returns at once."""

    def __init__(
        self,
        station: str,
        community: str,
        banner: str,
        epoch: str,
        gates: Mapping[str, Gate],
        devices: Mapping[str, Supervised],
        *,
        decider: Decider,
        recorder: Recorder,
        uplink: Uplink,
        signals: Signals,
        connected: Callable[[], bool],
        refusals: Refusals,
        certificate_until: Callable[[], datetime | None],
        doors: Callable[[], tuple[DoorView, ...]] = tuple,
        held: Held | None = None,
        crowds: Crowds | None = None,
    ) -> None:
        self._station = station
        self._community = community
        self._banner = banner
        self._epoch = epoch
        self._boot = boot_id()
        self._gates = gates
        self._portals = tuple(PortalView(gate.portal.id, gate.name) for gate in gates.values())
        self._devices = devices
        self._decider = decider
        self._recorder = recorder
        self._uplink = uplink
        self._signals = signals
        self._connected = connected
        self._doors = doors
        self._held = held or Held()
        self._crowds = crowds or Crowds(lambda: self._decider.policy().crowd_swipes)
        self._refusals = refusals
        self._certificate_until = certificate_until
        self._bus_since: datetime | None = None

    def bus_changed(self) -> None:
        self._bus_since = datetime.now(UTC)

    def state(self) -> StationState:
        """The whole status strip."""
        roster = self._decider.roster
        heard = self._uplink.centre_heard
        return StationState(
            station=self._station,
            community=self._community,
            banner=self._banner,
            portals=self._portals,
            devices=tuple(device.view() for device in self._devices.values()),
            doors=self._doors(),
            held=tuple(
                HeldView(portal, self._gates[portal].name, datetime.fromtimestamp(until / 1000, UTC))
                for portal, until in sorted(self._held.running().items())
            ),
            suggested=tuple(PortalView(portal, self._gates[portal].name) for portal in self._crowds.suggested()),
            bus=Health.OK if self._connected() else Health.DOWN if self._bus_since else Health.UNKNOWN,
            bus_since=self._bus_since,
            centre=self._centre(heard),
            centre_heard=_wall(heard),
            roster_version=roster.header.version if roster is not None else None,
            roster_rows=len(roster) if roster is not None else 0,
            roster_checked=_wall(self._uplink.roster_checked),
            register_as_of=roster.header.register_as_of if roster is not None else None,
            spool_depth=self._uplink.depth,
            unrecorded=self._signals.unrecorded,
            lost_swipes=self._recorder.lost,
            clock=clock_state(),
            troubles=self._troubles(),
            refused=self._refusals.total,
            refused_last=self._refusals.last,
        )

    def status(self, heartbeat: int, depth: int) -> Status:
        """The heartbeat for the centre."""
        buckets, total = self._signals.verdict_times()
        roster = self._decider.roster
        return Status(
            state="online",
            epoch=self._epoch,
            heartbeat=heartbeat,
            at=int(time.time() * 1000),
            mono=int(time.monotonic() * 1000),
            boot=self._boot,
            devices=[
                DeviceReport(view.id, view.health is Health.OK, view.noise, view.faults, view.trouble)
                for view in (device.view() for device in self._devices.values())
            ],
            spool_depth=depth,
            unrecorded=self._signals.unrecorded,
            lost_swipes=self._recorder.lost,
            roster=roster.header.version if roster is not None else 0,
            clock=clock_state(),
            troubles=list(self._troubles()),
            version=SOFTWARE,
            verdict_buckets=buckets,
            verdict_sum=total,
            refused=self._refusals.total,
            certificate_until=_ms(self._certificate_until()),
        )

    def _troubles(self) -> tuple[str, ...]:
        """What is wrong with the station itself, as codes that the pages have a text for."""
        last = self._refusals.last
        if last is None or (datetime.now(UTC) - last.at).total_seconds() > REFUSED_SHOWN_S:
            return tuple(self._recorder.troubles)
        code = f"{last.leaf}_refused"
        return (*self._recorder.troubles, code if code in TROUBLES else "message_refused")

    def _centre(self, heard: float | None) -> Health:
        """A centre that is online is heard only when there is something to acknowledge."""
        said = self._uplink.centre_said
        if heard is None and said is None:
            return Health.UNKNOWN
        if not self._connected() or said in ("lost", "stopped"):
            return Health.DOWN
        if heard is not None and time.monotonic() - heard < CENTRE_LATE_S:
            return Health.OK
        return Health.OK if said == "online" and self._uplink.depth == 0 else Health.UNCERTAIN


def _ms(moment: datetime | None) -> int:
    return int(moment.timestamp() * 1000) if moment is not None else 0


def _wall(mono: float | None) -> datetime | None:
    """The wall-clock moment of a monotonic one."""
    return None if mono is None else datetime.fromtimestamp(time.time() - (time.monotonic() - mono), UTC)
