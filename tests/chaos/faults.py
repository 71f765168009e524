"""What can go wrong around a station and the centre: each function does it, undoes it, and says what was seen.

A fault lasts `seconds`.
"""

import contextlib
import json
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from simulators import backlog
from simulators.rhythm import CHINA, Medium, Presentation
from tests.chaos.lanes import Lane
from tests.chaos.site import PORTALS, Site
from tests.e2e.rig import get, mosquitto, wait_until
from tests.gateway.store.databases import Postgres
from tests.ports import free_port

LATER_S = 60.0
LIBFAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


def pause(seconds: float) -> None:
    """Let the fault last."""
    threading.Event().wait(seconds)


@dataclass(frozen=True)
class Fault:
    """A fault by name: how a site for it is made, and what is done to it.

    In full it lasts `seconds` and takes so many people with codes. People pass at all gates meanwhile, unless `alone`:
    where the station itself is stopped and copied, the fault says when somebody passes.
    """

    name: str
    seconds: float
    site: Callable[[Path, int], contextlib.AbstractContextManager[Site]]
    happens: Callable[[Site, float], str]
    codes: int = 3000
    alone: bool = False


def _plain(folder: Path, codes: int) -> Site:
    return Site(folder, codes=codes)


def _networked(folder: Path, codes: int) -> Site:
    return Site(folder, codes=codes, networked=True)


# --- the broker and the network ---------------------------------------------------------------------------------------


def broker_killed(site: Site, seconds: float) -> str:
    site.kill_broker()
    wait_until(lambda: not site.on_bus(), LATER_S, "the station notices")
    said = _parts(site, "bus")
    pause(seconds)
    site.broker = site.start_broker()
    return said


def broker_disk_full(site: Site, seconds: float) -> str:
    """A broker that keeps what passes on a disk that is full."""
    disk = site.folder / "broker-disk"
    with _small_disk(disk, "128k"):
        _fill(disk)
        site.kill_broker()
        more = f"persistence true\npersistence_location {disk}/\nautosave_on_changes true\nautosave_interval 1\n"
        other = site.folder / "broker"
        other.mkdir()
        with mosquitto(other, site.broker_port, more) as start:
            start()
            wait_until(site.on_bus, LATER_S, "the station is back")
            pause(seconds)
        site.broker = site.start_broker()
    return "nothing: the broker goes on, and nobody relies on its disk"


def network_cut(site: Site, seconds: float) -> str:
    assert site.network is not None
    site.network.cut()
    wait_until(lambda: not site.on_bus(), LATER_S, "the station notices")
    said = _parts(site, "bus")
    pause(seconds)
    site.network.restore()
    return said


def network_silent(site: Site, seconds: float) -> str:
    return _silent(site, seconds, up=True, down=True)


def network_half_open_up(site: Site, seconds: float) -> str:
    return _silent(site, seconds, up=True, down=False)


def network_half_open_down(site: Site, seconds: float) -> str:
    return _silent(site, seconds, up=False, down=True)


def _silent(site: Site, seconds: float, *, up: bool, down: bool) -> str:
    assert site.network is not None
    site.network.silence(up=up, down=down)
    pause(seconds)
    said = f"{site.unsettled()} waiting"
    site.network.restore()
    return said


# --- disks, databases, clocks -----------------------------------------------------------------------------------------


def database_locked(site: Site, seconds: float) -> str:
    with contextlib.closing(sqlite3.connect(site.centre_data / "centre.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        pause(seconds)
        said = _parts(site, "intake", centre=True)
        other.execute("ROLLBACK")
    return said


def station_disk_full(site: Site, seconds: float) -> str:
    filling = _fill(site.station_data)
    pause(seconds)
    said = _parts(site, "recorder")
    filling.unlink()
    return said


def started_on_a_full_disk(site: Site, seconds: float) -> str:
    """The station ends while its disk is full, and is started on it: the gate opens, and all is recorded later."""
    filling = _fill(site.station_data)
    site.station.end(signal.SIGTERM)
    site.station.start()
    wait_until(lambda: get(f"{site.gate_url}/gate")[0] == 200, LATER_S, "the station answers")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        site.show(lane=site.chance.randrange(len(site.lanes)), within=15)
    said = _parts(site, "recorder")
    filling.unlink()
    return said


def clock_set_back(site: Site, seconds: float) -> str:
    """A day, in the middle of the day's work."""
    (site.folder / "clock").write_text("-1d\n")
    pause(seconds)
    early = site.query("SELECT count(*) FROM swipes WHERE received - at > 80000000")[0][0]
    (site.folder / "clock").write_text("+0\n")
    return f"{early} swipes came with yesterday's time"


def postgres_killed(site: Site, seconds: float) -> str:
    server = _servers[site.database]
    server.kill()
    pause(seconds)
    said = _parts(site, "database", centre=True)
    server.start()
    return said


# --- copies -----------------------------------------------------------------------------------------------------------


def centre_restored(site: Site, seconds: float) -> str:
    """Everything of the last 12 hours came in after the backup; then the backup is put back."""
    backup, database = site.folder / "backup.sqlite3", site.centre_data / "centre.sqlite3"
    with contextlib.closing(sqlite3.connect(database)) as now, contextlib.closing(sqlite3.connect(backup)) as copy:
        now.backup(copy)
    per_hour = 600 if seconds >= 1 else 20
    with site.station_away():
        recorded(site, 12 * per_hour, timedelta(hours=12))
    site.settle(LATER_S)
    for _ in range(20):
        site.show()
    site.centre.end()
    pause(seconds)
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(backup, database)
    site.centre.start()
    site.wait_well()
    return f"the stations are asked again: {12 * per_hour} swipes of 12 hours"


def station_restored(site: Site, seconds: float) -> str:
    """The box is set up anew from an image of its disk, after all that it had recorded was acknowledged."""
    image = site.folder / "image"
    with site.station_away():
        shutil.copytree(site.station_data, image)
    for _ in range(20):
        site.show()
    pause(seconds)
    site.settle(LATER_S)
    with site.station_away():
        shutil.rmtree(site.station_data)
        image.rename(site.station_data)
        site.ledger.begin_anew()
    wait_until(lambda: site.trouble() is not None, LATER_S, "the centre notices")
    return f"{site.trouble()}"


def station_cloned(site: Site, seconds: float) -> str:
    """A second box runs from a copy of the first one's disk, with readers of its own."""
    copy = site.folder / "clone-data"
    with site.station_away():
        shutil.copytree(site.station_data, copy)
    lines = site.folder / "clone"
    lines.mkdir()
    with contextlib.ExitStack() as stack:
        lanes = [stack.enter_context(Lane(name, lines, site.clone_ledger(copy))) for name in PORTALS]
        port = free_port()
        site.write_station_config("clone.toml", "clone-data", port, lanes)
        clone = site.second_station("clone.toml")
        stack.callback(clone.end)
        clone.start()
        wait_until(lambda: get(f"http://127.0.0.1:{port}/healthz")[0] == 200, LATER_S, "the clone is well")
        end = time.monotonic() + seconds
        while time.monotonic() < end or site.trouble() is None:
            assert lanes[0].show(site.next_code())
            site.show()
            assert time.monotonic() < end + LATER_S, "the centre does not notice"
        said = site.trouble()
        wait_until(lambda: site.unsettled_at(copy) == 0, LATER_S, "the clone has nothing left to send")
        clone.end(signal.SIGTERM)
    return f"{said}"


def line_away_for_an_hour(site: Site, seconds: float) -> str:
    """18,000 swipes of an hour without a line are in the spool when the station is started with a line again."""
    site.station.end(signal.SIGTERM)
    count = int(seconds * 5)
    recorded(site, count, timedelta(seconds=seconds))
    site.station.start()
    wait_until(site.on_bus, LATER_S, "the station is on the bus")
    begun = time.monotonic()
    seen = []
    while site.unsettled():
        code = site.show()
        shown = time.monotonic()
        wait_until(lambda code=code: site.token(code) in site.stored(), LATER_S, "a live swipe is stored")
        seen.append(time.monotonic() - shown)
    slowest = f"{max(seen):.2f} s" if seen else "never: it was in before anybody came"
    return f"{count} swipes in {time.monotonic() - begun:.1f} s; a live swipe meanwhile was stored after {slowest}"


def recorded(site: Site, count: int, span: timedelta) -> None:
    """What a station that does not run now would have recorded over the last `span` without a line."""
    first, step = datetime.now(CHINA) - span, span / count
    codes = [site.next_code() for _ in range(count)]
    people = (
        Presentation(first + n * step, Medium.VISITOR_CODE, inward=True, code=code) for n, code in enumerate(codes)
    )
    assert backlog.write(site.folder / "station.toml", site.enrolment, people) == count
    for code in codes:
        site.ledger.tried(code)
        site.ledger.opened(code)


# --- what it takes ----------------------------------------------------------------------------------------------------

_servers: dict[str, Postgres] = {}


@contextlib.contextmanager
def _on_postgres(folder: Path, codes: int) -> Iterator[Site]:
    server = Postgres()
    url = server.fresh()
    _servers[url] = server
    try:
        with Site(folder, codes=codes, database=url) as site:
            yield site
    finally:
        del _servers[url]
        server.close()


@contextlib.contextmanager
def _on_a_small_disk(folder: Path, codes: int) -> Iterator[Site]:
    with _small_disk(folder / "station-data", "4m"), Site(folder, codes=codes) as site:
        yield site


@contextlib.contextmanager
def _with_a_clock(folder: Path, codes: int) -> Iterator[Site]:
    clock = folder / "clock"
    clock.write_text("+0\n")
    environment = {
        "LD_PRELOAD": str(LIBFAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with Site(folder, codes=codes, environment=environment) as site:
        yield site


@contextlib.contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own in memory; needs the right to mount."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "none", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(folder: Path) -> Path:
    """A file that takes all that is left of a disk."""
    filling = folder / "filling"
    with contextlib.suppress(OSError), filling.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return filling


def _parts(site: Site, part: str, *, centre: bool = False) -> str:
    """What a program says of one of its parts."""
    _, text = get(f"{site.centre_url if centre else site.gate_url}/healthz")
    return f"{part}: {json.loads(text)['parts'][part]}" if text else "nothing"


FAULTS = (
    Fault("broker killed (it keeps nothing)", 10, _plain, broker_killed),
    Fault("broker's disk full", 10, _plain, broker_disk_full),
    Fault("network cut both ways", 15, _networked, network_cut),
    Fault("network silent both ways", 45, _networked, network_silent),
    Fault("half-open: nothing reaches the broker", 45, _networked, network_half_open_up),
    Fault("half-open: nothing reaches the station", 45, _networked, network_half_open_down),
    Fault("centre's database locked (SQLite)", 30, _plain, database_locked),
    Fault("centre's database killed (PostgreSQL)", 10, _on_postgres, postgres_killed),
    Fault("station's disk full", 10, _on_a_small_disk, station_disk_full),
    Fault("station started on a full disk", 10, _on_a_small_disk, started_on_a_full_disk, alone=True),
    Fault("station's clock set back by a day", 10, _with_a_clock, clock_set_back),
    Fault("centre restored from a backup 12 h old", 1, _plain, centre_restored, 12_000, alone=True),
    Fault("station restored from an image", 5, _plain, station_restored, alone=True),
    Fault("station cloned", 10, _plain, station_cloned, alone=True),
    Fault("no line for an hour at 5 swipes/s", 3600, _plain, line_away_for_an_hour, 20_000, alone=True),
)
