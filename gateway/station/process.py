"""One station, put together: threads for devices, decider, recorder, uplink and bus; the console on the main thread."""

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from drivers.api import CardRead, Driver, Input, Noise, ReaderEvent, ReaderFault, StreamDriver
from gateway import points
from gateway.bus import Account, Bus, Message, Will
from gateway.keys import Enrolled
from gateway.metrics import StationMetrics
from gateway.points import Point
from gateway.settings import Output, Reader, Settings, SettingsError
from gateway.station import roster as roster_files
from gateway.station.assembly import Whole
from gateway.station.board import Board, Signals
from gateway.station.clock import boot_id, clock_state
from gateway.station.commands import Commands, Powers
from gateway.station.console.feed import DOOR_ROWS, GateFeed
from gateway.station.console.lock import Lock
from gateway.station.console.routes import make_app
from gateway.station.console.view import ConsoleDesk, Health
from gateway.station.crowds import Crowds
from gateway.station.daybook import Daybook
from gateway.station.decider import Decider, Heard, InUse, ReaderPlace
from gateway.station.devices import drivers_of
from gateway.station.door import DoorEvent
from gateway.station.doors import Doors
from gateway.station.errands import Errands, of_errands
from gateway.station.events import DoorLog
from gateway.station.gates import contacts_of, gate_of
from gateway.station.hands import Hands
from gateway.station.held import Held
from gateway.station.readers import Place, Supervised, open_driver
from gateway.station.recorder import Recorder
from gateway.station.refusals import Refusals
from gateway.station.renewal import Renewal
from gateway.station.salvage import Keeper, open_spool
from gateway.station.shifts import ShiftLog
from gateway.station.token_keys import TokenKeys
from gateway.station.uplink import Uplink
from gateway.trusted import TrustedTime
from gateway.web.page import make_pages
from gateway.web.server import Server
from rules.model import Direction

log = logging.getLogger(__name__)

STATE_EVERY_S = 1.0
_SILENT = {Health.UNKNOWN: "not heard yet", Health.UNCERTAIN: "not heard for a while", Health.DOWN: "down"}


class StationProcess:
    """Everything that one station runs. `run` blocks until `stop`.

    `mistakes` says what is wrong in the configuration as it is on the disk now; a command of the centre may ask that
    it be read again.

    Raises:
        SettingsError: a driver is unknown or its settings are wrong.
        OSError: the console's address cannot be had.
    """

    def __init__(
        self,
        settings: Settings,
        enrolled: Enrolled,
        mistakes: Callable[[], list[str]] = lambda: ["cannot be read again"],
    ) -> None:
        if settings.station is None:
            raise SettingsError(["station: there is no [station] table"])
        self._settings = settings
        self._enrolled = enrolled
        folder = settings.data / f"station-{enrolled.station}"
        with contextlib.suppress(OSError):  # each part that keeps something there says what is wrong with it
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._spool = open_spool(folder / "spool.sqlite3", boot_id(), settings.station.spool_drops_first)
        self._metrics = StationMetrics()
        self._gates = {portal.id: gate_of(portal) for portal in settings.portals}
        self._threads: list[threading.Thread] = []
        self._stop: threading.Event | None = None
        self.again = False
        """Whether the process ended in order to be started again, with the configuration as it is then."""
        self._changed = threading.Event()
        pages = make_pages()
        self._gate_feed = GateFeed(pages)
        epoch = self._spool.epoch
        self._supervised = self._devices()
        self._door_log = DoorLog(folder / "door-events.sqlite3")
        held, crowds = Held(), Crowds(lambda: self._decider.policy().crowd_swipes)
        signals = Signals(
            epoch,
            self._gates,
            self._supervised,
            self._metrics,
            self._gate_feed.shown,
            lambda *p: self._doors.pulsed(*p),
            lambda seq: self._decider.not_opened(seq),
            crowds.presented,
        )
        self._doors = Doors(
            self._gates,
            {portal.id: contacts for portal in settings.portals if (contacts := contacts_of(portal))},
            {portal.id: portal.held_after_seconds for portal in settings.portals},
            self._door_log,
            hold=signals.hold,
            happened=self._at_a_door,
            weekday=lambda moment: self._decider.weekday(moment),
            held=held.holds,
        )
        places = {r.id: ReaderPlace(r.portal, Direction(r.direction)) for r in settings.readers}
        self._decider = Decider(
            enrolled,
            epoch,
            self._gates,
            places,
            record=lambda outcome: self._recorder.add(outcome),
            signal=signals.signal,
            clock_state=clock_state,
            held=held.holds,
        )
        self._token_keys = TokenKeys(folder, enrolled)
        known = roster_files.load(folder, enrolled.roster_public, enrolled.community, self._token_keys.known)
        self._decider.roster, self._decider.keys = known, self._token_keys.known
        refusals = Refusals(lambda leaf: self._metrics.refused.labels(leaf).inc())
        trusted = TrustedTime(folder / "time")
        self._errands = Errands(enrolled, trusted, refusals)
        self._renewal = Renewal(folder, enrolled, trusted, self._errands.say)
        self._uplink = Uplink(
            enrolled,
            self._spool.reader(),
            epoch,
            boot=boot_id(),
            roster=known,
            token_keys=self._token_keys.known.keys(),
            use_roster=partial(self._use_roster, folder),
            unreadable=lambda found: self._recorder.unreadable(found),
            settled=lambda what: self._recorder.settled(what),
            status=lambda beat, depth: self._board.status(beat, depth),
            refused=refusals.note,
        )
        self._recorder = Recorder(
            self._spool,
            pending=self._decider.pending,
            signal=signals.signal,
            committed=self._uplink.fresh,
            declared_lost=self._uplink.lost,
            keep_days=settings.station.keep_acknowledged_days,
            most_bytes=settings.station.spool_limit_mb * 2**20,
            replaced=lambda: self._keeper.replaced(),
        )
        self._keeping = threading.Event()
        self._keeper = Keeper(
            self._spool, lambda work: self._recorder.do(work).wait(self._keeping), salvaged=self._uplink.look_again
        )
        self._commands = self._make_commands(epoch, signals, mistakes, refusals)
        self._bus = self._make_bus()
        self._board = Board(
            enrolled.station,
            _community_name(settings, enrolled),
            settings.banner,
            epoch,
            self._gates,
            self._supervised,
            decider=self._decider,
            recorder=self._recorder,
            uplink=self._uplink,
            signals=signals,
            connected=lambda: self._bus.connected,
            refusals=refusals,
            certificate_until=lambda: self._renewal.ends,
            doors=self._doors.view,
            held=held,
            crowds=crowds,
        )
        hands = Hands(
            self._gates,
            lambda act, within: self._decider.inbox.put(act, timeout=within),
            held,
            crowds,
            self._changed.set,
            self._decider.policy,
        )
        desk = ConsoleDesk(
            self._board.state,
            signals.recent,
            hands,
            self.parts,
            Daybook(self._spool).between,
            ShiftLog(folder / "shifts.sqlite3"),
            Lock(folder / "console-pin.json"),
            self._door_log.counted,
            self._door_log.recent,
        )
        hosts = settings.station.allowed_hosts
        app = make_app(desk, self._gate_feed, allowed_hosts=hosts, registry=self._metrics.registry)
        self._server = Server(app, settings.station.host, settings.station.port)

    @property
    def port(self) -> int:
        """Where the console is served."""
        return self._server.port

    def run(self, stop: threading.Event) -> None:
        """Run every part until `stop`; the console in the calling thread."""
        self._stop = stop
        workers = threading.Event()
        recording = threading.Event()
        self._start("decider", self._decider.run, workers)
        recorder = self._start("recorder", self._recorder.run, recording)
        self._start("keeper", self._keeper.run, self._keeping)
        self._start("uplink", self._uplink.run, self._bus, workers)
        self._start("doors", self._doors.run, workers)
        self._start("errands", self._errands.run, self._bus, self._commands, self._renewal, workers)
        self._start("watch", self._watch, workers)
        for device in self._supervised.values():
            device.start()
        self._bus.start()
        try:
            self._server.run(stop)
        finally:
            for device in self._supervised.values():
                device.stop()
            for device in self._supervised.values():
                device.join()
            workers.set()
            self._keeping.set()
            self._bus.close(self._uplink.farewell())
            for thread in self._threads:
                if thread is not recorder:
                    thread.join(3)
            recording.set()
            recorder.join(3)
            self._spool.close()

    def parts(self) -> dict[str, str]:
        """Name of each part -> "ok" or what is wrong with it."""
        found = {thread.name: "ok" if thread.is_alive() else "the thread has ended" for thread in self._threads}
        found["bus"] = "ok" if self._bus.connected else "not connected to the broker"
        if self._recorder.trouble:
            found["recorder"] = self._recorder.trouble
        if self._door_log.trouble:
            found["doors"] = self._door_log.trouble
        for device in self._supervised.values():
            view = device.view()
            well = view.health is Health.OK
            found[f"{view.kind} {view.id}"] = "ok" if well else view.trouble or _SILENT[view.health]
        return found

    def _start(self, name: str, run: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=run, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _devices(self) -> dict[str, Supervised]:
        drivers = drivers_of(self._settings)
        readers = {r.id: self._supervise(r, "reader", r.portal, *drivers[r.id]) for r in self._settings.readers}
        outputs = {o.id: self._supervise(o, "output", None, *drivers[o.id]) for o in self._settings.outputs}
        return {**readers, **outputs}

    def _supervise(
        self, device: Reader | Output, kind: str, portal: str | None, driver: Driver, settings: object
    ) -> Supervised:
        silent = kind == "output" or (isinstance(driver, StreamDriver) and driver.listens_only)
        return Supervised(
            Place(device.id, kind, portal, silent, driver.sees_lying, device.driver, device.url, device.name),
            lambda: open_driver(driver, device.url, settings, device.baud),
            heard=self._heard,
            changed=self._changed.set,
            counted=self._count,
            away=lambda device: self._doors.away(device),
        )

    def _make_commands(
        self, epoch: str, signals: Signals, mistakes: Callable[[], list[str]], refusals: Refusals
    ) -> Commands:
        powers = Powers(
            self._gates,
            signals.can_open,
            self._decider.inbox.put_nowait,
            {name: device.identify for name, device in self._supervised.items()},
            self._uplink.greet,
            mistakes,
            self._start_again,
        )
        refused = partial(refusals.note, "command")
        return Commands(epoch, lambda: self._uplink.beats, powers, self._errands.answer, refused)

    def _start_again(self) -> None:
        """End as if told to stop; whoever runs the process sees `again` and starts it anew."""
        self.again = True
        if self._stop is not None:
            self._stop.set()

    def _make_bus(self) -> Bus:
        enrolled = self._enrolled
        broker = self._settings.broker
        security = self._renewal.security
        if security.authority is None and broker.ca_file is not None:
            security = replace(security, authority=broker.ca_file)
        account = Account(
            broker.url or enrolled.broker_url,  # the file on the spot knows best where the broker is
            f"{enrolled.station}-{self._spool.epoch}",
            enrolled.station,
            enrolled.keys.broker_password(),
            security,
            broker.protocol,
        )
        return Bus(
            account,
            self._uplink.topics(),
            on_message=self._message,
            on_up=self._bus_up,
            on_down=self._bus_down,
            will=Will(*self._uplink.will()),
        )

    def _message(self, message: Message) -> None:
        (self._errands if of_errands(message.topic) else self._uplink).message(message)

    def _bus_up(self) -> None:
        self._board.bus_changed()
        self._uplink.up()
        self._changed.set()

    def _bus_down(self) -> None:
        self._board.bus_changed()
        self._changed.set()

    def _heard(self, reader: str, card: CardRead, mono: float) -> None:
        """A full inbox makes the reader wait: nothing is dropped."""
        points.reached(Point.CARD_HEARD)
        self._decider.inbox.put(Heard(reader, card, mono))

    def _use_roster(self, folder: Path, came: Whole) -> None:
        known = self._token_keys.with_those(came.keys)
        self._decider.inbox.put(InUse(came.roster, known))
        points.reached(Point.ROSTER_USED)
        self._changed.set()
        try:
            self._token_keys.keep(known)
            roster_files.save(folder, came.data)
        except OSError as error:
            log.error("the roster is in use, but cannot be kept for the next start: %s", error)  # noqa: TRY400

    def _count(self, device: str, event: ReaderEvent) -> None:
        match event:
            case Noise():
                self._metrics.noise.labels(device).inc()
            case ReaderFault():
                self._metrics.faults.labels(device).inc()
            case Input():
                self._doors.heard(device, event)

    def _at_a_door(self, event: DoorEvent) -> None:
        self._metrics.doors.labels(event.portal, event.what.value).inc()
        names = {portal: gate.name for portal, gate in self._gates.items()}
        self._gate_feed.doors(self._door_log.recent(DOOR_ROWS), names)
        self._changed.set()

    def _watch(self, stop: threading.Event) -> None:
        """Show the state when it changes, and every second for the ages in it."""
        lost = 0
        while not stop.is_set():
            self._changed.wait(STATE_EVERY_S)
            self._changed.clear()
            state = self._board.state()
            self._gate_feed.state(state)
            self._gate_feed.notices(state)
            self._metrics.depth.set(state.spool_depth)
            self._metrics.lost.inc(state.lost_swipes - lost)
            lost = state.lost_swipes
            self._metrics.bus_up.set(state.bus is Health.OK)
            for device in state.devices:
                if device.kind == "reader":
                    self._metrics.reader_up.labels(device.id).set(device.health is Health.OK)


def _community_name(settings: Settings, enrolled: Enrolled) -> str:
    names = {community.id: community.name for community in settings.communities}
    return names.get(enrolled.community, enrolled.community)
