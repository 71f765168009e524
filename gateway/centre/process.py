"""The centre, put together: intake, deliveries, rosters, the sweep and the bus on threads; pages on the main one."""

import logging
import secrets
import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from gateway import wire
from gateway.broker import CENTRE
from gateway.bus import Account, Bus, Will
from gateway.centre.acks import Acks
from gateway.centre.casework import Casework
from gateway.centre.certify import Certify
from gateway.centre.commands import Commands
from gateway.centre.deliveries import Deliveries
from gateway.centre.desk import Desk, holes_of
from gateway.centre.gate_acts import GateActs
from gateway.centre.indicators import Indicators
from gateway.centre.intake import Intake
from gateway.centre.lists.runs import Runs
from gateway.centre.lists.takers import Takers
from gateway.centre.mark import Mark, Older
from gateway.centre.month_ends import MonthEnds
from gateway.centre.policies import Policies
from gateway.centre.register import Register
from gateway.centre.retention import Retention
from gateway.centre.rosters import Rosters
from gateway.centre.sending import Sending
from gateway.centre.slips import Slips
from gateway.centre.sorting import Sorter
from gateway.centre.stations import Stations
from gateway.centre.surface import Parts, make_surface
from gateway.centre.sweep import Sweep
from gateway.centre.tokens import Tokens
from gateway.centre.visitors import Visitors
from gateway.communities import Community
from gateway.keys import Master
from gateway.metrics import CentreMetrics
from gateway.routes import Routes
from gateway.settings import Settings
from gateway.store.database import Database, after_commit
from gateway.store.queries import streams
from gateway.store.queries.history import By
from gateway.tls import Security
from gateway.web.centre_pages import make_live
from gateway.web.page import make_pages
from gateway.web.server import Server
from gateway.wire import StationTopics

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
VISITORS_EVERY_S = 30.0


class CentreProcess:
    """Everything that the centre runs. `run` blocks until `stop`, or until the centre must start anew: `again` then.

    Raises:
        PolicyError: the policy cannot be used.
        WrongSchema: the database belongs to another version of the program.
        OSError: the pages' address cannot be had.
    """

    def __init__(
        self,
        settings: Settings,
        master: Master,
        broker_url: str,
        broker_password: str,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._master = master
        self._database = Database(settings.database)
        self._database.check_schema()
        self._metrics = CentreMetrics()
        self._policies = Policies(self._database, settings.centre.policy, profile=settings.profile, wall=wall)
        self._threads: list[threading.Thread] = []
        self._changed = threading.Event()
        self._stop: threading.Event | None = None
        self.again = False
        """The database was put back while this centre ran: what it knows is not so any more."""
        self._mark = Mark(settings.data / "centre.mark")
        self._epoch = self._mark.epoch(self._database)
        routes = Routes(settings.police)
        slips = Slips(settings.centre.base_url, routes)
        self._casework = Casework(master, self._policies.current, self._metrics, slips, wall=wall)
        self._register = Register(master)
        self._visitors = Visitors(master)
        self._slips = slips
        self._stations = Stations(self._database, master)
        self._rosters = Rosters(
            self._database,
            master,
            self._policies.current,
            self._casework.today,
            self._send_to_station,
            upcoming=self._policies.upcoming,
        )
        self._deliveries = Deliveries(self._database, self._metrics, slips)
        self._commands = Commands(self._database, self._send_to_station, wall=wall)
        self._certify = Certify(master, self._send_to_station, wall=wall)
        self._intake = Intake(
            self._database,
            Sorter(self._stations),
            self._casework,
            self._metrics,
            Acks(self._epoch, self._rosters.version, self._send_to_station),
            greeted=self._rosters.wanted,
            answered=self._take_answer,
            errands={"reply": self._commands.answered, "renew": self._certify.asked},
            acts=GateActs(master, self._register_changed).take,
            changed=self._work_changed,
            renew=Tokens(master).renew,
            mark=self._mark,
            older=self._begin_anew,
        )
        self._runs = Runs(
            self._database,
            master,
            Takers(master, self._register, self._take_answer),
            self._casework,
            settings.data / "lists",
            self._register_changed,
        )
        self._desk = Desk(
            self._database,
            self._policies,
            district=self._settings.centre.district,
            banner=self._settings.banner,
            gate_url=self._settings.centre.gate_url,
            connected=lambda: self._bus.connected,
            today=self._casework.today,
        )
        self._live = make_live(self._desk.questions(self.parts), make_pages())
        self._indicators = Indicators(
            self._database, master, self._casework.today, self._casework.now, self._desk.stations
        )
        self._month_ends = MonthEnds(self._database, master, self._indicators, self._casework.today, self._casework.now)
        self._sweep = Sweep(self._database, self._casework, self._policies, self._register_changed)
        self._sending = Sending(self._database, master, settings, self._policies.current, self._casework.now)
        self._bus = self._make_bus(broker_url, broker_password)
        self._metrics.stations.holes = lambda: holes_of(self._desk)
        self._server = Server(make_surface(self._surface()), settings.centre.host, settings.centre.port)

    @property
    def port(self) -> int:
        """Where the pages are served."""
        return self._server.port

    def run(self, stop: threading.Event) -> None:
        """Run every part until `stop`; the pages in the calling thread."""
        workers, self._stop = threading.Event(), stop
        self._start("intake", self._intake.run, workers)
        self._start("deliveries", self._deliveries.run, self._bus, workers)
        self._start("rosters", self._rosters.run, workers)
        self._sending.start(self._start, workers)
        self._start("figures", self._count, workers)
        self._start("pages", self._live.run, workers)
        self._start("lists", self._runs.run, workers)
        self._start("sweep", self._look, workers)
        self._start("retention", self._forget, workers)
        self._bus.start()
        log.info("the centre's pages and API are on http://%s:%d/", self._settings.centre.host, self.port)
        try:
            self._server.run(stop)
        finally:
            workers.set()
            self._live.close()
            self._runs.wake()
            self._bus.close((wire.CENTRE_STATUS, self._announcement("stopped")))
            for thread in self._threads:
                thread.join(3)
            self._keep_mark()
            self._database.close()

    def parts(self) -> dict[str, str]:
        """Name of each part -> "ok" or what is wrong with it."""
        found = {thread.name: "ok" if thread.is_alive() else "the thread has ended" for thread in self._threads}
        found["bus"] = "ok" if self._bus.connected else "not connected to the broker"
        if self._intake.trouble:
            found["intake"] = self._intake.trouble
        try:
            with self._database.read() as connection:
                streams.get_setting(connection, "centre_epoch")
            found["database"] = "ok"
        except OperationalError:
            found["database"] = "it does not answer"
        return found

    def _start(self, name: str, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _make_bus(self, url: str, password: str) -> Bus:
        broker = self._settings.broker
        username = broker.username or CENTRE
        security = Security(broker.ca_file, broker.certificate_file)
        account = Account(url, f"centre-{secrets.token_hex(8)}", username, password, security, broker.protocol)
        return Bus(
            account,
            [*wire.FROM_STATIONS, wire.FROM_POLICE],
            on_message=self._intake.take,
            on_up=self._bus_up,
            on_down=lambda: self._metrics.bus_up.set(0),
            on_published=self._deliveries.published,
            will=Will(wire.CENTRE_STATUS, self._announcement("lost")),
        )

    def _surface(self) -> Parts:
        return Parts(
            settings=self._settings,
            database=self._database,
            master=self._master,
            casework=self._casework,
            slips=self._slips,
            register=self._register,
            desk=self._desk,
            indicators=self._indicators,
            month_ends=self._month_ends,
            commands=self._commands,
            policies=self._policies,
            runs=self._runs,
            sending=self._sending,
            live=self._live,
            registry=self._metrics.registry,
            vital=self.parts,
            take_answer=self._take_answer,
            work_changed=self._work_changed,
            register_changed=self._register_changed,
        )

    def _bus_up(self) -> None:
        self._metrics.bus_up.set(1)
        self._bus.publish(wire.CENTRE_STATUS, self._announcement("online"), retain=True)
        self._deliveries.bus_up()

    def _announcement(self, state: str) -> bytes:
        return wire.encode({"state": state, "epoch": self._epoch})

    def _send_to_station(self, community: str, station: str, leaf: str, plain: bytes) -> bool:
        """Wrap a message for a station and publish it; a station that is away asks again when it is back."""
        peer = self._stations.now(station) if leaf == "roster" else self._stations.find(station)
        if peer is None or peer.revoked:
            return False
        topic = StationTopics(community, station)(leaf)
        return self._bus.publish(topic, peer.down.wrap(topic, plain)) is not None

    def _take_answer(self, connection: Connection, answer: wire.Answer, police_station: str) -> None:
        done = self._slips.answer(connection, answer, police_station, self._casework.now())
        if done.registered is not None:
            today = self._casework.today()
            by = By(answer.actor, self._casework.now(), f"slip {answer.id}")
            self._register.registered_by_answer(connection, by, done.community, done.registered, today, answer.receipt)
            after_commit(connection, self._rosters.changed)
        if done.closed:
            self._casework.closed(connection)

    def _work_changed(self) -> None:
        self._indicators.changed()
        self._deliveries.wake()
        self._changed.set()
        self._live.changed()

    def _register_changed(self) -> None:
        self._rosters.changed()
        self._work_changed()

    def _begin_anew(self) -> None:
        self.again = True
        if self._stop is not None:
            self._stop.set()

    def _look(self, stop: threading.Event) -> None:
        """Sweep and check visitors out when it is due; mark how far the database is once a second."""
        visitors_due = 0.0
        while not stop.is_set():
            try:
                self._sweep.turn()
            except Exception:  # the next look must come although this one failed
                log.exception("the sweep failed")
            if time.monotonic() >= visitors_due:
                visitors_due = time.monotonic() + VISITORS_EVERY_S
                self._settle_visitors()
            if self._changed.is_set():
                self._changed.clear()
                self._keep_mark()
            stop.wait(LOOK_EVERY_S)

    def _forget(self, stop: threading.Event) -> None:
        """Delete what is over its time, beside the others: the first run of a large district takes minutes."""
        retention = Retention(self._database, self._master, self._casework, stop)
        while not stop.is_set():
            try:
                retention.turn()
            except Exception:  # the next turn must come although this one failed
                log.exception("the retention failed")
            stop.wait(LOOK_EVERY_S)

    def _count(self, stop: threading.Event) -> None:
        """Count the indicators when something may have changed, and freeze the month that has ended."""
        while not stop.is_set():
            try:
                if self._indicators.turn():
                    self._month_ends.turn()
            except Exception:  # the next turn must come although this one failed
                log.exception("the figures failed")
            stop.wait(LOOK_EVERY_S)

    def _settle_visitors(self) -> None:
        try:
            with self._database.write() as connection:
                out = self._visitors.settle(connection, By("system", self._casework.now()))
        except OperationalError as error:
            log.warning("visitors wait for the database: %s", error.orig)
            return
        if out:
            self._register_changed()

    def _keep_mark(self) -> None:
        try:
            self._mark.keep(self._database)
        except Older:
            self._begin_anew()
        except DBAPIError as error:
            log.warning("the mark waits for the database: %s", error.orig)


def enrol_own_data(database: Database, settings: Settings) -> None:
    """Put the communities of the configuration into the database."""
    rows = [one.model_dump(mode="python") | {"targets": _targets(one)} for one in settings.communities]
    with database.write() as connection:
        streams.put_communities(connection, rows)


def _targets(community: Community) -> dict[str, float] | None:
    return {one.value: target for one, target in community.targets.items()} or None
