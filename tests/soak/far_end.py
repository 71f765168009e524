"""The far ends of a soak's lines, in a process of their own: python -m tests.soak.far_end FOLDER KIND[+KIND...]...

Each word is a line with its devices, which is at FOLDER/line-N. An order is a line of JSON on standard input: `cut` or
`restore` a line, or `present` a card to a device of it, or `lift` it. It says `ready`, and then when an OSDP reader was
held up here for longer than the standard lets one be silent, which loses what it was about to say.
"""

import json
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from simulators.ascii_line import AsciiDevice
from simulators.line import Device, PtyLine
from simulators.osdp_pd import OsdpLine, OsdpReaderDevice
from simulators.sam import Card, SamModule
from simulators.wiegand import WiegandAdapter, w34

KEY = "00112233445566778899AABBCCDDEEFF"


LATE_S = 0.15
"""A reader answers within 0.2 s (OSDP 2.2, 5.7); the way back is in it."""


_SAYING = threading.Lock()


class Watched:
    """OSDP readers on line `number` that say when they were held up."""

    def __init__(self, device: Device, number: int) -> None:
        self._device = device
        self._number = number
        self._last = time.monotonic()

    def receive(self, data: bytes, now: float) -> None:
        self._device.receive(data, now)

    def to_send(self, now: float) -> bytes:
        said = self._device.to_send(now)
        done = time.monotonic()
        if done - self._last > LATE_S:
            late = json.dumps({"line": self._number, "begin": self._last, "end": done})
            with _SAYING:
                print(late, flush=True)
        self._last = done
        return said


class FarLine:
    """One line: its device, and what presenting a card to the reader at an address means there."""

    def __init__(self, kinds: list[str]) -> None:
        self._osdp = [OsdpReaderDevice(n, bytes.fromhex(KEY)) for n, kind in enumerate(kinds) if kind == "osdp"]
        plain: dict[str, Device] = {"sam": SamModule(), "wiegand": WiegandAdapter(), "ascii": AsciiDevice()}
        self.device: Device = OsdpLine(self._osdp) if self._osdp else plain[kinds[0]]

    def present(self, address: int, card: str) -> None:
        match self.device:
            case SamModule() as module:
                module.present(Card(card, "测试"))
            case WiegandAdapter() as adapter:
                adapter.present(w34(bytes.fromhex(card)))
            case AsciiDevice() as scanner:
                scanner.show(card)
            case OsdpLine():
                self._osdp[address].present(w34(bytes.fromhex(card)))

    def lift(self) -> None:
        if isinstance(self.device, SamModule):
            self.device.lift()


def _watched(device: Device, number: int) -> Device:
    return Watched(device, number) if isinstance(device, OsdpLine) else device


def main(folder: Path, lines: list[str]) -> None:
    with ExitStack() as stack:
        far = [FarLine(line.split("+")) for line in lines]
        ptys = [
            stack.enter_context(PtyLine(_watched(one.device, number), folder / f"line-{number}"))
            for number, one in enumerate(far)
        ]
        print("ready", flush=True)
        for text in sys.stdin:
            order: dict[str, Any] = json.loads(text)
            line = order["line"]
            match order["do"]:
                case "cut":
                    ptys[line].cut()
                case "restore":
                    ptys[line].restore()
                case "present":
                    far[line].present(order["address"], order["card"])
                case "lift":
                    far[line].lift()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
