"""Lines looked at by hand: one opened and told of as it comes, one set up, one recorded with nobody in it."""

import json
import secrets
import sys
import threading
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from drivers import ga467_setup, osdp, osdp_settings
from drivers.api import DeviceFact, Driver, Emit, LinkLost, Noise, Online, ReaderEvent, ReaderProtocol, StreamDriver
from drivers.osdp_install import INSTALL_S, install
from drivers.registry import find, settings_for, taken
from drivers.stream import StreamLink
from gateway.blanking import FROM, TO, blanks_for
from gateway.decode import Found, event_of
from gateway.keys import KeyFileError, read_secret, write_secret
from gateway.recording import Recording, head

HEARD, NOT_HEARD = 0, 1
Say = Callable[[Found], None]


def say(found: Found) -> None:
    """Print one finding as a line of JSON."""
    sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    sys.stdout.flush()


class Enough(threading.Event):
    """Set by itself, or when another is."""

    def __init__(self, other: threading.Event) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        return super().is_set() or self._other.is_set()


def driver_and_settings(name: str, words: Sequence[str], url: str) -> tuple[Driver, Any]:
    """Return a driver for a line, and its settings from words like `read="identity"` or `channel=2`.

    Raises:
        LookupError: no such driver, or settings or a line that it refuses; all mistakes in the message.
    """
    driver = find(name)
    table: dict[str, object] = {}
    for word in words:
        key, _, value = word.partition("=")
        try:
            table[key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            table[key] = value
    try:
        taken(driver, url)
        return driver, settings_for(driver, table)
    except ValueError as error:
        raise LookupError(str(error)) from error


def try_line(
    driver: Driver, url: str, settings: Any, stop: threading.Event, *, baud: int | None = None, say: Say = say
) -> int:
    """Open one line and say what comes, masked, until `stop`. Returns 0 when the device was heard."""
    heard = threading.Event()

    def tell(event: ReaderEvent) -> None:
        if not isinstance(event, Noise):
            heard.set()
        say({"at": datetime.now(UTC).isoformat(timespec="milliseconds")} | event_of(event, reveal=False))

    try:
        _run(driver, url, settings, baud, tell, stop)
    except (LinkLost, ValueError) as error:
        say({"event": "link_lost", "why": str(error)})
        return NOT_HEARD
    return HEARD if heard.is_set() else NOT_HEARD


def _run(driver: Driver, url: str, settings: Any, baud: int | None, emit: Emit, stop: threading.Event) -> None:
    if isinstance(driver, StreamDriver):
        StreamLink(driver, url, settings, baud).run(emit, stop)
    else:
        driver.make(url, settings).run(emit, stop)


def give_key(
    url: str, key_file: Path, stop: threading.Event, *, baud: int, seconds: float = INSTALL_S, say: Say = say
) -> int:
    """Give a new OSDP reader the key of a file, which is drawn and written first if there is none. 0 when it holds it.

    The file is there before the reader hears of its key: no reader is left with a key that nobody has.

    Raises:
        LookupError: the URL is none, or the file holds no key.
        OSError: the file cannot be written, or is not the owner's alone.
    """
    try:
        osdp.split_url(url)
        if not key_file.exists():
            write_secret(key_file, secrets.token_hex(16).upper())
        key = read_secret(key_file)
        osdp_settings.checked_key(key)
    except (ValueError, KeyFileError) as error:
        raise LookupError(str(error)) from error
    say({"event": "install_mode", "url": url, "key_file": str(key_file), "ends_after_s": min(seconds, INSTALL_S)})
    try:
        done = install(url, key, stop, baud=baud, seconds=seconds)
    except LinkLost as error:
        say({"event": "link_lost", "why": str(error)})
        return NOT_HEARD
    why = "the reader did not take it: is it in install mode? The key is kept; say the same again"
    say({"event": "key_installed"} if done else {"event": "key_not_installed", "why": why})
    return HEARD if done else NOT_HEARD


def set_speed(url: str, speed: int, stop: threading.Event, *, say: Say = say) -> int:
    """Find a SAM module at whatever speed it has and set it to another; 0 when it answers at that one.

    Raises:
        LookupError: there is no such speed.
    """
    enough, found = Enough(stop), list[ReaderEvent]()

    def heard(event: ReaderEvent) -> None:
        found.append(event)
        say(event_of(event, reveal=False))
        if not isinstance(event, Online):
            enough.set()

    try:
        StreamLink(ga467_setup.DRIVER, url, ga467_setup.Settings(speed)).run(heard, enough)
    except ValueError as error:
        raise LookupError(str(error)) from error
    except LinkLost as error:
        say({"event": "link_lost", "why": str(error)})
    return HEARD if any(isinstance(event, DeviceFact) for event in found) else NOT_HEARD


class _Tapped:
    """A protocol that tells of the bytes which go through it."""

    def __init__(self, inner: ReaderProtocol, tap: Callable[[str, bytes, float], None]) -> None:
        self._inner = inner
        self._tap = tap
        self.signal = inner.signal

    def receive(self, data: bytes, now: float) -> list[ReaderEvent]:
        self._tap(FROM, data, now)
        return self._inner.receive(data, now)

    def to_send(self, now: float) -> bytes:
        data = self._inner.to_send(now)
        self._tap(TO, data, now)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def record(
    file: Path,
    driver: Driver,
    url: str,
    settings: Any,
    stop: threading.Event,
    *,
    baud: int | None = None,
    say: Say = say,
) -> int:
    """Record a line into a new file, everything personal blanked, and say what comes, as `try_line` does.

    Raises:
        LookupError: a line that cannot be blanked, and why.
        FileExistsError: nothing is written over.
    """
    recording = Recording(blanks_for(driver, settings))
    with file.open("x", encoding="ascii") as out:
        file.chmod(0o600)
        begun = f"# begun {datetime.now(UTC).isoformat(timespec='seconds')}"
        out.writelines(line + "\n" for line in (*head(driver, settings), begun))
        stream = cast(StreamDriver, driver)
        make = cast(Callable[[Any], ReaderProtocol], stream.make)

        def tap(way: str, data: bytes, now: float) -> None:
            out.writelines(line + "\n" for line in recording.take(way, data, now))

        tapped = replace(stream, make=lambda own: _Tapped(make(own), tap))
        return try_line(tapped, url, settings, stop, baud=baud, say=say)
