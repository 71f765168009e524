"""`gateway readers`: the table of this station's devices, and the commands that look at a line by hand."""

import argparse
import http.client
import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from drivers import ga467, osdp_settings
from gateway.probe import HEARD, NOT_HEARD, driver_and_settings, give_key, record, set_speed, try_line
from gateway.scanning import named, scan
from gateway.settings import load

COLUMNS = ("id", "driver", "line", "state", "last read", "reads", "noise", "faults", "says of itself")
EVERY_S = 1.0


def table(options: argparse.Namespace) -> int:
    """Show this station's devices as its console knows them, again and again on a terminal. 1 when one is not well.

    Raises:
        SettingsError: the configuration is wrong.
        OSError: the station's console does not answer.
    """
    station = load(options.config).station
    if station is None:
        raise LookupError("there is no [station] table in the configuration")
    live = sys.stdout.isatty() and not options.once
    with suppress(KeyboardInterrupt):
        while live:
            sys.stdout.write("\x1b[H\x1b[2J" + table_text(_fetched(station.host, station.port)))
            sys.stdout.flush()
            time.sleep(EVERY_S)
    found = _fetched(station.host, station.port)
    if not live:
        sys.stdout.write(table_text(found))
    return HEARD if all(device["state"] == "ok" for device in found["devices"]) else NOT_HEARD


def _fetched(host: str, port: int) -> Any:
    connection = http.client.HTTPConnection(host, port, timeout=3.0)
    try:
        connection.request("GET", "/gate/readers.json")
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"the station's console at {host}:{port} answers {answer.status}")
        return json.loads(answer.read())
    except (ConnectionError, http.client.HTTPException) as error:
        raise OSError(f"no station's console at {host}:{port}: is it running?") from error
    finally:
        connection.close()


def table_text(found: Any) -> str:
    """Return the table as text: one line for each device below the names of the columns."""
    now = datetime.fromisoformat(found["now"])
    rows = [COLUMNS, *(_row(device, now) for device in found["devices"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"


def _row(device: Any, now: datetime) -> tuple[str, ...]:
    read = device["last_read"]
    age = f"{(now - datetime.fromisoformat(read)).total_seconds():.0f} s ago" if read else "never"
    state = f"{device['state']} ({device['trouble']})" if device["trouble"] else device["state"]
    counts = (str(device[name]) for name in ("reads", "noise", "faults"))
    facts = ", ".join(f"{name} {value}" for name, value in device["facts"].items())
    return (device["id"], device["driver"], device["line"], state, age, *counts, facts)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `gateway readers` its arguments."""
    parser.add_argument("--once", action="store_true", help="show the table once, not again and again")
    acts = parser.add_subparsers(metavar="ACT", help="without one: a table of this station's readers, live")
    one = acts.add_parser("try", help="open one line and print what comes, masked")
    two = acts.add_parser("record", help="the same, and record the line with everything personal blanked")
    two.add_argument("file", type=Path)
    for added, run in ((one, _try), (two, _record)):
        added.add_argument("driver", help="a driver's name, or module:ATTR")
        added.add_argument("url")
        added.add_argument("--baud", type=int)
        added.add_argument("--seconds", type=float, help="end after so long (at Ctrl-C)")
        added.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the driver")
        added.set_defaults(run=run)
    three = acts.add_parser("install", help="osdp: give a new reader a key of its own; ends by itself")
    three.add_argument("url", help="LINE#ADDRESS; stop the station first")
    three.add_argument("key_file", type=Path, help="where its key is, or is written if there is none")
    three.add_argument("--baud", type=int, default=9600, choices=osdp_settings.BAUDS)
    three.set_defaults(run=_install)
    four = acts.add_parser("speed", help="ga467: set a module to another speed, whichever it has now")
    four.add_argument("url")
    four.add_argument("speed", type=int, choices=ga467.BAUDS)
    four.set_defaults(run=lambda options: until_interrupted(lambda stop: set_speed(options.url, options.speed, stop)))
    five = acts.add_parser("scan", help="which ports there are, and what answers on them")
    five.add_argument("url", nargs="*", help="lines to ask in place of this machine's ports (socket://HOST:PORT)")
    five.set_defaults(run=_scan)


def _try(options: argparse.Namespace) -> int:
    driver, settings = driver_and_settings(options.driver, options.set, options.url)
    return until_interrupted(
        lambda stop: try_line(driver, options.url, settings, stop, baud=options.baud), options.seconds
    )


def _record(options: argparse.Namespace) -> int:
    driver, settings = driver_and_settings(options.driver, options.set, options.url)
    return until_interrupted(
        lambda stop: record(options.file, driver, options.url, settings, stop, baud=options.baud), options.seconds
    )


def _scan(options: argparse.Namespace) -> int:
    ports = named(options.url) if options.url else None
    return until_interrupted(lambda stop: scan(stop, ports=ports))


def _install(options: argparse.Namespace) -> int:
    return until_interrupted(lambda stop: give_key(options.url, options.key_file, stop, baud=options.baud))


def until_interrupted(work: Callable[[threading.Event], int], seconds: float | None = None) -> int:
    """Run `work(stop)` on a thread of its own until it ends, Ctrl-C, or so many seconds; return what it returns."""
    stop, results, errors = threading.Event(), list[int](), list[Exception]()

    def run() -> None:
        try:
            results.append(work(stop))
        except Exception as error:  # noqa: BLE001 - raised again below, in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, name="technician")
    thread.start()
    with suppress(KeyboardInterrupt):
        thread.join(seconds)
    stop.set()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
