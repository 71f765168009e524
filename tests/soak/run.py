"""`make soak`: readers of mixed kinds for a long time, lines pulled and pcscd killed at random; ends with one line.

The readers, under the station's own supervision, are in this process; what stands at the other ends is in others. The
seed decides what is pulled and when. Exit 1 when a read was lost on a line that was well, or came twice, or of nobody,
or when a descriptor or a thread was left behind.
"""

import argparse
import json
import logging
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import IO

from drivers.api import CardRead, DeviceFact, ReaderEvent, ReaderFault
from drivers.registry import find, settings_for
from gateway.station.console.view import Health
from gateway.station.readers import Place, Supervised, open_driver
from simulators import pcscd
from simulators.card import type_a
from simulators.pcscd import PrivatePcscd
from simulators.people import number_of
from tests.daemon import private_pcscd, reader_url
from tests.soak.far_end import KEY
from tests.soak.ledger import Presented, ReaderLedger

LINES = ("sam", "sam", "sam", "sam", "wiegand", "wiegand", "wiegand", "ascii", "ascii", "osdp+osdp", "osdp")
SLOTS = 4
PACE_S = 0.5
LIES_S = 0.3
"""A card lies at least so long, and until it is read: people wait for the beep."""
PATIENCE_S = 5.0
SETTLE_S = 3.0
RECOVERS_S = 10.0
"""An OSDP reader that was held up is heard again within so long: its channel is made anew."""
DRIVERS = {"sam": "ga467", "wiegand": "wiegand", "ascii": "ascii-line", "osdp": "osdp", "pcsc": "pcsc"}
TABLES: dict[str, dict[str, object]] = {"sam": {"period_ms": 100}, "osdp": {"key": KEY}}


def card_of(kind: str, reader: int, number: int) -> str:
    """A card that nobody has, and no other reader sees."""
    if kind == "sam":
        born = date(1900, 1, 1) + timedelta(days=number // 1000)
        return number_of(f"5100{reader:02d}{born:%Y%m%d}{number % 1000:03d}")
    if kind == "ascii":
        return f"{reader:02d}{number:08d}"
    return f"{0x10 + reader:02X}{number + 1:06X}"


@dataclass(slots=True)
class One:
    """One reader of the soak."""

    kind: str
    number: int
    line: int | None
    address: int
    url: str
    ledger: ReaderLedger = field(default_factory=ReaderLedger)
    lying: str = ""
    """The card that lies there, and whether it was read."""
    read: threading.Event = field(default_factory=threading.Event)
    device: Supervised | None = None
    ready: list[float] = field(default_factory=list)
    """When an OSDP reader said who it is: its channel stood again."""
    late_cards: int = 0
    faults: list[tuple[float, str]] = field(default_factory=list)

    def supervise(self) -> Supervised:
        driver = find(DRIVERS[self.kind])
        settings = settings_for(driver, TABLES.get(self.kind, {}))
        self.device = Supervised(
            Place(f"{self.kind}-{self.number}", "reader", "gate", sees_lying=driver.sees_lying),
            lambda: open_driver(driver, self.url, settings, None),
            heard=self._heard,
            changed=self._changed,
            counted=self._counted,
        )
        return self.device

    def _counted(self, _id: str, event: ReaderEvent) -> None:
        if isinstance(event, DeviceFact) and event.name == "osdp_identity":
            self.ready.append(time.monotonic())
        elif isinstance(event, ReaderFault):
            self.faults.append((time.monotonic(), event.code))
            self.late_cards += event.code == "late_card"

    def lost(self) -> list[dict[str, object]]:
        """What is known of each card that was lost on a line that was well; times in seconds from when it was laid."""
        missing = [one for one in self.ledger.presented if not self.ledger.reads[one.card]]
        return [
            {
                "reader": f"{self.kind}-{self.number}",
                "lay_s": round(one.end - one.begin, 2),
                "faults": [(round(at - one.begin, 2), code) for at, code in self.faults if abs(at - one.begin) < 10.0],
                "dead": [
                    (round(begin - one.begin, 2), round(end - one.begin, 2))
                    for begin, end in self.ledger.dead
                    if begin < one.end + 5.0 and end > one.begin - 5.0
                ],
            }
            for one in missing
            if not self.ledger.to_dead_line(one)
        ]

    def held_up(self, begin: float, end: float) -> None:
        """Its far end was held up: it was away until its channel stood again, where that was lost."""
        again = [at for at in self.ready if begin < at < end + RECOVERS_S]
        self.ledger.dead.append((begin, max([end, *again[:1]])))

    def _heard(self, _id: str, card: CardRead, _now: float) -> None:
        self.ledger.reads[card.credential.number] += 1
        if card.credential.number == self.lying:
            self.read.set()

    def _changed(self) -> None:
        if self.device is not None and self.device.view().health is Health.OK:
            self.ledger.well(time.monotonic())


class FarEnd:
    """The process of the far ends."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.soak.far_end", str(folder), *LINES]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lock = threading.Lock()
        if self._process.stdout is None or self._process.stdout.readline() != "ready\n":
            raise RuntimeError("the far ends did not start")
        self.held_up: list[tuple[int, float, float]] = []
        """Lines whose OSDP readers were held up, from when to when."""
        self._listener = threading.Thread(target=self._listen, args=(self._process.stdout,), name="far end")
        self._listener.start()

    def do(self, do: str, line: int, **more: object) -> None:
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"do": do, "line": line} | more) + "\n")
            self._process.stdin.flush()

    def _listen(self, said: IO[str]) -> None:
        for line in said:
            late = json.loads(line)
            self.held_up.append((late["line"], late["begin"], late["end"]))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10.0)
        self._listener.join()
        self._process.stdout.close()


class Soak:
    """Presents, pulls and kills for `seconds`. `daemon` is None where there is no pcscd."""

    def __init__(self, far: FarEnd, daemon: PrivatePcscd | None, folder: Path, seed: int) -> None:
        self.far = far
        self._daemon = daemon
        self._daemon_lock = threading.Lock()
        self._random = random.Random(seed)
        self.cuts = self.kills = 0
        self.readers: list[One] = []
        for line, kinds in enumerate(LINES):
            for address, kind in enumerate(kinds.split("+")):
                url = f"{folder / f'line-{line}'}" + (f"#{address}" if kind == "osdp" else "")
                self.readers.append(One(kind, len(self.readers), line, address, url))
        for slot in range(SLOTS if daemon is not None else 0):
            self.readers.append(One("pcsc", len(self.readers), None, slot, reader_url(slot)))

    def work(self, seconds: float, cut_every_s: float, kill_every_s: float) -> None:
        """Run everything for so long, and let what is under way arrive."""
        stop = threading.Event()
        acts: list[Callable[[], None]] = [partial(self._present, one, stop) for one in self.readers]
        acts.append(partial(self._pull, stop, cut_every_s))
        if self._daemon is not None:
            acts.append(partial(self._kill, stop, kill_every_s))
        threads = [threading.Thread(target=act, name="soak") for act in acts]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        stop.set()
        for thread in threads:
            thread.join()
        time.sleep(SETTLE_S)
        for one in self.readers:
            one.ledger.close(time.monotonic())
            for line, begin, end in self.far.held_up:
                if line == one.line:
                    one.held_up(begin, end)

    def _present(self, one: One, stop: threading.Event) -> None:
        stop.wait(one.number * PACE_S / len(self.readers))
        number = 0
        while not stop.is_set():
            begin = time.monotonic()
            shown = Presented(card_of(one.kind, one.number, number), begin, begin + PATIENCE_S)
            number += 1
            one.ledger.presented.append(shown)
            one.read.clear()
            one.lying = shown.card
            self._lay(one, shown.card)
            if one.kind in ("sam", "pcsc"):
                one.read.wait(PATIENCE_S)
                time.sleep(max(0.0, begin + LIES_S - time.monotonic()))
                self._lift(one)
            shown.end = time.monotonic()
            stop.wait(max(0.05, begin + PACE_S - time.monotonic()))

    def _lay(self, one: One, card: str) -> None:
        if one.line is not None:
            self.far.do("present", one.line, address=one.address, card=card)
        elif self._daemon is not None:
            with self._daemon_lock:
                self._daemon.put(one.address, type_a(bytes.fromhex(card)))

    def _lift(self, one: One) -> None:
        if one.line is not None:
            self.far.do("lift", one.line)
        elif self._daemon is not None:
            with self._daemon_lock:
                self._daemon.lift(one.address)

    def _pull(self, stop: threading.Event, every_s: float) -> None:
        while not stop.wait(self._random.uniform(0.5, 1.5) * every_s):
            line = self._random.randrange(len(LINES))
            hit = [one for one in self.readers if one.line == line]
            self._for_all(hit, ReaderLedger.pull)
            self.far.do("cut", line)
            self.cuts += 1
            time.sleep(self._random.uniform(0.2, 3.0))
            self._for_all(hit, ReaderLedger.restore)
            self.far.do("restore", line)

    def _kill(self, stop: threading.Event, every_s: float) -> None:
        hit = [one for one in self.readers if one.line is None]
        while not stop.wait(self._random.uniform(0.5, 1.5) * every_s):
            with self._daemon_lock:
                assert self._daemon is not None
                self._for_all(hit, ReaderLedger.pull)
                self._daemon.kill()
                self.kills += 1
                time.sleep(self._random.uniform(0.2, 1.0))
                self._daemon.start()
                self._for_all(hit, ReaderLedger.restore)

    def _for_all(self, hit: list[One], act: Callable[[ReaderLedger, float], None]) -> None:
        for one in hit:
            act(one.ledger, time.monotonic())


def held() -> tuple[int, int]:
    """Open descriptors and threads of this process."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def rss_mb() -> float:
    """Memory of this process now."""
    words = Path("/proc/self/statm").read_text("ascii").split()
    return round(int(words[1]) * resource.getpagesize() / 1e6, 1)


def soak(seconds: float, seed: int, *, cut_every_s: float = 4.0, kill_every_s: float = 45.0) -> dict[str, object]:
    """Run it and return the figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        daemon = stack.enter_context(private_pcscd(SLOTS)) if pcscd.available() else None
        far = FarEnd(folder)
        stack.callback(far.close)
        found = Soak(far, daemon, folder, seed)
        before = held()
        devices = [one.supervise() for one in found.readers]
        for device in devices:
            device.start()
        _until(lambda: all(device.view().health is Health.OK for device in devices), 30.0)
        begun, cpu, memory = time.monotonic(), time.process_time(), rss_mb()
        found.work(seconds, cut_every_s, kill_every_s)
        took, used = time.monotonic() - begun, time.process_time() - cpu
        after_memory = rss_mb()
        for device in devices:
            device.stop()
        for device in devices:
            device.join()
        with suppress(AssertionError):
            _until(lambda: held() == before, 5.0)
        after = held()
    return figures(found, seconds, seed, took, used) | {
        "descriptors": [before[0], after[0]],
        "threads": [before[1], after[1]],
        "rss_mb": [memory, after_memory],
    }


def figures(found: Soak, seconds: float, seed: int, took: float, used: float) -> dict[str, object]:
    sums: dict[str, int] = {}
    by_kind: dict[str, dict[str, int]] = {}
    for one in found.readers:
        kind = by_kind.setdefault(one.kind, {})
        for name, count in one.ledger.sums().items():
            sums[name] = sums.get(name, 0) + count
            kind[name] = kind.get(name, 0) + count
    return {
        "seconds": seconds,
        "seed": seed,
        "readers": len(found.readers),
        **sums,
        "by_kind": by_kind,
        "what_is_known_of_lost_cards": [card for one in found.readers for card in one.lost()],
        "cuts": found.cuts,
        "daemon_kills": found.kills,
        "osdp_readers_held_up": len(found.far.held_up),
        "osdp_cards_refused_as_late": sum(one.late_cards for one in found.readers),
        "reads_per_second": round(sums["read"] / seconds, 1),
        "back_s": back_of(found),
        "cpu_percent": round(100 * used / took, 1),
    }


def back_of(found: Soak) -> dict[str, dict[str, float]]:
    """From when a line, or the daemon, was back until its reader was: median and longest by kind, in seconds."""
    by_kind: dict[str, list[float]] = {}
    for one in found.readers:
        by_kind.setdefault(one.kind, []).extend(one.ledger.back_s)
    return {
        kind: {"times": len(took), "median": round(median(took), 2), "longest": round(max(took), 2)}
        for kind, took in by_kind.items()
        if took
    }


def good(result: dict[str, object]) -> bool:
    """Whether nothing is wrong with it."""
    (fds_before, fds_after), (threads_before, threads_after) = result["descriptors"], result["threads"]  # type: ignore[misc]
    wrong = [result[name] for name in ("lost", "twice", "of_nobody")]
    return not any(wrong) and fds_after <= fds_before and threads_after <= threads_before


def _until(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "the readers did not come up"
        time.sleep(0.02)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=15.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level="ERROR")
    result = soak(60 * options.minutes, options.seed)
    print(json.dumps(result))
    return 0 if good(result) else 1


if __name__ == "__main__":
    sys.exit(main())
