"""`make demo`: the real program on simulated hardware, with the people around it. Nothing in the program knows.

pty ─ SAM readers, card readers, scanner, relays ─ gateway run (broker, centre, station 滨河苑)
a second station, 沿江苑, comes back after six days and sends its backlog over the same bus
guard, property office, grid worker, reviewer and a police platform use pages, API and MQTT
"""

import argparse
import ctypes
import fcntl
import json
import logging
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path

from simulators import backlog, papers, staff
from simulators.actors import Api, Guard, Office, PolicePlatform, Refused, put_in_parts, put_list
from simulators.compound import Compound, binhe, yanjiang
from simulators.hardware import Hardware, SmallHardware
from simulators.papers import POLICE_STATION, Ports
from simulators.rhythm import CHINA, day, flow

log = logging.getLogger("demo")

DAYS_AWAY = 6
PACE_S = 1.2
STOP_S = 2.8
PART = 400
READER_DIES_AFTER_S = 90.0
READER_DEAD_S = 15.0


class Failed(Exception):
    """The demonstration cannot go on; the text says why."""


class Demo:
    """Everything that runs; `stop` ends it."""

    def __init__(self, folder: Path, ports: Ports, stop: threading.Event) -> None:
        self._folder = folder
        self._ports = ports
        self._stop = stop
        self._today = datetime.now(CHINA).date()
        self._first, self._second = binhe(self._today), yanjiang(self._today)
        self._centre = f"http://127.0.0.1:{ports.centre}"
        self._gate = f"http://127.0.0.1:{ports.gate}"
        self._enrolment = folder / "second.enrolment"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        self.failure: str | None = None

    def run(self, until: float | None) -> None:
        """Run until `stop`, until the monotonic time `until`, or until something fails."""
        with ExitStack() as stack:
            hardware = stack.enter_context(Hardware(self._folder / "lines", self._note_gate))
            stack.enter_context(SmallHardware(self._folder / "lines"))
            stack.callback(self._end)  # before the lines go
            tokens = papers.write_papers(self._folder, self._ports, (self._first, self._second), self._folder / "lines")
            if not self._enrolment.exists():
                self._gateway_once(
                    *("station", "enrol", f"{self._second.id}-1", "--community", self._second.id),
                    *("--out", str(self._enrolment)),
                )
            run = self._gateway("run", "--config", str(self._folder / "gateway.toml"), log_to="gateway.log")
            police = self._police()
            stack.callback(police.close)
            self._wait_for(f"{self._centre}/sign-in", run)
            apis = {role: Api(self._centre, token) for role, token in tokens.items()}
            words = staff.take_up(self._folder / "accounts.json", self._centre, apis["security"], self._first.id)
            self._say_hello(police, words)
            self._start("lists", lambda: self._put_lists_and_bring_back_the_second(apis))
            self._start("people", lambda: self._people(hardware))
            self._start("office", lambda: self._office(apis, police))
            self._start("fault", lambda: self._fault(hardware))
            while not self._stop.wait(0.1):
                if until is not None and time.monotonic() >= until:
                    return
                if run.poll() is not None:
                    raise Failed(f"gateway run ended with {run.returncode}; see {self._folder / 'gateway.log'}")

    def _put_lists_and_bring_back_the_second(self, apis: dict[str, Api]) -> None:
        self._put_lists(apis, self._second, self._moved_in_while_away)
        second = self._bring_back_the_second()
        self._put_lists(apis, self._first, lambda person: person.since)
        while not self._stop.wait(1.0):  # it was started by this thread, and a child dies with its thread
            if second is not None and second.poll() is not None:
                log.warning("%s ended with %d and is started again", self._second.name, second.returncode)
                second = self._second_station()

    def _put_lists(self, apis: dict[str, Api], compound: Compound, since: Callable[..., date]) -> None:
        """The property enrols its residents; the lists of registrations and of addresses are imported."""
        rows = [papers.enrolment_row(person, since(person)) for person in compound.residents]
        rows += [papers.enrolment_row(other) for other in compound.others if other.cast != "courier-chen"]
        rows += [papers.visitor_row(code, self._today) for code in compound.visitor_codes]
        path = f"/communities/{compound.id}"
        enrolled = put_in_parts(apis["property"], f"{path}/enrolments", rows, PART)
        listed = [papers.registration_row(person, self._today) for person in compound.residents if person.registered]
        as_of = (self._today - timedelta(days=1)).isoformat()
        known = put_in_parts(apis["administrator"], f"{path}/registrations", listed, PART, as_of=as_of, complete=False)
        homes = put_list(apis["property"], path, "dwellings", papers.dwellings_list(compound), self._stop)
        said = (compound.name, enrolled, known, homes)
        log.info("%s: %d people enrolled, %d registrations and %d dwellings with their addresses imported", *said)
        for person in compound.residents:
            if person.protected:
                _protect(apis["reviewer"], path, person.name)

    def _moved_in_while_away(self, person: object) -> date:
        """In the second compound, whoever is not registered moved in while its line was down."""
        since: date = getattr(person, "since")  # noqa: B009 - a person of either compound
        away = self._today - timedelta(days=DAYS_AWAY)
        return max(since, away) if not getattr(person, "registered") else since  # noqa: B009

    def _bring_back_the_second(self) -> subprocess.Popen[bytes] | None:
        """Six days without a line, then back: the station has its roster, decided alone, and sends what it recorded."""
        marker = self._folder / "second.was-away"
        if not marker.exists():
            early = self._second_station()
            roster = self._folder / "data" / f"station-{self._second.id}-1" / "roster.2"
            while not roster.exists() and not self._stop.wait(0.05):
                if early.poll() is not None:
                    raise Failed(f"the second station ended with {early.returncode}; see second.log")
            _terminate([early], STOP_S)
            days = [day(self._second, self._today - timedelta(days=back)) for back in range(DAYS_AWAY, 0, -1)]
            count = backlog.write(self._folder / "second.toml", self._enrolment, chain.from_iterable(days))
            marker.touch()
            log.info("%s was away for %d days and recorded %d swipes", self._second.name, DAYS_AWAY, count)
        return None if self._stop.is_set() else self._second_station()

    def _second_station(self) -> subprocess.Popen[bytes]:
        config = str(self._folder / "second.toml")
        return self._gateway("station", "--config", config, "--enrolment", str(self._enrolment), log_to="second.log")

    def _note_gate(self, portal: str, seconds: float) -> None:
        """What the relay boards say of the gates: when each stood open, and for how long."""
        with (self._folder / "gates.log").open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(CHINA):%H:%M:%S} {portal} stood open for {seconds:.2f} s\n")

    def _people(self, hardware: Hardware) -> None:
        """Residents, couriers and visitors come and go; the guard sees to whoever the gate does not open for."""
        guard = Guard(self._gate)
        self._wait_for(f"{self._gate}/gate", None)
        for presentation in flow(self._first, datetime.now(CHINA), PACE_S):
            if self._stop.wait(max((presentation.at - datetime.now(CHINA)).total_seconds(), 0.0)):
                return
            portal, opened = hardware.walk_through(presentation, self._stop)
            if not opened and presentation.inward and not self._stop.wait(1.0):
                guard.let_in(portal)

    def _office(self, apis: dict[str, Api], police: PolicePlatform) -> None:
        office = Office(apis["worker"], apis["reviewer"])
        while not self._stop.wait(1.0):
            try:
                office.work()
            except (Refused, OSError) as error:
                log.warning("the office could not work: %s", error)
            police.work()

    def _fault(self, hardware: Hardware) -> None:
        """Now and then a reader is unplugged for a while."""
        while not self._stop.wait(READER_DIES_AFTER_S):
            hardware.lines["west-out"].cut()
            log.info("the card reader west-out was unplugged")
            self._stop.wait(READER_DEAD_S)
            hardware.lines["west-out"].restore()

    def _police(self) -> PolicePlatform:
        printed = self._gateway_once("broker", "accounts")
        account = json.loads(printed.splitlines()[0])
        return PolicePlatform(POLICE_STATION, self._ports.broker, account["username"], account["password"])

    def _say_hello(self, police: PolicePlatform, words: dict[str, str]) -> None:
        watch = (
            f"mosquitto_sub -p {self._ports.broker} -u {police.username} -P {police.password} -t '{police.topic}' -v"
        )
        print(
            f"""
  gate console  岗亭    {self._gate}/gate
  centre        中心    {self._centre}/        sign in as one of these (passwords are of this run):
{staff.table(words)}
  health, metrics       {self._centre}/healthz  {self._centre}/metrics
  what the police get   {watch}
  logs and data         {self._folder}   (gates.log: when each gate stood open)
  English: add ?lang=en   ·   Ctrl-C stops everything
""",
            flush=True,
        )

    def _gateway(self, *arguments: str, log_to: str) -> subprocess.Popen[bytes]:
        with (self._folder / log_to).open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "gateway", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call
            )
        self._processes.append(process)
        return process

    def _gateway_once(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "gateway", *arguments, "--config", str(self._folder / "gateway.toml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{shlex.join(command[2:])}: {done.stderr.strip()}")
        return done.stdout

    def _start(self, name: str, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - the edge of a thread: the demonstration ends and says why
                if not self._stop.is_set():
                    self.failure = f"{name}: {type(error).__name__}: {error}"
                    self._stop.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _wait_for(self, url: str, process: subprocess.Popen[bytes] | None) -> None:
        deadline = time.monotonic() + 30
        while not self._stop.wait(0.1):
            if process is not None and process.poll() is not None:
                raise Failed(f"gateway run ended with {process.returncode}; see {self._folder / 'gateway.log'}")
            try:
                with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own loopback
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise Failed(f"{url} does not answer; see {self._folder / 'gateway.log'}") from None

    def _end(self) -> None:
        self._stop.set()
        _terminate(list(reversed(self._processes)), STOP_S)
        for thread in self._threads:
            thread.join(0.2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration; 0 when it ended as asked, 1 when it could not go on, 2 for wrong use."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8080, help="the centre's pages; the gate console is one above")
    parser.add_argument("--data", type=Path, help="a folder to keep; default: a fresh temporary one")
    parser.add_argument("--seconds", type=float, help="end after so many seconds; default: on Ctrl-C")
    options = parser.parse_args(arguments)
    until = time.monotonic() + options.seconds if options.seconds else None
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        ports = _ports(options.port)
    except (OSError, OverflowError) as error:
        print(f"port {options.port} or one of the two above it cannot be had: {error}", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        try:
            if options.data is None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xiaoqu-demo-")))
            else:
                folder = options.data.resolve()
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = stack.enter_context((folder / "demo.lock").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            print(f"the data folder cannot be had, or another demonstration uses it: {error}", file=sys.stderr)
            return 2
        return _run(Demo(folder, ports, stop), until)


def _run(demo: Demo, until: float | None) -> int:
    try:
        demo.run(until)
    except Failed as error:
        demo.failure = str(error)
    if demo.failure:
        print(demo.failure, file=sys.stderr)
        return 1
    return 0


def _ports(first: int) -> Ports:
    """The three ports that were asked for, and the next above them that is free, for the broker."""
    with ExitStack() as held:
        for port in range(first, first + 3):
            held.enter_context(_probed(port))
        for port in range(first + 3, first + 100):
            with suppress(OSError), _probed(port):
                return Ports(first, first + 1, first + 2, port)
    raise OSError("no port above them is free for the broker")


def _probed(port: int) -> socket.socket:
    """A socket that stands at a port for a moment."""
    probe = socket.socket()
    try:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
    except (OSError, OverflowError):
        probe.close()
        raise
    return probe


def _protect(reviewer: Api, path: str, name: str) -> None:
    """A reviewer protects the record of whoever has this name (人身安全保护)."""
    for row in reviewer.call("GET", f"{path}/residents?name={urllib.parse.quote(name)}"):
        body = {"protected": True, "why": "演示"}
        reviewer.call("POST", f"{path}/residents/{row['person']}/protected", body)


def _terminate(processes: Sequence[subprocess.Popen[bytes]], within: float) -> None:
    deadline = time.monotonic() + within
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
