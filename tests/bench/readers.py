"""Readers: from the last byte of a card to the first byte of its verdict, and what connected readers cost when idle.

The station is the program itself in a process of its own, with a broker; sixteen readers of all kinds, each with its
portal and relay, are at the other ends of pseudo-terminals here, two of them on a pcscd of their own. A card on an OSDP
reader is the reply that carries it; one on a PC/SC reader is what the card says last. The reference is a program that
only echoes, on as many pseudo-terminals, asked as often: that is what the machine takes for the way there and back.
"""

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from gateway.broker import Accounts, StationAccount
from gateway.keys import write_secret
from gateway.station import roster as roster_files
from rules.model import token_of
from tests import brokers
from tests.bench.harness import Candidate, Results, Section, Summary, percentile
from tests.bench.lanes import ASKED_EVERY_S, DRIVERS, KINDS, SETTINGS, Lane, Pty, lane
from tests.daemon import private_pcscd
from tests.gateway import rosters
from tests.ports import free_port
from tests.waiting import until

COMES_BACK_S = 3.0
"""Nobody answered a station while another was measured: its readers are heard again within so long."""
PULSE_S = 0.2
LATE_S = 2.0
ROUND_S, QUICK_ROUND_S = 8.0, 5.0
ECHO = """
import os, sys, threading
def echo(path):
    line = os.open(path, os.O_RDWR | os.O_NOCTTY)
    while data := os.read(line, 4096):
        os.write(line, data)
threads = [threading.Thread(target=echo, args=(path,), daemon=True) for path in sys.argv[1:]]
for thread in threads: thread.start()
print("ready", flush=True)
sys.stdin.read()
"""
OPENED = b"\xa0\x01\x01\xa2"


def configuration(lanes: list[Lane], port: int, relays: bool) -> str:
    """A station with a portal and a reader for each lane, and a relay where there are any."""
    text = f'data = "data"\nlog_level = "WARNING"\n[station]\nname = "{rosters.STATION}"\nport = {port}\n'
    for one in lanes:
        settings = SETTINGS.get(one.kind, "") if relays or one.kind != "sam" else ""
        opener = f'opener = "o{one.number}"' if relays else ""
        text += f"""
[[portals]]
id = "p{one.number}"
name = "p{one.number}"
attended = "00:00-24:00"
unattended = "grant"
{opener}
pulse_seconds = {PULSE_S}
[[readers]]
id = "r{one.number}"
portal = "p{one.number}"
direction = "in"
driver = "{DRIVERS[one.kind]}"
url = "{one.url}"
[readers.settings]
{settings}
"""
        if relays:
            text += f"""
[[outputs]]
id = "o{one.number}"
driver = "relay-lcus"
url = "{one.opens.path}"
"""
    return text


@contextmanager
def station(
    folder: Path, lanes: list[Lane], broker: str, name: str, *, relays: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """The program, until the block ends; its readers are heard when it begins."""
    here = folder / name
    here.mkdir()
    port = free_port()
    (here / "gateway.toml").write_text(configuration(lanes, port, relays), "utf-8")
    enrolled = rosters.enrolled(broker)
    write_secret(here / "yuan-1.enrolment", enrolled.dumps())
    kept = here / "data" / f"station-{rosters.STATION}"
    kept.mkdir(parents=True)
    cards = [credential for one in lanes for credential in one.credentials]
    people = [
        replace(rosters.person(number), token=token_of(enrolled.token_key, card))
        for number, card in enumerate(cards, 1)
    ]
    roster_files.save(kept, rosters.bundle(*people))
    config = ["--config", str(here / "gateway.toml"), "--enrolment", str(here / "yuan-1.enrolment")]
    with subprocess.Popen([sys.executable, "-m", "gateway", "station", *config], stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: brokers.answers(port), within=30.0, what="a station that answers")
            yield process
        finally:
            process.terminate()
            process.wait(10.0)


def cpu_s(process: int) -> float:
    """What a process has used of the processor."""
    words = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Play:
    """Lets the lanes' devices talk, and presents a card to each in turn when `busy`."""

    def __init__(self, lanes: list[Lane]) -> None:
        self._by_line = {one.reads.near: one for one in lanes}
        self._by_relay = {one.opens.near: one for one in lanes}
        self.lanes = lanes
        self._poll = select.poll()
        for descriptor in (*self._by_line, *self._by_relay):
            self._poll.register(descriptor, select.POLLIN)

    def run(self, seconds: float, *, busy: bool) -> list[tuple[str, float]]:
        """For so long; returns how long each verdict took, in seconds, by the kind of its reader."""
        begun = time.monotonic()
        took: list[tuple[str, float]] = []
        for one in self.lanes:
            one.due, one.sent = begun + 0.1 + one.number * one.every_s / len(self.lanes), None
        while (now := time.monotonic()) < begun + seconds:
            if busy:
                self._present(now, last=begun + seconds - LATE_S)
            for descriptor, _ in self._poll.poll(2):
                data = os.read(descriptor, 4096)
                if descriptor in self._by_relay:
                    took += self._verdict(self._by_relay[descriptor], data, time.monotonic())
                elif (device := self._by_line[descriptor].device) is not None:
                    device.receive(data, now)
            for one in self.lanes:
                one.speak(time.monotonic())
        return took

    def _present(self, now: float, last: float) -> None:
        for one in self.lanes:
            if one.lift_at and now >= one.lift_at:
                one.lift()
                one.lift_at = 0.0
            if one.due <= now < last:
                one.due += one.every_s
                one.present()
                one.lift_at = now + (0.5 if one.kind == "pcsc" else 0.3)

    def _verdict(self, one: Lane, data: bytes, now: float) -> list[tuple[str, float]]:
        if OPENED not in data or one.sent is None:
            return []
        if one.daemon is not None:
            one.sent = one.daemon.answered_at(one.slot)
        took, one.sent = now - one.sent, None
        return [(one.kind, took)]


def verdicts(play: Play, seconds: float) -> Mapping[str, float]:
    """One round of busy readers."""
    play.run(COMES_BACK_S, busy=False)
    found = play.run(seconds, busy=True)
    took = [1000 * one for _, one in found]
    kinds: dict[str, float] = {}
    for kind in sorted({one.kind for one in play.lanes}):
        came = [1000 * one for of, one in found if of == kind]
        asked = sum((seconds - LATE_S) / one.every_s for one in play.lanes if one.kind == kind)
        if len(came) <= asked / 6:  # a round in which a kind hardly speaks says nothing of it
            raise RuntimeError(f"only {len(came)} verdicts of some {asked:.0f} came for {kind}")
        kinds[f"p50_{kind}_ms"] = percentile(came, 0.5)
    return {"p50_ms": percentile(took, 0.5), "p99_ms": percentile(took, 0.99), "verdicts": len(took)} | kinds


def idle(play: Play, process: int, seconds: float) -> Mapping[str, float]:
    """One round in which nothing is presented: what the process uses, in percent of a core."""
    play.run(COMES_BACK_S, busy=False)
    begun, used = time.monotonic(), cpu_s(process)
    play.run(seconds, busy=False)
    return {"percent": 100 * (cpu_s(process) - used) / (time.monotonic() - begun)}


def echoes(lines: list[Pty], seconds: float) -> Mapping[str, float]:
    """One round of asking the program that only echoes, as often as the readers are asked."""
    poll = select.poll()
    for one in lines:
        poll.register(one.near, select.POLLIN)
    end, took, turn = time.monotonic() + seconds, list[float](), 0
    while time.monotonic() < end:
        time.sleep(ASKED_EVERY_S / len(KINDS))
        line = lines[turn % len(lines)]
        turn += 1
        sent = time.monotonic()
        os.write(line.near, b"00112233445566\r\n")
        if not poll.poll(1000 * LATE_S):
            raise RuntimeError("the echo did not come")
        took.append(1000 * (time.monotonic() - sent))
        for late, _ in poll.poll(0):
            os.read(late, 4096)
    return {"p50_ms": percentile(took, 0.5), "p99_ms": percentile(took, 0.99)}


@contextmanager
def echo_program() -> Iterator[list[Pty]]:
    """The reference."""
    lines = [Pty() for _ in KINDS]
    command = [sys.executable, "-c", ECHO, *(one.path for one in lines)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield lines
        finally:
            process.kill()
    for one in lines:
        one.close()


@contextmanager
def opened(quick: bool) -> Iterator[Mapping[str, Candidate]]:
    seconds = QUICK_ROUND_S if quick else ROUND_S
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        word = rosters.enrolled().keys.broker_password()
        accounts = Accounts("c" * 16, (StationAccount(rosters.STATION, rosters.COMMUNITY, word),), {})
        broker = stack.enter_context(brokers.running(folder / "broker", accounts))
        daemon = stack.enter_context(private_pcscd(2 * KINDS.count("pcsc"))) if "pcsc" in KINDS else None
        lanes, quiet = (
            [lane(kind, number, daemon, first + KINDS[:number].count("pcsc")) for number, kind in enumerate(KINDS)]
            for first in (0, KINDS.count("pcsc"))
        )
        for one in (*lanes, *quiet):
            stack.callback(one.reads.close)
            stack.callback(one.opens.close)
        stack.enter_context(station(folder, lanes, broker.url, "busy"))
        idling = stack.enter_context(station(folder, quiet, broker.url, "idle", relays=False))
        none = stack.enter_context(station(folder, [], broker.url, "none"))
        play, waits, nothing = Play(lanes), Play(quiet), Play([])
        play.run(3.0, busy=True)  # files are made, caches are warm
        yield {
            "echo on 16 ptys": partial(echoes, stack.enter_context(echo_program()), seconds),
            "16 readers busy": partial(verdicts, play, seconds),
            "16 readers idle": partial(idle, waits, idling.pid, seconds),
            "no readers": partial(idle, nothing, none.pid, seconds),
        }


def sum_up(results: Results) -> Summary:
    busy, echo = results["16 readers busy"], results["echo on 16 ptys"]
    cost = results["16 readers idle"]["percent"].median - results["no readers"]["percent"].median
    return Summary(
        ratios={"verdict_p50_vs_pty_echo": busy["p50_ms"].median / echo["p50_ms"].median},
        absolute={"verdict_p99_ms": busy["p99_ms"].median, "readers_idle_percent": cost},
    )


SECTION = Section(
    "readers",
    "last byte of a card to first byte of its verdict against a bare echo; sixteen idle readers against none",
    opened,
    sum_up,
)
