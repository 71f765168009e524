"""Intake: a swipe on the bus, stored for good and acknowledged; the gateway against what an integrator would build.

Eight stations, each on a connection of its own, send what was made before the clock runs. `per_second` is a closed loop
with 512 swipes that wait for their acknowledgement; the latencies are of an open loop at a steady rate, from when a
swipe was due to be sent to its acknowledgement. The gateway is the program itself with a register of a million people,
envelopes, cases and all; the rivals are `tests.bench.rivals`. Every swipe sent was acknowledged, or the round fails.
"""

import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from gateway import wire
from gateway.wire import Held, Hello, SwipeRecord, Swipes
from tests.bench import register, rivals
from tests.bench.harness import Candidate, Results, Section, Summary, percentile
from tests.bench.mqtt311 import Client, publication
from tests.load.fleet import SimulatedStation
from tests.load.run import District, cpu
from tests.ports import free_port
from tests.waiting import until

LANES, WINDOW = 8, 512
GROUP, BACKLOG = 8, 250
PEOPLE, QUICK_PEOPLE = 1_000_000, 20_000
AT_ONCE = {"gateway": 8_000, "reference": 8_000, "script": 1_200, "script-wal": 4_000, "echo": 12_000}
STEADY_S, QUICK_STEADY_S = 8.0, 3.0
ACKNOWLEDGED_S = 60.0
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Lane:
    """One connection. `next(n)` is a packet with n more swipes, `upto(topic, payload)` how far an answer reaches."""

    client: Client
    next: Callable[[int], bytes]
    upto: Callable[[str, bytes], int]
    sent: int = 0
    done: int = 0
    due: deque[tuple[int, float]] = field(default_factory=deque)
    """Of what is measured: up to which swipe, and when it was to be sent."""


class Load:
    """All lanes over one selector."""

    def __init__(self, lanes: list[Lane]) -> None:
        self.lanes = lanes
        self._selector = selectors.DefaultSelector()
        for one in lanes:
            self._selector.register(one.client.socket, selectors.EVENT_READ, one)

    def close(self) -> None:
        self._selector.close()
        for one in self.lanes:
            one.client.socket.close()

    def take(self, timeout: float, latencies: list[float] | None = None) -> None:
        """Whatever has been acknowledged."""
        for key, _ in self._selector.select(timeout):
            lane: Lane = key.data
            for topic, payload in lane.client.received():
                lane.done = max(lane.done, lane.upto(topic, payload))
            now = time.perf_counter()
            while lane.due and lane.due[0][0] <= lane.done:
                _, due = lane.due.popleft()
                if latencies is not None:
                    latencies.append((now - due) * 1000)

    def settle(self, latencies: list[float] | None = None) -> None:
        """Until all that was sent is acknowledged."""
        deadline = time.monotonic() + ACKNOWLEDGED_S
        while any(one.done < one.sent for one in self.lanes):
            self.take(0.1, latencies)
            if time.monotonic() > deadline:
                left = sum(one.sent - one.done for one in self.lanes)
                raise RuntimeError(f"{left} swipes were not acknowledged within {ACKNOWLEDGED_S:.0f} s")


def at_once(load: Load, swipes: int, group: int) -> float:
    """Swipes a second, so many waiting at a time."""
    each = swipes // LANES // group
    packets = [[one.next(group) for _ in range(each)] for one in load.lanes]
    window = max(WINDOW // LANES, group)
    begun = time.perf_counter()
    left = [each] * LANES
    while any(left):
        for n, lane in enumerate(load.lanes):
            many = min(left[n], max(0, (window - (lane.sent - lane.done)) // group))
            if many:
                first = each - left[n]
                lane.client.send(b"".join(packets[n][first : first + many]))
                lane.sent += many * group
                left[n] -= many
        load.take(0.5)
    load.settle()
    return each * LANES * group / (time.perf_counter() - begun)


def steady(load: Load, rate: float, seconds: float) -> list[float]:
    """Milliseconds from when each swipe was due to its acknowledgement, at a rate."""
    count = int(rate * seconds)
    packets = [load.lanes[n % LANES].next(1) for n in range(count)]
    latencies: list[float] = []
    begun = time.perf_counter()
    for n, packet in enumerate(packets):
        due = begun + n / rate
        while (wait := due - time.perf_counter()) > 0:
            load.take(wait, latencies)
        lane = load.lanes[n % LANES]
        lane.sent += 1
        lane.due.append((lane.sent, due))
        lane.client.send(packet)
    load.settle(latencies)
    return latencies


def measured(load: Load, name: str, pid: int, seconds: float) -> dict[str, float]:
    """One round of a candidate."""
    found: dict[str, float] = {}
    before = cpu(pid)
    found["per_second"] = at_once(load, AT_ONCE[name], 1)
    found["cpu_us"] = (cpu(pid) - before) / AT_ONCE[name] * 1e6
    if name == "gateway":
        found["group_per_second"] = at_once(load, AT_ONCE[name], GROUP)
        found["backlog_per_second"] = at_once(load, LANES * 8 * BACKLOG, BACKLOG)
    for rate in (50, 500) if name != "script" else ():
        latencies = steady(load, rate, seconds)
        found |= {f"p{p}_{rate}_ms": percentile(latencies, p / 100) for p in (50, 99)}
    status = Path(f"/proc/{pid}/status").read_text()
    found["peak_mb"] = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return found


def station_lane(one: SimulatedStation, port: int, tokens: list[bytes]) -> Lane:
    """A station of the gateway: its envelopes, its epoch, people of its compound."""
    account = (one.name, one.keys.broker_password())
    client = Client(port, f"{one.name}-{one.epoch}", [one.topics("ack")], account)
    packets = 0

    def packet(leaf: str, payload: object) -> bytes:
        nonlocal packets
        packets = packets % 65_535 + 1
        topic = one.topics(leaf)
        return publication(topic, one.up.wrap(topic, wire.encode(payload)), packets)

    def following(count: int) -> bytes:
        records = []
        for _ in range(count):
            one.seq += 1
            records.append(
                SwipeRecord(
                    seq=one.seq,
                    at=int(time.time() * 1000),
                    mono=one.seq,
                    portal="east",
                    reader="east-in",
                    direction="in",
                    verdict="grant",
                    reasons=["enrolled"],
                    kind="citizen-id",
                    token=tokens[one.seq * 7919 % len(tokens)],
                    key=1,
                    roster=1,
                    policy=1,
                )
            )
        return packet("swipe" if count <= GROUP else "swipes", Swipes(one.epoch, records))

    def upto(topic: str, payload: bytes) -> int:
        ack = msgspec.json.decode(one.down.unwrap(topic, payload), type=wire.Ack)
        return max((stream.upto for stream in ack.streams if stream.epoch == one.epoch), default=0)

    client.send(packet("hello", Hello(one.epoch, None, [Held(one.epoch, 1, 0)], 0, wire.SOFTWARE)))
    return Lane(client, following, upto)


def rival_lane(number: int, port: int, run: str) -> Lane:
    """A station as a rival knows it: JSON without an envelope, an answer for each swipe."""
    client = Client(port, f"load-{number}", [f"{rivals.VERDICTS}{number}"])
    count, answered = 0, 0

    def following(_: int) -> bytes:
        nonlocal count
        count += 1
        swipe = rivals.Swipe(f"{run}-{number}-{count}", count, "east-in", rivals.uid_of(count * 7919 % 10_000), 0)
        return publication(f"{rivals.SWIPES}{number}", msgspec.json.encode(swipe), count % 65_535 + 1)

    def upto(_topic: str, payload: bytes) -> int:
        nonlocal answered
        answered += 1
        return answered if int(payload) else 0

    return Lane(client, following, upto)


@contextmanager
def gateway(folder: Path, people: int) -> Iterator[tuple[Load, int]]:
    district = District(folder, LANES, 1)
    tokens = register.fill(district.database, district.master, people, [one.community for one in district.stations])
    with district.running() as pids:
        lanes = [
            station_lane(one, district.broker_port, mine) for one, mine in zip(district.stations, tokens, strict=True)
        ]
        load = Load(lanes)
        yield load, pids["centre"]
        load.close()
    district.database.close()


@contextmanager
def rival(kind: str, folder: Path) -> Iterator[tuple[Load, int]]:
    """A rival with a broker of its own, set up as the gateway's is where that matters."""
    port, path = free_port(), folder / f"{kind}.sqlite3"
    rivals.make(path, 10_000, wal=kind != "script")
    config = folder / f"{kind}.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\n"
        "max_inflight_messages 1000\nlog_dest none\n"
    )
    with ExitStack() as stack:
        _started(stack, ["mosquitto", "-c", str(config)])
        until(lambda: _listens(port), what="the broker")
        process = _started(stack, [sys.executable, "-m", "tests.bench.rivals", kind, str(port), str(path)])
        load = Load([rival_lane(n, port, kind) for n in range(LANES)])
        stack.callback(load.close)
        _await_answer(load)
        yield load, process.pid


def _started(stack: ExitStack, command: list[str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def _listens(port: int) -> bool:
    try:
        line = socket.create_connection(("127.0.0.1", port))
    except OSError:
        return False
    line.close()
    return True


def _await_answer(load: Load) -> None:
    """Until the rival is there: its first swipes may have come before it subscribed."""
    lane = load.lanes[0]
    deadline = time.monotonic() + ACKNOWLEDGED_S
    while not lane.done:
        lane.client.send(lane.next(1))
        load.take(0.5)
        if time.monotonic() > deadline:
            raise RuntimeError("a rival answers nothing")
    quiet = time.monotonic() + 1.0
    while time.monotonic() < quiet:
        load.take(0.2)
    lane.sent = lane.done


@contextmanager
def opened(quick: bool) -> Iterator[Mapping[str, Candidate]]:
    seconds = QUICK_STEADY_S if quick else STEADY_S
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        load, pid = stack.enter_context(gateway(folder, QUICK_PEOPLE if quick else PEOPLE))
        found: dict[str, Candidate] = {"gateway": partial(measured, load, "gateway", pid, seconds)}
        for kind in ("reference", "script", "script-wal", "echo"):
            load, pid = stack.enter_context(rival(kind, folder))
            found[kind] = partial(measured, load, kind, pid, seconds)
        yield found


def sum_up(results: Results) -> Summary:
    def of(name: str, figure: str) -> float:
        return results[name][figure].median

    live = of("gateway", "per_second")
    return Summary(
        ratios={
            "live_vs_reference": live / of("reference", "per_second"),
            "live_vs_script": live / of("script", "per_second"),
            "live_vs_script_wal_nd": live / of("script-wal", "per_second"),
            "backlog_vs_live": of("gateway", "backlog_per_second") / live,
            "p50_50_vs_echo": of("gateway", "p50_50_ms") / of("echo", "p50_50_ms"),
            "p99_50_vs_echo": of("gateway", "p99_50_ms") / of("echo", "p99_50_ms"),
            "p50_500_vs_echo": of("gateway", "p50_500_ms") / of("echo", "p50_500_ms"),
            "p99_500_vs_echo": of("gateway", "p99_500_ms") / of("echo", "p99_500_ms"),
            "p99_500_vs_script_wal_nd": of("gateway", "p99_500_ms") / of("script-wal", "p99_500_ms"),
        }
    )


SECTION = Section(
    "intake",
    "swipes stored for good and acknowledged: the gateway against an integrator's scripts, a bare pipeline and an echo",
    opened,
    sum_up,
)
