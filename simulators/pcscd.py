"""A pcscd of one's own with virtual readers, apart from the machine's: in namespaces of its own where that is allowed.

`python -m simulators.pcscd FOLDER SLOTS` is the inside: it takes orders on standard input, one a line, and answers each
by a line. `PrivatePcscd` is the outside. vpcd listens on all addresses: in a network namespace nobody else hears it.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from simulators.card import FIRST_PORT, CardSlot, ContactlessCard

DAEMON = "/usr/sbin/pcscd"
VIRTUAL = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
SOCKET_NAME = "PCSCLITE_CSOCK_NAME"
"""The environment variable that tells pcsc-lite's client where the daemon is; read once in a process."""
START_S = 10.0
_PLACE = Path("/run/pcscd")


@cache
def _namespaces() -> list[str] | None:
    """The command that gives a mount and a network namespace of one's own, or None where none is to be had."""
    for command in (["unshare", "-n", "-m"], ["unshare", "-r", "-n", "-m"]):
        with suppress(OSError):
            tried = ["sh", "-c", "mount -t tmpfs none /run"]
            if subprocess.run([*command, *tried], capture_output=True, check=False).returncode == 0:
                return command
    return None


@cache
def available() -> bool:
    """Whether this machine has pcscd, its virtual driver, and leave to run them."""
    installed = Path(DAEMON).exists() and VIRTUAL.exists()
    return installed and (_namespaces() is not None or (os.geteuid() == 0 and not (_PLACE / "pcscd.comm").exists()))


class PrivatePcscd:
    """The daemon and its cards, in a process that ends with this one. `socket` is for `PCSCLITE_CSOCK_NAME`."""

    def __init__(self, folder: Path, slots: int) -> None:
        alone = _namespaces()
        self.socket = folder / "run" / "pcscd.comm" if alone else _PLACE / "pcscd.comm"
        inside = [sys.executable, "-m", "simulators.pcscd", str(folder), str(slots), "apart" if alone else "plain"]
        self._process = subprocess.Popen(
            [*(alone or []), *inside], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answered()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def put(self, slot: int, card: ContactlessCard) -> None:
        """Lay a card on a reader, as soon as the one that lies there has gone."""
        self._order(f"put {slot} {card.atr.hex()} {card.uid.hex()} {card.serial.hex() if card.serial else ''}")

    def lift(self, slot: int) -> None:
        """Take the card away: the reader sees that when it looks next."""
        self._order(f"lift {slot}")

    def commands(self, slot: int) -> list[bytes]:
        """What the cards of this reader were asked so far."""
        return [bytes.fromhex(word) for word in self._order(f"commands {slot}").split()]

    def answered_at(self, slot: int) -> float:
        """When a card on this reader last answered, in monotonic seconds."""
        return float(self._order(f"answered {slot}"))

    def kill(self) -> None:
        """End the daemon without warning."""
        self._order("kill")

    def start(self) -> None:
        """Start the daemon again; returns when it can be reached."""
        self._order("start")

    def close(self) -> None:
        """End everything."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=10.0)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _order(self, order: str) -> str:
        if self._process.stdin is None:
            raise RuntimeError("it has ended")
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        return self._answered()

    def _answered(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line.startswith("ok"):
            raise RuntimeError(f"pcscd and its cards: {line.strip() or 'ended'}")
        return line.removeprefix("ok").strip()


class _Inside:
    def __init__(self, folder: Path, slots: int) -> None:
        self._folder = folder
        self._slots = [CardSlot(FIRST_PORT + number) for number in range(slots)]
        self._daemon: subprocess.Popen[bytes] | None = None
        self._configure(slots)

    def _configure(self, slots: int) -> None:
        """One entry for each pair of slots, each with its own copy of the driver: it keeps its slots in one table."""
        entries = self._folder / "readers"
        entries.mkdir(exist_ok=True)
        text = ""
        for pair in range((slots + 1) // 2):
            copy = self._folder / f"libifdvpcd{pair}.so"
            shutil.copyfile(VIRTUAL, copy)
            port = f"0x{FIRST_PORT + 2 * pair:X}"
            text += f'FRIENDLYNAME "Gate {pair:02d}"\nDEVICENAME /dev/null:{port}\nLIBPATH {copy}\nCHANNELID {port}\n\n'
        (entries / "vpcd").write_text(text, encoding="ascii")

    def carry_out(self, order: str) -> str:
        word, *rest = order.split()
        if word == "put":
            atr, uid, serial = (bytes.fromhex(one) for one in [*rest[1:], ""][:3])
            self._slots[int(rest[0])].put(ContactlessCard(atr, uid, serial or None))
        elif word == "lift":
            self._slots[int(rest[0])].lift()
        elif word == "commands":
            return " ".join(command.hex() for command in self._slots[int(rest[0])].commands)
        elif word == "answered":
            return repr(self._slots[int(rest[0])].answered_at)
        elif word == "kill":
            self.kill()
        elif word == "start":
            self.start()
        return ""

    def start(self) -> None:
        _PLACE.mkdir(exist_ok=True)
        (_PLACE / "pcscd.comm").unlink(missing_ok=True)
        self._daemon = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", DAEMON, "--foreground", "--config", str(self._folder / "readers")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + START_S
        while not _answers(_PLACE / "pcscd.comm"):
            if time.monotonic() > until or self._daemon.poll() is not None:
                raise RuntimeError("pcscd did not start")
            time.sleep(0.02)

    def kill(self) -> None:
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()

    def close(self) -> None:
        for slot in self._slots:
            slot.lift()
        self.kill()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(path))
        except OSError:
            return False
        return True


def _set_apart(folder: Path) -> None:
    """Give the daemon a folder of ours as its own, and this namespace its loopback."""
    outside = folder / "run"
    outside.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    _PLACE.mkdir()
    subprocess.run(["mount", "--bind", str(outside), str(_PLACE)], check=True)
    with socket.socket() as line:
        up_and_running = struct.pack("16sh", b"lo", 0x41)
        fcntl.ioctl(line, 0x8914, up_and_running)  # SIOCSIFFLAGS


def main() -> None:
    """Serve orders until standard input ends."""
    folder, slots, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    if how == "apart":
        _set_apart(folder)
    inside = _Inside(folder, slots)
    try:
        inside.start()
        sys.stdout.write("ok\n")
        sys.stdout.flush()
        for order in sys.stdin:
            sys.stdout.write(f"ok {inside.carry_out(order)}\n")
            sys.stdout.flush()
    finally:
        inside.close()


if __name__ == "__main__":
    main()
