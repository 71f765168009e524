"""A simulated device at the far end of a real pseudo-terminal, on a thread of its own."""

import os
import select
import termios
import threading
import time
import tty
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

STEP_S = 0.005
"""How often a device is asked whether it has something to say."""


class Device(Protocol):
    """What stands at the far end: bytes and a clock in, bytes out."""

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the gateway."""

    def to_send(self, now: float) -> bytes:
        """Return what is due to the gateway."""


class PtyLine:
    """A serial line to a device. `url` is what a driver opens; `link` is a path that stays the same over `restore`.

    `baud` is the only speed at which the device understands and is understood; None is any.
    """

    def __init__(self, device: Device, link: Path | None = None, baud: int | None = None) -> None:
        self.device = device
        self._speed: int | None = getattr(termios, f"B{baud}") if baud else None
        self._link = link
        self._lock = threading.Lock()
        self._ends: tuple[int, int] | None = None
        self._path = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pty-line")

    @property
    def url(self) -> str:
        return str(self._link) if self._link is not None else self._path

    def __enter__(self) -> Self:
        self.restore()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def respeed(self, baud: int) -> None:
        """The device understands this speed alone from now on; what it says at this moment goes at the old one."""
        self._speed = getattr(termios, f"B{baud}")

    def close(self) -> None:
        """End the thread and the line."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.cut()

    def cut(self) -> None:
        """Unplug: whoever has the line open sees it hang up, and its path is gone."""
        with self._lock:
            if self._ends is None:
                return
            for end in self._ends:
                os.close(end)
            self._ends = None
            if self._link is not None:
                self._link.unlink(missing_ok=True)

    def restore(self) -> None:
        """Plug in again; without a `link` the path is another one.

        Raises:
            FileExistsError: at `link` is something else than a name of before.
        """
        with self._lock:
            if self._ends is not None:
                return
            if self._link is not None:
                _make_room(self._link)
            near, far = os.openpty()
            tty.setraw(far)  # the far end stays open here, or reading fails until the gateway opens it
            os.set_blocking(near, False)
            self._ends = near, far
            self._path = os.ttyname(far)
            if self._link is not None:
                self._link.symlink_to(self._path)

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                near = self._ends[0] if self._ends is not None else None
                data = _read(near)
                now = time.monotonic()
                agreed = self._agreed(near)
                self.device.receive(data if agreed else b"", now)
                said = self.device.to_send(now)
                _write(near, said if agreed else b"\xff" * (len(said) // 4))
            if not data:
                self._rest(near)

    def _agreed(self, near: int | None) -> bool:
        """Whether the other end of the pair is set to the device's speed; Linux tells it at this end."""
        if near is None or self._speed is None:
            return True
        return bool(termios.tcgetattr(near)[5] == self._speed)

    def _rest(self, near: int | None) -> None:
        """Wait for bytes, or a step; the line may be cut meanwhile."""
        if near is None:
            self._stop.wait(STEP_S)
            return
        with suppress(OSError, ValueError):
            select.select([near], [], [], STEP_S)


def _make_room(link: Path) -> None:
    """Remove the name of a line of before, and nothing else."""
    if link.is_symlink() and link.readlink().is_relative_to("/dev/pts"):
        link.unlink()
    elif os.path.lexists(link):
        raise FileExistsError(f"{link} is there already, and is no name of a simulated line")


def _read(near: int | None) -> bytes:
    if near is None:
        return b""
    try:
        return os.read(near, 4096)
    except OSError:
        return b""


def _write(near: int | None, data: bytes) -> None:
    """Write what goes; a line that nobody reads loses the rest, as a real one does."""
    if near is not None and data:
        with suppress(OSError):
            os.write(near, data)
